//! This project's wires over TCP.

use std::time::Duration;

use neuronbus::id::NeuronId;
use neuronbus::spike::{Spike, SpikeKind};
use neuronbus::transport::{Transport, TransportError};
use neuronbus_relay::{Backend, Role, TcpSettings, TcpTransport};

use super::{End, Pair};

const PATIENCE: Duration = Duration::from_secs(10);

struct Link {
    transport: TcpTransport,
    spike: Spike,
    payload: Vec<u8>,
}

pub(super) fn uring_works() -> bool {
    let settings = TcpSettings { backend: Backend::Uring, ..TcpSettings::default() };
    match TcpTransport::new(Role::Listen("127.0.0.1:0".into()), settings) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("left out: {error}");
            false
        }
    }
}

pub(super) fn pair(backend: Backend) -> Pair {
    let settings = TcpSettings { backend, ..TcpSettings::default() };
    let end = |role| {
        let transport = TcpTransport::new(role, settings.clone()).expect("loopback is there");
        let source = NeuronId::new(1).expect("1 is an id");
        let spike = Spike::new(source, SpikeKind::Excitatory).with_inline(&[7; 46]);
        Link { transport, spike: spike.expect("46 bytes fit"), payload: Vec::new() }
    };
    let here = end(Role::Listen("127.0.0.1:0".into()));
    let address = here.transport.local_address().expect("it listens").to_string();
    (Box::new(here), Box::new(end(Role::Connect(address))))
}

impl End for Link {
    fn send(&mut self) {
        // bound: the other end makes room, or the run is stuck and is seen to be
        while let Err(error) = self.transport.send(&self.spike, &[]) {
            assert!(matches!(error, TransportError::Full { .. }), "{error}");
            self.flush();
            std::thread::yield_now();
        }
    }

    fn flush(&mut self) {
        self.transport.flush().expect("a wire that works can be flushed");
    }

    fn receive(&mut self, most: u64) -> u64 {
        let first = self.transport.recv(&mut self.payload, PATIENCE).expect("both ends are there");
        assert!(first.is_some(), "nothing came: {:?}", self.transport.counts());
        let mut count = 1;
        while count < most
            && let Ok(Some(_)) = self.transport.try_recv(&mut self.payload)
        {
            count += 1;
        }
        count
    }
}
