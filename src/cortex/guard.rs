//! Code of others that panics ends nobody's run but its own.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::admission::Admissions;
use crate::atlas::Atlas;
use crate::context::Context;
use crate::gate::{Gate, GateAccount, GateError, GateLink, GatePast, Outbound, Outlook};
use crate::neuron::{Fault, Neuron, NeuronResult};
use crate::region::Make;

/// A gate whose panics are errors like those that it returns.
pub(super) struct Guarded {
    gate: Box<dyn Gate>,
    path: String,
}

impl Guarded {
    pub(super) fn new(gate: Box<dyn Gate>, path: &str) -> Self {
        Self { gate, path: path.to_owned() }
    }

    /// Unwind safe: a gate that has panicked is asked for nothing more but to close and to account for itself.
    fn guard<T>(&mut self, call: impl FnOnce(&mut dyn Gate) -> T) -> Result<T, GateError> {
        catch_unwind(AssertUnwindSafe(|| call(self.gate.as_mut()))).map_err(|panic| {
            GateError::new(self.path.clone(), Fault::of_panic(panic.as_ref()).message())
        })
    }
}

impl Gate for Guarded {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.guard(|gate| gate.open(link))?
    }

    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        self.guard(|gate| gate.resume(past))?
    }

    fn recorded(&mut self, admissions: u64) {
        // It has no way to say that it failed; what it does next will.
        let _ = self.guard(|gate| gate.recorded(admissions));
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        self.guard(|gate| gate.admit(inbound))?
    }

    fn is_ready(&self) -> bool {
        // One that panics is asked to admit, and does it again where that is counted.
        catch_unwind(AssertUnwindSafe(|| self.gate.is_ready())).unwrap_or(true)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        self.guard(|gate| gate.emit(outbound))?
    }

    fn close(&mut self) {
        // The run is over; what has failed before is in the report already.
        let _ = self.guard(|gate| gate.close());
    }

    fn account(&self) -> GateAccount {
        catch_unwind(AssertUnwindSafe(|| self.gate.account())).unwrap_or_else(|panic| {
            let said = Fault::of_panic(panic.as_ref());
            let notes = vec![format!("{}: its account {}", self.path, said.message())];
            GateAccount { notes, ..GateAccount::default() }
        })
    }
}

/// What stands where a neuron could not be made: it fails at once, and is silenced, counted and named like any other.
struct Stillborn(Fault);

impl Neuron for Stillborn {
    fn on_start(&mut self, _: &Atlas) -> NeuronResult {
        Err(self.0.clone())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Err(self.0.clone())
    }
}

/// A template whose panics become neurons that fail.
pub(super) fn guarded_template(make: Make) -> Make {
    Box::new(move |name| {
        catch_unwind(AssertUnwindSafe(|| make(name)))
            .unwrap_or_else(|panic| Box::new(Stillborn(Fault::of_panic(panic.as_ref()))))
    })
}
