//! Streams of events through a real cortex, from lines of JSON to a handler.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{Cursor, Read};

use neuronbus::cortex::{Cortex, Digest};
use neuronbus::gate::GateAccount;
use neuronbus::prelude::*;
use neuronbus_host::{EventSettings, Handled, HandlerReceiver, LineSource, events, handler};
use proptest::prelude::*;

/// Hands out a stream in pieces of chosen sizes.
struct Pieces {
    stream: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    next: usize,
}

impl Read for Pieces {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].clamp(1, room.len());
        self.next += 1;
        self.stream.read(&mut room[..size])
    }
}

fn in_pieces(stream: &str, sizes: &[usize]) -> LineSource {
    let stream = Cursor::new(stream.as_bytes().to_vec());
    LineSource::Reader(Box::new(Pieces { stream, sizes: sizes.to_vec(), next: 0 }))
}

fn world(source: LineSource, slots: usize, bound: usize) -> (Cortex, HandlerReceiver) {
    let mut builder = Cortex::builder();
    let settings = EventSettings { source, slots, max_line: 4096, seed: 5 };
    let door = events(&mut builder, "senses/events", settings);
    let (desk, handled) = handler(&mut builder, "desk", bound);
    builder.project(door, desk, Projection::all_to_all()).pace(Pace::Free);
    (builder.build().unwrap(), handled)
}

fn run(source: LineSource, slots: usize) -> (Digest, Vec<Handled>, Vec<GateAccount>) {
    let (mut cortex, handled) = world(source, slots, 1 << 16);
    cortex.run().unwrap();
    let gates = cortex.report().gates.into_iter().map(|gate| gate.account).collect();
    (cortex.digest(), handled.drain(), gates)
}

#[test]
fn an_event_arrives_with_all_that_it_says() {
    let line = r#"{"topic":"order.paid","key":"o-1","priority":7,"headers":{"trace":"t"},
        "context":{"user":{"id":"ada"}},"body":{"amount":3.5},"schema":2}"#;
    let (_, handled, _) = run(in_pieces(&line.replace('\n', " "), &[7]), 16);
    let Handled { handler, from, event, .. } = &handled[0];
    assert_eq!((handler.as_str(), from.as_str()), ("desk", "senses/events:gate"));
    let told = serde_json::Value::Object(event.clone());
    for (pointer, value) in [
        ("/topic", serde_json::json!("order.paid")),
        ("/key", serde_json::json!("o-1")),
        ("/priority", serde_json::json!(7)),
        ("/headers/trace", serde_json::json!("t")),
        ("/context/user/id", serde_json::json!("ada")),
        ("/body/amount", serde_json::json!(3.5)),
        ("/schema", serde_json::json!(2)),
    ] {
        assert_eq!(told.pointer(pointer), Some(&value), "{pointer} of {told}");
    }
}

#[test]
fn events_come_at_their_own_times_and_those_without_at_their_places() {
    let day = 1_700_000_000_000_000_u64;
    let stream: String = [None, Some(0), Some(20_000), Some(10_000), None, Some(20_000)]
        .into_iter()
        .map(|after: Option<u64>| match after {
            Some(after) => format!("{{\"topic\":\"a\",\"time_us\":{}}}\n", day + after),
            None => "{\"topic\":\"a\"}\n".to_owned(),
        })
        .collect();
    let (_, handled, gates) = run(in_pieces(&stream, &[11]), 4);
    let at_ms: Vec<u64> = handled.iter().map(|event| event.at_ns / 1_000_000).collect();
    assert_eq!(at_ms, [0, 1, 21, 21, 21, 21]);
    // One that says no time is as old as the one before; one that does keeps what it says.
    let times = handled.iter().map(|event| event.event["time_us"].as_u64().unwrap());
    let times: Vec<u64> = times.map(|time| time.saturating_sub(day)).collect();
    assert_eq!(times, [0, 0, 20_000, 10_000, 20_000, 20_000]);
    let backwards = gates[0].refused.iter().find(|refusal| refusal.kind == "ts-backwards");
    assert_eq!(backwards.map(|refusal| refusal.count), Some(1));
    assert_eq!(gates[0].notes, ["events: 6 read = 6 admitted + 0 refused + 0 blank"]);
}

#[test]
fn every_line_is_admitted_refused_or_blank_and_the_sum_is_exact() {
    let long = format!("{{\"topic\":\"a\",\"key\":\"{}\"}}\n", "x".repeat(5000));
    let stream = "{\"topic\":\"a\"}\n\n  \n{\"topic\":\"a\",\n{\"topic\":\"\"}\n{\"topic\":3}\n[]\n"
        .to_owned()
        + &long + "{\"topic\":\"b\"}";
    let (_, handled, gates) = run(in_pieces(&stream, &[64]), 4);
    assert_eq!(handled.len(), 2);
    assert_eq!(gates[0].notes, ["events: 9 read = 2 admitted + 5 refused + 2 blank"]);
    let refused: Vec<(&str, u64)> =
        gates[0].refused.iter().map(|refusal| (refusal.kind.as_str(), refusal.count)).collect();
    assert_eq!(refused, [("line-too-long", 1), ("event-refused", 4)]);
}

#[test]
fn what_nobody_takes_out_is_counted() {
    let stream = "{\"topic\":\"a\"}\n".repeat(5);
    let (mut cortex, handled) = world(in_pieces(&stream, &[100]), 16, 3);
    cortex.run().unwrap();
    assert_eq!(handled.drain().len(), 3);
    let report = cortex.report();
    let refused = &report.gates[1].account.refused[0];
    assert_eq!((refused.kind.as_str(), refused.count), ("handled-full", 2));
}

#[test]
fn a_run_that_is_stopped_does_not_wait_for_its_input() {
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            let line = b"{\"topic\":\"a\"}\n";
            room[..line.len()].copy_from_slice(line);
            Ok(line.len())
        }
    }
    let (mut cortex, handled) = world(LineSource::Reader(Box::new(Endless)), 4, 1 << 16);
    cortex.run_for(Ticks(200)).unwrap();
    assert!(handled.drain().len() >= 100);
    cortex.close();
}

fn stream(count: usize) -> String {
    let line = |n: usize| match n % 7 {
        0 => format!("{{\"topic\":\"t{}\",\"time_us\":{}}}\n", n % 5, 1_000_000 + n * 300),
        1 => "\n".to_owned(),
        2 => "{\"topic\":\n".to_owned(),
        _ => format!("{{\"topic\":\"t{}\",\"body\":{{\"n\":{n}}}}}\n", n % 5),
    };
    (0..count).map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_same_stream_is_the_same_run_whatever_pieces_it_comes_in(
        sizes in prop::collection::vec(1_usize..400, 1..6), slots in 1_usize..40,
    ) {
        let stream = stream(120);
        let whole = run(in_pieces(&stream, &[1 << 16]), 1024);
        let pieces = run(in_pieces(&stream, &sizes), slots);
        prop_assert_eq!(whole.0, pieces.0);
        prop_assert_eq!(whole.1, pieces.1);
    }
}
