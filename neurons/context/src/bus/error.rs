//! Why a subscription is refused.

use neuronbus::event::PatternError;

use crate::filter::FilterError;
use crate::subscription::PENDING_MAX;

/// Why a subscription is refused; nothing was subscribed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The pattern is refused.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The filter is refused.
    #[error("filter: {0}")]
    Filter(#[from] FilterError),
    /// The threshold is no number from 1 to the events that are kept.
    #[error("a threshold of {0} is refused: it is a number of events from 1 to {PENDING_MAX}")]
    Threshold(f32),
    /// The run has ended.
    #[error("the bus is closed: its cortex has ended")]
    Closed,
}
