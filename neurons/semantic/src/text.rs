//! Texts as encoders read them: names become words, and two names may be siblings.

use crate::encoder::EncodeError;

/// Bytes of a text that an encoder reads at most; a longer one is refused.
pub const TEXT_LIMIT: usize = 64 << 10;

/// A text that can be encoded: not empty, and not beyond [`TEXT_LIMIT`].
///
/// # Errors
/// [`EncodeError::Empty`] where nothing but white space is said, [`EncodeError::TooLong`] beyond the limit.
pub fn check(text: &str) -> Result<(), EncodeError> {
    if text.len() > TEXT_LIMIT {
        return Err(EncodeError::TooLong { bytes: text.len(), limit: TEXT_LIMIT });
    }
    if text.chars().all(char::is_whitespace) {
        return Err(EncodeError::Empty);
    }
    Ok(())
}

/// The words of a topic's name: `userLoggedIn`, `user.logged_in` and `USER/LOGGED-IN` are all `user logged in`.
///
/// Models are trained on sentences. Read as words, names of topics find their paraphrases in 98.6 % instead of 96.2 %
/// of the pairs of `docs/learning.md`. A text that is a sentence already keeps its punctuation.
#[must_use]
pub fn spaced(topic: &str) -> String {
    let mut words = String::with_capacity(topic.len() + 8);
    spaced_into(topic, &mut words);
    words
}

/// [`spaced`] into a buffer that is emptied first.
pub fn spaced_into(topic: &str, words: &mut String) {
    words.clear();
    let is_sentence = topic.trim().contains(char::is_whitespace);
    let mut before = ' ';
    let mut rest = topic.chars().peekable();
    while let Some(letter) = rest.next() {
        let separates = letter.is_whitespace()
            || letter.is_control()
            || !is_sentence && matches!(letter, '_' | '.' | '/' | '-' | ':');
        if separates {
            if !words.is_empty() && !words.ends_with(' ') {
                words.push(' ');
            }
            before = ' ';
            continue;
        }
        // A word begins at a capital after a small letter, and at the last capital of an abbreviation.
        let ends_abbreviation =
            before.is_uppercase() && rest.peek().is_some_and(|c| c.is_lowercase());
        let begins_word = letter.is_uppercase() && (before.is_lowercase() || ends_abbreviation);
        if begins_word && !is_sentence && !words.ends_with(' ') && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
        before = letter;
    }
    words.truncate(words.trim_end().len());
}

/// Whether two names begin or end with the same words, and differ in between by one or two words each, as `payment
/// succeeded` and `payment failed` do, or `flight on time` and `flight delayed`. Forms of one word are no difference:
/// `user login` and `user logged in`, `payment failed` and `payment failure`.
///
/// Siblings name different outcomes of one thing more often than one outcome in two ways, and no cosine tells the two
/// apart: models put opposites nearer together than paraphrases.
#[must_use]
pub fn are_siblings(left: &str, right: &str) -> bool {
    let (left, right): (Vec<&str>, Vec<&str>) =
        (left.split(' ').collect(), right.split(' ').collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let before = same(&mut left.iter().zip(&right));
    let (left, right) = (&left[before..], &right[before..]);
    let after = same(&mut left.iter().rev().zip(right.iter().rev()));
    let (left, right) = (&left[..left.len() - after], &right[..right.len() - after]);
    let differ = |words: &[&str]| (1..=DIFFERENT_WORDS).contains(&words.len());
    before + after > 0 && differ(left) && differ(right) && !are_forms(left, right)
}

fn are_forms(left: &[&str], right: &[&str]) -> bool {
    let stems = |words: &[&str]| words.iter().map(|word| stem(word)).collect::<String>();
    stems(left) == stems(right)
}

/// Endings of English words that leave their meaning as it is, the longer ones first.
const ENDINGS: [&str; 10] = ["ation", "ment", "ure", "ion", "ing", "ed", "es", "al", "s", "y"];

/// Letters of the shortest stem.
const STEM: usize = 3;

/// A word without its ending, and without what endings do to words: a letter that is doubled, an `e` that is dropped.
fn stem(word: &str) -> &str {
    let short = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() >= STEM);
    let stem = ENDINGS.into_iter().find_map(short).or_else(|| short("e")).unwrap_or(word);
    match stem.as_bytes() {
        [.., first, second] if first == second && second.is_ascii() && stem.len() > STEM => {
            &stem[..stem.len() - 1]
        }
        _ => stem,
    }
}

/// Names that differ by more words than this have little in common.
const DIFFERENT_WORDS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_read_as_words() {
        for topic in ["userLoggedIn", "user.logged_in", "USER/LOGGED-IN", " user:logged..in "] {
            assert_eq!(spaced(topic), "user logged in", "{topic}");
        }
        assert_eq!(spaced("HTTPServerError"), "http server error");
        assert_eq!(spaced("Größe_ÜberLimit"), "größe über limit");
    }

    #[test]
    fn a_sentence_keeps_its_marks() {
        assert_eq!(spaced("Is  it 3.5 km/h,\nMcDonald?"), "is it 3.5 km/h, mcdonald?");
    }

    #[test]
    fn siblings_differ_in_one_place_only() {
        for (left, right) in [
            ("payment succeeded", "payment failed"),
            ("flight on time", "flight delayed"),
            ("low battery", "full battery"),
            ("user login", "user logout"),
            ("user logged in", "user logged out"),
            ("device connected", "device disconnected"),
        ] {
            assert!(are_siblings(left, right) && are_siblings(right, left), "{left}, {right}");
        }
        for (left, right) in [
            ("battery low", "low power"),
            ("payment failed", "payment failed"),
            ("user login", "authentication successful"),
            ("payment failed", "payment"),
            ("user login", "user logged in"),
            ("payment failed", "payment failure"),
            ("order shipped", "order shipment"),
            ("subscription cancelled", "subscription cancellation"),
            ("", ""),
        ] {
            assert!(!are_siblings(left, right) && !are_siblings(right, left), "{left}, {right}");
        }
    }

    #[test]
    fn what_cannot_be_encoded_is_refused_with_its_size() {
        assert_eq!(check(" \t\n"), Err(EncodeError::Empty));
        let megabyte = "a".repeat(1 << 20);
        assert_eq!(
            check(&megabyte),
            Err(EncodeError::TooLong { bytes: 1 << 20, limit: TEXT_LIMIT })
        );
        assert_eq!(check(&megabyte[..TEXT_LIMIT]), Ok(()));
    }
}
