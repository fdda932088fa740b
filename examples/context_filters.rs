//! Filter expressions decide about events: what is not there is neither true nor false and is not delivered, and a
//! mistake is shown at its place when the filter is made.
//!
//! ```text
//! $ cargo run --example context_filters
//! true  false user.subscription == 'premium' AND time.hour < 22
//! true  true  priority > 5 AND (user.role == "admin" OR user.role == "moderator")
//! true  true  NOT user.is_bot && body.amount >= 99.5 && topic MATCHES '^orders'
//! true  true  body.tags CONTAINS 'rush' and user.role in ['owner', 'admin']
//! false false user.age > 17
//! false false NOT (user.age > 17)
//! true  true  user.age > 17 OR user.role == 'admin'
//! user.role = 'admin'
//!           ^
//! '=' begins nothing at byte 10: equality is written ==
//! priority > 'high'
//!          ^
//! a number > a text can never be true at byte 9
//! (user.role == 'admin'
//!                      ^
//! ")" was expected, not the end at byte 21: a parenthesis is open
//! ```

use neuronbus::event::{Event, EventIds, EventView};
use neuronbus_context::Filter;
use serde_json::json;

const HOUR_NS: u64 = 3_600_000_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let event = Event::new("orders.placed")
        .context(json!({"user": {"role": "admin", "subscription": "premium", "is_bot": false}}))
        .body(json!({"amount": 99.5, "tags": ["rush"]}));
    let mut record = Vec::new();
    event.encode(&mut EventIds::new(0), 0, &mut record)?;
    let event = EventView::parse(&record)?;

    for expression in [
        "user.subscription == 'premium' AND time.hour < 22",
        "priority > 5 AND (user.role == \"admin\" OR user.role == \"moderator\")",
        "NOT user.is_bot && body.amount >= 99.5 && topic MATCHES '^orders'",
        "body.tags CONTAINS 'rush' and user.role in ['owner', 'admin']",
        "user.age > 17",
        "NOT (user.age > 17)",
        "user.age > 17 OR user.role == 'admin'",
    ] {
        let filter = Filter::new(expression)?;
        let (day, night) =
            (filter.passes(&event, 7, 9 * HOUR_NS), filter.passes(&event, 7, 23 * HOUR_NS));
        println!("{:5} {:5} {expression}", day, night);
    }
    for mistake in ["user.role = 'admin'", "priority > 'high'", "(user.role == 'admin'"] {
        let Err(error) = Filter::new(mistake) else { continue };
        println!("{}\n{error}", error.shown());
    }
    Ok(())
}
