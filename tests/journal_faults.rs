//! What disks do to a journal: bytes that change or are missing, losses of power, full disks, failing calls.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

#[path = "support/segments.rs"]
mod segments_of_any_kind;

use std::io::ErrorKind;
use std::sync::Arc;

use neuronbus::journal::disk::{Call, Disk, Fault, MemoryDisk};
use neuronbus::journal::{
    Damage, Entry, Header, Health, Journal, JournalError, Level, Options, Scan, compress_on,
    verify_on,
};
use proptest::prelude::*;

fn options() -> Options {
    Options {
        segment_bytes: 8192,
        memory_bytes: 16 << 10,
        thread: false,
        level: Level::PageCache,
        ..Options::default()
    }
}

fn compressing() -> Options {
    Options { compress: true, ..options() }
}

fn shared(disk: &MemoryDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// Record `n`: of every length from 0 up, and told apart.
fn body(n: u64) -> Vec<u8> {
    (0..n % 97).map(|at| (n * 31 + at) as u8).collect()
}

fn append(journal: &mut Journal, body: &[u8]) -> Result<u64, JournalError> {
    let n = journal.next_sequence();
    journal.append(&Entry { tick: n / 3, time_ns: n, source: 3, kind: 9, body })
}

/// A disk with a closed journal of so many batches of three records.
fn written(batches: u64) -> MemoryDisk {
    let disk = MemoryDisk::new(0);
    let mut journal = Journal::create_on(shared(&disk), &Header::default(), options()).unwrap();
    for n in 0..batches * 3 {
        append(&mut journal, &body(n)).unwrap();
        if n % 3 == 2 {
            journal.seal();
            journal.drive().unwrap();
        }
    }
    journal.close().unwrap();
    disk
}

/// Reads all records and compares them; how many there are.
fn count(disk: &MemoryDisk, expected: impl Fn(u64) -> Vec<u8>) -> u64 {
    let mut scan = Scan::open_on(shared(disk)).unwrap();
    let mut next = 0;
    while let Some(record) = scan.next() {
        let record = record.unwrap();
        assert_eq!((record.sequence, record.body), (next, &expected(next)[..]));
        next += 1;
    }
    next
}

fn segments(disk: &MemoryDisk) -> Vec<(String, Vec<u8>)> {
    let names = disk.list().unwrap().into_iter().filter(|name| !name.ends_with(".index"));
    names.map(|name| (name.clone(), disk.read(&name).unwrap())).collect()
}

#[test]
fn every_flipped_bit_is_found_by_verification() {
    let disk = written(40);
    let files = segments(&disk);
    assert!(files.len() > 1);
    let whole = verify_on(&disk).unwrap();
    for (name, bytes) in &files {
        for at in 0..bytes.len() {
            // One bit of each byte, another from byte to byte, and all of them.
            for mask in [1 << (at % 8), 0xFF] {
                assert!(disk.flip(name, at, mask));
                let Err(JournalError::Damaged(damage)) = verify_on(&disk) else {
                    panic!("{name}, byte {at}: not found")
                };
                let Damage { segment, offset, .. } = damage;
                assert!(&segment >= name, "{name}, byte {at}: said to be in {segment}");
                assert!(
                    segment != *name || offset <= at as u64,
                    "byte {at}: said to be at {offset}"
                );
                disk.flip(name, at, mask);
            }
        }
    }
    assert_eq!(verify_on(&disk).unwrap(), whole);
}

#[test]
fn a_missing_or_exchanged_segment_is_found_by_verification() {
    let disk = written(200);
    let files = segments(&disk);
    for at in 1..files.len() - 1 {
        disk.remove(&files[at].0).unwrap();
        assert!(matches!(verify_on(&disk), Err(JournalError::Damaged(_))), "segment {at} is gone");
        disk.put(&files[at].0, files[at + 1].1.clone());
        assert!(
            matches!(verify_on(&disk), Err(JournalError::Damaged(_))),
            "segment {at} is another"
        );
        disk.put(&files[at].0, files[at].1.clone());
    }
    verify_on(&disk).unwrap();
}

#[test]
fn a_journal_cut_at_any_byte_recovers_to_the_last_seal() {
    let origin = written(12);
    let (name, whole) = segments(&origin).swap_remove(0);
    let mut seen = Vec::new();
    for length in 4097..whole.len() {
        let disk = MemoryDisk::new(0);
        disk.put(&name, whole[..length].to_vec());
        let (mut journal, recovery) = Journal::open_on(shared(&disk), options()).unwrap();
        assert_eq!(recovery.next % 3, 0, "a batch is there or not");
        assert_eq!(count(&disk, body), recovery.next);
        seen.push(recovery.next);
        append(&mut journal, &body(recovery.next)).unwrap();
        journal.close().unwrap();
        assert_eq!(verify_on(&disk).unwrap().next, recovery.next + 1);
    }
    assert!(seen.is_sorted());
    seen.dedup();
    assert_eq!(seen, (0..=12).map(|batch| batch * 3).collect::<Vec<_>>());
}

#[test]
fn what_was_synced_and_changed_is_no_torn_tail() {
    let disk = written(4);
    let (name, whole) = segments(&disk).swap_remove(0);
    for at in (4096..whole.len() - 80).step_by(8) {
        disk.flip(&name, at, 0x10);
        let opened = Journal::open_on(shared(&disk), options());
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "byte {at}: {opened:?}");
        disk.flip(&name, at, 0x10);
    }
}

#[test]
fn whole_batches_behind_a_hole_are_kept_beside() {
    let disk = MemoryDisk::new(0);
    let mut journal = Journal::create_on(shared(&disk), &Header::default(), options()).unwrap();
    for _ in 0..4 {
        append(&mut journal, b"unsynced").unwrap();
        journal.seal();
        journal.drive().unwrap();
    }
    disk.kill();
    drop(journal);
    let (name, whole) = segments(&disk).swap_remove(0);
    disk.flip(&name, 4096 + 48 + 80 + 41, 1);
    let (_journal, recovery) = Journal::open_on(shared(&disk), options()).unwrap();
    let cut = recovery.cut.unwrap();
    assert_eq!((recovery.next, cut.batches, cut.bytes), (1, 3, 3 * 128));
    let kept = segments(&disk).into_iter().find(|(name, _)| name.ends_with(".torn")).unwrap().1;
    assert_eq!(kept[128..], whole[4096 + 256..4096 + 512]);
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let disk = MemoryDisk::new(0);
    let mut journal = Journal::create_on(shared(&disk), &Header::default(), options()).unwrap();
    disk.set_capacity(4096 + 300);
    let mut refused = 0;
    for n in 0..20 {
        match append(&mut journal, &[n; 40]) {
            Ok(_) => journal.seal(),
            Err(JournalError::NoSpace { waiting }) => {
                assert!(waiting > 0);
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
        let _ = journal.drive();
    }
    let taken = journal.next_sequence();
    assert!(matches!(journal.health(), Health::NoSpace { .. }));
    assert_eq!((taken + refused, journal.refused()), (20, refused));
    assert!(journal.reached(Level::PageCache) < taken);
    let unwritten = journal.wait(taken - 1, Level::Synced);
    assert!(matches!(unwritten, Err(JournalError::NoSpace { .. })));
    disk.set_capacity(1 << 20);
    journal.wait(taken - 1, Level::Synced).unwrap();
    assert_eq!(journal.health(), Health::Working);
    append(&mut journal, &[taken as u8; 40]).unwrap();
    journal.close().unwrap();
    assert_eq!(count(&disk, |n| vec![n as u8; 40]), taken + 1);
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_the_journal_is_opened_again() {
    let disk = MemoryDisk::new(3);
    let mut journal = Journal::create_on(shared(&disk), &Header::default(), options()).unwrap();
    let first = append(&mut journal, b"synced").unwrap();
    journal.seal();
    journal.wait(first, Level::Synced).unwrap();
    let second = append(&mut journal, b"perhaps").unwrap();
    journal.seal();
    let call = Some(Call::SyncData);
    disk.set_fault(Some(Fault { after: 0, call, error: ErrorKind::Other, sticky: false }));
    let poisoned = |result: Result<(), JournalError>| {
        assert!(matches!(result, Err(JournalError::Poisoned { .. })), "{result:?}");
    };
    poisoned(journal.wait(second, Level::Synced));
    // The disk would say yes now, and be wrong.
    poisoned(journal.wait(second, Level::Synced));
    poisoned(append(&mut journal, b"refused").map(|_| ()));
    assert_eq!(journal.reached(Level::Synced), 1);
    disk.lose_power();
    drop(journal);
    let (journal, recovery) = Journal::open_on(shared(&disk), options()).unwrap();
    assert!(recovery.next >= 1);
    drop(journal);
}

#[test]
fn whichever_call_fails_nothing_acknowledged_is_lost() {
    let run = |fault: Option<Fault>| {
        let disk = MemoryDisk::new(7);
        let header = Header::default();
        disk.set_fault(fault);
        let mut acknowledged = 0;
        if let Ok(mut journal) = Journal::create_on(shared(&disk), &header, options()) {
            for n in 0..300 {
                if append(&mut journal, &body(n)).is_err() {
                    break;
                }
                if n % 3 == 2 {
                    journal.seal();
                    let level = [Level::PageCache, Level::Synced][n as usize / 3 % 2];
                    if journal.wait(n, level).is_ok() && level == Level::Synced {
                        acknowledged = n + 1;
                    }
                }
            }
        }
        let calls = disk.calls();
        disk.lose_power();
        match Journal::open_on(shared(&disk), options()) {
            Ok((journal, recovery)) => {
                assert!(recovery.next >= acknowledged, "{fault:?}");
                assert_eq!(count(&disk, body), recovery.next, "{fault:?}");
                drop(journal);
            }
            Err(error) => {
                assert!(matches!(error, JournalError::Missing { .. }), "{fault:?}: {error}");
                assert_eq!(acknowledged, 0, "{fault:?}");
            }
        }
        calls
    };
    for error in [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::TimedOut] {
        for sticky in [false, true] {
            for after in 0..run(None) {
                run(Some(Fault { after, call: None, error, sticky }));
            }
        }
    }
}

/// A disk with a journal of which all but the last segment is compressed.
fn packed() -> (MemoryDisk, Vec<(String, Vec<u8>)>) {
    let disk = written(60);
    compress_on(&disk).unwrap();
    let mut files = segments(&disk);
    files.retain(|(name, _)| name.ends_with(".zst"));
    assert!(files.len() > 1);
    (disk, files)
}

#[test]
fn every_changed_byte_of_a_compressed_segment_is_found_by_verification() {
    let (disk, files) = packed();
    let whole = verify_on(&disk).unwrap();
    for (name, bytes) in &files[..2] {
        // Of the header, which is as it was, every sixteenth will do.
        for at in (0..bytes.len()).filter(|at| *at >= 4096 || at % 16 == 5) {
            let mask = if at % 3 == 0 { 0xFF } else { 1 << (at % 8) };
            assert!(disk.flip(name, at, mask));
            let Err(JournalError::Damaged(damage)) = verify_on(&disk) else {
                panic!("{name}, byte {at}: not found")
            };
            assert_eq!(&damage.segment, name);
            disk.flip(name, at, mask);
        }
    }
    assert_eq!(verify_on(&disk).unwrap(), whole);
}

#[test]
fn a_compressed_segment_that_is_cut_or_gone_is_refused_and_never_gone_on_from() {
    let (disk, files) = packed();
    let (name, bytes) = &files[1];
    for length in (0..bytes.len()).step_by(7) {
        disk.put(name, bytes[..length].to_vec());
        let refused = |error: JournalError| matches!(error, JournalError::Damaged(_));
        assert!(verify_on(&disk).is_err_and(refused), "{length}");
    }
    disk.remove(name).unwrap();
    assert!(matches!(verify_on(&disk), Err(JournalError::Damaged(_))));
    disk.put(name, bytes.clone());
    verify_on(&disk).unwrap();
}

#[test]
fn wherever_compressing_fails_or_the_power_does_nothing_is_lost() {
    let run = |fault: Option<Fault>, power: bool| {
        let disk = written(150);
        let before = verify_on(&disk).unwrap();
        let start = disk.calls();
        disk.set_fault(fault);
        let done = compress_on(&disk);
        assert_eq!(done.is_ok(), fault.is_none(), "{fault:?}");
        let calls = disk.calls() - start;
        if power {
            disk.lose_power()
        } else {
            disk.kill()
        }
        let disk = disk.clone();
        assert_eq!(verify_on(&disk).unwrap(), before, "{fault:?}");
        assert_eq!(count(&disk, body), 450, "{fault:?}");
        compress_on(&disk).unwrap();
        assert_eq!(verify_on(&disk).unwrap(), before, "{fault:?}");
        let (mut journal, recovery) = Journal::open_on(shared(&disk), options()).unwrap();
        assert_eq!((recovery.next, recovery.cut), (450, None), "{fault:?}");
        append(&mut journal, &body(450)).unwrap();
        journal.close().unwrap();
        assert_eq!(count(&disk, body), 451);
        calls
    };
    for error in [ErrorKind::Other, ErrorKind::StorageFull] {
        for after in 0..run(None, false) {
            for power in [false, true] {
                run(Some(Fault { after, call: None, error, sticky: true }), power);
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Seal,
    Drive,
    WaitSynced,
    Kill,
    LosePower,
    Close,
    Fail(u64, Option<Call>, ErrorKind),
    Capacity(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let call = prop_oneof![
        Just(None),
        Just(Some(Call::SyncData)),
        Just(Some(Call::Write)),
        Just(Some(Call::Create)),
        Just(Some(Call::SyncDirectory))
    ];
    let error = prop_oneof![Just(ErrorKind::Other), Just(ErrorKind::StorageFull)];
    prop_oneof![
        40 => (0..600_usize).prop_map(Step::Append),
        20 => Just(Step::Seal),
        15 => Just(Step::Drive),
        8 => Just(Step::WaitSynced),
        2 => Just(Step::Kill),
        3 => Just(Step::LosePower),
        2 => Just(Step::Close),
        2 => (0..12_u64, call, error).prop_map(|(after, call, error)| Step::Fail(after, call, error)),
        1 => (8..40_u64).prop_map(|pages| Step::Capacity(pages << 12)),
    ]
}

/// A journal and what it should hold.
struct Model {
    disk: MemoryDisk,
    journal: Option<Journal>,
    /// Bodies of all that was sealed or is in the batch.
    taken: Vec<Vec<u8>>,
    sealed: usize,
    written: usize,
    synced: usize,
    draws: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let disk = MemoryDisk::new(seed);
        let journal = Journal::create_on(shared(&disk), &Header::default(), compressing()).unwrap();
        Self {
            disk,
            journal: Some(journal),
            taken: Vec::new(),
            sealed: 0,
            written: 0,
            synced: 0,
            draws: 0,
        }
    }

    fn note(&mut self) {
        let Some(journal) = &self.journal else { return };
        self.written = self.written.max(journal.reached(Level::PageCache) as usize);
        self.synced = self.synced.max(journal.reached(Level::Synced) as usize);
        assert!(self.synced <= self.written && self.written <= self.sealed);
    }

    /// Opens the journal again and compares: what must be there is, what is there was sealed.
    fn reopen(&mut self, must: usize) {
        self.disk.set_fault(None);
        self.disk.set_capacity(u64::MAX);
        drop(self.journal.take());
        let (journal, recovery) = Journal::open_on(shared(&self.disk), compressing()).unwrap();
        let next = recovery.next as usize;
        assert!(next >= must && next <= self.sealed, "{next} of {must} to {}", self.sealed);
        self.taken.truncate(next);
        let taken = &self.taken;
        assert_eq!(count(&self.disk, |n| taken[n as usize].clone()), recovery.next);
        assert_eq!(verify_on(&self.disk).unwrap().next, recovery.next);
        (self.sealed, self.written) = (next, next);
        self.synced = journal.reached(Level::Synced) as usize;
        self.journal = Some(journal);
    }

    fn step(&mut self, step: &Step) {
        let journal = self.journal.as_mut().unwrap();
        match *step {
            Step::Append(length) => {
                self.draws += 1;
                let body: Vec<u8> =
                    (0..length).map(|at| (self.draws * 37 + at as u64) as u8).collect();
                if append(journal, &body).is_ok() {
                    self.taken.push(body);
                }
            }
            Step::Seal => {
                journal.seal();
                self.sealed = self.taken.len();
            }
            Step::Drive => drop(journal.drive()),
            Step::WaitSynced => {
                let sealed = self.sealed as u64;
                if sealed > 0 && journal.wait(sealed - 1, Level::Synced).is_ok() {
                    assert!(journal.reached(Level::Synced) >= sealed);
                }
            }
            Step::Kill => {
                self.note();
                self.disk.kill();
                let written = self.written;
                self.reopen(written);
            }
            Step::LosePower => {
                self.note();
                self.disk.lose_power();
                let synced = self.synced;
                self.reopen(synced);
            }
            Step::Close => {
                self.note();
                self.sealed = self.taken.len();
                let closed = self.journal.take().unwrap().close();
                let must = if closed.is_ok() { self.sealed } else { self.synced };
                self.disk.lose_power();
                self.reopen(must);
            }
            Step::Fail(after, call, error) => {
                self.disk.set_fault(Some(Fault { after, call, error, sticky: false }));
            }
            Step::Capacity(bytes) => self.disk.set_capacity(bytes),
        }
        self.note();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_happens_what_was_acknowledged_is_there_and_nothing_else(
        seed: u64,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut model = Model::new(seed);
        for step in &steps {
            model.step(step);
        }
        model.disk.lose_power();
        let synced = model.synced;
        model.reopen(synced);
    }

    #[test]
    fn any_changes_of_a_segment_are_refused_or_harmless(
        script in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        segments_of_any_kind::check_changed(&script);
        segments_of_any_kind::check_segment(&script);
        segments_of_any_kind::check_packed(&script);
        segments_of_any_kind::check_packed_changed(&script);
        segments_of_any_kind::check_frame(&script);
        segments_of_any_kind::check_frame_changed(&script);
    }
}
