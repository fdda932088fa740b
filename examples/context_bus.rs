//! Publish and subscribe: a subscription is a neuron; its pattern, filter, priority and threshold say when it fires,
//! and dropping its guard ends it.
//!
//! ```text
//! $ cargo run --example context_bus
//! all      fire kitchen
//! all      orders.eu o-1
//! all      orders.eu o-2
//! large    orders.eu o-2
//! urgent   fire kitchen
//! alarm    door.failed 1st
//! alarm    door.failed 2nd
//! alarm    door.failed 3rd
//! 6 published, 8 handled
//! ```

use std::sync::mpsc::{Sender, channel};

use neuronbus::event::{Event, EventView};
use neuronbus::prelude::*;
use neuronbus_context::{BusSettings, event_bus};
use serde_json::json;

fn teller(name: &'static str, to: &Sender<String>) -> impl FnMut(&EventView<'_>) + use<> {
    let to = to.clone();
    move |event| {
        let _ = to.send(format!("{name:8} {} {}", event.topic(), event.key().unwrap_or("")));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Cortex::builder();
    let (bus, _) = event_bus(&mut builder, "bus", BusSettings::default());
    let running = builder.build()?.spawn()?;

    let (to, received) = channel();
    let everything = bus.subscribe("#").handler(teller("all", &to))?;
    let _large = bus.subscribe("orders.*").filter("amount > 100").handler(teller("large", &to))?;
    let _urgent = bus.subscribe("#").priority_at_least(200).handler(teller("urgent", &to))?;
    let _alarm = bus.subscribe("door.failed").threshold(3.0).handler(teller("alarm", &to))?;

    for (key, amount) in [("o-1", 20), ("o-2", 500)] {
        bus.publish(&Event::new("orders.eu").key(key).body(json!({"amount": amount})))?;
    }
    bus.publish(&Event::new("fire").key("kitchen").priority(250))?;
    drop(everything);
    for key in ["1st", "2nd", "3rd"] {
        bus.publish(&Event::new("door.failed").key(key))?;
    }
    // Two sentences about orders and one about the fire, two more of those, then three about the door.
    let mut told: Vec<String> = received.iter().take(8).collect();
    told[..5].sort();
    told.iter().for_each(|line| println!("{line}"));
    running.stop();
    running.join()?;
    println!("{} published, {} handled", bus.stats().published, bus.stats().handled);
    Ok(())
}
