//! The door that alerts leave by.

use std::fmt;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use neuronbus::cortex::CortexBuilder;
use neuronbus::gate::{Admissions, Gate, GateAccount, GateError, Outbound, Outlook};
use neuronbus::id::RegionId;
use neuronbus::region::Region;

use crate::refusals::{RefusalKind, Refusals};

/// Enough evidence has gathered.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Alert {
    /// When, in ns of cortex time.
    pub time_ns: u64,
    /// Address of the neuron that raised it: `reflex:alert`.
    pub neuron: String,
    /// What made it fire, the most important first.
    pub evidence: Vec<AlertEvidence>,
}

/// One source of evidence.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AlertEvidence {
    /// Address of the neuron that fired: `senses/host:cpu0`.
    pub source: String,
    /// How often it fired.
    pub count: u32,
    /// What that added to the membrane in all.
    pub weight: f32,
}

impl fmt::Display for Alert {
    /// `alert reflex:alert at 12.3 s: cpu0 x3, load x2`; neurons go by their names without their regions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.time_ns / 100_000_000;
        write!(f, "alert {} at {}.{} s:", self.neuron, tenths / 10, tenths % 10)?;
        for (index, item) in self.evidence.iter().enumerate() {
            let name = item.source.split_once(':').map_or(&*item.source, |(_, name)| name);
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma} {name} x{}", item.count)?;
        }
        Ok(())
    }
}

/// Takes alerts out of the cortex, into a queue of bounded length.
#[derive(Debug)]
pub struct AlertGate {
    queue: Sender<Alert>,
    refusals: Arc<Refusals>,
}

/// Where alerts come out; clones share the queue, and any thread may hold one.
#[derive(Debug, Clone)]
pub struct AlertReceiver {
    queue: Receiver<Alert>,
}

impl AlertGate {
    /// A gate whose queue holds up to `bound` alerts (at least 1); more are counted as refused.
    #[must_use]
    pub fn new(bound: usize) -> (Self, AlertReceiver) {
        let (sender, receiver) = crossbeam_channel::bounded(bound.max(1));
        (Self { queue: sender, refusals: Arc::default() }, AlertReceiver { queue: receiver })
    }

    fn take(&self, payload: &[u8]) {
        let Ok(alert) = serde_json::from_slice::<Alert>(payload) else {
            return self.refusals.count(RefusalKind::NotAnAlert, payload);
        };
        match self.queue.try_send(alert) {
            Ok(()) => {}
            Err(TrySendError::Full(alert) | TrySendError::Disconnected(alert)) => {
                self.refusals.count(RefusalKind::AlertsFull, alert.to_string().as_bytes());
            }
        }
    }
}

impl Gate for AlertGate {
    fn admit(&mut self, _: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        Ok(Outlook::Ended)
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        for out in outbound {
            self.take(out.payload);
        }
        Ok(outbound.len())
    }

    fn account(&self) -> GateAccount {
        GateAccount { refused: self.refusals.list(), ..GateAccount::default() }
    }
}

impl AlertReceiver {
    /// The oldest alert that nobody has taken yet.
    #[must_use]
    pub fn try_recv(&self) -> Option<Alert> {
        self.queue.try_recv().ok()
    }

    /// All alerts that nobody has taken yet, oldest first.
    #[must_use]
    pub fn drain(&self) -> Vec<Alert> {
        self.queue.try_iter().collect()
    }
}

/// Adds a door for alerts at `path` to a topology; what reaches it comes out of the receiver.
pub fn alerts(builder: &mut CortexBuilder, path: &str, bound: usize) -> (RegionId, AlertReceiver) {
    let (gate, receiver) = AlertGate::new(bound);
    (builder.region(Region::gated(path, gate)), receiver)
}
