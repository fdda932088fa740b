//! Why an expression is refused, where, and what might have been meant.

use std::fmt;

/// An expression that is not a filter.
///
/// Its text says what was found, at which byte, and what would do instead; [`shown`](Self::shown) points at the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}{}", hint.map(|hint| format!(": {hint}")).unwrap_or_default())]
pub struct FilterError {
    /// Where in the expression, in bytes.
    pub at: usize,
    /// What is wrong.
    pub problem: Problem,
    /// What would do instead.
    pub hint: Option<&'static str>,
    /// The expression.
    pub expression: Box<str>,
}

/// What can be wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// It has too many bytes.
    Long(usize),
    /// It is nested too deeply.
    Deep,
    /// A list has too many elements.
    LongList,
    /// A character that begins nothing.
    Character(char),
    /// A text without its closing quote.
    OpenQuote,
    /// A number that is none, or is too large.
    Number(String),
    /// Something else was expected.
    Expected {
        /// What would have done.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// Two kinds that can never be compared or combined.
    Kinds {
        /// What is done with them.
        operation: &'static str,
        /// The kind on the left.
        left: &'static str,
        /// The kind on the right.
        right: &'static str,
    },
    /// A condition that is neither true nor false.
    NotACondition(&'static str),
    /// A name below `time` that there is not.
    NoSuchTime(String),
    /// A name below one that has no parts.
    NoParts(String),
    /// A pattern that cannot be compiled.
    Pattern(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Long(bytes) => {
                write!(
                    f,
                    "an expression of {bytes} bytes is refused: it may have {}",
                    super::LENGTH_MAX
                )
            }
            Self::Deep => write!(f, "nesting of more than {} levels is refused", super::DEPTH_MAX),
            Self::LongList => {
                write!(f, "a list of more than {} elements is refused", super::LIST_MAX)
            }
            Self::Character(found) => write!(f, "{found:?} begins nothing"),
            Self::OpenQuote => f.write_str("a text has no closing quote"),
            Self::Number(text) => write!(f, "{text} is no number that can be compared"),
            Self::Expected { expected, found } => write!(f, "{expected} was expected, not {found}"),
            Self::Kinds { operation, left, right } => {
                write!(f, "{left} {operation} {right} can never be true")
            }
            Self::NotACondition(kind) => write!(f, "{kind} is neither true nor false"),
            Self::NoSuchTime(name) => write!(f, "there is no time.{name}"),
            Self::NoParts(name) => write!(f, "{name} has no parts"),
            Self::Pattern(why) => write!(f, "the pattern cannot be compiled ({why})"),
        }
    }
}

impl FilterError {
    /// The expression on one line, and a mark below the place on the next.
    #[must_use]
    pub fn shown(&self) -> String {
        let before = self.expression.get(..self.at).unwrap_or(&self.expression);
        format!("{}\n{}^", self.expression, " ".repeat(before.chars().count()))
    }
}
