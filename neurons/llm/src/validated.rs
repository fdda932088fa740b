//! A check in front of a gate: what a model says changes nothing outside unless it passes.

use neuronbus::gate::{
    Admissions, Gate, GateAccount, GateError, GateLink, GatePast, Outbound, Outlook, Refusal,
};

type Check = dyn FnMut(&Outbound<'_>) -> Result<(), String> + Send;

/// A gate that takes out only what a check lets through; the rest is counted, with the first reason.
///
/// ```
/// use neuronbus::gate::Outbound;
/// use neuronbus::inlet::Inlet;
/// use neuronbus_llm::{ToolCall, Validated};
///
/// # fn main() -> neuronbus::Result<()> {
/// let (_, gate) = Inlet::gate(64)?;
/// let guarded = Validated::new(gate, |out: &Outbound<'_>| {
///     let call: ToolCall = serde_json::from_slice(out.payload).map_err(|error| error.to_string())?;
///     (call.name == "restart").then_some(()).ok_or_else(|| format!("{} is not allowed", call.name))
/// });
/// # drop(guarded);
/// # Ok(())
/// # }
/// ```
pub struct Validated<G> {
    gate: G,
    check: Box<Check>,
    refused: u64,
    first: Option<String>,
}

impl<G: Gate> Validated<G> {
    /// Puts a check in front of a gate. It may depend on nothing but what it is shown.
    pub fn new(
        gate: G,
        check: impl FnMut(&Outbound<'_>) -> Result<(), String> + Send + 'static,
    ) -> Self {
        Self { gate, check: Box::new(check), refused: 0, first: None }
    }
}

impl<G: Gate> Gate for Validated<G> {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        self.gate.open(link)
    }

    fn resume(&mut self, past: &GatePast) -> Result<(), GateError> {
        self.gate.resume(past)
    }

    fn recorded(&mut self, admissions: u64) {
        self.gate.recorded(admissions);
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        self.gate.admit(inbound)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        for (index, out) in outbound.iter().enumerate() {
            match (self.check)(out) {
                // One at a time: what the gate cannot take now is checked again when it is offered again.
                Ok(()) if self.gate.emit(std::slice::from_ref(out))? == 0 => return Ok(index),
                Ok(()) => {}
                Err(why) => {
                    self.refused += 1;
                    self.first.get_or_insert(why);
                }
            }
        }
        Ok(outbound.len())
    }

    fn answers(&self) -> bool {
        self.gate.answers()
    }

    fn close(&mut self) {
        self.gate.close();
    }

    fn account(&self) -> GateAccount {
        let mut account = self.gate.account();
        account.refused.extend(self.first.iter().map(|sample| Refusal {
            kind: "not-valid".to_owned(),
            count: self.refused,
            sample: sample.clone(),
        }));
        account
    }
}

impl<G> std::fmt::Debug for Validated<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validated").field("refused", &self.refused).finish_non_exhaustive()
    }
}
