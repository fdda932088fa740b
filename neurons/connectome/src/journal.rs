//! `kind = "journal"`: what another brain recorded, and then what it records.

use std::path::PathBuf;

use neuronbus::id::NeuronId;
use neuronbus::journal::Speed;
use neuronbus::journal_gate::JournalGate;

use crate::mistake::Code;
use crate::table::Table;

/// A journal that is played, as a description has it.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalPlan {
    /// Its directory.
    pub directory: PathBuf,
    /// The gate whose input is played, by its id; that of all, unless there is one.
    pub source: Option<NeuronId>,
    /// The first record; the first that is there, unless there is one.
    pub from: Option<u64>,
    /// How fast.
    pub speed: Speed,
    /// Whether it goes on with what is being recorded.
    pub follow: bool,
}

impl JournalPlan {
    pub(crate) fn read(table: &Table<'_, '_>) -> Self {
        table.require("journal", "the directory of a journal");
        let directory = table.text("journal").map_or_else(PathBuf::new, |path| path.value.into());
        let source = table.whole::<u16>("source", 0..=u64::from(u16::MAX) - 1);
        let speed = table.positive("speed", 1e9).map_or(Speed::Max, Speed::Times);
        let follow = table.flag("follow");
        if follow && matches!(speed, Speed::Times(times) if times <= 1.0) {
            let expected = "a number above 1 beside `follow`: a slower one never catches up";
            table.sheet().wrong(Code::Contradiction, &table.place_of("speed"), expected);
        }
        Self {
            directory,
            source: source.and_then(|raw| NeuronId::new(raw).ok()),
            from: table.whole("from", 0..=i64::MAX as u64),
            speed,
            follow,
        }
    }

    pub(crate) fn gate(&self) -> JournalGate {
        let mut gate = JournalGate::new(&self.directory).of_gates(self.source).speed(self.speed);
        if let Some(sequence) = self.from {
            gate = gate.from_sequence(sequence);
        }
        if self.follow { gate.follow() } else { gate }
    }

    /// What the region is told, in a few words.
    pub(crate) fn summary(&self) -> String {
        let place = self.directory.display();
        if self.follow {
            format!("plays {place}, then what is recorded")
        } else {
            format!("plays {place}")
        }
    }
}
