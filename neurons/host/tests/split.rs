//! Cutting a stream into lines, however it arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use neuronbus_host::split::{Piece, Splitter};
use proptest::prelude::*;

#[derive(Debug, PartialEq, Eq, Clone)]
enum Found {
    Line(Vec<u8>),
    TooLong(Vec<u8>),
}

fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, max_line: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut take = |piece: Piece<'_>| {
        found.push(match piece {
            Piece::Line(line) => Found::Line(line.to_vec()),
            Piece::TooLong(head) => Found::TooLong(head.to_vec()),
        });
    };
    let mut splitter = Splitter::new(max_line);
    for chunk in chunks {
        splitter.feed(chunk, &mut take);
        assert!(splitter.held() <= max_line + 8);
    }
    splitter.finish(&mut take);
    found
}

/// What splitting means, in the plainest words.
fn expected(stream: &[u8], max_line: usize) -> Vec<Found> {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let mut lines: Vec<&[u8]> = stream.split(|&b| b == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let lines = lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .map(|line| match line.get(..max_line) {
            Some(head) if line.len() > max_line => Found::TooLong(head.to_vec()),
            _ => Found::Line(line.to_vec()),
        })
        .collect()
}

#[test]
fn a_line_of_ten_megabytes_is_skipped_without_being_kept() {
    let mut splitter = Splitter::new(1 << 20);
    let mut found = Vec::new();
    let mut take = |piece: Piece<'_>| {
        found.push(match piece {
            Piece::Line(line) => line.to_vec(),
            Piece::TooLong(head) => vec![b'!'; head.len()],
        });
    };
    splitter.feed(b"before\n", &mut take);
    for _ in 0..160 {
        splitter.feed(&[b'x'; 1 << 16], &mut take);
        assert!(splitter.held() <= (1 << 20) + 8);
    }
    splitter.feed(b"x\nafter\n", &mut take);
    splitter.finish(&mut take);
    assert_eq!(found.len(), 3);
    assert_eq!((&found[0][..], &found[2][..]), (&b"before"[..], &b"after"[..]));
    assert_eq!(found[1], vec![b'!'; 1 << 20]);
}

#[test]
fn a_line_of_exactly_the_limit_is_a_line_with_or_without_a_carriage_return() {
    let found = split([&b"12345678\r\n12345678\n123456789\n"[..]], 8);
    let line = Found::Line(b"12345678".to_vec());
    assert_eq!(found, [line.clone(), line, Found::TooLong(b"12345678".to_vec())]);
}

proptest! {
    #[test]
    fn chunk_boundaries_do_not_matter(
        stream in prop::collection::vec(
            prop::sample::select(&b"ab\r\n\n\xEF\xBB\xBF"[..]), 0..200),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        max_line in 1usize..20,
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]);
        prop_assert_eq!(split(chunks, max_line), expected(&stream, max_line));
    }
}
