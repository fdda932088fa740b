//! The trait that users implement: code behind a membrane.

mod saving;

use std::fmt;

pub(crate) use saving::{check, restore, save, snapshot_of};

use crate::atlas::Atlas;
use crate::context::Context;
use crate::spike::Spike;

/// What a callback of a neuron returns.
pub type NeuronResult = Result<(), Fault>;

/// A neuron could not do its work.
///
/// Made from any error with `?`, or from a sentence with [`Fault::new`]. The neuron is silenced from then on, the fault
/// is counted and named in the report, and the others go on. A panic becomes a fault too.
#[derive(Clone, PartialEq, Eq)]
pub struct Fault {
    message: String,
}

impl Fault {
    /// A fault with a sentence that says what happened.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// A panic as a fault.
    pub(crate) fn of_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::new(format!("panicked: {}", text.as_deref().unwrap_or("(no message)")))
    }

    /// What happened.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({:?})", self.message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// Like `anyhow::Error`, a fault is made from errors and is none itself: the blanket conversion would overlap.
impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

/// What a neuron tells about itself; others find it by its capabilities.
///
/// Serialises as the card of an agent in the manner of A2A: description, capabilities, and the name and regions that
/// the runtime fills in.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AgentCard {
    /// One sentence for people.
    pub description: String,
    /// What it can do, as words that others look up: `translate`, `sense/cpu`.
    pub capabilities: Vec<String>,
}

impl AgentCard {
    /// A card with a sentence and no capability.
    #[must_use]
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), capabilities: Vec::new() }
    }

    /// The same card with one capability more.
    #[must_use]
    pub fn capability(mut self, capability: impl Into<String>) -> Self {
        self.capabilities.push(capability.into());
        self
    }
}

/// An agent: code behind a membrane.
///
/// The runtime integrates spikes, leaks, compares with the threshold and keeps the refractory pause; the code is called
/// when a spike is heard and when the membrane fires. All callbacks run inside a tick: they must not block, do I/O or
/// read a clock (whatever does lives behind a [`Gate`](crate::gate::Gate)), and their effects may depend only on what
/// they are given and on the neuron's own state.
///
/// ```
/// use neuronbus::prelude::*;
///
/// /// Fires the number of spikes it has heard.
/// #[derive(Default)]
/// struct Tally(u64);
///
/// impl Neuron for Tally {
///     fn on_spike(&mut self, _: &Spike, _: &[u8], _: &mut Context<'_>) -> NeuronResult {
///         self.0 += 1;
///         Ok(())
///     }
///
///     fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
///         ctx.fire(&self.0.to_le_bytes())?;
///         Ok(())
///     }
/// }
/// ```
pub trait Neuron: Send {
    /// Called once before the first tick, or when it is added to a running topology.
    ///
    /// # Errors
    /// A fault silences it.
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        let _ = atlas;
        Ok(())
    }

    /// A spike has arrived and passed the filters; its weight has been added to the membrane.
    ///
    /// # Errors
    /// A fault silences it.
    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let _ = (spike, payload, ctx);
        Ok(())
    }

    /// The membrane has crossed its threshold.
    ///
    /// # Errors
    /// A fault silences it.
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult;

    /// A time it asked for with [`Context::wake_in`] has come.
    ///
    /// # Errors
    /// A fault silences it.
    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let _ = ctx;
        Ok(())
    }

    /// What it tells about itself; asked once.
    fn card(&self) -> AgentCard {
        AgentCard::default()
    }

    /// How many of the spikes since its last firing it wants to see when it fires; asked once. The oldest are let go
    /// first, and counted.
    fn evidence(&self) -> usize {
        0
    }

    /// Appends the state that matters: it goes into the digest, and into snapshots. Where it panics, what the panic
    /// said stands in the digest for the state.
    fn snapshot(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Takes back what [`Neuron::snapshot`] wrote: a neuron made as this one was then goes on as if it had never
    /// stopped. [`Neuron::on_start`] has been called before. Without a state of its own there is nothing to take back,
    /// and nothing to write here.
    ///
    /// # Errors
    /// If the bytes are not such a state.
    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len();
        Err(Fault::new(format!("{length} bytes of state were saved, and it has no `restore`")))
    }

    /// What it holds that matters and that [`Neuron::snapshot`] does not write, if there is anything: a neuron with
    /// such a thing is refused where runs are to be continued after a crash.
    fn forgets(&self) -> Option<&str> {
        None
    }
}

/// A neuron whose firing is one closure: for tests, examples and glue.
///
/// What a closure has captured cannot be saved: only one that captures nothing is never
/// [forgotten](Neuron::forgets).
pub struct FireWith<F>(pub F);

impl<F: FnMut(&mut Context<'_>) -> NeuronResult + Send> Neuron for FireWith<F> {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        (self.0)(ctx)
    }

    fn forgets(&self) -> Option<&str> {
        (size_of::<F>() > 0).then_some("what its closure has captured")
    }
}

impl<F> fmt::Debug for FireWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FireWith")
    }
}

/// A neuron that passes on what it heard last when it fires.
#[derive(Debug, Default)]
pub struct Relay {
    last: Vec<u8>,
}

impl Neuron for Relay {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        self.last.clear();
        self.last.extend_from_slice(payload);
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(&self.last)?;
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.last);
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        self.last = bytes.to_vec();
        Ok(())
    }
}
