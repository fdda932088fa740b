//! The 64 bytes: what is written is read back, and what makes no sense is refused.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use neuronbus::id::NeuronId;
use neuronbus::spike::{ArenaRef, Body, INLINE_MAX, Spike, SpikeError, SpikeKind, VOLLEY_MAX};
use neuronbus::time::sequence_before;
use proptest::prelude::*;

fn id(raw: u16) -> NeuronId {
    NeuronId::new(raw).unwrap()
}

#[test]
fn the_bytes_are_where_the_layout_says() {
    let spike = Spike::new(id(0x0102), SpikeKind::Modulatory)
        .to(id(0x0304))
        .with_priority(0xE0)
        .stamped(0x1122_3344_5566_7788, 0x99AA_BBCC)
        .with_inline(b"xyz")
        .unwrap();
    let bytes = spike.as_bytes();
    assert_eq!(bytes[..8], 0x1122_3344_5566_7788_u64.to_le_bytes());
    assert_eq!(bytes[8..12], 0x99AA_BBCC_u32.to_le_bytes());
    assert_eq!(bytes[12..16], [2, 1, 4, 3]);
    assert_eq!(bytes[16], 2 | 3 << 2);
    assert_eq!(bytes[17], 0xE0);
    assert_eq!(bytes[18..22], *b"xyz\0");
    assert_eq!(spike.tier(), 7);
}

#[test]
fn a_payload_that_begins_like_any_marker_is_still_a_payload() {
    for first in 0..=255 {
        let bytes = [first; INLINE_MAX];
        let spike = Spike::new(id(1), SpikeKind::Excitatory).with_inline(&bytes).unwrap();
        assert_eq!(spike.body(), Ok(Body::Inline(&bytes)));
        assert_eq!(spike.arena_ref(), None);
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    let good = *Spike::new(id(1), SpikeKind::Excitatory).as_bytes();
    let refused = |at: usize, byte: u8| {
        let mut bytes = good;
        bytes[at] = byte;
        Spike::from_bytes(&bytes).unwrap_err()
    };
    assert_eq!(refused(16, 3), SpikeError::Kind { tag: 3 });
    for code in 52..64 {
        assert_eq!(refused(16, code << 2), SpikeError::LengthCode { code });
    }
    assert_eq!(refused(7, 0x80), SpikeError::Time { time_ns: 1 << 63 });
    let mut bytes = good;
    bytes[12..14].fill(0xFF);
    assert_eq!(Spike::from_bytes(&bytes), Err(SpikeError::Source));
    bytes = good;
    bytes[16] = 47 << 2;
    bytes[18] = VOLLEY_MAX as u8 + 1;
    assert_eq!(Spike::from_bytes(&bytes), Err(SpikeError::Volley { cells: VOLLEY_MAX + 1 }));
}

#[test]
fn what_does_not_fit_is_refused() {
    let spike = Spike::new(id(1), SpikeKind::Excitatory);
    let long = [0; INLINE_MAX + 1];
    assert_eq!(spike.with_inline(&long), Err(SpikeError::TooLong { length: 47 }));
    assert_eq!(spike.with_volley(&[0; 12]), Err(SpikeError::Volley { cells: 12 }));
}

#[test]
fn sequences_compare_across_their_wrap() {
    assert!(sequence_before(u32::MAX, 0));
    assert!(sequence_before(u32::MAX - 5, 5));
    assert!(!sequence_before(0, u32::MAX));
    assert!(!sequence_before(7, 7));
}

proptest! {
    #[test]
    fn any_bytes_are_a_spike_or_refused(bytes in proptest::array::uniform32(any::<u8>()), rest: [u8; 32]) {
        let mut all = [0; 64];
        all[..32].copy_from_slice(&bytes);
        all[32..].copy_from_slice(&rest);
        if let Ok(spike) = Spike::from_bytes(&all) {
            prop_assert_eq!(spike.as_bytes(), &all);
            prop_assert_eq!(Spike::from_words(spike.to_words()), spike);
            prop_assert!(spike.body().is_ok() && spike.kind().is_ok() && spike.source().is_ok());
            prop_assert!(spike.inline().len() <= INLINE_MAX);
        }
    }

    #[test]
    fn each_body_is_read_back(
        bytes in proptest::collection::vec(any::<u8>(), 0..=INLINE_MAX),
        cells in proptest::collection::vec(any::<u32>(), 0..=VOLLEY_MAX),
        place: [u32; 4],
    ) {
        let plain = Spike::new(id(9), SpikeKind::Inhibitory).stamped(5, 6);
        let inline = plain.with_inline(&bytes).unwrap();
        prop_assert_eq!(inline.body(), Ok(Body::Inline(&bytes)));
        prop_assert_eq!(inline.inline(), &bytes[..]);
        let volley = plain.with_volley(&cells).unwrap();
        let Ok(Body::Volley(read)) = volley.body() else { panic!("a volley") };
        prop_assert!(read.iter().map(|cell| u32::from_le_bytes(*cell)).eq(cells));
        let [offset, length, generation, segment] = place;
        let place = ArenaRef { offset, length, generation, segment };
        let arena = plain.with_arena(place);
        prop_assert_eq!(arena.body(), Ok(Body::Arena(place)));
        prop_assert_eq!(arena.arena_ref(), Some(place));
        for spike in [inline, volley, arena] {
            prop_assert_eq!(spike.check(), Ok(()));
            prop_assert_eq!((spike.time_ns(), spike.sequence()), (5, 6));
        }
        let end = Spike::epoch_end(id(3));
        prop_assert_eq!(end.body(), Ok(Body::EpochEnd));
    }
}
