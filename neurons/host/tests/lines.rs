//! Streams of lines through a real cortex.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::io::{Cursor, Read};
use std::time::Duration;

use neuronbus::cortex::{Cortex, Report};
use neuronbus::gate::GateAccount;
use neuronbus::pace::Pace;
use neuronbus::plasticity::Stdp;
use neuronbus::projection::Projection;
use neuronbus_host::{LineFormat, LineRegion, LineSettings, LineSource, lines};
use proptest::prelude::*;

const PATH: &str = "senses/lines";

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

fn in_pieces(stream: &[u8], sizes: &[usize]) -> LineSource {
    let stream = Cursor::new(stream.to_vec());
    LineSource::Reader(Box::new(Pieces { stream, sizes: sizes.to_vec(), next: 0 }))
}

fn whole(stream: impl Into<Vec<u8>>) -> LineSource {
    LineSource::Reader(Box::new(Cursor::new(stream.into())))
}

/// A brain like `brains/lines.toml`: every topic to every other, learning in silence.
fn brain(settings: LineSettings) -> (Cortex, LineRegion) {
    let mut builder = Cortex::builder();
    let region = lines(&mut builder, PATH, settings);
    let learning = Projection::all_to_all().weight(0.5).silent().plasticity(Stdp::default());
    builder.project(region.topics, region.topics, learning);
    builder.pace(Pace::Free).axon(1 << 14);
    (builder.build().unwrap(), region)
}

fn run(settings: LineSettings) -> (Cortex, LineRegion) {
    let (mut cortex, region) = brain(settings);
    cortex.run().unwrap();
    (cortex, region)
}

fn account(report: &Report) -> &GateAccount {
    &report.gates[0].account
}

fn refusals(report: &Report) -> Vec<(&str, u64)> {
    account(report).refused.iter().map(|r| (r.kind.as_str(), r.count)).collect()
}

fn topics(cortex: &Cortex, region: LineRegion) -> Vec<&str> {
    let members = cortex.atlas().members(region.topics);
    members.iter().map(|&id| cortex.atlas().name(id)).collect()
}

/// Numbers that look random and are the same everywhere.
fn noise(n: u64) -> u64 {
    let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 31)
}

fn mixed_stream(count: u64) -> String {
    let line = |n| match noise(n) % 10 {
        0 => format!("{{\"topic\":\"t{}\",\"ts\":{}}}\n", noise(n + 1) % 7, n / 3),
        1 => "\n".to_owned(),
        2 => "{\"topic\":\n".to_owned(),
        _ => format!("{{\"topic\":\"t{}\",\"level\":\"warn\",\"v\":{n}}}\n", noise(n + 2) % 7),
    };
    (0..count).map(line).collect()
}

#[test]
fn every_line_is_admitted_refused_or_blank_and_the_sum_is_exact() {
    let mut stream = Vec::new();
    stream.extend_from_slice(b"\n{\"topic\":\"a\",\"value\":1}\r\n   \n");
    stream
        .extend_from_slice(b"{\"topic\":\"a\",\"value\":NaN}\n{\"topic\":\"a\",\"value\":1e999}\n");
    stream.extend_from_slice(b"{\"topic\":\"b\",\"value\":\"x\"}\n\xFF\xFE\n{\"topic\":\"b\"\n");
    stream.extend_from_slice(b"{\"ts\":1}\n{\"topic\":1}\n{\"topic\":\"\"}\nplain\n[]\n");
    stream.extend(std::iter::repeat_n(b'x', 10_000_000));
    stream.extend_from_slice(b"\n{\"topic\":\"b\"}");
    let numbers = vec!["value".to_owned()];
    let (cortex, region) =
        run(LineSettings { source: whole(stream), numbers, ..Default::default() });
    let report = cortex.report();
    let expected = [
        ("line-too-long", 1),
        ("invalid-utf8", 1),
        ("json-truncated", 1),
        ("json-invalid", 1),
        ("json-not-object", 1),
        ("topic-missing", 1),
        ("topic-not-text", 1),
        ("topic-empty", 1),
        ("not-a-number", 1),
        ("number-not-finite", 2),
    ];
    assert_eq!(refusals(&report), expected);
    assert_eq!(account(&report).notes, ["lines: 15 read = 2 admitted + 11 refused + 2 blank"]);
    assert_eq!(topics(&cortex, region), ["a", "b"]);
    assert_eq!(report.spikes.counts.admitted, 2);
    let too_long = &account(&report).refused[0];
    assert_eq!(too_long.sample, "x".repeat(80) + "…");
    assert_eq!(account(&report).refused[1].sample, "\\xff\\xfe");
    assert!(account(&report).axons[0].ends.iter().all(|end| end.balances()));
}

#[test]
fn topics_above_the_bound_share_one_neuron_and_are_counted() {
    let stream: String = (0..10).map(|n| format!("{{\"topic\":\"t{n}\"}}\n")).collect();
    let (cortex, region) =
        run(LineSettings { source: whole(stream), max_topics: 3, ..Default::default() });
    assert_eq!(topics(&cortex, region), ["t0", "t1", "t2", "(other)"]);
    let report = cortex.report();
    assert_eq!(refusals(&report), [("topic-limit", 7)]);
    assert_eq!(account(&report).refused[0].sample, "t3");
    assert_eq!(account(&report).notes, ["lines: 10 read = 10 admitted + 0 refused + 0 blank"]);
}

#[test]
fn lines_are_admitted_at_their_own_times_and_never_before_an_earlier_line() {
    let times = [1000.0, 1004.0, 1002.0, 1004.0, 1010.5];
    let line = |ts| format!("{{\"topic\":\"a\",\"ts\":{ts}}}\n");
    let stream: String = times.into_iter().map(line).collect();
    let (mut cortex, _) = brain(LineSettings { source: whole(stream), ..Default::default() });
    let mut tap = cortex.tap().unwrap();
    cortex.run().unwrap();
    let mut fired = Vec::new();
    while let neuronbus::axon::Tapped::Spike(spike) = tap.poll() {
        fired.push(spike.time_ns() / 1_000_000);
    }
    // Three lines in tick 4 are one firing.
    assert_eq!(fired, [0, 4, 10]);
    assert_eq!(refusals(&cortex.report()), [("ts-backwards", 1)]);
    assert_eq!(cortex.counts().admitted, 5);
}

#[test]
fn a_severe_line_and_an_unusual_number_fire_more_urgently() {
    let mut stream: String =
        (0..40).map(|n| format!("{{\"topic\":\"a\",\"ms\":{}}}\n", 10 + n % 3)).collect();
    stream += "{\"topic\":\"a\",\"ms\":900}\n{\"topic\":\"a\",\"level\":\"fatal\"}\n";
    let settings =
        LineSettings { source: whole(stream), numbers: vec!["ms".into()], ..Default::default() };
    let (mut cortex, _) = brain(settings);
    let mut tap = cortex.tap().unwrap();
    cortex.run().unwrap();
    let mut priorities = Vec::new();
    while let neuronbus::axon::Tapped::Spike(spike) = tap.poll() {
        priorities.push(spike.priority());
    }
    assert_eq!(priorities.len(), 42);
    assert!(priorities[..40].iter().all(|&p| p == 96), "{priorities:?}");
    assert_eq!(priorities[40..], [160, 240]);
}

#[test]
fn plain_text_is_told_from_json_by_its_first_line() {
    let stream = "2024-01-02 ERROR disk sda1 is 97% full\n2024-01-03 ERROR disk sdb2 is 98% full\n\
                  {\"topic\":\"not json any more\"}\n";
    let (cortex, region) = run(LineSettings { source: whole(stream), ..Default::default() });
    let expected = [
        "<*> ERROR disk sda<*> is <*>% full",
        "<*> ERROR disk sdb<*> is <*>% full",
        "{\"topic\":\"not json any more\"}",
    ];
    assert_eq!(topics(&cortex, region), expected);
    let forced =
        LineSettings { source: whole(stream), format: LineFormat::Jsonl, ..Default::default() };
    let (cortex, region) = run(forced);
    assert_eq!(topics(&cortex, region), ["not json any more"]);
}

#[test]
fn a_million_lines_of_one_time_take_no_more_than_their_share_of_a_tick() {
    let stream = "{\"topic\":\"a\",\"ts\":5}\n".repeat(200_000);
    let (cortex, _) = run(LineSettings { source: whole(stream), ..Default::default() });
    assert_eq!(cortex.counts().admitted, 200_000);
    // 65,536 lines a tick.
    assert_eq!(cortex.counts().firings, 4);
}

#[test]
fn a_followed_file_is_read_through_a_rotation_until_the_run_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    std::fs::write(&path, "one 1\n").unwrap();
    let source = LineSource::File { path: path.clone(), follow: true };
    let (cortex, region) = brain(LineSettings { source, ..Default::default() });
    let running = cortex.spawn().unwrap();
    let wait_for = |lines| {
        while running.inspect(|cortex| cortex.counts().firings).unwrap() < lines {
            std::thread::yield_now();
        }
    };
    // A line without a time of its own takes effect before the next one is there.
    wait_for(1);
    std::fs::rename(&path, dir.path().join("app.log.1")).unwrap();
    std::fs::write(&path, "two 2\n").unwrap();
    wait_for(2);
    running.stop();
    let (cortex, _) = running.join().unwrap();
    assert_eq!(topics(&cortex, region), ["one <*>", "two <*>"]);
}

#[test]
fn a_file_that_is_not_there_stops_the_run_before_it_begins() {
    let path = tempfile::tempdir().unwrap().path().join("none.log");
    let source = LineSource::File { path, follow: false };
    let (mut cortex, _) = brain(LineSettings { source, ..Default::default() });
    let error = cortex.run().unwrap_err().to_string();
    assert!(error.contains("senses/lines/door") && error.contains("none.log"), "{error}");
}

#[test]
fn a_stream_that_breaks_is_named_in_the_report_and_what_came_before_is_admitted() {
    struct Broken(bool);
    impl Read for Broken {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("the disk is gone"));
            }
            b"{\"topic\":\"a\"}\n".as_slice().read(room)
        }
    }
    let source = LineSource::Reader(Box::new(Broken(false)));
    let (cortex, _) = run(LineSettings { source, ..Default::default() });
    assert_eq!(cortex.counts().admitted, 1);
    let failed = cortex.report().gates[0].failed.clone().unwrap();
    assert!(failed.contains("the disk is gone"), "{failed}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let with = |change: fn(&mut LineSettings)| {
        let mut settings = LineSettings::default();
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    };
    assert_eq!(LineSettings::default().check(), Ok(()));
    assert!(with(|s| s.max_topics = 0).contains("max_topics = 0"));
    assert!(with(|s| s.max_topics = 40_000).contains("max_topics = 40000"));
    assert!(with(|s| s.max_line = 10).contains("max_line = 10"));
    assert!(with(|s| s.slots = 1000).contains("slots = 1000"));
    assert!(with(|s| s.numbers = vec!["n".into(); 6]).contains("numbers = 6"));
    assert!(with(|s| s.time_field = "topic".into()).contains("\"topic\""));
    assert!(with(|s| s.topic_field.clear()).contains("topic_field"));
    assert!(with(|s| s.band.rate = 2.0).contains("rate = 2"));
}

#[test]
fn a_closed_run_lets_go_of_a_thread_that_waits_for_room() {
    let stream = "{\"topic\":\"a\"}\n".repeat(10_000);
    let (mut cortex, _) =
        brain(LineSettings { source: whole(stream), slots: 16, ..Default::default() });
    cortex.run_for(neuronbus::time::Ticks(10)).unwrap();
    cortex.close();
    let note = account(&cortex.report()).notes[0].clone();
    assert!(note.starts_with("lines: 10000 read = 10 admitted + 9990 waiting"), "{note}");
}

#[test]
fn the_pair_in_the_noise_is_the_strongest_link_and_its_reverse_is_not_among_the_first_ten() {
    // beta.slow follows each alpha.down, 1% of the lines, by three lines; all else is random.
    let count = 100_000;
    let is_down = |n: u64| noise(n).is_multiple_of(100);
    let topic = |n: u64| match (is_down(n), n >= 3 && is_down(n - 3)) {
        (true, _) => "alpha.down".to_owned(),
        (false, true) => "beta.slow".to_owned(),
        _ => format!("noise.{}", noise(n ^ 0xABCD_0000) % 38),
    };
    let stream: String = (0..count).map(|n| format!("{{\"topic\":\"{}\"}}\n", topic(n))).collect();
    let (cortex, _) = run(LineSettings { source: whole(stream), ..Default::default() });

    let report = cortex.report();
    assert_eq!(
        account(&report).notes,
        ["lines: 100000 read = 100000 admitted + 0 refused + 0 blank"]
    );
    assert_eq!(report.spikes.counts.admitted, count);
    let (down, slow) = ("alpha.down", "beta.slow");
    let id = |name| cortex.atlas().neuron(PATH, name).unwrap();
    let links = cortex.links();
    let first = links.first().unwrap();
    assert_eq!((first.from, first.to), (id(down), id(slow)), "{:#?}", &links[..4]);
    assert!(first.weight > links[1].weight + 0.3, "{:#?}", &links[..4]);
    let lag = first.delay.abs_diff(Duration::from_millis(3));
    assert!(lag < Duration::from_millis(2), "{:?}", first.delay);
    let reverse = links.iter().take(10).any(|l| (l.from, l.to) == (id(slow), id(down)));
    assert!(!reverse, "{:#?}", &links[..10]);
}

#[test]
fn the_same_stream_gives_the_same_digest_however_it_arrives() {
    let stream = mixed_stream(3000);
    let digest = |source, slots| {
        let mut builder = Cortex::builder();
        let settings = LineSettings { source, slots, ..Default::default() };
        let topics = lines(&mut builder, PATH, settings).topics;
        let learning = Projection::all_to_all().weight(0.3).plasticity(Stdp::default());
        // Long enough that spikes are under way whenever the next line is not there yet.
        builder.project(topics, topics, learning.delay(Duration::from_millis(7)));
        builder.pace(Pace::Free);
        let mut cortex = builder.build().unwrap();
        cortex.run().unwrap();
        (cortex.digest(), cortex.counts())
    };
    let expected = digest(whole(stream.clone()), 8192);
    for (sizes, slots) in [(&[1][..], 2), (&[7, 100, 3], 64), (&[4096], 4), (&[65_536], 1 << 16)] {
        assert_eq!(digest(in_pieces(stream.as_bytes(), sizes), slots), expected, "{sizes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_are_accounted_for_line_by_line(
        stream in prop::collection::vec(
            prop_oneof![
                8 => prop::sample::select(&b"{}\":,topic01\n \xFF"[..]),
                1 => any::<u8>(),
            ], 0..600),
        sizes in prop::collection::vec(1usize..200, 1..5),
    ) {
        let source = in_pieces(&stream, &sizes);
        let (cortex, _) = run(LineSettings { source, max_line: 64, ..Default::default() });
        let report = cortex.report();
        let note = &account(&report).notes[0];
        let numbers: Vec<u64> =
            note.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        let [read, admitted, refused, blank] = numbers[..] else { panic!("{note}") };
        prop_assert_eq!(read, admitted + refused + blank);
        prop_assert_eq!(admitted, report.spikes.counts.admitted);
        let listed: u64 = refusals(&report).iter()
            .filter(|(kind, _)| *kind != "ts-backwards" && *kind != "topic-limit")
            .map(|(_, count)| count).sum();
        prop_assert_eq!(listed, refused);
        let newlines = stream.iter().filter(|&&b| b == b'\n').count() as u64;
        let unfinished = u64::from(stream.last().is_some_and(|&b| b != b'\n'));
        prop_assert_eq!(read, newlines + unfinished);
    }
}
