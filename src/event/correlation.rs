use std::collections::BTreeSet;

use super::{EventId, EventView};

/// The header that says which exchange an event belongs to, whoever is its parent.
pub const CORRELATION_HEADER: &str = "correlation-id";

/// Picks the events that belong together out of a stream: one event and all that came of it, parent by parent, or all
/// that bear the same [header](CORRELATION_HEADER), and what came of those.
///
/// ```
/// use neuronbus::event::{Correlation, Event, EventId, EventIds, EventView};
///
/// # fn main() -> neuronbus::Result<()> {
/// let mut ids = EventIds::new(1);
/// let mut record = |event: Event| {
///     let mut record = Vec::new();
///     event.encode(&mut ids, 1_000, &mut record).map(|id| (id, record))
/// };
/// let (order, first) = record(Event::new("order"))?;
/// let (_, other) = record(Event::new("order"))?;
/// let (_, paid) = record(Event::new("paid").parent(order))?;
///
/// let mut correlation = Correlation::new(order.to_string());
/// let picked = [&first, &other, &paid].map(|record| {
///     EventView::parse(record).is_ok_and(|event| correlation.takes(&event))
/// });
/// assert_eq!(picked, [true, false, true]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Correlation {
    name: String,
    /// The event that is asked for, and those that were taken: whose children are taken too.
    members: BTreeSet<EventId>,
}

impl Correlation {
    /// What belongs to the event of this id, or bears this text in its header.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let members = name.parse::<EventId>().into_iter().collect();
        Self { name, members }
    }

    /// Whether the next event of the stream belongs to it. Parents come before what came of them, as they do in a
    /// journal.
    pub fn takes(&mut self, event: &EventView<'_>) -> bool {
        let id = event.id();
        let belongs = self.members.contains(&id)
            || event.parent().is_some_and(|parent| self.members.contains(&parent))
            || event.header(CORRELATION_HEADER) == Some(self.name.as_str());
        if belongs {
            self.members.insert(id);
        }
        belongs
    }
}
