//! Topics and the patterns that name several of them.
//!
//! A topic is words joined by dots, `user.login`. A pattern is one too, in which `*` stands for exactly one word and
//! `#` for any number of them, none included, as in AMQP 0-9-1.

use std::fmt;

/// Bytes of the longest topic and of the longest pattern.
pub const TOPIC_MAX: usize = 200;

/// What is wrong with a topic or a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicFlaw {
    /// It is empty, or two dots stand side by side, or one at an end.
    #[error("word {0} is empty")]
    EmptyWord(usize),
    /// A character that no topic has.
    #[error(
        "{found:?} at byte {at} is not allowed: words have letters, digits and - _ : / @, and are joined by dots"
    )]
    Character {
        /// The character.
        found: char,
        /// Where it stands.
        at: usize,
    },
    /// It is too long.
    #[error("it has {0} bytes, and may have {TOPIC_MAX}")]
    Long(usize),
    /// A wildcard is a part of a word.
    #[error("the wildcard in word {0} must be a word of its own")]
    Wildcard(usize),
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '/' | '@')
}

fn check(text: &str, wildcards: bool) -> Result<(), TopicFlaw> {
    if text.len() > TOPIC_MAX {
        return Err(TopicFlaw::Long(text.len()));
    }
    let mut start = 0;
    for (index, word) in text.split('.').enumerate() {
        if word.is_empty() {
            return Err(TopicFlaw::EmptyWord(index + 1));
        }
        for (at, found) in word.char_indices() {
            if wildcards && matches!(found, '*' | '#') {
                if word.len() > 1 {
                    return Err(TopicFlaw::Wildcard(index + 1));
                }
            } else if !is_of_word(found) {
                return Err(TopicFlaw::Character { found, at: start + at });
            }
        }
        start += word.len() + 1;
    }
    Ok(())
}

/// Whether a text is a topic.
///
/// # Errors
/// What is wrong with it, and where.
pub fn check_topic(topic: &str) -> Result<(), TopicFlaw> {
    check(topic, false)
}

/// A pattern that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?} is refused: {flaw}")]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub flaw: TopicFlaw,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Exactly(Box<str>),
    One,
    Any,
}

/// A compiled topic pattern. Matching allocates nothing.
///
/// ```
/// use neuronbus::event::TopicPattern;
///
/// # fn main() -> neuronbus::Result<()> {
/// let orders = TopicPattern::new("orders.*.paid")?;
/// assert!(orders.matches("orders.eu.paid") && !orders.matches("orders.paid"));
/// let all = TopicPattern::new("orders.#")?;
/// assert!(all.matches("orders") && all.matches("orders.eu.paid") && !all.matches("order"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    text: Box<str>,
    words: Box<[Word]>,
}

impl TopicPattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        check(pattern, true).map_err(|flaw| PatternError { pattern: pattern.to_owned(), flaw })?;
        let mut words: Vec<Word> = Vec::new();
        for word in pattern.split('.') {
            match word {
                "*" => words.push(Word::One),
                // Two in a row mean what one does, and would only be tried twice.
                "#" if words.last() == Some(&Word::Any) => {}
                "#" => words.push(Word::Any),
                word => words.push(Word::Exactly(word.into())),
            }
        }
        Ok(Self { text: pattern.into(), words: words.into() })
    }

    /// Whether a topic is one of those that are meant.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        // The usual way to match wildcards: on a mismatch the last `#` takes one word more. At most words x words.
        let mut words = topic.split('.');
        let mut at = 0;
        let mut retry = None;
        loop {
            let before = words.clone();
            let word = words.next();
            let matched = match (self.words.get(at), word) {
                (Some(Word::Any), _) => {
                    // It takes nothing at first; the word is looked at again.
                    words = before.clone();
                    retry = Some((at + 1, before));
                    true
                }
                (Some(Word::One), Some(_)) => true,
                (Some(Word::Exactly(wanted)), Some(word)) => **wanted == *word,
                (None, None) => return true,
                (None, Some(_)) | (Some(_), None) => false,
            };
            if matched {
                at += 1;
                continue;
            }
            let Some((resume, mut rest)) = retry.take() else { return false };
            if rest.next().is_none() {
                return false;
            }
            words = rest.clone();
            at = resume;
            retry = Some((resume, rest));
        }
    }

    /// Whether it names one topic only.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.words.iter().all(|word| matches!(word, Word::Exactly(_)))
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for TopicPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}
