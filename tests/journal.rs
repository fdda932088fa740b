//! The journal as storage: appended, sealed, written, opened again, read.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::any::Any;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fmt, fs, io};

use neuronbus::journal::disk::{Disk, DiskFile, MemoryDisk};
use neuronbus::journal::{
    Archive, Compressed, Entry, Flaw, Header, Journal, JournalError, Level, Options, Recovery,
    Retention, Scan, Span, compress, forget, verify,
};
use tempfile::tempdir;

fn entry(tick: u64, body: &[u8]) -> Entry<'_> {
    Entry { tick, time_ns: tick * 1000, source: 3, kind: 9, body }
}

fn small() -> Options {
    Options { segment_bytes: 8192, memory_bytes: 64 << 10, ..Options::default() }
}

/// What record `n` of the tests holds: of every length from 0 up, and told apart.
fn body(n: u64) -> Vec<u8> {
    (0..n % 97).map(|at| (n * 31 + at) as u8).collect()
}

/// A closed journal of batches of `in_batch` records, one tick each.
fn write(place: &Path, batches: u64, in_batch: u64) {
    let header = Header { seed: 7, meta: b"a test".to_vec(), ..Header::default() };
    let mut journal = Journal::create(place, &header, small()).unwrap();
    append(&mut journal, batches, in_batch);
    journal.close().unwrap();
}

fn append(journal: &mut Journal, batches: u64, in_batch: u64) {
    for _ in 0..batches {
        for _ in 0..in_batch {
            let n = journal.next_sequence();
            assert_eq!(journal.append(&entry(n / in_batch, &body(n))), Ok(n));
        }
        journal.seal();
        // The tests' journals hold little in memory.
        journal.wait(journal.next_sequence() - 1, Level::PageCache).unwrap();
    }
}

/// Reads from a scan to its end, and checks each record; the first and the next sequence.
fn read(mut scan: Scan) -> Option<(u64, u64)> {
    let mut seen: Option<(u64, u64)> = None;
    while let Some(record) = scan.next() {
        let record = record.unwrap();
        let n = record.sequence;
        assert_eq!((record.body, record.source, record.kind), (&body(n)[..], 3, 9));
        let (first, next) = seen.unwrap_or((n, n));
        assert_eq!(n, next, "sequences have no gap");
        seen = Some((first, n + 1));
    }
    seen
}

fn segments(place: &Path) -> Vec<String> {
    let names = fs::read_dir(place).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".segment"));
    names.sort();
    names
}

#[test]
fn what_was_appended_is_read_in_order_over_many_segments() {
    let place = tempdir().unwrap();
    write(place.path(), 100, 5);
    assert!(segments(place.path()).len() > 4);
    assert_eq!(read(Scan::open(place.path()).unwrap()), Some((0, 500)));
    let summary = verify(place.path()).unwrap();
    // The last batch is the empty one of closing.
    assert_eq!((summary.records, summary.batches, summary.next), (500, 101, 500));
    assert_eq!(summary.last_tick, 99);
}

#[test]
fn a_scan_begins_at_a_sequence_a_tick_or_a_time() {
    let place = tempdir().unwrap();
    write(place.path(), 100, 5);
    let scan = || Scan::open(place.path()).unwrap();
    for n in [0, 1, 4, 5, 123, 250, 499] {
        assert_eq!(read(scan().from_sequence(n).unwrap()), Some((n, 500)));
        assert_eq!(read(scan().from_tick(n / 5).unwrap()), Some((n / 5 * 5, 500)));
        assert_eq!(read(scan().from_time(n / 5 * 1000).unwrap()), Some((n / 5 * 5, 500)));
    }
    assert_eq!(read(scan().from_sequence(500).unwrap()), None);
}

/// What [`write`] writes, by the first version of the format.
const REFERENCE: &[u8] = include_bytes!("reference/small.segment");

#[test]
fn a_journal_has_the_bytes_that_it_always_had() {
    let place = tempdir().unwrap();
    write(place.path(), 3, 5);
    let written = fs::read(place.path().join(&segments(place.path())[0])).unwrap();
    let differs = written.iter().zip(REFERENCE).position(|(now, then)| now != then);
    assert_eq!((differs, written.len()), (None, REFERENCE.len()));
}

#[test]
fn a_journal_of_the_first_version_is_read_and_gone_on_with() {
    let place = tempdir().unwrap();
    write(place.path(), 1, 1);
    // The name is that of a first segment, the bytes are the reference's.
    fs::write(place.path().join(&segments(place.path())[0]), REFERENCE).unwrap();
    assert_eq!(verify(place.path()).unwrap().records, 15);
    let (mut journal, recovery) = Journal::open(place.path(), small()).unwrap();
    assert_eq!((recovery.next, recovery.cut), (15, None));
    append(&mut journal, 1, 5);
    journal.close().unwrap();
    assert_eq!(read(Scan::open(place.path()).unwrap()), Some((0, 20)));
}

#[test]
fn a_journal_goes_on_where_it_ended() {
    let place = tempdir().unwrap();
    write(place.path(), 10, 5);
    for round in 1..4 {
        let (mut journal, recovery) = Journal::open(place.path(), small()).unwrap();
        let Recovery { next, last_tick, cut, header, .. } = recovery;
        assert_eq!((next, last_tick, cut), (round * 50, round * 10 - 1, None));
        assert_eq!((header.seed, &header.meta[..]), (7, &b"a test"[..]));
        append(&mut journal, 10, 5);
        journal.close().unwrap();
    }
    assert_eq!(read(Scan::open(place.path()).unwrap()), Some((0, 200)));
    verify(place.path()).unwrap();
}

#[test]
fn nothing_is_taken_that_cannot_be_kept() {
    let place = tempdir().unwrap();
    let options = Options { thread: false, ..small() };
    let mut journal = Journal::create(place.path(), &Header::default(), options).unwrap();
    journal.append(&entry(5, b"")).unwrap();
    assert_eq!(journal.append(&entry(4, b"")), Err(JournalError::TickBefore { tick: 4, last: 5 }));
    assert!(matches!(
        journal.append(&entry(5, &[0; 70_000])),
        Err(JournalError::TooLarge { wanted: 70_000, .. })
    ));
    let mut taken = 1;
    let full = loop {
        match journal.append(&entry(5, &[0; 1000])) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, JournalError::Full { .. }));
    assert_eq!((journal.refused(), journal.next_sequence()), (2, taken));
    journal.seal();
    journal.drive().unwrap();
    assert_eq!(journal.reached(Level::Synced), taken);
    journal.append(&entry(5, &[0; 1000])).unwrap();
}

#[test]
fn a_journal_has_one_writer_and_is_not_made_twice() {
    let place = tempdir().unwrap();
    let (header, missing) = (Header::default(), place.path().join("missing"));
    assert!(matches!(Journal::open(&missing, small()), Err(JournalError::Missing { .. })));
    assert!(matches!(Journal::open(place.path(), small()), Err(JournalError::Missing { .. })));
    let journal = Journal::create(place.path(), &header, small()).unwrap();
    assert!(matches!(Journal::open(place.path(), small()), Err(JournalError::Busy { .. })));
    journal.close().unwrap();
    assert!(matches!(
        Journal::create(place.path(), &header, small()),
        Err(JournalError::AlreadyExists { .. })
    ));
}

#[test]
fn damage_is_found_where_it_is() {
    let place = tempdir().unwrap();
    write(place.path(), 100, 5);
    let file = place.path().join(&segments(place.path())[1]);
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    changed[4096 + 45] ^= 1;
    fs::write(&file, &changed).unwrap();
    let Err(JournalError::Damaged(damage)) = verify(place.path()) else { panic!("not found") };
    assert_eq!((damage.flaw, damage.offset, damage.record), (Flaw::Checksum, 4096, 0));
    assert_eq!(format!("{}.segment", &damage.segment[..20]), segments(place.path())[1]);
    fs::remove_file(&file).unwrap();
    let Err(JournalError::Damaged(damage)) = verify(place.path()) else { panic!("not found") };
    assert_eq!(damage.flaw, Flaw::MissingSegment);
}

#[test]
fn a_range_reads_little_more_than_it_gives() {
    let place = tempdir().unwrap();
    let mut journal =
        Journal::create(place.path(), &Header::default(), Options::default()).unwrap();
    append(&mut journal, 1000, 50);
    let mut archive = Archive::open(place.path()).unwrap();
    let ask = |archive: &mut Archive, span: Span| {
        let mut seen = Vec::new();
        let given = archive.range(&span, |record| {
            assert_eq!(record.body, body(record.sequence));
            seen.push(record.sequence);
        });
        assert_eq!(given, Ok(seen.len() as u64));
        seen
    };
    let before = archive.bytes_read();
    assert_eq!(
        ask(&mut archive, Span::Sequences(17_100..17_200)),
        (17_100..17_200).collect::<Vec<_>>()
    );
    assert!(archive.bytes_read() - before < 200_000, "{}", archive.bytes_read() - before);
    assert_eq!(ask(&mut archive, Span::Ticks(300..302)), (15_000..15_100).collect::<Vec<_>>());
    assert_eq!(
        ask(&mut archive, Span::Times(999_000..u64::MAX)),
        (49_950..50_000).collect::<Vec<_>>()
    );
    assert_eq!(ask(&mut archive, Span::Times(0..1)), (0..50).collect::<Vec<_>>());
    append(&mut journal, 1, 50);
    assert_eq!(ask(&mut archive, Span::Sequences(49_999..60_000)), [49_999]);
    archive.refresh().unwrap();
    assert_eq!(archive.sequences(), 0..50_050);
    assert_eq!(ask(&mut archive, Span::Sequences(50_049..60_000)), [50_049]);
    journal.close().unwrap();
}

#[test]
fn an_index_that_is_missing_or_stale_is_made_again() {
    let place = tempdir().unwrap();
    write(place.path(), 100, 5);
    let sidecars: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "index"))
        .collect();
    assert_eq!(sidecars.len(), segments(place.path()).len());
    let all = |place: &Path| {
        let mut archive = Archive::open(place).unwrap();
        archive.range(&Span::Ticks(40..60), |_| {}).unwrap()
    };
    assert_eq!(all(place.path()), 100);
    for (n, sidecar) in sidecars.iter().enumerate() {
        let mut bytes = fs::read(sidecar).unwrap();
        let at = n * 7 % bytes.len();
        bytes[at] ^= 4;
        fs::write(sidecar, bytes).unwrap();
    }
    assert_eq!(all(place.path()), 100);
    sidecars.iter().for_each(|sidecar| fs::remove_file(sidecar).unwrap());
    assert_eq!(all(place.path()), 100);
}

#[test]
fn old_segments_are_forgotten_as_far_as_it_is_allowed() {
    let place = tempdir().unwrap();
    let retention = Retention { bytes: Some(20_000), age: None };
    let options = Options { retention, ..small() };
    let mut journal = Journal::create(place.path(), &Header::default(), options).unwrap();
    append(&mut journal, 100, 5);
    let all = segments(place.path()).len();
    assert!(all > 4, "nothing is forgotten before a snapshot allows it");
    journal.keep_from(200);
    append(&mut journal, 60, 5);
    journal.close().unwrap();
    let mut archive = Archive::open(place.path()).unwrap();
    let there = archive.sequences();
    assert!(there.start > 100 && there.start <= 200 && there.end == 800, "{there:?}");
    assert_eq!(archive.range(&Span::Sequences(200..800), |_| {}), Ok(600));
    verify(place.path()).unwrap();
    let age = Some(Duration::from_nanos(1000 * 20));
    let forgotten = forget(place.path(), Retention { age, bytes: None }, 700, 1000 * 160).unwrap();
    assert!(forgotten.first > 500 && forgotten.first <= 700, "{forgotten:?}");
    assert_eq!(read(Scan::open(place.path()).unwrap()), Some((forgotten.first, 800)));
    let (journal, recovery) = Journal::open(place.path(), small()).unwrap();
    assert_eq!((recovery.first, recovery.next), (forgotten.first, 800));
    drop(journal);
}

/// A disk on which somebody writes whenever another lists its files.
struct Meddled {
    disk: MemoryDisk,
    writes: Mutex<Box<dyn FnMut() + Send>>,
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(f)
    }
}

impl Disk for Meddled {
    fn list(&self) -> io::Result<Vec<String>> {
        (self.writes.lock().unwrap())();
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(name)
    }
    fn open(&self, name: &str, write: bool) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(name, write)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }
    fn lock(&self) -> io::Result<Option<Box<dyn Any + Send>>> {
        self.disk.lock()
    }
}

#[test]
fn a_reader_misses_nothing_that_is_written_between_two_of_its_looks() {
    let disk = MemoryDisk::new(0);
    let options = Options { thread: false, ..small() };
    let made = Journal::create_on(Arc::new(disk.clone()), &Header::default(), options);
    let journal = Arc::new(Mutex::new(made.unwrap()));
    let write = {
        let journal = journal.clone();
        // So much that the segment which is read has ended by then, and others after it.
        move |batches| append(&mut journal.lock().unwrap(), batches, 5)
    };
    write(3);
    let mut rounds = 4;
    let writes = {
        let write = write.clone();
        move || {
            if rounds > 0 {
                rounds -= 1;
                write(40);
            }
        }
    };
    let writes: Mutex<Box<dyn FnMut() + Send>> = Mutex::new(Box::new(writes));
    let meddled: Arc<dyn Disk> = Arc::new(Meddled { disk: disk.clone(), writes });
    let mut archive = Archive::open_on(meddled.clone()).unwrap();
    let mut scan = Scan::open_on(meddled).unwrap();
    let (mut next, mut quiet) = (0, 0);
    while quiet < 3 {
        match scan.next() {
            Some(record) => {
                assert_eq!(record.unwrap().sequence, next);
                next += 1;
            }
            None => quiet += 1,
        }
        archive.refresh().unwrap();
        let there = archive.sequences();
        assert_eq!(archive.range(&Span::Sequences(0..u64::MAX), |_| {}), Ok(there.end));
    }
    assert_eq!(next, 5 * (3 + 4 * 40));
    assert_eq!(archive.sequences(), 0..next);
}

/// Segments of several blocks.
fn long() -> Options {
    Options { segment_bytes: 300_000, ..Options::default() }
}

#[test]
fn a_compressed_journal_is_read_verified_and_gone_on_with_as_before() {
    let place = tempdir().unwrap();
    let mut journal = Journal::create(place.path(), &Header::default(), long()).unwrap();
    append(&mut journal, 200, 50);
    assert!(matches!(compress(place.path()), Err(JournalError::Busy { .. })));
    journal.close().unwrap();
    let whole = verify(place.path()).unwrap();
    let all = segments(place.path()).len();
    let Compressed { segments: done, before, after } = compress(place.path()).unwrap();
    assert_eq!((done as usize, segments(place.path()).len()), (all - 1, 1));
    assert!(done > 2 && after < before / 2, "{before} became {after}");
    assert_eq!(verify(place.path()).unwrap(), whole);
    for from in [0, 1, 4_999, 9_999] {
        let scan = Scan::open(place.path()).unwrap();
        assert_eq!(read(scan.from_sequence(from).unwrap()), Some((from, 10_000)));
        let scan = Scan::open(place.path()).unwrap();
        assert_eq!(read(scan.from_tick(from / 50).unwrap()), Some((from / 50 * 50, 10_000)));
    }
    let mut archive = Archive::open(place.path()).unwrap();
    for from in (0..9_000).step_by(777) {
        let mut next = from;
        let given = archive.range(&Span::Sequences(from..from + 1_000), |record| {
            assert_eq!((record.sequence, record.body), (next, &body(next)[..]));
            next += 1;
        });
        assert_eq!(given, Ok(1_000));
    }
    let on_disk: u64 = archive.segments().filter_map(|card| card.compressed).sum();
    assert_eq!(on_disk, after);

    let (mut journal, recovery) = Journal::open(place.path(), long()).unwrap();
    assert_eq!((recovery.next, recovery.cut), (10_000, None));
    append(&mut journal, 100, 50);
    journal.close().unwrap();
    assert!(compress(place.path()).unwrap().segments > 0);
    assert_eq!(read(Scan::open(place.path()).unwrap()), Some((0, 15_000)));
    let half = Retention { bytes: Some(0), age: None };
    let forgotten = forget(place.path(), half, 5_000, 0).unwrap();
    assert!(forgotten.first > 0 && forgotten.first <= 5_000, "{forgotten:?}");
    assert_eq!(read(Scan::open(place.path()).unwrap()), Some((forgotten.first, 15_000)));
    assert_eq!(verify(place.path()).unwrap().next, 15_000);
}

#[test]
fn a_journal_whose_last_segment_is_compressed_is_gone_on_with() {
    let place = tempdir().unwrap();
    let mut journal = Journal::create(place.path(), &Header::default(), long()).unwrap();
    append(&mut journal, 150, 50);
    journal.close().unwrap();
    compress(place.path()).unwrap();
    fs::remove_file(place.path().join(&segments(place.path())[0])).unwrap();
    let end = verify(place.path()).unwrap().next;
    let (mut journal, recovery) = Journal::open(place.path(), long()).unwrap();
    assert_eq!((recovery.next, recovery.cut), (end, None));
    append(&mut journal, 1, 50);
    journal.close().unwrap();
    assert_eq!(verify(place.path()).unwrap().next, end + 50);
}

#[test]
fn segments_are_compressed_while_a_journal_is_written_and_read() {
    let place = tempdir().unwrap();
    let options = Options { compress: true, thread: false, ..long() };
    let mut journal = Journal::create(place.path(), &Header::default(), options).unwrap();
    append(&mut journal, 200, 50);
    let mut scan = Scan::open(place.path()).unwrap();
    let mut archive = Archive::open(place.path()).unwrap();
    assert_eq!(scan.next().unwrap().unwrap().sequence, 0);
    let all = segments(place.path()).len();
    assert!(all > 3);
    // bound: each takes a block
    for _ in 0..100 {
        journal.drive().unwrap();
    }
    assert_eq!(segments(place.path()).len(), 2, "the last two stay as they are");
    append(&mut journal, 20, 50);
    assert_eq!(read(scan), Some((1, 11_000)));
    archive.refresh().unwrap();
    assert_eq!(archive.range(&Span::Ticks(0..u64::MAX), |_| {}), Ok(11_000));
    // What was begun is left as it was.
    append(&mut journal, 100, 50);
    journal.drive().unwrap();
    journal.close().unwrap();
    let files = fs::read_dir(place.path()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_str().unwrap().ends_with(".new")), "{names:?}");
    assert_eq!(verify(place.path()).unwrap().next, 16_000);
}

#[test]
fn what_is_forgotten_while_it_is_compressed_does_not_come_back() {
    let place = tempdir().unwrap();
    let retention = Retention { bytes: Some(1), age: None };
    let options = Options { compress: true, thread: false, retention, ..long() };
    let mut journal = Journal::create(place.path(), &Header::default(), options).unwrap();
    append(&mut journal, 150, 50);
    journal.drive().unwrap();
    journal.drive().unwrap();
    journal.keep_from(7_000);
    append(&mut journal, 60, 50);
    for _ in 0..100 {
        journal.drive().unwrap();
    }
    journal.close().unwrap();
    let summary = verify(place.path()).unwrap();
    assert!(summary.first > 0 && summary.next == 10_500, "{summary:?}");
}
