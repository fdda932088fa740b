//! Dendrites: what a synapse lets through.
//!
//! A filter belongs to a projection and is asked once for each spike and row, before plasticity and before the weight:
//! a spike that does not pass has not arrived.

use std::fmt;
use std::sync::Arc;

use crate::spike::{Spike, SpikeKind};

/// A condition on spikes, for those that no ready-made [`Dendrite`] expresses.
///
/// Must be a function of its arguments alone, or replay would differ.
pub trait Filter: Send + Sync + 'static {
    /// Whether the spike passes.
    fn passes(&self, spike: &Spike, payload: &[u8]) -> bool;
}

impl<F: Fn(&Spike, &[u8]) -> bool + Send + Sync + 'static> Filter for F {
    fn passes(&self, spike: &Spike, payload: &[u8]) -> bool {
        self(spike, payload)
    }
}

#[derive(Clone)]
enum Test {
    Kind(SpikeKind),
    PriorityAtLeast(u8),
    PayloadPrefix(Box<[u8]>),
    All(Box<[Dendrite]>),
    Any(Box<[Dendrite]>),
    Not(Box<Dendrite>),
    Custom(Arc<dyn Filter>),
}

/// A filter on the way in; clones share what they hold.
#[derive(Clone)]
pub struct Dendrite(Test);

impl Dendrite {
    /// Lets one kind of spike through.
    #[must_use]
    pub fn kind(kind: SpikeKind) -> Self {
        Self(Test::Kind(kind))
    }

    /// Lets spikes of this priority and above through.
    #[must_use]
    pub fn priority_at_least(priority: u8) -> Self {
        Self(Test::PriorityAtLeast(priority))
    }

    /// Lets spikes through whose payload begins with these bytes.
    #[must_use]
    pub fn payload_prefix(prefix: &[u8]) -> Self {
        Self(Test::PayloadPrefix(prefix.into()))
    }

    /// Lets through what all of these let through; none of them lets everything through.
    #[must_use]
    pub fn all(parts: Vec<Dendrite>) -> Self {
        Self(Test::All(parts.into()))
    }

    /// Lets through what one of these lets through; none of them lets nothing through.
    #[must_use]
    pub fn any(parts: Vec<Dendrite>) -> Self {
        Self(Test::Any(parts.into()))
    }

    /// Lets through what a type or closure of the user decides.
    #[must_use]
    pub fn custom(filter: impl Filter) -> Self {
        Self(Test::Custom(Arc::new(filter)))
    }

    /// Lets through what a closure decides.
    #[must_use]
    pub fn closure(filter: impl Fn(&Spike, &[u8]) -> bool + Send + Sync + 'static) -> Self {
        Self::custom(filter)
    }

    /// Whether a spike passes; a kind that cannot be read passes no kind filter.
    #[must_use]
    pub fn passes(&self, spike: &Spike, payload: &[u8]) -> bool {
        match &self.0 {
            Test::Kind(kind) => spike.kind() == Ok(*kind),
            Test::PriorityAtLeast(priority) => spike.priority() >= *priority,
            Test::PayloadPrefix(prefix) => payload.starts_with(prefix),
            Test::All(parts) => parts.iter().all(|part| part.passes(spike, payload)),
            Test::Any(parts) => parts.iter().any(|part| part.passes(spike, payload)),
            Test::Not(part) => !part.passes(spike, payload),
            Test::Custom(filter) => filter.passes(spike, payload),
        }
    }
}

impl std::ops::Not for Dendrite {
    type Output = Dendrite;

    /// Lets through what the other does not.
    fn not(self) -> Dendrite {
        Self(Test::Not(Box::new(self)))
    }
}

impl fmt::Debug for Dendrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Test::Kind(kind) => write!(f, "kind {kind:?}"),
            Test::PriorityAtLeast(priority) => write!(f, "priority >= {priority}"),
            Test::PayloadPrefix(prefix) => {
                write!(f, "prefix {:?}", prefix.escape_ascii().to_string())
            }
            Test::All(parts) => write!(f, "all {parts:?}"),
            Test::Any(parts) => write!(f, "any {parts:?}"),
            Test::Not(part) => write!(f, "not {part:?}"),
            Test::Custom(_) => f.write_str("custom"),
        }
    }
}
