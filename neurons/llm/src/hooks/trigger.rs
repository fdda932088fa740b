//! What an event must be for a hook to run.

use std::fmt;
use std::sync::Arc;

use neuronbus::dendrite::{Dendrite, Filter};
use neuronbus::event::{EventView, PatternError, TopicPattern};
use neuronbus::spike::Spike;

type Condition = dyn Fn(&EventView<'_>) -> bool + Send + Sync;

#[derive(Clone)]
enum Test {
    Topic(Arc<TopicPattern>),
    Meaning { model: String, like: Arc<[f32]>, at_least: f32 },
    Filter(Dendrite),
    Condition(Arc<Condition>),
    All(Vec<Trigger>),
    Any(Vec<Trigger>),
}

/// A condition on events; it may depend on nothing but the event.
#[derive(Clone)]
pub struct Trigger(Test);

impl Trigger {
    /// Events of one topic, or of those that a pattern with wildcards matches.
    ///
    /// # Errors
    /// [`PatternError`] if it is no pattern.
    pub fn topic(pattern: &str) -> Result<Self, PatternError> {
        Ok(Self(Test::Topic(Arc::new(TopicPattern::new(pattern)?))))
    }

    /// Events whose embedding lies as near as this (cosine) to a vector of the same model. An event without an
    /// embedding of that model does not match: where meaning cannot be told, topics still can.
    #[must_use]
    pub fn meaning(model: &str, like: &[f32], at_least: f32) -> Self {
        Self(Test::Meaning { model: model.to_owned(), like: like.into(), at_least })
    }

    /// Events that a filter lets through.
    #[must_use]
    pub fn filter(filter: impl Filter) -> Self {
        Self::dendrite(Dendrite::custom(filter))
    }

    /// Events that a dendrite lets through, such as the one of an expression of the context family.
    #[must_use]
    pub fn dendrite(dendrite: Dendrite) -> Self {
        Self(Test::Filter(dendrite))
    }

    /// Events for which a closure says so.
    #[must_use]
    pub fn condition(condition: impl Fn(&EventView<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self(Test::Condition(Arc::new(condition)))
    }

    /// Events that all of these match.
    #[must_use]
    pub fn all(triggers: Vec<Trigger>) -> Self {
        Self(Test::All(triggers))
    }

    /// Events that one of these matches.
    #[must_use]
    pub fn any(triggers: Vec<Trigger>) -> Self {
        Self(Test::Any(triggers))
    }

    /// Whether an event matches.
    #[must_use]
    pub fn matches(&self, spike: &Spike, event: &EventView<'_>) -> bool {
        match &self.0 {
            Test::Topic(pattern) => pattern.matches(event.topic()),
            Test::Meaning { model, like, at_least } => near(event, model, like, *at_least),
            Test::Filter(filter) => filter.passes(spike, event.record()),
            Test::Condition(condition) => condition(event),
            Test::All(triggers) => triggers.iter().all(|trigger| trigger.matches(spike, event)),
            Test::Any(triggers) => triggers.iter().any(|trigger| trigger.matches(spike, event)),
        }
    }
}

fn near(event: &EventView<'_>, model: &str, like: &[f32], at_least: f32) -> bool {
    let Some(embedding) = event.embedding() else { return false };
    let values: Vec<f32> = embedding.values().collect();
    embedding.model == model
        && crate::agent::cosine(&values, like).is_some_and(|cosine| cosine >= at_least)
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Test::Topic(pattern) => write!(f, "topic {}", pattern.as_str()),
            Test::Meaning { model, at_least, .. } => write!(f, "meaning {at_least} by {model}"),
            Test::Filter(filter) => write!(f, "{filter:?}"),
            Test::Condition(_) => f.write_str("condition"),
            Test::All(triggers) => write!(f, "all {triggers:?}"),
            Test::Any(triggers) => write!(f, "any {triggers:?}"),
        }
    }
}
