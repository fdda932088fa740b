//! Concepts: what a text may be about, described by texts that are.

use serde::{Deserialize, Serialize};

use crate::encoder::{EncodeError, VectorError};
use crate::text;

/// The similarity from which a text belongs to a concept if nobody says otherwise, as in the first design.
///
/// It suits no model that is known here (docs/learning.md): encoders have a default of their own, and
/// [`calibrate`](crate::calibration::calibrate) finds better ones.
pub const THRESHOLD: f32 = 0.75;

/// A concept: a receptive field in the space of meaning.
///
/// Its field is spanned by *exemplars*, texts that belong to it; it has at least its own name. A text drives it as much
/// as it resembles the nearest exemplar, and fires it from the threshold on. Texts that are one of its *topics* letter
/// by letter always do.
///
/// ```
/// use neuronbus_semantic::concept::Concept;
///
/// let refund = Concept::new("refund requested")
///     .exemplar("I want my money back")
///     .exemplar("please return the payment to my card")
///     .topic("billing.refund")
///     .opposite_of("payment received");
/// # let _ = refund;
/// ```
///
/// Serialises with the names of its fields; all but the name may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) exemplars: Vec<String>,
    #[serde(default)]
    pub(crate) topics: Vec<String>,
    #[serde(default)]
    pub(crate) opposites: Vec<String>,
    #[serde(default)]
    pub(crate) same_as: Vec<String>,
    #[serde(default)]
    pub(crate) threshold: Option<f32>,
}

impl Concept {
    /// A concept whose name is its first exemplar.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            exemplars: Vec::new(),
            topics: Vec::new(),
            opposites: Vec::new(),
            same_as: Vec::new(),
            threshold: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A text that belongs to it.
    #[must_use]
    pub fn exemplar(mut self, text: impl Into<String>) -> Self {
        self.exemplars.push(text.into());
        self
    }

    /// Texts that belong to it.
    #[must_use]
    pub fn exemplars<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.exemplars.extend(texts.into_iter().map(Into::into));
        self
    }

    /// A topic that means it, letter by letter.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// A text that looks like it and means the opposite: what is nearer to that than to the concept does not fire it.
    #[must_use]
    pub fn opposite_of(mut self, text: impl Into<String>) -> Self {
        self.opposites.push(text.into());
        self
    }

    /// A sibling that means the same: the rule that holds [siblings](crate::text::are_siblings) apart does not hold
    /// for it.
    #[must_use]
    pub fn same_as(mut self, text: impl Into<String>) -> Self {
        self.same_as.push(text.into());
        self
    }

    /// The similarity from which a text belongs to it, above 0 and at most 1.
    #[must_use]
    pub fn threshold(mut self, threshold: f32) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// Gets what another has beside it; a threshold that the other says replaces its own.
    pub(crate) fn take_in(&mut self, other: &Self) {
        let add = |own: &mut Vec<String>, others: &[String]| {
            let new: Vec<_> = others.iter().filter(|text| !own.contains(text)).cloned().collect();
            own.extend(new);
        };
        add(&mut self.exemplars, &other.exemplars);
        add(&mut self.topics, &other.topics);
        add(&mut self.opposites, &other.opposites);
        add(&mut self.same_as, &other.same_as);
        self.threshold = other.threshold.or(self.threshold);
    }

    /// Whether it can be one of a lexicon's.
    ///
    /// # Errors
    /// [`ConceptError`] for the first text that no encoder reads, and for a threshold that no score reaches or exceeds.
    pub fn check(&self) -> Result<(), ConceptError> {
        let refuse = |text: &str, reason| ConceptError::Text {
            concept: self.name.clone(),
            text: text.chars().take(40).collect(),
            reason,
        };
        let texts = std::iter::once(&self.name).chain(&self.exemplars).chain(&self.opposites);
        for text in texts {
            text::check(text).map_err(|reason| refuse(text, reason))?;
        }
        match self.threshold {
            Some(value) if !(value > 0.0 && value <= 1.0) => {
                Err(ConceptError::Threshold { concept: self.name.clone(), value })
            }
            _ => Ok(()),
        }
    }
}

/// Why a set of concepts is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConceptError {
    /// Two concepts have one name.
    #[error("there are two concepts named {0:?}")]
    Twice(String),
    /// Two concepts claim one topic.
    #[error("the topic {topic:?} means both {first:?} and {second:?}")]
    TopicTwice {
        /// The topic.
        topic: String,
        /// Who had it.
        first: String,
        /// Who wants it too.
        second: String,
    },
    /// A threshold is none.
    #[error(
        "threshold {value} of the concept {concept:?} is refused: it must be above 0 and at most 1"
    )]
    Threshold {
        /// Whose.
        concept: String,
        /// What was given.
        value: f32,
    },
    /// A text of a concept cannot be encoded.
    #[error("the text {text:?} of the concept {concept:?} is refused: {reason}")]
    Text {
        /// Whose.
        concept: String,
        /// The text, shortened.
        text: String,
        /// Why.
        reason: EncodeError,
    },
    /// The encoder failed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A vector is refused.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// A number that says how concepts compete is none.
    #[error("inhibition {0} is refused: it must be a finite number and not negative")]
    Inhibition(f32),
}
