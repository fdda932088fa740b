//! The journal of the runtime.

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use neuronbus::journal::{
    Archive, Entry, Header, Journal, JournalError, Level, Options, Scan, Span,
};
use neuronbus::pace::Stamp;

use super::{Durability, EVENT, STEP, Store, events, filled, number, place};
use crate::harness::{Sample, histogram, quantiles};

struct Ours {
    place: std::path::PathBuf,
    journal: Option<Journal>,
    level: Level,
    archive: Option<Archive>,
}

fn entry(event: &[u8; EVENT]) -> Entry<'_> {
    let n = number(event);
    Entry { tick: n / 1000, time_ns: n * STEP, source: 1, kind: 1, body: event }
}

fn options(durability: Durability) -> (Level, Options) {
    let level = match durability {
        Durability::PageCache => Level::PageCache,
        Durability::Synced => Level::Synced,
    };
    (level, Options { level, ..Options::default() })
}

pub(super) fn open(place: &Path, durability: Durability) -> Box<dyn Store> {
    let (level, options) = options(durability);
    let journal = Journal::create(place, &Header::default(), options).expect("a new directory");
    Box::new(Ours { place: place.to_owned(), journal: Some(journal), level, archive: None })
}

/// Appends, and gives the I/O thread time where it is behind.
fn append(journal: &mut Journal, event: &[u8; EVENT]) -> u64 {
    loop {
        match journal.append(&entry(event)) {
            Ok(sequence) => return sequence,
            Err(JournalError::Full { .. }) => {
                journal.seal();
                thread::yield_now();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Store for Ours {
    fn append(&mut self, events: &[[u8; EVENT]]) {
        let journal = self.journal.as_mut().expect("not closed yet");
        let last = events.iter().map(|event| append(journal, event)).last();
        journal.seal();
        if let (Level::Synced, Some(last)) = (self.level, last) {
            journal.wait(last, Level::Synced).expect("the disk works");
        }
    }

    fn finish(&mut self) {
        let journal = self.journal.as_mut().expect("not closed yet");
        if let Some(last) = journal.next_sequence().checked_sub(1) {
            journal.wait(last, self.level).expect("the disk works");
        }
    }

    fn scan(&mut self) -> u64 {
        let mut scan = Scan::open(&self.place).expect("it was written");
        let mut sum = 0;
        while let Some(record) = scan.next() {
            sum += number(record.expect("it is as written").body);
        }
        sum
    }

    fn range(&mut self, from_ns: u64, below_ns: u64) -> u64 {
        let open = || Archive::open(&self.place).expect("it was written");
        let archive = self.archive.get_or_insert_with(open);
        let mut sum = 0;
        let span = Span::Times(from_ns..below_ns);
        let count = archive.range(&span, |record| sum += number(record.body));
        std::hint::black_box(sum);
        count.expect("it is as written")
    }
}

/// Producers on threads of their own, each with so many events in flight, behind one lock as before a shared log.
pub(super) fn producers(producers: u64, in_flight: u64, count: u64) -> Sample {
    let place = place();
    let options = options(Durability::Synced).1;
    let journal =
        Journal::create(place.path(), &Header::default(), options).expect("a new directory");
    let progress = journal.progress();
    let journal = Mutex::new(journal);
    let own = events(0, in_flight);
    let began = Stamp::now();
    thread::scope(|scope| {
        for _ in 0..producers {
            let (journal, progress, own) = (&journal, progress.clone(), &own);
            scope.spawn(move || {
                for _ in 0..count / producers / in_flight {
                    let mut journal = journal.lock().expect("nobody panics");
                    let append = |event: &[u8; EVENT]| {
                        let tick = journal.next_sequence() / 1000;
                        journal.append(&Entry { tick, ..entry(event) })
                    };
                    let last = own.iter().map(append).last();
                    let last = last.expect("at least one").expect("little is in flight");
                    journal.seal();
                    drop(journal);
                    progress.wait(last, Level::Synced).expect("the disk works");
                }
            });
        }
    });
    let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
    let done = journal.into_inner().expect("nobody panics").reached(Level::Synced);
    (done as f64 / seconds * 1e-6).into()
}

/// Ranges by an archive that is opened for each.
pub(super) fn ranges_just_opened(count: u64, asked: u64) -> impl FnMut() -> Sample {
    let mut there = None;
    move || {
        let (place, _store) = there.get_or_insert_with(|| {
            let (place, mut store) = filled(open, count);
            store.finish();
            (place, store)
        });
        let mut times = histogram();
        for n in 0..asked / 20 {
            let from = n * 7919 % (count - 1000) * STEP;
            let began = Stamp::now();
            let mut archive = Archive::open(place.path()).expect("it was written");
            let found = archive.range(&Span::Times(from..from + 1000 * STEP), |_| {});
            times.saturating_record(Stamp::now().ns_since(began).max(1));
            assert_eq!(found, Ok(1000), "the range was found");
        }
        quantiles(&times)
    }
}

/// Opens a journal again that was never closed nor synced.
pub(super) fn opened(count: u64) -> impl FnMut() -> Sample {
    let mut there = None;
    move || {
        let place = there.get_or_insert_with(|| {
            let (place, store) = filled(open, count);
            // Dropped and not closed: the process might as well have died.
            drop(store);
            place
        });
        let options = options(Durability::PageCache).1;
        let began = Stamp::now();
        let (journal, recovery) = Journal::open(place.path(), options).expect("it was written");
        let took = Stamp::now().ns_since(began) as f64;
        assert_eq!(recovery.next, count, "everything is there");
        drop(journal);
        took.into()
    }
}
