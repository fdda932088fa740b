//! An answer ends before a stop sequence, wherever its tokens cut it.

/// Holds back what may become a stop sequence until it is known whether it does.
#[derive(Debug)]
pub(super) struct Stops<'a> {
    sequences: &'a [String],
    held: String,
}

/// What a piece of text comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// So much of it can be said; it may be nothing.
    Say(String),
    /// This is said, and then a sequence follows.
    Stop(String),
}

impl<'a> Stops<'a> {
    pub(super) fn new(sequences: &'a [String]) -> Self {
        Self { sequences, held: String::new() }
    }

    /// Takes a piece of text.
    pub(super) fn feed(&mut self, piece: &str) -> Cut {
        self.held.push_str(piece);
        let sequences = self.sequences.iter().filter(|sequence| !sequence.is_empty());
        if let Some(at) = sequences.clone().filter_map(|sequence| self.held.find(sequence)).min() {
            self.held.truncate(at);
            return Cut::Stop(std::mem::take(&mut self.held));
        }
        // The longest end of what is held that a sequence begins with.
        let begun =
            |at: &usize| sequences.clone().any(|found| found.starts_with(&self.held[*at..]));
        let ends = self.held.char_indices().map(|(at, _)| at);
        let keep = ends.clone().find(begun).unwrap_or(self.held.len());
        let rest = self.held.split_off(keep);
        Cut::Say(std::mem::replace(&mut self.held, rest))
    }

    /// The answer has ended without a sequence: what was held back.
    pub(super) fn finish(self) -> String {
        self.held
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    fn said(sequences: &[&str], pieces: &[&str]) -> (String, bool) {
        let sequences: Vec<String> = sequences.iter().map(|&text| text.to_owned()).collect();
        let (mut stops, mut all) = (Stops::new(&sequences), String::new());
        for piece in pieces {
            match stops.feed(piece) {
                Cut::Say(text) => all.push_str(&text),
                Cut::Stop(text) => return (all + &text, true),
            }
        }
        (all + &stops.finish(), false)
    }

    #[test]
    fn an_answer_ends_before_the_first_sequence_and_keeps_what_only_began_like_one() {
        assert_eq!(said(&["END"], &["one E", "N", "D two"]), ("one ".to_owned(), true));
        assert_eq!(said(&["END"], &["one E", "N", "E two"]), ("one ENE two".to_owned(), false));
        assert_eq!(said(&["END", "one"], &["an END, one"]), ("an ".to_owned(), true));
        assert_eq!(said(&[], &["an END"]), ("an END".to_owned(), false));
        assert_eq!(said(&["aab"], &["a", "a", "a", "b"]), ("a".to_owned(), true));
        assert_eq!(said(&["é"], &["caf", "é", "s"]), ("caf".to_owned(), true));
    }

    proptest! {
        #[test]
        fn wherever_a_text_is_cut_the_same_is_said(text in "[abé]{0,12}", cut in 0_usize..24) {
            let at = (0..=cut.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap();
            let whole = said(&["ab", "bé"], &[&text]);
            prop_assert_eq!(said(&["ab", "bé"], &[&text[..at], &text[at..]]), whole);
        }
    }
}
