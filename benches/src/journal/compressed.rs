//! A journal of lines of a log, as it was written and compressed.

use std::path::Path;

use neuronbus::journal::{Compressed, Entry, Header, Journal, Level, Options, Scan, compress};
use neuronbus::pace::Stamp;

use super::place;
use crate::harness::{Comparison, Sample, Scale, Unit};

/// Records of a batch.
const BATCH: u64 = 1000;

/// Line `n` of a log: few kinds of lines, with numbers and addresses that change.
fn line(n: u64) -> String {
    let chance = n.wrapping_mul(6_364_136_223_846_793_005) >> 33;
    let [host, port, ms] = [chance % 251, chance % 60_000 + 1024, chance % 977];
    let what = match chance % 4 {
        0 => "connection accepted",
        1 => "connection closed by peer",
        2 => "request served",
        _ => "request refused: too many in flight",
    };
    format!(
        "{{\"topic\":\"server.net\",\"level\":\"info\",\"ts\":{n},\"msg\":\"{what}\",\
         \"peer\":\"10.0.3.{host}:{port}\",\"ms\":{ms}}}"
    )
}

fn filled(place: &Path, count: u64) {
    let options = Options { level: Level::PageCache, segment_bytes: 8 << 20, ..Options::default() };
    let mut journal = Journal::create(place, &Header::default(), options).expect("a new directory");
    for n in 0..count {
        let line = line(n);
        let (tick, time_ns, source, kind) = (n / BATCH, n, 1, 1);
        let entry = Entry { tick, time_ns, source, kind, body: line.as_bytes() };
        journal.append(&entry).expect("there is room");
        if n % BATCH == BATCH - 1 {
            journal.seal();
            journal.wait(n, Level::PageCache).expect("the disk works");
        }
    }
    journal.close().expect("the disk works");
}

/// Reads all; million records a second.
fn scanned(place: &Path, count: u64) -> f64 {
    let began = Stamp::now();
    let mut scan = Scan::open(place).expect("it was written");
    let mut read = 0;
    while let Some(record) = scan.next() {
        read += u64::from(record.expect("it is whole").kind == 1);
    }
    assert_eq!(read, count, "every record was read");
    count as f64 / (Stamp::now().ns_since(began) as f64 * 1e-9) * 1e-6
}

/// Reading what was compressed.
#[must_use]
pub fn compressed(scale: Scale) -> Comparison {
    // Above a segment, so that there is one that can be compressed.
    let count = scale.of(2_000_000, 60_000);
    let sample = move |packs: bool| {
        let mut there = None;
        move || {
            let (place, beside) = there.get_or_insert_with(|| {
                let place = place();
                filled(place.path(), count);
                let mut beside = Vec::new();
                if packs {
                    let began = Stamp::now();
                    let Compressed { before, after, .. } =
                        compress(place.path()).expect("nobody writes it");
                    let seconds = Stamp::now().ns_since(began) as f64 * 1e-9;
                    beside.push(("bytes before / after", before as f64 / after.max(1) as f64));
                    beside.push(("compressed MB/s", before as f64 / seconds * 1e-6));
                }
                (place, beside)
            });
            Sample { figure: scanned(place.path(), count), beside: beside.clone() }
        }
    };
    let title = "Lines of a log of some 120 bytes read in order, each verified";
    Comparison::new(title, Unit::MillionPerSecond)
        .ours("journal, compressed", sample(true))
        .ours("journal, as it was written", sample(false))
}
