//! What holds for any bytes at all that come over a wire; used by a test and by a fuzz target.

use neuronbus_relay::frame::{Decoder, Frame, FrameError, Taken};

/// Small, so that both sides of it are reached.
const LIMIT: usize = 300;

/// The frames of a stream that comes in pieces, encoded again, and how it ended. Of each `refuse_every` frames, one is
/// offered twice.
fn read(stream: &[u8], piece: usize, refuse_every: usize) -> (Vec<u8>, usize, Option<FrameError>) {
    let (mut decoder, mut again, mut count, mut offers) = (Decoder::new(LIMIT), Vec::new(), 0, 0);
    let mut waiting: Vec<u8> = Vec::new();
    // bound: a piece that is not used up was stopped by a frame that is taken the next time
    let mut pieces = stream.chunks(piece);
    loop {
        if waiting.is_empty() {
            match pieces.next() {
                Some(piece) => waiting.extend_from_slice(piece),
                None => return (again, count, None),
            }
        }
        let used = decoder.feed::<FrameError>(&waiting, |frame, raw| {
            offers += 1;
            if refuse_every > 0 && offers % refuse_every == 0 {
                return Ok(Taken::NotNow);
            }
            let before = again.len();
            frame.encode(&mut again);
            assert_eq!(&again[before..], raw, "a frame is not what it was read from: {frame:?}");
            if let Frame::Spike { spike, beside } = frame {
                assert!(spike.check().is_ok() && beside.len() <= LIMIT);
            }
            count += 1;
            Ok(Taken::Yes)
        });
        match used {
            Ok(used) => {
                assert!(used <= waiting.len());
                waiting.drain(..used);
                // A frame that was held back lies whole in the decoder.
                if waiting.is_empty() && refuse_every > 0 && offers % refuse_every == 0 {
                    decoder
                        .feed::<FrameError>(&[], |frame, _| {
                            frame.encode(&mut again);
                            count += 1;
                            Ok(Taken::Yes)
                        })
                        .ok();
                }
            }
            Err(error) => return (again, count, Some(error)),
        }
    }
}

/// Any bytes in any pieces are the same frames, each the bytes it was read from, up to the same refusal.
pub(crate) fn check(input: &[u8]) {
    let Some((&piece, stream)) = input.split_first() else { return };
    let whole = read(stream, stream.len().max(1), 0);
    assert!(stream.starts_with(&whole.0), "what was read is not what came");
    let piece = usize::from(piece) + 1;
    assert_eq!(read(stream, piece, 0), whole, "in pieces of {piece}");
    assert_eq!(read(stream, piece, 2), whole, "in pieces of {piece}, offered twice");
    if let Some(error) = whole.2 {
        assert!(!error.to_string().is_empty());
    }
}
