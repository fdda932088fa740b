//! A journal that is played into a running cortex: what was there and what is written meanwhile enter once each.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use neuronbus::cortex::{Playback, Recording};
use neuronbus::event::{Event, EventIds};
use neuronbus::journal::disk::{Call, Fault, MemoryDisk};
use neuronbus::journal::{
    Entry, Header, Journal, JournalError, Level, Options, Retention, Scan, Speed,
};
use neuronbus::journal_gate::{JournalGate, JournalPosition};
use neuronbus::prelude::*;
use neuronbus::recorded::Recorded;
use support::{Log, Puppet, id};

/// Whom the recorded gates are: one that the tests play, and one that they leave out.
const DOOR: u32 = 3;
const OTHER: u32 = 4;

fn options() -> Options {
    Options { segment_bytes: 8192, level: Level::PageCache, ..Options::default() }
}

fn begin(place: &Path) -> Journal {
    Journal::create(place, &Header::default(), options()).unwrap()
}

/// Records what the door fired: its numbers, one a tick, a batch after the other; between them something of others.
fn record(journal: &mut Journal, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let fire = |payload| Recorded::Fire { kind: SpikeKind::Excitatory, priority: 7, payload };
        let number = number.to_le_bytes();
        for (source, recorded) in
            [(OTHER, fire(b"not this")), (OTHER, Recorded::Passed), (DOOR, fire(&number))]
        {
            let mut body = Vec::new();
            recorded.write(&mut body);
            let tick = journal.next_sequence();
            let entry = Entry { tick, time_ns: tick, source, kind: recorded.code(), body: &body };
            journal.append(&entry).unwrap();
        }
        if u32::from_le_bytes(number) % 5 == 0 {
            journal.seal();
            journal.wait(journal.next_sequence() - 1, Level::PageCache).unwrap();
        }
    }
    journal.seal();
    if let Some(last) = journal.next_sequence().checked_sub(1) {
        journal.wait(last, Level::PageCache).unwrap();
    }
}

/// A cortex that hears what a gate plays, and what it has heard.
fn listener(gate: JournalGate, kept: Option<Recording>) -> (Cortex, Log<u32>) {
    let heard = Log::default();
    let note = heard.clone();
    let ear = Puppet::default().on_spike(move |spike, payload, _| {
        assert_eq!(spike.priority(), 7);
        note.push(u32::from_le_bytes(payload.try_into().unwrap()));
        Ok(())
    });
    let mut builder = Cortex::builder();
    let past = builder.region(Region::gated("past", gate));
    let ears = builder.region(Region::agents("ears").neuron("new", ear));
    builder.project(past, ears, Projection::all_to_all()).pace(Pace::OnDemand);
    if let Some(kept) = kept {
        builder.pace(Pace::Free).journal(kept);
    }
    (builder.build().unwrap(), heard)
}

/// Waits until a gate has come so far.
fn until(position: &JournalPosition, sequence: u64) {
    // bound: thirty seconds
    for _ in 0..30_000 {
        if position.next_sequence() >= sequence {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("{} of {sequence} after 30 s", position.next_sequence());
}

#[test]
fn the_past_and_then_the_present_enter_once_each_in_order() {
    const ALL: u32 = 1200;
    for there in [0, 1, 400, ALL - 1] {
        let place = tempfile::tempdir().unwrap();
        let mut journal = begin(place.path());
        record(&mut journal, 0..there);
        let gate = JournalGate::new(place.path()).of_gates([id(DOOR as u16)]).follow();
        let position = gate.position();
        let (cortex, heard) = listener(gate, None);
        let running = cortex.spawn().unwrap();
        // While it reads what was there, whenever that comes to its end.
        record(&mut journal, there..ALL);
        until(&position, u64::from(ALL) * 3);
        running.stop();
        let (mut cortex, _) = running.join().unwrap();
        cortex.close();
        assert_eq!(heard.all(), (0..ALL).collect::<Vec<_>>(), "{there} were there");
        assert_eq!(position.entered(), u64::from(ALL));
        journal.close().unwrap();
    }
}

#[test]
fn what_is_there_is_played_to_its_end_and_the_present_is_told_from_it() {
    let place = tempfile::tempdir().unwrap();
    let mut journal = begin(place.path());
    record(&mut journal, 0..100);
    let (mut cortex, heard) =
        listener(JournalGate::new(place.path()).of_gates([id(DOOR as u16)]), None);
    // It ends by itself.
    cortex.run().unwrap();
    cortex.close();
    assert_eq!(heard.all(), (0..100).collect::<Vec<_>>());

    let gate =
        JournalGate::new(place.path()).of_gates([id(DOOR as u16)]).from_sequence(150).follow();
    let position = gate.position();
    let (cortex, heard) = listener(gate.speed(Speed::Times(1e6)), None);
    let running = cortex.spawn().unwrap();
    until(&position, 300);
    // bound: thirty seconds
    let live = (0..30_000).find_map(|_| {
        std::thread::park_timeout(Duration::from_millis(1));
        position.caught_up()
    });
    assert_eq!(live, Some(300));
    record(&mut journal, 100..110);
    until(&position, 330);
    let report = running.inspect(|cortex| cortex.report()).unwrap();
    let note = &report.gates[0].account.notes[0];
    assert!(note.ends_with("60 records entered, up to sequence 330, live from 300 on"), "{note}");
    running.stop();
    running.join().unwrap();
    assert_eq!(heard.all(), (50..110).collect::<Vec<_>>());
}

/// The numbers that a cortex's own journal says have entered, once what was torn is cut.
fn entered(disk: &MemoryDisk) -> Vec<u32> {
    let shared = || Arc::new(disk.clone());
    match Journal::open_on(shared(), Options { thread: false, ..options() }) {
        Ok(_) => {}
        Err(JournalError::Missing { .. }) => return Vec::new(),
        Err(error) => panic!("{error}"),
    }
    let mut playback = Playback::of(Scan::open_on(shared()).unwrap());
    let mut numbers = Vec::new();
    while let Some(record) = playback.next_record().unwrap() {
        if let Recorded::Fire { payload, .. } = Recorded::read(record.kind, record.body).unwrap() {
            numbers.push(u32::from_le_bytes(payload.try_into().unwrap()));
        }
    }
    numbers
}

#[test]
fn a_cortex_that_is_killed_again_and_again_takes_each_record_in_once() {
    const ALL: u32 = 3000;
    let place = tempfile::tempdir().unwrap();
    let mut journal = begin(place.path());
    record(&mut journal, 0..ALL);
    journal.close().unwrap();
    for snapshots in [u64::MAX, 300] {
        let disk = MemoryDisk::new(5);
        // bound: a life takes in something, unless its disk is full
        for life in 0..100_u64 {
            let mut kept = Recording::in_directory("own").every_records(u64::MAX, snapshots);
            kept.disk = Some(Arc::new(disk.clone()));
            kept.options = Options {
                thread: false,
                memory_bytes: 16 << 10,
                level: Level::PageCache,
                ..options()
            };
            let gate = JournalGate::new(place.path()).of_gates([id(DOOR as u16)]);
            let position = gate.position();
            let (mut cortex, _) = listener(gate, Some(kept));
            // Every third life ends on a full disk, in the middle of a burst.
            cortex.run_for(Ticks(0)).unwrap();
            if life % 3 == 2 {
                let (call, error) = (Some(Call::Write), ErrorKind::StorageFull);
                disk.set_fault(Some(Fault { after: 1, call, error, sticky: true }));
            }
            // What is to outlive a loss of power is synced before it.
            let level = if life % 2 == 0 { Level::PageCache } else { Level::Synced };
            until_some(&mut cortex, &position, level);
            if life % 2 == 0 {
                disk.kill()
            } else {
                disk.lose_power()
            }
            drop(cortex);
            disk.set_fault(None);
            let numbers = entered(&disk);
            assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>(), "life {life}");
            if numbers.len() == ALL as usize {
                break;
            }
        }
        assert_eq!(entered(&disk).len(), ALL as usize);
    }
}

/// Computes some ticks, until something has entered or clearly nothing can.
fn until_some(cortex: &mut Cortex, position: &JournalPosition, level: Level) {
    let before = position.entered();
    // bound: half a second where nothing enters
    for _ in 0..500 {
        cortex.run_for(Ticks(1)).unwrap();
        // A full disk takes nothing, and the life ends.
        if cortex.sync_journal(level).is_err() || position.entered() > before {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    cortex.run_for(Ticks(2)).unwrap();
}

#[test]
fn another_journal_and_forgotten_records_are_refused_before_anything_enters() {
    let place = tempfile::tempdir().unwrap();
    let mut journal = begin(place.path());
    record(&mut journal, 0..300);
    journal.close().unwrap();
    let own = tempfile::tempdir().unwrap();
    let kept = || Recording::in_directory(own.path().join("own"));
    let gate = || JournalGate::new(place.path());
    let (mut cortex, heard) = listener(gate().of_gates([id(DOOR as u16)]), Some(kept()));
    cortex.run().unwrap();
    cortex.close();
    assert_eq!(heard.len(), 300);
    drop(cortex);

    neuronbus::journal::forget(
        place.path(),
        Retention { bytes: Some(0), ..Retention::default() },
        800,
        0,
    )
    .unwrap();
    let refused = |gate: JournalGate, kept: Option<Recording>| {
        listener(gate, kept).0.run_for(Ticks(1)).unwrap_err().to_string()
    };
    let why = refused(gate().from_sequence(5), None);
    assert!(why.contains("records from 5 on are wanted"), "{why}");
    for file in std::fs::read_dir(place.path()).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    let header = Header { seed: 1, ..Header::default() };
    Journal::create(place.path(), &header, options()).unwrap().close().unwrap();
    let why = refused(gate(), Some(kept()));
    assert!(why.contains("and this gate has played"), "{why}");
    let why = refused(JournalGate::new(place.path().join("nowhere")), None);
    assert!(why.contains("nowhere"), "{why}");
}

#[test]
fn events_go_to_the_neurons_of_their_topics() {
    let place = tempfile::tempdir().unwrap();
    let mut journal = begin(place.path());
    for n in 0..6_u64 {
        let event = Event::new(["pump.flow", "boiler.heat"][n as usize % 2]).body(n);
        let (mut payload, mut body) = (Vec::new(), Vec::new());
        event.encode(&mut EventIds::new(n), 1, &mut payload).unwrap();
        let (kind, payload) = (SpikeKind::Excitatory, &payload[..]);
        let recorded = Recorded::Fire { kind, priority: 0, payload };
        recorded.write(&mut body);
        let kind = recorded.code();
        journal.append(&Entry { tick: n, time_ns: n, source: DOOR, kind, body: &body }).unwrap();
    }
    journal.close().unwrap();
    let mut builder = Cortex::builder();
    let topics = Region::agents("topics").template(8, |_| Box::new(Relay::default()));
    let topics = builder.region(topics);
    builder.region(Region::gated("past", JournalGate::new(place.path()).by_topic(topics)));
    builder.pace(Pace::Free);
    let mut cortex = builder.build().unwrap();
    cortex.run().unwrap();
    let atlas = cortex.atlas();
    let names: Vec<_> = atlas.neurons().map(|id| atlas.address(id)).collect();
    assert!(names.contains(&"topics:pump.flow".to_owned()), "{names:?}");
    assert!(names.contains(&"topics:boiler.heat".to_owned()), "{names:?}");
    assert_eq!(cortex.counts().admitted, 6);
}
