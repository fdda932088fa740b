//! Opening a journal again: how far it holds, and what has to be cut.

use std::io;

use super::disk::Disk;
use super::error::{Damage, JournalError};
use super::format::Hash;
use super::header::{HEADER, Header};
use super::index::Index;
use super::packing;
use super::segments::{self, Rest, SegmentReader};
use super::writer::Segment;

/// What was found when a journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// What the journal is about.
    pub header: Header,
    /// The first sequence that is still there.
    pub first: u64,
    /// The sequence that the next entry gets.
    pub next: u64,
    /// Tick of the last record; 0 without any.
    pub last_tick: u64,
    /// Time of the last record, ns since 1970; 0 without any.
    pub last_time_ns: u64,
    /// What was cut, if anything.
    pub cut: Option<Cut>,
}

impl Recovery {
    /// Records that are there.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.next - self.first
    }
}

/// What was cut from the end of a journal: it had not been synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Bytes.
    pub bytes: u64,
    /// Whole batches among them, which could not be kept because something before them is missing. They are kept beside
    /// the journal, in files that end in `.torn`.
    pub batches: u64,
    /// Why it was cut there.
    pub why: Damage,
}

/// Where writing goes on.
pub(super) struct End {
    pub(super) recovery: Recovery,
    pub(super) segment: Segment,
    /// Marks of that segment.
    pub(super) index: Index,
    /// Its first sequence.
    pub(super) first: u64,
    pub(super) number: u64,
    pub(super) hash: Hash,
    /// Sequences below this are known to be synced.
    pub(super) synced: u64,
    /// Segments before the last that may not be synced.
    pub(super) behind: Vec<Segment>,
}

/// Finds the end of a journal, and cuts what is behind.
pub(super) fn recover(disk: &dyn Disk) -> Result<End, JournalError> {
    let firsts = segments::list(disk)?;
    if firsts.is_empty() || is_unborn(disk, &firsts)? {
        return Err(JournalError::Missing { place: format!("{disk:?}") });
    }
    let mut walk = Walk::new(disk, &firsts)?;
    let flaw = walk.run()?;
    let cut = flaw.map(|(why, index)| walk.cut(why, index)).transpose()?;
    walk.end(cut)
}

/// Whether all there is is the start of a first segment: whoever made it died before it was made.
pub(super) fn is_unborn(disk: &dyn Disk, firsts: &[u64]) -> Result<bool, JournalError> {
    let &[first] = firsts else { return Ok(false) };
    match SegmentReader::open(disk, first) {
        Ok(_) => Ok(false),
        Err(JournalError::Damaged(_)) if segments::is_plain(disk, first) => {
            let name = segments::name(first);
            let length = segments::stored(disk, first);
            let length = length.map_err(|error| JournalError::io("opening", &name, &error))?;
            Ok(length <= HEADER as u64)
        }
        // What was compressed was whole.
        Err(JournalError::Damaged(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A walk over what may not have been synced, to where it ends or is torn.
struct Walk<'a> {
    disk: &'a dyn Disk,
    firsts: &'a [u64],
    /// Sequences below this are known to be synced.
    synced: u64,
    /// The segment that was read last, and its index.
    reader: Option<(SegmentReader, usize)>,
    /// The first segment that is read, and not only its header.
    from: usize,
    last: (u64, u64),
    index: Index,
}

impl<'a> Walk<'a> {
    fn new(disk: &'a dyn Disk, firsts: &'a [u64]) -> Result<Self, JournalError> {
        let mut synced = 0;
        for &first in firsts.iter().rev() {
            match SegmentReader::open(disk, first) {
                Ok(reader) => {
                    synced = reader.start.synced;
                    break;
                }
                Err(JournalError::Damaged(_)) => {}
                Err(error) => return Err(error),
            }
        }
        // One earlier than need be when a segment begins right there: its header may be torn.
        let from = firsts.partition_point(|&first| first < synced).saturating_sub(1);
        Ok(Self { disk, firsts, synced, reader: None, from, last: (0, 0), index: Index::default() })
    }

    /// Reads on until the end; or to a flaw, and the index of its segment.
    fn run(&mut self) -> Result<Option<(Damage, usize)>, JournalError> {
        for index in self.from..self.firsts.len() {
            let flaw = self.enter(index).and_then(|()| self.read_through());
            match flaw {
                Ok(()) => {}
                Err(JournalError::Damaged(why)) => return Ok(Some((why, index))),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn enter(&mut self, index: usize) -> Result<(), JournalError> {
        let next = SegmentReader::open(self.disk, self.firsts[index])?;
        if let Some((before, _)) = &self.reader {
            next.follows(before)?;
        } else {
            self.last = (next.start.tick, next.start.time_ns);
        }
        self.reader = Some((next, index));
        self.index = Index::default();
        Ok(())
    }

    fn read_through(&mut self) -> Result<(), JournalError> {
        let Some((reader, _)) = &mut self.reader else { return Ok(()) };
        let mut offset = reader.offset();
        while let Some(batch) = reader.next_batch()? {
            self.index.add(&reader.bytes()[batch.records.clone()], offset);
            offset = reader.offset();
            self.synced = self.synced.max(batch.seal.synced);
            self.last = (batch.seal.tick, batch.seal.time_ns);
        }
        match reader.rest()?.bytes {
            0 => Ok(()),
            _ => Err(reader.tail().into()),
        }
    }

    /// Cuts what is behind the last batch that holds. Refused if some of it had been synced: then it is not torn, but
    /// was changed.
    fn cut(&mut self, why: Damage, index: usize) -> Result<Cut, JournalError> {
        let Some((reader, at)) = &self.reader else { return Err(why.into()) };
        let rest = reader.rest()?;
        let mut behind = self.firsts[at + 1..].to_vec();
        // The segment of the flaw is the one that was read last, or the one after, whose header is torn.
        debug_assert!(index == *at || index == at + 1);
        let mut cut = Cut { bytes: rest.bytes, batches: rest.seals, why };
        let mut synced = self.synced.max(rest.synced);
        for &first in &behind {
            let Rest { bytes, seals, synced: known } = segments::everything(self.disk, first)?;
            cut.bytes += bytes;
            cut.batches += seals;
            synced = synced.max(known);
        }
        if synced > reader.next {
            return Err(cut.why.into());
        }
        let failed = |what: &'static str| {
            move |error: std::io::Error| JournalError::io(what, "what was torn", &error)
        };
        let (first, offset) = (reader.start.sequence, reader.offset());
        let name = segments::name(first);
        if reader.packed.is_some() {
            packing::unpack(self.disk, first).map_err(failed("writing"))?;
        }
        if rest.seals > 0 {
            keep(self.disk, &name, offset, rest.bytes).map_err(failed("keeping"))?;
        }
        // From the back, so that a crash in between leaves a journal that ends earlier.
        behind.reverse();
        for first in behind {
            let from = segments::open(self.disk, first)?.name;
            let to = fresh(self.disk, &from).map_err(failed("keeping"))?;
            self.disk.rename(&from, &to).map_err(failed("keeping"))?;
        }
        let file = self.disk.open(&name, true);
        // A cache, and found out if it is stale.
        let _ = self.disk.remove(&segments::index_name(reader.start.sequence));
        let done = file.and_then(|mut file| {
            file.set_length(offset)?;
            file.sync_data()?;
            self.disk.sync_directory()
        });
        done.map_err(failed("cutting"))?;
        Ok(cut)
    }

    fn end(self, cut: Option<Cut>) -> Result<End, JournalError> {
        let (reader, at) = self.reader.expect("there is a segment, and its header holds");
        if reader.packed.is_some() && cut.is_none() {
            // Whatever came behind it is gone, and it is gone on with.
            let unpacked = packing::unpack(self.disk, reader.start.sequence);
            unpacked.map_err(|error| JournalError::io("unpacking", &reader.name, &error))?;
        }
        let open = |first: u64| -> Result<Segment, JournalError> {
            let name = segments::name(first);
            let opened = self.disk.open(&name, true).and_then(|file| Ok((file.length()?, file)));
            let (length, file) =
                opened.map_err(|error| JournalError::io("opening", &name, &error))?;
            Ok(Segment { file, end: length, length })
        };
        let mut segment = open(self.firsts[at])?;
        segment.end = reader.offset();
        // What is compressed was synced.
        let plain = |first: &&u64| segments::is_plain(self.disk, **first);
        let behind = self.firsts[self.from..at].iter().filter(plain).map(|&first| open(first));
        let (last_tick, last_time_ns) = self.last;
        Ok(End {
            segment,
            index: self.index,
            first: reader.start.sequence,
            number: reader.start.number,
            hash: reader.hash(),
            synced: self.synced.min(reader.next),
            behind: behind.collect::<Result<_, _>>()?,
            recovery: Recovery {
                first: self.firsts[0],
                next: reader.next,
                header: reader.header,
                last_tick,
                last_time_ns,
                cut,
            },
        })
    }
}

/// Copies what is behind an offset into a file of its own.
fn keep(disk: &dyn Disk, name: &str, offset: u64, bytes: u64) -> io::Result<()> {
    let from = disk.open(name, false)?;
    let mut to = disk.create(&fresh(disk, &format!("{name}.{offset}"))?)?;
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    while done < bytes {
        let read = from.read_at(&mut block, offset + done)?;
        let read = read.min(usize::try_from(bytes - done).unwrap_or(read));
        if read == 0 {
            break;
        }
        to.write_at(&block[..read], done)?;
        done += read as u64;
    }
    to.sync_data()
}

/// A name that nothing has yet.
fn fresh(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let taken = disk.list()?;
    let mut names = (0..).map(|n: u32| format!("{name}.{n}.torn"));
    Ok(names.find(|name| !taken.contains(name)).expect("there are more names than files"))
}
