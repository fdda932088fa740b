//! A door: a gate, what it says of its future, and what of its input is kept.

use std::collections::VecDeque;

use super::guard::Guarded;
use super::recording::Recorder;
use crate::gate::{Gate, GateAccount, GateError, Outlook};
use crate::id::NeuronId;

/// A gate and what the cortex knows of it.
pub(crate) struct Door {
    pub(super) gate: Box<dyn Gate>,
    pub(super) id: NeuronId,
    pub(super) path: String,
    pub(super) outlook: Outlook,
    /// Whether what it takes out can bring something in.
    pub(super) answers: bool,
    pub(super) failed: Option<String>,
    /// Spikes that it took out.
    pub(super) emitted: u64,
    /// Spikes that it could not take before it failed or closed.
    pub(super) abandoned: u64,
    /// Spikes that it admitted since it was opened.
    admitted: u64,
    /// How many it had admitted, and up to where the journal must have come for them to be kept.
    unkept: VecDeque<(u64, u64)>,
}

impl Door {
    pub(crate) fn new(gate: Box<dyn Gate>, id: NeuronId, path: String) -> Self {
        let outlook = Outlook::Open;
        let answers = gate.answers();
        let gate = Box::new(Guarded::new(gate, &path));
        Self {
            gate,
            id,
            path,
            outlook,
            answers,
            failed: None,
            emitted: 0,
            abandoned: 0,
            admitted: 0,
            unkept: VecDeque::new(),
        }
    }

    pub(super) fn account(&self) -> GateAccount {
        self.gate.account()
    }

    /// Whether it may still date an admission at or before this tick.
    pub(super) fn holds(&self, tick: u64) -> bool {
        match self.outlook {
            Outlook::Hold => true,
            Outlook::After(known) => tick > known.0,
            _ => false,
        }
    }

    /// Whether it can be seen to have something to hand in.
    pub(super) fn is_ready(&self) -> bool {
        self.outlook != Outlook::Ended && self.gate.is_ready()
    }

    pub(super) fn fail(&mut self, error: &GateError) {
        self.failed = Some(error.to_string());
        self.outlook = Outlook::Ended;
    }

    /// It has admitted so many more spikes.
    pub(super) fn note_admitted(&mut self, more: u64, recorder: &Recorder) {
        if more > 0 {
            self.admitted += more;
            self.unkept.push_back((self.admitted, recorder.next_sequence()));
        }
    }

    /// All records below this sequence are kept.
    pub(super) fn acknowledge(&mut self, reached: u64) {
        let mut kept = None;
        while let Some(&(admitted, _)) = self.unkept.front().filter(|(_, end)| *end <= reached) {
            kept = Some(admitted);
            self.unkept.pop_front();
        }
        if let Some(admitted) = kept {
            self.gate.recorded(admitted);
        }
    }
}
