//! The bytes on the wire: as they are documented, in any pieces, and whatever comes.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

#[path = "support/stream.rs"]
mod stream;

use neuronbus::prelude::*;
use neuronbus::transport::Parcel;
use neuronbus_relay::frame::{Decoder, Frame, FrameError, Hello, Taken, check_length};
use proptest::prelude::*;

fn spike(source: u16, kind: SpikeKind) -> Spike {
    Spike::new(NeuronId::new(source).unwrap(), kind)
}

/// One frame of each kind.
fn samples() -> Vec<(&'static str, Spike, Vec<u8>)> {
    let inline = spike(7, SpikeKind::Inhibitory).with_priority(200).stamped(5_000_000, 42);
    let volley = spike(8, SpikeKind::Excitatory).stamped(6_000_000, 43);
    vec![
        ("inline", inline.with_inline(b"stop").unwrap(), Vec::new()),
        ("volley", volley.with_volley(&[1, 70_000]).unwrap(), Vec::new()),
        ("beside", spike(9, SpikeKind::Modulatory), (0..60).collect()),
        ("epoch-end", Spike::epoch_end(NeuronId::new(10).unwrap()), Vec::new()),
    ]
}

fn encoded(spike: &Spike, payload: &[u8]) -> Vec<u8> {
    let parcel = Parcel::pack(spike, payload).unwrap();
    let mut bytes = Vec::new();
    Frame::Spike { spike: parcel.spike, beside: parcel.beside.unwrap_or(&[]) }.encode(&mut bytes);
    bytes
}

fn golden() -> Vec<(String, Vec<u8>)> {
    let mut frames: Vec<(String, Vec<u8>)> = samples()
        .iter()
        .map(|(name, spike, load)| (name.to_string(), encoded(spike, load)))
        .collect();
    let hello = Hello { id: 0x1122_3344_5566_7788, known: 0x99aa, received: 1_000_000, first: 77 };
    for (name, frame) in
        [("hello", Frame::Hello(hello)), ("ack", Frame::Ack(258)), ("bye", Frame::Bye(1 << 40))]
    {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        frames.push((name.to_owned(), bytes));
    }
    frames
}

#[test]
fn frames_are_the_bytes_that_are_written_down() {
    let hex = |bytes: &[u8]| {
        let lines: Vec<String> = bytes
            .chunks(16)
            .map(|line| line.iter().map(|byte| format!(" {byte:02x}")).collect::<String>())
            .collect();
        lines.join("\n")
    };
    let text: String =
        golden().iter().map(|(name, bytes)| format!("{name}\n{}\n", hex(bytes))).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/frames.txt");
    assert_eq!(
        text,
        std::fs::read_to_string(path).unwrap(),
        "the frame has changed: raise its version"
    );
}

#[test]
fn an_altered_payload_is_refused_wherever_it_was_altered() {
    let whole = encoded(&spike(3, SpikeKind::Excitatory), &[9; 100]);
    for at in 76..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let refused = Frame::decode(&bytes[4..]).unwrap_err();
            assert!(matches!(refused, FrameError::Checksum { length: 100, .. }), "{refused}");
        }
    }
}

#[test]
fn strangers_and_other_versions_are_told_apart() {
    let mut bytes = Vec::new();
    Frame::Hello(Hello { id: 1, known: 0, received: 0, first: 0 }).encode(&mut bytes);
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        Frame::decode(&bytes[4..]).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(with(5, 2), "a hello of version 2 is refused: this side speaks version 1");
    assert!(with(8, b'X').contains("this is no relay"));
    assert_eq!(with(16, 0), "a hello with id 0 is refused: 0 is nobody");
    let http = u32::from_le_bytes(*b"GET ");
    let refused = check_length(*b"GET ", 1 << 20).unwrap_err();
    assert_eq!(refused, FrameError::Length { length: http, most: (1 << 20) + 72 });
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let load = prop_oneof![Just(0usize), 1..46usize, 47..300usize];
    let fired = (0u16..0xFFFE, 0..3usize, any::<u8>(), 0u64..1 << 63, any::<u32>(), load);
    let spikes = fired.prop_map(|(source, kind, priority, time, sequence, length)| {
        let kinds = [SpikeKind::Excitatory, SpikeKind::Inhibitory, SpikeKind::Modulatory];
        let payload = vec![priority; length];
        let spike = spike(source, kinds[kind]).with_priority(priority).stamped(time, sequence);
        encoded(&spike.with_inline(&payload).unwrap_or(spike), &payload)
    });
    let control = (1u64.., any::<u64>(), any::<u64>(), 0..3u8).prop_map(|(id, a, b, which)| {
        let mut bytes = Vec::new();
        match which {
            0 => Frame::Ack(a).encode(&mut bytes),
            1 => Frame::Bye(a).encode(&mut bytes),
            _ => Frame::Hello(Hello { id, known: a, received: b, first: a }).encode(&mut bytes),
        }
        bytes
    });
    prop_oneof![4 => spikes, 1 => control]
}

proptest! {
    #[test]
    fn any_split_of_a_stream_is_the_same_frames(
        frames in prop::collection::vec(any_frame(), 1..20),
        cuts in prop::collection::vec(1usize..200, 1..40),
    ) {
        let stream = frames.concat();
        let (mut decoder, mut seen, mut at) = (Decoder::new(300), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            let end = stream.len().min(at + cut);
            let used = decoder.feed::<FrameError>(&stream[at..end], |frame, raw| {
                let mut bytes = Vec::new();
                frame.encode(&mut bytes);
                assert_eq!(bytes, raw);
                seen.push(bytes);
                Ok(Taken::Yes)
            });
            prop_assert_eq!(used.unwrap(), end - at);
            at = end;
            if at == stream.len() {
                break;
            }
        }
        prop_assert_eq!(seen, frames);
    }

    #[test]
    fn any_bytes_are_frames_or_are_refused(
        frames in prop::collection::vec(any_frame(), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..120),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        piece in any::<u8>(),
    ) {
        let mut stream = frames.concat();
        stream.extend_from_slice(&noise);
        for (at, byte) in flips {
            if !stream.is_empty() {
                let at = at.index(stream.len());
                stream[at] = byte;
            }
        }
        stream.insert(0, piece);
        stream::check(&stream);
    }
}

#[test]
fn what_the_fuzzer_has_kept_is_still_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        stream::check(&std::fs::read(entry.unwrap().path()).unwrap());
        read += 1;
    }
    assert!(read > 6, "the corpus has {read} inputs");
}
