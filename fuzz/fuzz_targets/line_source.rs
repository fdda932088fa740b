//! Any bytes in any pieces are lines that are taken, refused or blank, and the sum is exact.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neuronbus::id::RegionId;
use neuronbus_host::line_record::Fields;
use neuronbus_host::roster::roster;
use neuronbus_host::{LineFormat, LineIntake, LinePayload};

/// Small, so that the fuzzer reaches both sides of each.
const MAX_LINE: usize = 96;
const MAX_TOPICS: usize = 3;

/// What became of a stream: taken, read, blank, turned away; and a sum over all that was taken.
fn read(stream: &[u8], piece: usize, format: LineFormat) -> [u64; 5] {
    let region = RegionId::new(0).expect("0 is an id");
    let (names, _reader) = roster(region, MAX_TOPICS);
    let fields = Fields { numbers: vec!["value".into(), "v".into()], ..Fields::default() };
    let mut intake = LineIntake::new(fields, format, MAX_LINE, names);
    let tally = intake.tally();
    let (mut taken, mut sum, mut last) = (0, 0u64, 0);
    let mut take = |entry: &neuronbus_host::Entry<'_>| {
        assert!(entry.time_ns >= last && entry.time_ns >> 63 == 0);
        assert!(entry.position.index() <= MAX_TOPICS);
        let line = LinePayload::decode(entry.payload).expect("what is taken can be read back");
        assert!(!line.fired);
        last = entry.time_ns;
        taken += 1;
        sum = sum.rotate_left(7) ^ entry.time_ns ^ u64::from(entry.priority);
    };
    for piece in stream.chunks(piece) {
        intake.feed(piece, &mut take);
    }
    intake.finish(&mut take);
    let (read, blank, refused) = (tally.read(), tally.blank(), tally.refusals.turned_away());
    assert_eq!(read, taken + refused + blank);
    [taken, read, blank, refused, sum]
}

fuzz_target!(|input: &[u8]| {
    let Some((&piece, stream)) = input.split_first() else { return };
    for format in [LineFormat::Auto, LineFormat::Jsonl, LineFormat::Text, LineFormat::Mined] {
        let in_pieces = read(stream, usize::from(piece) + 1, format);
        assert_eq!(in_pieces, read(stream, stream.len().max(1), format));
    }
});
