//! Working memory: what is known globally, of a session and of a user is merged under what an event says itself, and a
//! scope that is laid over it ends with its guard.
//!
//! ```text
//! $ cargo run --example context_scopes
//! {}                                                 {"language":"en","volume":5}
//! {"session":{"id":"s1"}}                            {"language":"en","volume":2}
//! {"session":{"id":"s1"},"user":{"id":"ada"}}        {"language":"de","volume":2}
//! {"tone":{"volume":9},"user":{"id":"ada"}}          {"language":"de","volume":9}
//! {}                                                 {"language":"en","volume":0}
//! {}                                                 {"language":"en","volume":5}
//! ```

use std::sync::mpsc::channel;

use neuronbus::event::{Event, EventView};
use neuronbus::prelude::*;
use neuronbus_context::{BusSettings, Scope, event_bus};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Cortex::builder();
    let (bus, _) = event_bus(&mut builder, "bus", BusSettings::default());
    let running = builder.build()?.spawn()?;
    let (to, received) = channel();
    let _handler = bus.subscribe("say").handler(move |event: &EventView<'_>| {
        let context: Value = event.context().read().unwrap_or_default();
        let _ = to.send(context["tone"].to_string());
    })?;
    let say = |context: Value| -> Result<(), Box<dyn std::error::Error>> {
        bus.publish(&Event::new("say").context(context.clone()))?;
        println!("{:50} {}", context.to_string(), received.recv()?);
        Ok(())
    };

    bus.set(Scope::Global, "tone.language", "en")?;
    bus.set(Scope::Global, "tone.volume", 5)?;
    bus.set(Scope::Session("s1".to_owned()), "tone.volume", 2)?;
    bus.set(Scope::User("ada".to_owned()), "tone.language", "de")?;

    say(json!({}))?;
    say(json!({"session": {"id": "s1"}}))?;
    say(json!({"session": {"id": "s1"}, "user": {"id": "ada"}}))?;
    say(json!({"user": {"id": "ada"}, "tone": {"volume": 9}}))?;
    {
        let Value::Object(quiet) = json!({"tone": {"volume": 0}}) else { return Ok(()) };
        let _night = bus.scoped(Scope::Global, quiet)?;
        say(json!({}))?;
    }
    say(json!({}))?;
    running.stop();
    running.join()?;
    Ok(())
}
