//! The text of a description, and the mistakes found in it so far.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mistake::{Code, DescriptionErrors, Mistake};

/// Characters of a value that a message quotes.
const QUOTED: usize = 40;

/// Where something stands and what its key is; kept for checks that need the whole file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) span: Range<usize>,
    pub(crate) key: String,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// One text under examination. Mistakes are collected, so that a user sees all of them at once.
pub(crate) struct Sheet<'i> {
    file: &'i str,
    text: &'i str,
    /// Byte offsets at which lines begin.
    lines: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'i> Sheet<'i> {
    pub(crate) fn new(file: &'i str, text: &'i str) -> Self {
        let after_breaks =
            text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Self { file, text, lines, mistakes: RefCell::default() }
    }

    /// The document as a table. After a mistake of syntax the rest would be guesswork, so only those are reported.
    pub(crate) fn parse(&self) -> Result<Spanned<DeTable<'i>>, DescriptionErrors> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Ok(table);
        }
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let (line, column) = self.position(span.start);
            let mistake = Mistake {
                code: Code::Syntax,
                file: self.file.to_owned(),
                line,
                column,
                key: String::new(),
                expected: "TOML 1.1".to_owned(),
                found: error.message().to_owned(),
                nearest: None,
            };
            self.mistakes.borrow_mut().push(mistake);
        }
        Err(DescriptionErrors::new(self.mistakes.take()))
    }

    /// Notes a mistake; what was found is quoted from the text at the place.
    pub(crate) fn wrong(&self, code: Code, place: &Place, expected: impl Into<String>) {
        self.note(code, place, expected.into(), self.quote(&place.span), None);
    }

    /// Notes a mistake for which a better name is known, or at least looked for.
    pub(crate) fn misnamed(
        &self,
        code: Code,
        place: &Place,
        expected: impl Into<String>,
        nearest: Option<&str>,
    ) {
        self.note(code, place, expected.into(), self.quote(&place.span), nearest);
    }

    /// Notes that something is not there.
    pub(crate) fn absent(&self, code: Code, place: &Place, expected: impl Into<String>) {
        self.note(code, place, expected.into(), String::new(), None);
    }

    /// Notes a mistake with what was found in words.
    pub(crate) fn note(
        &self,
        code: Code,
        place: &Place,
        expected: String,
        found: String,
        nearest: Option<&str>,
    ) {
        let (line, column) = self.position(place.span.start);
        self.mistakes.borrow_mut().push(Mistake {
            code,
            file: self.file.to_owned(),
            line,
            column,
            key: place.key.clone(),
            expected,
            found,
            nearest: nearest.map(str::to_owned),
        });
    }

    /// Every mistake so far; the sheet is done with.
    pub(crate) fn into_result(self) -> Result<(), DescriptionErrors> {
        let mistakes = self.mistakes.into_inner();
        if mistakes.is_empty() { Ok(()) } else { Err(DescriptionErrors::new(mistakes)) }
    }

    /// Line and column of a byte, both from 1; columns count characters, as editors do.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    fn quote(&self, span: &Range<usize>) -> String {
        let text = self.text.get(span.clone()).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        let mut quoted: String = first.chars().take(QUOTED).flat_map(printable).collect();
        if first.chars().count() > QUOTED || first.len() < text.trim_end().len() {
            quoted.push_str("..");
        }
        quoted
    }
}

/// A terminal must not obey what a file says.
fn printable(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = (!c.is_control()).then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// What a value is, with its article.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let sheet = Sheet::new("f", "a\nµ b\r\nc");
        assert_eq!(sheet.position(0), (1, 1));
        assert_eq!(sheet.position(2), (2, 1));
        assert_eq!(sheet.position(5), (2, 3));
        assert_eq!(sheet.position(8), (3, 1));
        assert_eq!(sheet.position(9), (3, 2));
        assert_eq!(sheet.position(900), (3, 1));
    }

    #[test]
    fn quotes_are_short_and_harmless() {
        let text = format!("\"\u{1b}[2J\"\n{}\n{{ a = 1,\n b = 2 }}", "x".repeat(50));
        let sheet = Sheet::new("f", &text);
        assert_eq!(sheet.quote(&(0..6)), "\"\\u{1b}[2J\"");
        assert_eq!(sheet.quote(&(7..57)), format!("{}..", "x".repeat(40)));
        assert_eq!(sheet.quote(&(58..text.len())), "{ a = 1,..");
    }
}
