//! `neuronbus journal` over a journal that was written here.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::path::Path;
use std::process::{Command, Output};

use neuronbus::event::{Event, EventId, EventIds};
use neuronbus::journal::{Entry, Header, Journal, Options};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

fn journal(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_neuronbus")).arg("journal").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Sixty records in twenty ticks: texts, bytes and events, from three gates.
fn written() -> TempDir {
    let place = tempdir().unwrap();
    let options = Options { segment_bytes: 8192, ..Options::default() };
    let header = Header { seed: 11, ..Header::default() };
    let mut journal = Journal::create(place.path(), &header, options).unwrap();
    for n in 0..60_u64 {
        let body = match n % 3 {
            0 => format!("reading {n}").into_bytes(),
            1 => vec![0, 255, n as u8],
            _ => event(n),
        };
        let entry = Entry {
            tick: n / 3,
            time_ns: 1_000_000_000 * n,
            source: n as u32 % 3,
            kind: 1,
            body: &body,
        };
        journal.append(&entry).unwrap();
        if n % 3 == 2 {
            journal.seal();
        }
    }
    journal.close().unwrap();
    place
}

fn event(n: u64) -> Vec<u8> {
    let topic = if n.is_multiple_of(2) { "plant.boiler.heat" } else { "plant.pump.flow" };
    let id = EventId::new(1000 + n, [n as u8; 10]);
    let event = Event::new(topic).body(n).id(id).time_us(n).parent(EventId::new(999, [1; 10]));
    let event = event.header("correlation-id", if n.is_multiple_of(2) { "boiler" } else { "pump" });
    let mut record = vec![7; 12];
    event.encode(&mut EventIds::new(n), 0, &mut record).unwrap();
    record
}

fn path(place: &Path) -> &str {
    place.to_str().unwrap()
}

#[test]
fn records_are_shown_by_sequence_tick_time_source_and_topic() {
    let place = written();
    let place = path(place.path());
    let count = |more: &[&str]| {
        let arguments = [&["show", place, "--format", "json"], more].concat();
        lines(&journal(&arguments)).len()
    };
    assert_eq!(count(&[]), 60);
    assert_eq!(count(&["--sequence", "10..20"]), 10);
    assert_eq!(count(&["--tick", "3..5"]), 6);
    assert_eq!(count(&["--time", "59000000000.."]), 1);
    assert_eq!(count(&["--source", "2"]), 20);
    assert_eq!(count(&["--topic", "plant.*.heat"]), 10);
    assert_eq!(count(&["--topic", "plant.pump.flow", "--tick", "..10"]), 5);
    assert_eq!(count(&["--limit", "7"]), 7);
    // Of the twenty events, one has this id, and all have one parent, which is no record.
    let id = |n: u64| EventId::new(1000 + n, [n as u8; 10]).to_string();
    assert_eq!(count(&["--correlation", &id(5)]), 1);
    assert_eq!(count(&["--correlation", &EventId::new(999, [1; 10]).to_string()]), 20);
    assert_eq!(count(&["--correlation", "pump", "--tick", "..10"]), 5);
    assert_eq!(count(&["--correlation", "nobody"]), 0);
    let shown = text(&journal(&["show", place, "--sequence", "0..3"]));
    assert!(shown.contains("\"reading 0\"") && shown.contains("00ff01"), "{shown}");
    assert!(shown.contains("plant.boiler.heat 2"), "{shown}");
    let wrong = journal(&["show", place, "--tick", "ten"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn segments_are_listed_and_the_end_is_shown() {
    let place = written();
    let place = path(place.path());
    let listed: Value =
        serde_json::from_str(&text(&journal(&["ls", place, "--format", "json"]))).unwrap();
    assert_eq!(listed["seed"], 11);
    let segments = listed["segments"].as_array().unwrap();
    assert!(segments.len() > 1);
    assert_eq!(segments.last().unwrap()["next"], 60);
    assert!(text(&journal(&["ls", place])).contains("00000000000000000000.segment"));
    let tail = lines(&journal(&["tail", place, "-n", "4", "--format", "json"]));
    assert_eq!(
        tail.iter().map(|record| record["sequence"].as_u64().unwrap()).collect::<Vec<_>>(),
        [56, 57, 58, 59]
    );
}

#[test]
fn a_changed_byte_is_named_and_fails_the_command() {
    let place = written();
    let sound = text(&journal(&["verify", path(place.path())]));
    assert!(sound.contains("60 records in 21 batches"), "{sound}");
    let file = place.path().join("00000000000000000000.segment");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096 + 50] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let found = journal(&["verify", path(place.path())]);
    assert_eq!(found.status.code(), Some(1));
    let said = String::from_utf8(found.stderr).unwrap();
    assert!(said.contains("00000000000000000000.segment, byte 4096 (record 0"), "{said}");
    assert!(said.contains("sequence 0"), "{said}");
    let found = journal(&["verify", path(place.path()), "--format", "json"]);
    let damage: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!((&damage["ok"], &damage["offset"]), (&false.into(), &4096.into()));
}

#[test]
fn an_export_is_a_chain_that_verifies_and_finds_a_changed_line() {
    let place = written();
    let out = tempdir().unwrap();
    let file = out.path().join("all.jsonl");
    assert!(journal(&["export", path(place.path()), "--output", path(&file)]).status.success());
    assert!(text(&journal(&["verify", path(&file)])).contains("60 records: ok"));
    let exported = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        exported,
        text(&journal(&["export", path(place.path())])),
        "the same bytes every time"
    );
    std::fs::write(&file, exported.replacen("reading 30", "reading 31", 1)).unwrap();
    let broken = journal(&["verify", path(&file)]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8(broken.stderr).unwrap().contains("line 31"));
}

#[test]
fn a_database_has_the_table_of_events_with_its_indexes() {
    let place = written();
    let out = tempdir().unwrap();
    let file = out.path().join("events.db");
    let export = || journal(&["export", path(place.path()), "--sqlite", path(&file)]);
    assert!(export().status.success());
    assert_eq!(export().status.code(), Some(1), "a database that is there is not added to");
    let database = rusqlite::Connection::open(&file).unwrap();
    let ask = |query: &str| database.query_row(query, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(ask("SELECT count(*) FROM events"), 60);
    assert_eq!(ask("SELECT count(*) FROM events WHERE topic = 'plant.boiler.heat'"), 10);
    assert_eq!(ask("SELECT count(DISTINCT parent_id) FROM events"), 1);
    assert_eq!(
        ask("SELECT sum(data) FROM events WHERE topic LIKE 'plant.%'"),
        (0..20).map(|n| n * 3 + 2).sum::<i64>()
    );
    assert_eq!(
        ask("SELECT timestamp FROM events WHERE json_extract(metadata, '$.sequence') = 7"),
        7_000_000_000
    );
    for index in ["timestamp", "topic", "parent"] {
        let found = format!(
            "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = 'events_{index}'"
        );
        assert_eq!(ask(&found), 1);
    }
}

#[test]
fn a_parquet_file_has_the_rows_of_the_database() {
    let place = written();
    let out = tempdir().unwrap();
    let (file, database) = (out.path().join("events.parquet"), out.path().join("events.db"));
    let export = |to: &str, file: &Path| journal(&["export", path(place.path()), to, path(file)]);
    assert!(export("--parquet", &file).status.success());
    assert_eq!(export("--parquet", &file).status.code(), Some(1), "none is written over");
    assert!(export("--sqlite", &database).status.success());
    let database = rusqlite::Connection::open(&database).unwrap();
    let mut rows = database.prepare("SELECT * FROM events ORDER BY timestamp").unwrap();
    let mut rows = rows.query([]).unwrap();
    let read = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
    let mut count = 0;
    for parquet in read.get_row_iter(None).unwrap() {
        let (parquet, row) = (parquet.unwrap(), rows.next().unwrap().unwrap());
        let text = |at: usize| row.get::<_, Option<String>>(at).unwrap();
        for at in [0, 1, 3, 4, 6, 7] {
            assert_eq!(parquet.get_string(at).ok(), text(at).as_ref(), "column {at}");
        }
        let time = parquet.get_column_iter().nth(2).unwrap().1;
        assert_eq!(time.to_string(), row.get::<_, i64>(2).unwrap().to_string());
        count += 1;
    }
    assert_eq!((count, rows.next().unwrap().is_none()), (60, true));
}

#[test]
fn old_segments_are_forgotten_and_the_rest_still_verifies() {
    let place = written();
    let place = path(place.path());
    let done = text(&journal(&["compact", place, "--keep-from", "50", "--format", "json"]));
    let done: Value = serde_json::from_str(&done).unwrap();
    let first = done["first"].as_u64().unwrap();
    assert!(first > 0 && first <= 50, "{done}");
    assert_eq!(lines(&journal(&["show", place, "--format", "json"])).len() as u64, 60 - first);
    text(&journal(&["verify", place]));
}

#[test]
fn compressed_segments_are_listed_shown_and_verified_as_before() {
    let place = written();
    let place = path(place.path());
    let before = text(&journal(&["show", place]));
    let verified = text(&journal(&["verify", place]));
    let done = text(&journal(&["compact", place, "--compress", "--format", "json"]));
    let done: Value = serde_json::from_str(&done).unwrap();
    assert_eq!((&done["first"], &done["segments"]), (&0.into(), &0.into()));
    let bytes = |key: &str| done["compressed"][key].as_u64().unwrap();
    assert!(bytes("segments") > 0 && bytes("after") < bytes("before"), "{done}");
    assert_eq!(text(&journal(&["show", place])), before);
    assert_eq!(text(&journal(&["verify", place])), verified);
    let listed = text(&journal(&["ls", place]));
    assert!(listed.contains("00000000000000000000.segment.zst"), "{listed}");
    let again = text(&journal(&["compact", place, "--compress"]));
    assert!(again.starts_with("0 segments compressed"), "{again}");
    // Nothing is forgotten where no snapshot stands for it.
    let kept = text(&journal(&["compact", place]));
    assert!(kept.starts_with("0 segments forgotten"), "{kept}");
}

#[test]
fn what_is_no_journal_is_said_to_be_none() {
    let place = tempdir().unwrap();
    for command in [&["ls"][..], &["show"], &["verify"], &["tail"], &["export"]] {
        let output = journal(&[command, &[path(place.path())]].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().contains("holds no journal"),
            "{command:?}"
        );
    }
}
