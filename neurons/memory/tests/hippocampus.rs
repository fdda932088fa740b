//! The hippocampus in a topology: what it adds to events, what it keeps, and what it lets go.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use neuronbus::event::{Embedding, Event, EventView};
use neuronbus::prelude::*;
use neuronbus::publisher::Publisher;
use neuronbus_memory::{Encode, Hippocampus, HippocampusSettings, MemoryCounts, MemoryMeter};
use serde_json::{Value, json};

/// Counts letters: texts of the same letters are alike.
struct Letters;

impl Encode for Letters {
    fn model(&self) -> &str {
        "letters"
    }

    fn encode(&mut self, text: &str, out: &mut Vec<f32>) -> bool {
        let count = |letter: u8| text.bytes().filter(|&byte| byte == letter).count() as f32;
        out.extend((b'a'..=b'z').map(count));
        text.bytes().any(|byte| byte.is_ascii_lowercase())
    }
}

struct Ear(Arc<Mutex<Vec<Value>>>);

impl Neuron for Ear {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::parse(payload)?.to_event();
        self.0.lock().unwrap().push(serde_json::from_str(&event.to_json())?);
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

struct World {
    cortex: Cortex,
    publisher: Publisher,
    heard: Arc<Mutex<Vec<Value>>>,
    meter: Arc<MemoryMeter>,
    time_us: u64,
}

impl World {
    fn of(hippocampus: Hippocampus) -> Self {
        let (publisher, gate) = Publisher::gate(1024, 3);
        let (heard, meter) = (Arc::default(), hippocampus.meter());
        let mut builder = Cortex::builder();
        let door = builder.region(Region::gated("door", gate));
        let hippocampus = Region::agents("memory").neuron("hippocampus", hippocampus);
        let hippocampus = builder.region(hippocampus);
        let ear = builder.region(Region::agents("ear").neuron("ear", Ear(Arc::clone(&heard))));
        builder.project(door, hippocampus, Projection::all_to_all().weight(0.0));
        builder.project(hippocampus, ear, Projection::all_to_all());
        builder.pace(Pace::Free).tick_length(Duration::from_secs(1));
        Self { cortex: builder.build().unwrap(), publisher, heard, meter, time_us: 0 }
    }

    fn new(settings: HippocampusSettings) -> Self {
        Self::of(Hippocampus::new(settings).encoder(Letters))
    }

    /// Publishes, and runs for some seconds of cortex time; what was heard last.
    fn say(&mut self, event: Event, seconds: u64) -> Value {
        self.time_us += 1_000_000;
        self.publisher.publish(&event.time_us(self.time_us)).unwrap();
        self.cortex.run_for(Ticks(seconds)).unwrap();
        self.heard.lock().unwrap().last().cloned().unwrap_or_default()
    }

    fn counts(&self) -> MemoryCounts {
        self.meter.counts()
    }
}

fn topics(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|memory| memory["topic"].as_str().unwrap()).collect()
}

#[test]
fn an_event_passes_on_with_what_it_reminds_of_and_is_remembered() {
    let mut world = World::new(HippocampusSettings::default());
    let room = |n: u64| json!({"room": {"number": n}});
    let first = world.say(Event::new("door.open").priority(200).context(room(1)), 5);
    assert_eq!(first["context"], room(1), "there is nothing yet to be reminded of");
    assert_eq!(first["embedding"]["model"], "letters");
    world.say(Event::new("rain").priority(200).context(room(2)), 5);
    let third = world.say(Event::new("door.opened").priority(200).context(json!({"by": "ada"})), 5);
    let memory = &third["context"]["memory"];
    assert_eq!(topics(&memory["related"]), ["door.open"]);
    assert_eq!(memory["related"][0]["id"], first["id"]);
    assert!(memory["related"][0]["score"].as_f64().unwrap() > 0.9);
    assert_eq!(memory["context"], room(1));
    assert_eq!(third["context"]["by"], "ada");
    let counts = world.counts();
    assert_eq!((counts.stored, counts.recalled, counts.refused), (3, 3, 0));
}

#[test]
fn memories_are_recalled_by_a_text() {
    let mut world = World::new(HippocampusSettings::default());
    for topic in ["door.open", "door.opener", "rain", "window.open"] {
        world.say(Event::new(topic).priority(100).body(json!({"said": topic})), 5);
    }
    let ask = Event::new("memory.recall").key("q").body(json!({"text": "open door", "k": 2}));
    let answer = world.say(ask, 5);
    assert_eq!((&answer["topic"], &answer["key"]), (&json!("memory.recalled"), &json!("q")));
    assert_eq!(topics(&answer["body"]["memories"]), ["door.open", "door.opener"]);
    assert_eq!(answer["body"]["memories"][0]["body"], json!({"said": "door.open"}));
    assert!(answer["parent"].is_string());
    assert_eq!(world.counts().stored, 4, "a question is not remembered");
}

#[test]
fn what_is_important_stays_and_the_rest_fades() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes).into();
    let settings = HippocampusSettings {
        short_term: minutes(60),
        interval: minutes(10),
        ..Default::default()
    };
    let mut world = World::new(settings);
    world.say(Event::new("aaaa").context(json!({"importance": 0.9})), 5);
    world.say(Event::new("bbbb").context(json!({"importance": 0.06})), 5);
    world.say(Event::new("cccc").context(json!({"importance": 0.2})), 5);
    // Recalled again and again, it gets stronger.
    for _ in 0..3 {
        world.say(Event::new("memory.recall").body(json!({"text": "c", "k": 1})), 5);
    }
    world.cortex.run_for(Ticks(2 * 3600)).unwrap();
    let counts = world.counts();
    assert_eq!((counts.stored, counts.consolidated, counts.forgotten), (3, 2, 1));
    let answer = world.say(Event::new("memory.recall").body(json!({"text": "b", "k": 3})), 5);
    assert_eq!(answer["body"]["memories"], json!([]));
    let answer = world.say(Event::new("memory.recall").body(json!({"text": "a", "k": 3})), 5);
    assert_eq!(topics(&answer["body"]["memories"]), ["aaaa"]);
    // A week later it is still there.
    world.cortex.run_for(Ticks(7 * 86_400)).unwrap();
    assert_eq!(world.counts().forgotten, 1);
}

#[test]
fn the_weakest_make_room_and_the_unimportant_are_not_kept() {
    let settings = HippocampusSettings { bound: 3, importance_at_least: 0.1, ..Default::default() };
    let mut world = World::new(settings);
    for (topic, importance) in [("aa", 0.3), ("bb", 0.2), ("cc", 0.9), ("dd", 0.05), ("ee", 0.8)] {
        world.say(Event::new(topic).context(json!({"importance": importance})), 5);
    }
    let counts = world.counts();
    assert_eq!((counts.stored, counts.crowded), (4, 1));
    let of = |world: &mut World, text: &str| {
        world.say(Event::new("memory.recall").body(json!({"text": text, "k": 3})), 5)["body"]["memories"].clone()
    };
    assert_eq!(of(&mut world, "b"), json!([]));
    assert_eq!(topics(&of(&mut world, "a")), ["aa"]);
}

#[test]
fn without_a_vector_or_with_one_of_another_model_the_topic_decides_and_that_is_counted() {
    let mut world = World::of(Hippocampus::new(HippocampusSettings::default()));
    let embedding = |model: &str| Embedding { model: model.to_owned(), values: vec![1.0, 0.5] };
    world.say(Event::new("door.open").priority(90).embedding(embedding("one")), 5);
    let other = world.say(Event::new("door.open").priority(90).embedding(embedding("two")), 5);
    assert_eq!(topics(&other["context"]["memory"]["related"]), ["door.open"]);
    let bare = world.say(Event::new("door.open").priority(90), 5);
    assert_eq!(topics(&bare["context"]["memory"]["related"]), ["door.open"]);
    let counts = world.counts();
    // The vector of the other model is not mixed with those that are there.
    assert_eq!((counts.stored, counts.recalled, counts.exact, counts.refused), (1, 1, 2, 1));
}

#[test]
fn what_is_remembered_is_part_of_the_state_and_the_same_in_every_run() {
    let run = |extra: bool| {
        let mut world = World::new(HippocampusSettings::default());
        for n in 0..30_u64 {
            world.say(Event::new(format!("door.{}", n % 7)).priority(n as u8 * 8), 3);
        }
        if extra {
            world.say(Event::new("rain").priority(9), 3);
        } else {
            world.say(Event::new("rain").priority(10), 3);
        }
        world.cortex.digest()
    };
    assert_eq!(run(true), run(true));
    assert_ne!(run(true), run(false));
}

#[test]
fn a_snapshot_is_taken_back_and_other_bytes_are_refused() {
    let mut saved = Vec::new();
    let engrams =
        (0..9).map(|n| neuronbus_memory::conformance::engram("a.b", n, &[1.0, n as f32], 0.5));
    let remembering =
        Hippocampus::new(HippocampusSettings::default()).remembering(engrams).unwrap();
    remembering.snapshot(&mut saved);
    let mut again = Hippocampus::new(HippocampusSettings::default());
    again.restore(&saved).unwrap();
    let mut twice = Vec::new();
    again.snapshot(&mut twice);
    assert_eq!(twice, saved);
    assert_eq!(again.is_long_term(neuronbus_memory::conformance::id(3)), Some(false));
    assert!(again.restore(&saved[..20]).is_err());
    assert_eq!(again.memory().iter().count(), 9);
}
