//! Any bytes as a segment, and changes to one that was written: for the test and the fuzz target.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each user uses some of it, and ends on a surprise"
)]

use std::sync::{Arc, OnceLock};

use neuronbus::journal::disk::{Disk, MemoryDisk};
use neuronbus::journal::{
    Archive, Entry, Header, Journal, JournalError, Options, Scan, Span, compress_on, verify_on,
};

const NAME: &str = "00000000000000000000.segment";
const PACKED: &str = "00000000000000000000.segment.zst";

fn options() -> Options {
    Options { thread: false, memory_bytes: 4096, ..Options::default() }
}

/// A segment as it is written: eight batches of some records.
fn written() -> Vec<u8> {
    let disk = disk_with_one();
    disk.read(NAME).unwrap()
}

/// The same, compressed.
fn packed() -> Vec<u8> {
    let disk = disk_with_one();
    // The last one is not, so there must seem to be one more.
    disk.put("00000000000000000024.segment", Vec::new());
    compress_on(&disk).unwrap();
    disk.read(PACKED).unwrap()
}

fn disk_with_one() -> MemoryDisk {
    let disk = MemoryDisk::new(1);
    let mut journal =
        Journal::create_on(Arc::new(disk.clone()), &Header::default(), options()).unwrap();
    for n in 0..24_u64 {
        let body = vec![n as u8; n as usize * 5];
        journal
            .append(&Entry { tick: n / 3, time_ns: n, source: 1, kind: 2, body: &body })
            .unwrap();
        if n % 3 == 2 {
            journal.seal();
            journal.drive().unwrap();
        }
    }
    journal.close().unwrap();
    disk
}

/// Reads, verifies and opens a directory with this one segment: a refusal or a journal that holds, and no panic.
pub fn check_segment(bytes: &[u8]) {
    check(NAME, bytes);
}

/// The same with bytes that are said to be compressed.
pub fn check_packed(bytes: &[u8]) {
    check(PACKED, bytes);
}

fn check(name: &str, bytes: &[u8]) {
    let disk = MemoryDisk::new(1);
    disk.put(name, bytes.to_vec());
    let shared = || Arc::new(disk.clone()) as Arc<dyn Disk>;
    let verified = verify_on(&disk);
    if let Ok(mut scan) = Scan::open_on(shared()) {
        let mut count = 0;
        while let Some(record) = scan.next() {
            if record.is_err() {
                break;
            }
            count += 1;
        }
        if let Ok(summary) = &verified {
            assert_eq!(count, summary.records);
        }
    }
    if let Ok(mut archive) = Archive::open_on(shared()) {
        // A damaged record is refused there as well.
        let _ = archive.range(&Span::Ticks(0..u64::MAX), |_| {});
    }
    match Journal::open_on(shared(), options()) {
        Ok((journal, recovery)) => {
            drop(journal);
            assert_eq!(verify_on(&disk).unwrap().next, recovery.next);
            assert!(verified.is_err() || recovery.cut.is_none());
        }
        Err(error) => {
            let refused = matches!(error, JournalError::Damaged(_) | JournalError::Missing { .. });
            assert!(refused && verified.is_err(), "{error}");
        }
    }
}

/// A written segment with pieces of it written over: `script` is read as (offset, length, byte) again and again.
pub fn check_changed(script: &[u8]) {
    static WRITTEN: OnceLock<Vec<u8>> = OnceLock::new();
    check_segment(&changed(WRITTEN.get_or_init(written).clone(), script));
}

/// The same with a compressed one.
pub fn check_packed_changed(script: &[u8]) {
    static WRITTEN: OnceLock<Vec<u8>> = OnceLock::new();
    check_packed(&changed(WRITTEN.get_or_init(packed).clone(), script));
}

/// Any bytes as the one frame of a compressed segment, under checks that are right: what a decoder is given by somebody
/// who knows the format.
pub fn check_frame(frame: &[u8]) {
    static WRITTEN: OnceLock<Vec<u8>> = OnceLock::new();
    let written = WRITTEN.get_or_init(written);
    let mut bytes = written[..4096].to_vec();
    bytes.extend_from_slice(frame);
    let table = bytes.len();
    bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(frame).to_le_bytes());
    bytes.extend_from_slice(b"NEUROZST");
    bytes.extend_from_slice(&[1_u32, 1].map(u32::to_le_bytes).concat());
    bytes.extend_from_slice(&(written.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    let crc = crc32c::crc32c(&bytes[table..]);
    bytes.extend_from_slice(&crc.to_le_bytes());
    check_packed(&bytes);
}

/// The frame that a written segment has, with changes: nearly right, so that a decoder gets far.
pub fn check_frame_changed(script: &[u8]) {
    static WRITTEN: OnceLock<Vec<u8>> = OnceLock::new();
    let packed = WRITTEN.get_or_init(packed);
    // One block, so one entry of 8 bytes before the foot of 32.
    let mut frame = packed[4096..packed.len() - 40].to_vec();
    for change in script.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % frame.len();
        frame[at] ^= change[2];
    }
    check_frame(&frame);
}

fn changed(mut bytes: Vec<u8>, script: &[u8]) -> Vec<u8> {
    for change in script.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % bytes.len();
        let end = (at + usize::from(change[2] % 64)).min(bytes.len());
        match change[3] {
            0 => bytes.truncate(at.max(1)),
            1 => {
                let to = 4096.min(bytes.len() - (end - at));
                bytes.copy_within(at..end, to);
            }
            byte => bytes[at..end].fill(byte),
        }
    }
    bytes
}
