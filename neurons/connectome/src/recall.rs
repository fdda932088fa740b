//! `kind = "memory"` and `kind = "context"`: what was seen before, and what is known now.

use std::ops::RangeInclusive;
use std::time::Duration;

use neuronbus::region::Region;
use neuronbus_context::{Change, ContextChange, Scope, WorkingMemory, WorkingMemorySettings};
use neuronbus_memory::{Hippocampus, HippocampusSettings};
use neuronbus_semantic::store;
use serde_json::{Map, Value};

use crate::mistake::Code;
use crate::table::Table;

const MILLISECOND: Duration = Duration::from_millis(1);
const CENTURY: Duration = Duration::from_secs(36_525 * 86_400);
const SHARE: RangeInclusive<f64> = 0.0..=1.0;

/// A hippocampus, as a description has it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryPlan {
    model: String,
    settings: HippocampusSettings,
}

impl MemoryPlan {
    pub(crate) fn read(table: &Table<'_, '_>) -> Self {
        let usual = HippocampusSettings::default();
        let share = |key, usual: f32| table.real(key, SHARE).map_or(usual, |value| value as f32);
        let time =
            |key, usual| table.duration(key, MILLISECOND..=CENTURY).map_or(usual, Into::into);
        let settings = HippocampusSettings {
            stores: !table.has("stores") || table.flag("stores"),
            importance_at_least: share("importance-at-least", usual.importance_at_least),
            related: table
                .whole("related", 0..=neuronbus_memory::hippocampus::K_MAX as u64)
                .unwrap_or(usual.related),
            score_at_least: share("score-at-least", usual.score_at_least),
            short_term: time("short-term", usual.short_term),
            long_term: time("long-term", usual.long_term),
            interval: time("interval", usual.interval),
            keep: share("keep", usual.keep),
            forget: share("forget", usual.forget),
            bound: table.whole("bound", 1..=1 << 24).unwrap_or(usual.bound),
        };
        if settings.forget > settings.keep {
            let expected = "at most `keep`: what is kept for long must not be forgotten at once";
            table.sheet().wrong(Code::Contradiction, &table.place_of("forget"), expected);
        }
        let model = table.text("model").map_or(store::BUNDLED.to_owned(), |model| model.value);
        Self { model, settings }
    }

    /// The region for the runtime.
    pub(crate) fn region(&self, path: &str) -> Result<Region, String> {
        let encoder = store::open(&self.model).map_err(|error| error.to_string())?;
        if !encoder.is_instant() {
            return Err(format!(
                "a memory reads within a tick, and {:?} takes longer: the model {:?} does not",
                self.model,
                store::BUNDLED
            ));
        }
        let model = encoder.model().to_string();
        let encode =
            move |text: &str, out: &mut Vec<f32>| encoder.encode_batch(&[text], out).is_ok();
        let hippocampus = Hippocampus::new(self.settings.clone()).encoder((model, encode));
        Ok(Region::agents(path).neuron("hippocampus", hippocampus))
    }

    /// What the region is told, in a few words.
    pub(crate) fn summary(&self) -> String {
        let HippocampusSettings { related, bound, .. } = self.settings;
        format!("up to {bound} events by the model {}, {related} related to each", self.model)
    }
}

/// A working memory, as a description has it, with what it knows at the beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct ContextPlan {
    settings: WorkingMemorySettings,
    knowledge: Vec<ContextChange>,
}

impl ContextPlan {
    pub(crate) fn read(table: &Table<'_, '_>) -> Self {
        let usual = WorkingMemorySettings::default();
        let scopes = table.whole("scopes", 1..=1 << 24).unwrap_or(usual.scopes);
        let global = table.object("global").filter(|known| !known.is_empty());
        let mut knowledge: Vec<ContextChange> =
            global.into_iter().map(|known| knows(Scope::Global, known)).collect();
        let of_each = |key: &'static str, scope: fn(String) -> Scope| {
            let known = table.object(key).unwrap_or_default();
            let object = |(name, value): (String, Value)| match value {
                Value::Object(known) => Some(knows(scope(name), known)),
                _ => {
                    let expected =
                        format!("a table for each of `{key}`, such as [region.{key}.ada]");
                    table.sheet().wrong(Code::WrongType, &table.place_of(key), expected);
                    None
                }
            };
            known.into_iter().filter_map(object).collect::<Vec<_>>()
        };
        knowledge.extend(of_each("sessions", Scope::Session));
        knowledge.extend(of_each("users", Scope::User));
        let plan = Self { settings: WorkingMemorySettings { scopes }, knowledge };
        if let Err(why) = plan.memory() {
            let expected = format!("what a working memory can hold ({why})");
            table.sheet().absent(Code::OutOfRange, table.place(), expected);
        }
        plan
    }

    fn memory(&self) -> Result<WorkingMemory, neuronbus_context::ChangeError> {
        let mut memory = WorkingMemory::new(self.settings);
        self.knowledge.iter().try_for_each(|change| memory.apply(change.clone()))?;
        Ok(memory)
    }

    /// The region for the runtime.
    pub(crate) fn region(&self, path: &str) -> Result<Region, String> {
        let memory = self.memory().map_err(|error| error.to_string())?;
        Ok(Region::agents(path).neuron("memory", memory))
    }

    /// What the region is told, in a few words.
    pub(crate) fn summary(&self) -> String {
        match self.knowledge.len() {
            0 => "knows nothing at first".to_owned(),
            1 => "knows something in 1 scope at first".to_owned(),
            scopes => format!("knows something in {scopes} scopes at first"),
        }
    }
}

fn knows(scope: Scope, known: Map<String, Value>) -> ContextChange {
    ContextChange { scope, change: Change::Merge(known) }
}
