//! What can be wrong with a brain description, located in its file.

use std::fmt;

/// The kind of a mistake. Codes are stable: `docs/errors.md` lists them, and a code is never given a new meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// The table has no such key.
    UnknownKey,
    /// A key that has no default is absent.
    MissingKey,
    /// The value is of another type.
    WrongType,
    /// The text is not one of the names that mean something here.
    UnknownName,
    /// The value lies outside what is allowed.
    OutOfRange,
    /// The text is not a duration or a size.
    BadQuantity,
    /// No region of the description has this path.
    UnknownRegion,
    /// Something that must be unique is there twice.
    Duplicate,
    /// Two keys, or a key and a kind of region, do not go together.
    Contradiction,
    /// The text is not TOML.
    Syntax,
    /// The file cannot be read.
    Unreadable,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Code; 11] = [
        Code::UnknownKey,
        Code::MissingKey,
        Code::WrongType,
        Code::UnknownName,
        Code::OutOfRange,
        Code::BadQuantity,
        Code::UnknownRegion,
        Code::Duplicate,
        Code::Contradiction,
        Code::Syntax,
        Code::Unreadable,
    ];

    /// The code as it is printed: `B001`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.both().0
    }

    /// What the code stands for, in two or three words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.both().1
    }

    const fn both(self) -> (&'static str, &'static str) {
        match self {
            Code::UnknownKey => ("B001", "unknown key"),
            Code::MissingKey => ("B002", "missing key"),
            Code::WrongType => ("B003", "wrong type"),
            Code::UnknownName => ("B004", "unknown name"),
            Code::OutOfRange => ("B005", "out of range"),
            Code::BadQuantity => ("B006", "not a quantity"),
            Code::UnknownRegion => ("B007", "unknown region"),
            Code::Duplicate => ("B008", "used twice"),
            Code::Contradiction => ("B009", "contradiction"),
            Code::Syntax => ("B010", "not TOML"),
            Code::Unreadable => ("B011", "cannot be read"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// One mistake: where it is, what was expected there, what was found, and what was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What kind of mistake it is.
    pub code: Code,
    /// The name of the file, as it was given.
    pub file: String,
    /// Line, from 1; 0 when the mistake has no place in the text.
    pub line: usize,
    /// Column in characters, from 1; 0 when the mistake has no place in the text.
    pub column: usize,
    /// The path of the key, such as `region[0].period`; empty for the document itself.
    pub key: String,
    /// What would have been right, in words.
    pub expected: String,
    /// What is there, shortened; empty when nothing is.
    pub found: String,
    /// The nearest name that would have been right.
    pub nearest: Option<String>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {} {}", self.code.id(), self.code.title())?;
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": expected {}", self.expected)?;
        if !self.found.is_empty() {
            write!(f, ", found {}", self.found)?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, "; did you mean {nearest:?}?"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with one description, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescriptionErrors {
    mistakes: Vec<Mistake>,
}

impl DescriptionErrors {
    /// Sorts by place, so that a reader of the messages goes down the file once.
    pub(crate) fn new(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|m| (m.line, m.column, m.code));
        Self { mistakes }
    }

    /// For a file whose text was never seen.
    pub(crate) fn unreadable(file: &str, why: &std::io::Error) -> Self {
        let mistake = Mistake {
            code: Code::Unreadable,
            file: file.to_owned(),
            line: 0,
            column: 0,
            key: String::new(),
            expected: "a brain description in TOML".to_owned(),
            found: why.to_string(),
            nearest: None,
        };
        Self { mistakes: vec![mistake] }
    }

    /// The mistakes, from the top of the file to its end.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for DescriptionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DescriptionErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_numbered_without_gaps() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert_eq!(code.id(), format!("B{:03}", index + 1));
        }
    }
}
