//! The simplest file that does it: length, CRC, event; one buffer, one write.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::{Durability, EVENT, Store, number};

const FRAME: usize = 8 + EVENT;

/// Written with zeros beforehand when events are synced: a sync then changes no size.
const PREWRITTEN: u64 = 128 << 20;

struct Naive {
    file: File,
    buffer: Vec<u8>,
    end: u64,
    durability: Durability,
}

pub(super) fn open(place: &Path, durability: Durability) -> Box<dyn Store> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(place.join("log"));
    let file = file.expect("a new directory");
    if durability == Durability::Synced {
        let zeros = vec![0; 1 << 20];
        for at in (0..PREWRITTEN).step_by(zeros.len()) {
            file.write_all_at(&zeros, at).expect("there is room");
        }
        file.sync_all().expect("the disk works");
    }
    Box::new(Naive { file, buffer: Vec::new(), end: 0, durability })
}

impl Store for Naive {
    fn append(&mut self, events: &[[u8; EVENT]]) {
        self.buffer.clear();
        for event in events {
            self.buffer.extend_from_slice(&(EVENT as u32).to_le_bytes());
            self.buffer.extend_from_slice(&crc32c::crc32c(event).to_le_bytes());
            self.buffer.extend_from_slice(event);
        }
        self.file.write_all_at(&self.buffer, self.end).expect("there is room");
        self.end += self.buffer.len() as u64;
        if self.durability == Durability::Synced {
            self.file.sync_data().expect("the disk works");
        }
    }

    fn scan(&mut self) -> u64 {
        let mut buffer = vec![0; FRAME * ((1 << 20) / FRAME)];
        let (mut at, mut sum) = (0, 0);
        while at < self.end {
            let read = buffer.len().min((self.end - at) as usize);
            self.file.read_exact_at(&mut buffer[..read], at).expect("it was written");
            for frame in buffer[..read].chunks_exact(FRAME) {
                let crc = crc32c::crc32c(&frame[8..]).to_le_bytes();
                assert_eq!(frame[4..8], crc, "it is as written");
                sum += number(&frame[8..]);
            }
            at += read as u64;
        }
        sum
    }

    fn range(&mut self, _: u64, _: u64) -> u64 {
        0
    }
}
