//! Hooks: a topic, a pattern, a meaning and an expression each have a model asked about an event, and what a handler
//! makes of the answer is an event that the first one caused.
//!
//! ```text
//! $ cargo run --example hooks
//! error_analysis of system.error by exact: db1 needs a look.
//! error_analysis of disk.sda1 by pattern: sda1 needs a look.
//! error_analysis of shop.card by meaning: o-7 needs a look.
//! error_analysis of shop.order by expression: o-8 needs a look.
//! ```

use std::time::Duration;

use neuronbus::event::Event;
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_context::Filter;
use neuronbus_examples::hooks::{Reader, analysis, explainer, meaning_of};
use neuronbus_llm::{Trigger, llm_hooks};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let refused = meaning_of("a payment was refused")?;
    let large = Filter::new("body.amount > 1000 AND user.role == 'customer'")?;
    let hooks = vec![
        analysis("exact", Trigger::topic("system.error")?)?,
        analysis("pattern", Trigger::topic("disk.*")?)?,
        analysis("meaning", Trigger::meaning(&refused.model, &refused.values, 0.4))?,
        analysis("expression", Trigger::dendrite(large.dendrite()))?,
    ];

    let mut builder = Cortex::builder();
    let (events, gate) = Publisher::gate(16, 1);
    let door = builder.region(Region::gated("events", gate));
    let model = builder.region(Region::gated("model", explainer().gate("model")));
    let hooks = llm_hooks(&mut builder, "hooks", (model, "model"), hooks)?;
    let reader = builder.region(Region::agents("desk").neuron("reader", Reader));
    builder.project(door, hooks.events, Projection::all_to_all());
    builder.project(hooks.results, reader, Projection::all_to_all());
    builder.pace(Pace::Free);
    let mut cortex = builder.build()?;

    let customer = json!({"user": {"role": "customer"}});
    let declined = meaning_of("the card was declined")?;
    for event in [
        Event::new("system.error").key("db1").body(json!({"what": "out of memory"})),
        Event::new("disk.sda1").key("sda1").body(json!({"what": "I/O error"})),
        Event::new("shop.card").key("o-7").embedding(declined),
        Event::new("shop.order").key("o-8").body(json!({"amount": 2500})).context(customer),
        Event::new("shop.order").key("o-9").body(json!({"amount": 5})),
    ] {
        events.publish(&event)?;
        cortex.run_for(Duration::from_secs(2))?;
    }
    Ok(())
}
