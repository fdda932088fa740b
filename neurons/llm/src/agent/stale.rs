//! Whether an answer that is being given has been overtaken by what the agent has heard since it was asked for.
//!
//! Only what the agent itself heard counts, and it is compared with what this very answer was given to read.

use std::fmt;
use std::sync::Arc;

use neuronbus::time::Span;
use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// Says why two facts contradict each other, if they do: first what the answer is based on, then what is new.
pub type Contradiction = dyn Fn(&Fact, &Fact) -> Option<String> + Send + Sync;

/// When a new fact contradicts an older one.
#[derive(Clone, Default)]
pub enum ConflictRule {
    /// They are about the same (key, or else topic) and say something else.
    #[default]
    SameSubject,
    /// Their embeddings lie as near as this (cosine) and they say something else.
    Meaning(f32),
    /// A rule of one's own, which must depend on nothing but the facts.
    Custom(Arc<Contradiction>),
}

/// What makes an answer stale.
#[derive(Debug, Clone, Default)]
pub enum When {
    /// Nothing.
    Never,
    /// Any new fact.
    Always,
    /// A fact that contradicts one that the answer is based on.
    #[default]
    OnlyConflict,
}

/// What happens to a stale answer, or when the agent fires while it speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// It is finished, and says that it is stale. A firing in the meantime asks for nothing.
    Reject,
    /// It is finished, and then the next is asked for.
    Enqueue,
    /// It is stopped; the next is asked for with what was said so far and with what is new.
    #[default]
    Interrupt,
    /// It is stopped and forgotten; the next is asked for with what is new.
    Rollback,
}

/// When an agent stops in the middle of a sentence.
///
/// | field | default | meaning |
/// | --- | --- | --- |
/// | `when` | only on conflict | what makes an answer stale |
/// | `conflict` | same subject | what a conflict is |
/// | `threshold` | 0 | so many such facts are borne; one more makes it stale |
/// | `debounce` | 0 | so long more facts are waited for; then it is looked at again, and acted once |
/// | `strategy` | interrupt | what is done then |
#[derive(Debug, Clone)]
pub struct Interruption {
    /// What makes an answer stale.
    pub when: When,
    /// What a conflict is.
    pub conflict: ConflictRule,
    /// So many facts are borne.
    pub threshold: u32,
    /// How long more facts are waited for.
    pub debounce: Span,
    /// What is done.
    pub strategy: Strategy,
}

impl Default for Interruption {
    fn default() -> Self {
        Self {
            when: When::default(),
            conflict: ConflictRule::default(),
            threshold: 0,
            debounce: Span::Ticks(0),
            strategy: Strategy::default(),
        }
    }
}

/// Two facts that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The number of the fact that the answer is based on.
    pub based_on: u64,
    /// The number of the new fact.
    pub heard: u64,
    /// Why they contradict each other, in words.
    pub why: String,
}

/// Why an answer is stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staleness {
    /// The last fact that the answer was given to read.
    pub context_sequence: u64,
    /// The last fact that the agent has heard.
    pub seen_sequence: u64,
    /// The facts that make it stale.
    pub because_of: Vec<u64>,
    /// The conflicts among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// All this in a sentence.
    pub reason: String,
}

impl Interruption {
    /// Never interrupts.
    #[must_use]
    pub fn never() -> Self {
        Self { when: When::Never, ..Self::default() }
    }

    /// Interrupts for anything new.
    #[must_use]
    pub fn always() -> Self {
        Self { when: When::Always, ..Self::default() }
    }

    /// The same with another strategy.
    #[must_use]
    pub fn by(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The same with a window in which further facts are waited for.
    #[must_use]
    pub fn debounce(mut self, window: impl Into<Span>) -> Self {
        self.debounce = window.into();
        self
    }

    /// Whether an answer that is based on some facts is stale by what was heard since.
    #[must_use]
    pub fn judge(
        &self,
        based_on: &[Fact],
        since: &[Fact],
        context_sequence: u64,
    ) -> Option<Staleness> {
        let conflicts = match self.when {
            When::Never => return None,
            When::Always => Vec::new(),
            When::OnlyConflict => self.conflicts(based_on, since),
        };
        let mut because_of: Vec<u64> = match self.when {
            When::Always => since.iter().map(|fact| fact.sequence).collect(),
            _ => conflicts.iter().map(|conflict| conflict.heard).collect(),
        };
        because_of.dedup();
        if because_of.len() as u64 <= u64::from(self.threshold) {
            return None;
        }
        let seen_sequence = since.last().map_or(context_sequence, |fact| fact.sequence);
        let reason = match conflicts.first() {
            Some(first) => first.why.clone(),
            None => {
                let last = since.last().map_or("", |fact| fact.from.as_str());
                format!("{} new, the last from {last}", because_of.len())
            }
        };
        Some(Staleness { context_sequence, seen_sequence, because_of, conflicts, reason })
    }

    fn conflicts(&self, based_on: &[Fact], since: &[Fact]) -> Vec<Conflict> {
        let mut found = Vec::new();
        for new in since {
            // The latest of what it is based on is what it believes.
            let contradicted = based_on.iter().rev().find_map(|old| {
                let why = self.conflict.between(old, new)?;
                Some(Conflict { based_on: old.sequence, heard: new.sequence, why })
            });
            found.extend(contradicted);
        }
        found
    }
}

impl ConflictRule {
    fn between(&self, old: &Fact, new: &Fact) -> Option<String> {
        if let Self::Custom(rule) = self {
            return rule(old, new);
        }
        if old.text == new.text {
            return None;
        }
        let (was, is) = (short(&old.text), short(&new.text));
        match self {
            Self::Meaning(least) => {
                let near = cosine(&old.embedding, &new.embedding)?;
                (near >= *least).then(|| format!("{was:?} is now {is:?} (cosine {near:.2})"))
            }
            _ => {
                let subject = old.subject().filter(|_| old.subject() == new.subject())?;
                Some(format!("{subject} was {was:?} and is now {is:?}"))
            }
        }
    }
}

/// Some characters of a text, for a sentence about it.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The cosine of two vectors of one length, in f64 and in order.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> Option<f32> {
    if a.is_empty() || a.len() != b.len() {
        return None;
    }
    let product = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let length = (product(a, a) * product(b, b)).sqrt();
    (length > 0.0).then(|| (product(a, b) / length) as f32)
}

impl fmt::Debug for ConflictRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameSubject => f.write_str("SameSubject"),
            Self::Meaning(least) => write!(f, "Meaning({least})"),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}
