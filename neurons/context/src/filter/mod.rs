//! Filters: conditions on events, written as text, compiled once, asked without allocating.
//!
//! ```text
//! user.subscription == 'premium' AND time.hour < 22
//! priority > 5 AND (user.role == "admin" OR user.role == "moderator")
//! NOT user.is_bot && body.amount >= 99.5 && topic MATCHES '^orders\.' && user.country IN ['DE', 'AT']
//! ```
//!
//! | written | means |
//! | --- | --- |
//! | `topic`, `key`, `priority`, `schema` | parts of the event; the priority is that of the spike |
//! | `time.hour`, `.minute`, `.second`, `.weekday` (Monday is 1), `.unix`, `.elapsed_ms` | [cortex time](WallClock) |
//! | `body.x`, `context.x`, `headers.x` | what is there; `body.list.0` is the first element of a list |
//! | any other path, `user.role` | the same in the context, and if it is not there, in the body |
//! | `== != < <= > >=` | values of different kinds are not equal and not ordered |
//! | `x IN [..]`, `x NOT IN (..)` | equal to one of these |
//! | `x CONTAINS y` | a text has this text in it, a list this element, an object this key |
//! | `x MATCHES '..'` | a regular expression is found in the text |
//! | `AND`, `OR`, `NOT` in any case, `&& \|\| !` | NOT binds more tightly than AND, AND more tightly than OR |
//!
//! What is not there is neither true nor false, and neither is its negation: the event is not delivered, unless the
//! rest decides (`a OR b` holds where `b` does, whatever `a` is). That is never an error.

mod clock;
mod error;
mod lex;
mod parse;
mod tree;

use std::fmt;
use std::sync::Arc;

use neuronbus::dendrite::Dendrite;
use neuronbus::event::EventView;
use neuronbus::spike::Spike;

pub use self::clock::WallClock;
pub use self::error::{FilterError, Problem};
use self::tree::{Condition, Scene};

/// Bytes of the longest expression.
pub const LENGTH_MAX: usize = 4096;

/// How deep parentheses and NOT may be nested.
pub const DEPTH_MAX: usize = 32;

/// Elements of the longest list.
pub const LIST_MAX: usize = 256;

/// A compiled filter expression; clones share what they hold.
///
/// ```
/// use neuronbus::event::{Event, EventIds, EventView};
/// use neuronbus_context::Filter;
/// use serde_json::json;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let filter = Filter::new("user.role == 'admin' AND time.hour < 22")?;
/// let mut record = Vec::new();
/// let event = Event::new("door.open").context(json!({"user": {"role": "admin"}}));
/// event.encode(&mut EventIds::new(0), 0, &mut record)?;
/// assert!(filter.passes(&EventView::open(&record)?, 0, 21 * 3_600_000_000_000));
/// assert!(!filter.passes(&EventView::open(&record)?, 0, 22 * 3_600_000_000_000));
///
/// let refused = Filter::new("user.role = 'admin'").unwrap_err();
/// assert_eq!(refused.to_string(), "'=' begins nothing at byte 10: equality is written ==");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Filter {
    condition: Arc<Condition>,
    text: Arc<str>,
    clock: WallClock,
}

impl Filter {
    /// Compiles an expression.
    ///
    /// # Errors
    /// [`FilterError`] for one that does not parse, or that could never be true because of the kinds it compares.
    pub fn new(expression: &str) -> Result<Self, FilterError> {
        let condition = Arc::new(parse::parse(expression)?);
        Ok(Self { condition, text: expression.into(), clock: WallClock::default() })
    }

    /// The same filter, with this time of day at the beginning of the run.
    #[must_use]
    pub fn clock(mut self, clock: WallClock) -> Self {
        self.clock = clock;
        self
    }

    /// Whether an event passes that arrives with this priority at this cortex time.
    #[must_use]
    #[inline]
    pub fn passes(&self, event: &EventView<'_>, priority: u8, time_ns: u64) -> bool {
        let scene = Scene { event, priority, time_ns, clock: self.clock };
        self.condition.holds(&scene) == Some(true)
    }

    /// As a filter of any synapse: lets the spikes through that carry an event that passes
    /// ([`EventView::carried`]). What carries none does not pass.
    ///
    /// The time is the one at which the spike was fired.
    #[must_use]
    pub fn dendrite(&self) -> Dendrite {
        let filter = self.clone();
        Dendrite::closure(move |spike: &Spike, payload: &[u8]| {
            EventView::carried(payload)
                .is_some_and(|event| filter.passes(&event, spike.priority(), spike.time_ns()))
        })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({})", self.text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}
