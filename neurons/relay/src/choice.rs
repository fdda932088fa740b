//! Which back end moves the bytes: what was asked for, or what a probe at the first use finds faster.

use std::sync::OnceLock;
use std::time::Duration;

use neuronbus::id::NeuronId;
use neuronbus::pace::Stamp;
use neuronbus::spike::{Spike, SpikeKind};
use neuronbus::transport::{Transport, TransportError};

use crate::settings::{Backend, Role, TcpSettings};
use crate::tcp::TcpTransport;

/// Round trips of each back end, half of them in each of two turns.
const ROUNDS: usize = 200;

/// io_uring is chosen only where it takes less than this share of mio's time: a tie goes to what works everywhere.
const SHARE: f64 = 0.95;

/// As long as one round trip of the probe may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the probe has found, once for a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is used where nothing is asked for: [`Backend::Mio`] or [`Backend::Uring`].
    pub backend: Backend,
    /// Why, in words, with the times or what the kernel said.
    pub reason: String,
}

/// What [`Backend::Auto`] stands for on this machine; the first call measures, for some 50 ms.
pub fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| match compare() {
        Ok((mio, uring)) if uring as f64 <= mio as f64 * SHARE => Choice {
            backend: Backend::Uring,
            reason: format!("io_uring: a round trip takes {uring} ns, with mio {mio} ns"),
        },
        Ok((mio, uring)) => Choice {
            backend: Backend::Mio,
            reason: format!("mio: a round trip takes {mio} ns, with io_uring {uring} ns"),
        },
        Err(why) => Choice {
            backend: Backend::Mio,
            reason: format!("mio: io_uring does not work here: {why}"),
        },
    })
}

/// Median round trips over loopback, in ns: mio, io_uring.
fn compare() -> Result<(u64, u64), String> {
    let [mut mio, mut uring] = [pair(Backend::Mio)?, pair(Backend::Uring)?];
    let [mut with_mio, mut with_uring] = [Vec::new(), Vec::new()];
    for _ in 0..2 {
        times(&mut mio, &mut with_mio)?;
        times(&mut uring, &mut with_uring)?;
    }
    Ok((median(with_mio), median(with_uring)))
}

fn pair(backend: Backend) -> Result<(TcpTransport, TcpTransport), String> {
    let settings = TcpSettings { backend, buffer: 64 << 10, max_payload: 0, ..Default::default() };
    let end = |role| TcpTransport::new(role, settings.clone()).map_err(|error| error.to_string());
    let here = end(Role::Listen("127.0.0.1:0".to_owned()))?;
    let address = here.local_address().ok_or("the probe has no address")?;
    Ok((here, end(Role::Connect(address.to_string()))?))
}

fn times(pair: &mut (TcpTransport, TcpTransport), into: &mut Vec<u64>) -> Result<(), String> {
    for _ in 0..ROUNDS / 2 {
        let began = Stamp::now();
        carry(&mut pair.0, &mut pair.1)?;
        carry(&mut pair.1, &mut pair.0)?;
        into.push(Stamp::now().ns_since(began));
    }
    Ok(())
}

fn carry(from: &mut TcpTransport, to: &mut TcpTransport) -> Result<(), String> {
    let failed = |error: TransportError| error.to_string();
    let source = NeuronId::new(0).map_err(|error| error.to_string())?;
    from.send(&Spike::new(source, SpikeKind::Excitatory), &[]).map_err(failed)?;
    from.flush().map_err(failed)?;
    match to.recv(&mut Vec::new(), PATIENCE).map_err(failed)? {
        Some(_) => Ok(()),
        None => Err(format!("nothing came for {PATIENCE:?}")),
    }
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(u64::MAX)
}
