//! What the tests share: servers that send exactly the bytes they are told to, and neurons that write down what they
//! hear.

pub(crate) mod fixtures;
pub(crate) mod local;
pub(crate) mod server;

use std::sync::{Arc, Mutex};

use neuronbus::cortex::CortexBuilder;
use neuronbus::event::EventView;
use neuronbus::pace::Stamp;
use neuronbus::prelude::*;
use neuronbus_llm::SpokenMessage;

/// What was heard, and in which tick.
pub(crate) type Heard = Arc<Mutex<Vec<(u64, Vec<u8>)>>>;

/// Writes down what it hears.
pub(crate) struct Scribe(pub(crate) Heard);

impl Neuron for Scribe {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.0.lock().unwrap().push((ctx.tick().0, payload.to_vec()));
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// Adds a scribe that hears a port.
pub(crate) fn listen(builder: &mut CortexBuilder, path: &str, port: Port) -> Heard {
    let heard = Heard::default();
    let region = Region::agents(path).membrane(Lif::default().threshold(1e9));
    let region = builder.region(region.neuron("scribe", Scribe(heard.clone())));
    builder.project(port, region, Projection::all_to_all());
    heard
}

/// The texts among what was heard.
pub(crate) fn texts(heard: &Heard) -> Vec<String> {
    let heard = heard.lock().unwrap();
    heard.iter().map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).collect()
}

/// The messages among what was heard, with their topics.
pub(crate) fn messages(heard: &Heard) -> Vec<(String, SpokenMessage)> {
    let heard = heard.lock().unwrap();
    let read = |bytes: &[u8]| {
        let view = EventView::parse(bytes).unwrap();
        let body = view.body().read::<serde_json::Value>().unwrap();
        (view.topic().to_owned(), serde_json::from_value(body).unwrap())
    };
    heard.iter().map(|(_, bytes)| read(bytes)).collect()
}

/// Waits until something is so, for at most a minute.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Stamp::now();
    while !is_so() {
        assert!(Stamp::now().ns_since(began) < 60_000_000_000, "never came: {what}");
        std::thread::park_timeout(std::time::Duration::from_micros(200));
    }
}
