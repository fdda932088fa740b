//! Events: filters, subscriptions, recall, and the whole chain from publishing to a handler.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use neuronbus::event::{Embedding, Event, EventIds, EventView, Packed};
use neuronbus::pace::{Stamp, unix_us};
use neuronbus::prelude::*;
use neuronbus_context::{BusSettings, EventBus, Filter, Scope, event_bus};
use neuronbus_memory::{Engram, Hippocampus, HippocampusSettings, SignIndex};
use neuronbus_semantic::encoder_neuron::Reading;
use neuronbus_semantic::prelude::*;
use serde_json::json;

use crate::harness::{Comparison, Sample, Scale, Target, Unit, histogram, quantiles};
use crate::memory::resident_bytes;

/// Events a second that are published to the bus and into the chain.
const RATE: u64 = 10_000;

const FILTERS: [(&str, &str); 3] = [
    ("premium, before ten", "user.subscription == 'premium' AND time.hour < 22"),
    (
        "urgent, of two roles",
        "priority > 5 AND (user.role == \"admin\" OR user.role == \"moderator\")",
    ),
    ("no bot, amount, topic", "NOT user.is_bot && body.amount >= 99.5 && topic MATCHES '^orders'"),
];

/// One evaluation of each of the three examples, the record's header included.
#[must_use]
pub fn filter(scale: Scale) -> Comparison {
    let times = scale.of(2_000_000, 2_000);
    let user =
        json!({"id": "ada", "role": "moderator", "subscription": "premium", "is_bot": false});
    let event =
        Event::new("orders.placed").context(json!({"user": user, "session": {"id": "s-1"}}));
    let event = event.body(json!({"amount": 99.5, "currency": "EUR", "items": [1, 2, 3]}));
    let mut record = Vec::new();
    event.encode(&mut EventIds::new(0), 0, &mut record).expect("it is one");
    let record: Arc<[u8]> = record.into();
    let mut comparison = Comparison::new("One evaluation of a filter on an event, p50", Unit::Ns);
    for (name, expression) in FILTERS {
        let filter = Filter::new(expression).expect("it is one");
        let record = record.clone();
        let run = move || {
            let mut batches = histogram();
            for _ in 0..times / 1_000 {
                let began = Stamp::now();
                let passed = (0..1_000_u64).filter(|&n| {
                    let event = EventView::open(std::hint::black_box(&record));
                    event.is_ok_and(|event| filter.passes(&event, 7, n))
                });
                assert_eq!(passed.count(), 1_000);
                batches.saturating_record(Stamp::now().ns_since(began).max(1));
            }
            let a_thousandth = |quantile| batches.value_at_quantile(quantile) as f64 / 1_000.0;
            Sample { figure: a_thousandth(0.5), beside: vec![("p99", a_thousandth(0.99))] }
        };
        comparison = comparison.ours(name, run).target(Target::at_most(1_000.0).of(name));
    }
    comparison
}

/// What handlers have seen: how many events, and how long each took since it was published.
#[derive(Clone)]
struct Seen(Arc<(AtomicU64, Mutex<Histogram<u64>>)>);

impl Seen {
    fn new() -> Self {
        Self(Arc::new((AtomicU64::new(0), Mutex::new(histogram()))))
    }

    fn note(&self, event: &EventView<'_>) {
        let took = unix_us().saturating_sub(event.time_us());
        let mut times = self.0.1.lock().unwrap_or_else(PoisonError::into_inner);
        times.saturating_record((1_000 * took).max(1));
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }
}

/// Publishes at the rate for so long, and waits until all that is expected was seen; p95 and what else there is to say.
fn load(bus: &EventBus, seen: &Seen, seconds: u64, event: impl Fn(u64) -> (Event, u64)) -> Sample {
    let (began, mut expected, mut turned_away) = (Stamp::now(), 0, 0);
    let mut resident = 0;
    let count = RATE * seconds;
    for n in 0..count {
        while Stamp::now().ns_since(began) < n * 1_000_000_000 / RATE {
            std::thread::park_timeout(Duration::from_micros(50));
        }
        let (event, copies) = event(n);
        match bus.publish(&event) {
            Ok(_) => expected += copies,
            Err(_) => turned_away += 1,
        }
        if n == count / 4 {
            resident = resident_bytes();
        }
    }
    let grown = resident_bytes().saturating_sub(resident);
    let ended = Stamp::now();
    while seen.count() < expected && Stamp::now().ns_since(ended) < 10_000_000_000 {
        std::thread::park_timeout(Duration::from_micros(50));
    }
    let times = seen.0.1.lock().unwrap_or_else(PoisonError::into_inner);
    let lost = expected.saturating_sub(seen.count()) + turned_away;
    let Sample { figure: p50, beside } = quantiles(&times);
    let p95 = times.value_at_quantile(0.95) as f64;
    let more = [("p50", p50), ("lost", lost as f64), ("bytes grown", grown as f64)];
    Sample { figure: p95, beside: beside.into_iter().chain(more).collect() }
}

/// A thousand subscriptions with filters, to a hundred topics.
#[must_use]
pub fn subscriptions(scale: Scale) -> Comparison {
    let title = "Publish to handler at 10,000 events/s, 1,000 filtered subscriptions, p95";
    let seconds = scale.of(10, 1);
    let run = move || {
        let mut builder = Cortex::builder();
        let (bus, _) = event_bus(&mut builder, "bus", BusSettings::default());
        builder.arena(1 << 24);
        let running = builder.build().expect("described correctly").spawn().expect("a thread");
        let seen = Seen::new();
        let subscribe = |n: u64| {
            // Ten to each of a hundred topics; of the ten, those pass whose bound is below the event's number.
            let subscribe = bus.subscribe(&format!("shop.*.t{}", n % 100));
            let filter = format!("user.role == 'admin' AND body.n >= {}", n / 100);
            let seen = seen.clone();
            subscribe.filter(&filter).handler(move |event| seen.note(event)).expect("it is right")
        };
        let guards: Vec<_> = (0..1_000).map(subscribe).collect();
        let sample = load(&bus, &seen, seconds, |n| {
            let event = Event::new(format!("shop.eu.t{}", n % 100)).body(json!({"n": n % 10}));
            (event.context(json!({"user": {"role": "admin"}})), n % 10 + 1)
        });
        drop(guards);
        running.stop();
        running.join().expect("nothing fails");
        sample
    };
    let at_most = Target::at_most(2_000_000.0);
    Comparison::new(title, Unit::Ns).rounds(1).ours("bus", run).target(at_most)
}

struct TopicOf;

impl Reading for TopicOf {
    fn text<'a>(&self, payload: &'a [u8]) -> Option<&'a str> {
        EventView::carried(payload).map(|event| event.topic())
    }
}

struct Handler(Seen);

impl Neuron for Handler {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        let event = EventView::open(payload)?;
        let related = event.context().get("memory").and_then(|memory| memory.get("related"));
        // One that came without what it reminds of is missed, and so counted as lost.
        if related.is_some_and(Packed::is_array) {
            self.0.note(&event);
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }
}

/// Events of the past, about the same things.
fn remembered(table: &StaticTable, model: &str) -> Result<Vec<Engram>, Box<dyn std::error::Error>> {
    let mut ids = EventIds::new(1);
    let engram = |n: usize| {
        let values = table.encode(&format!("{} number {n}", THINGS[n % THINGS.len()]))?;
        let event = Event::new("past").body(json!({"n": n}));
        let event = event.embedding(Embedding { model: model.to_owned(), values });
        let mut record = Vec::new();
        event.encode(&mut ids, 1_000 * n as u64, &mut record)?;
        Ok(Engram { record, importance: 0.4 })
    };
    (0..1_000).map(engram).collect()
}

const THINGS: [&str; 4] = ["payment failed", "parcel delivered", "user logged in", "disk is full"];

/// Publish, meaning, context filter, memory, handler.
fn chain(seen: &Seen) -> Result<(EventBus, Cortex), Box<dyn std::error::Error>> {
    let mut builder = Cortex::builder();
    let (bus, regions) = event_bus(&mut builder, "bus", BusSettings::default());
    let table = StaticTable::bundled();
    let meaning = Meaning::new("language", &THINGS.map(Concept::new), table.clone())?;
    let meaning = meaning.reading(TopicOf).wire(&mut builder);
    let model = table.model().to_string();
    let asked = table.clone();
    let encode = move |text: &str, out: &mut Vec<f32>| asked.encode_batch(&[text], out).is_ok();
    // A thousand memories; one event in a hundred is important, is remembered, and makes a weaker one go.
    let settings =
        HippocampusSettings { importance_at_least: 0.5, bound: 1_000, ..Default::default() };
    let old = remembered(&table, &model)?;
    let hippocampus = Hippocampus::new(settings).encoder((model, encode)).remembering(old)?;
    let hippocampus = builder.region(Region::agents("memory").neuron("hippocampus", hippocampus));
    let handler = builder.region(Region::agents("desk").neuron("handler", Handler(seen.clone())));
    let filter = Filter::new("user.role == 'customer' AND body.amount > 10")?.dendrite();
    let carried = || Projection::all_to_all().weight(0.0);
    builder.project(regions.topics, meaning.input.clone(), carried());
    builder.project(meaning.concepts, hippocampus, carried().dendrite(filter));
    builder.project(hippocampus, handler, carried()).arena(1 << 24);
    Ok((bus, builder.build()?))
}

/// The whole chain.
#[must_use]
pub fn whole_chain(scale: Scale) -> Comparison {
    let title = "Publish, meaning, filter, memory, handler at 10,000 events/s, p95";
    let seconds = scale.of(60, 1);
    let topics = THINGS.map(|thing| thing.replace(' ', "."));
    let run = move || {
        let seen = Seen::new();
        let topics = &topics;
        let (bus, cortex) = chain(&seen).expect("described correctly");
        let running = cortex.spawn().expect("a thread");
        bus.set(Scope::User("ada".to_owned()), "user.role", "customer").expect("a path");
        let event = |n: u64, importance: f32| {
            let context = json!({"user": {"id": "ada"}, "importance": importance});
            Event::new(topics[n as usize % 4].as_str())
                .body(json!({"amount": n % 40}))
                .context(context)
        };
        let sample = load(&bus, &seen, seconds, |n| {
            let importance = if n % 100 == 0 { 0.9 } else { 0.1 };
            (event(n, importance), u64::from(n % 40 > 10))
        });
        running.stop();
        running.join().expect("nothing fails");
        sample
    };
    let at_most = Target::at_most(2_000_000.0);
    Comparison::new(title, Unit::Ns).rounds(1).ours("one cortex", run).target(at_most)
}

/// Numbers that look like chance and are the same everywhere.
fn drawn(seed: u64, n: u64) -> f32 {
    (neuronbus::math::random(seed, n, 0, 0) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
}

/// A search among 100,000 memories of 384 numbers around 2,000 centres, and how much of the exact answer it finds.
#[must_use]
pub fn recall(scale: Scale) -> Comparison {
    const DIMENSIONS: u64 = 384;
    let (count, searches) = (scale.of(100_000, 2_000), scale.of(200, 5));
    let vector = |n: u64, seed: u64, far: f32| -> Vec<f32> {
        let centre = n % 2_000 * DIMENSIONS;
        let at = |d| drawn(1, centre + d) + far * drawn(seed, n * DIMENSIONS + d);
        (0..DIMENSIONS).map(at).collect()
    };
    let mut index: Option<SignIndex> = None;
    let run = move || {
        let index = index.get_or_insert_with(|| {
            let mut index = SignIndex::new(DIMENSIONS as usize);
            (0..count).for_each(|n| {
                index.add(&vector(n, 2, 0.7));
            });
            index
        });
        let (mut times, mut found, mut wanted) = (histogram(), 0, 0);
        for n in 0..searches {
            let query = vector(n * 331 % count, 3, 0.7);
            let began = Stamp::now();
            let near = index.nearest(&query, 5, |_| true);
            let took = Stamp::now().ns_since(began);
            let exact = index.exactly_nearest(&query, 5);
            times.saturating_record(took.max(1));
            wanted += exact.len();
            found += exact.iter().filter(|hit| near.contains(hit)).count();
        }
        let mut sample = quantiles(&times);
        sample.beside.push(("recall@5", found as f64 / wanted as f64));
        sample
    };
    Comparison::new("A search among 100,000 memories of 384 numbers, p50", Unit::Ns)
        .rounds(1)
        .ours("signs, then numbers", run)
        .target(Target::at_most(1_000_000.0))
}
