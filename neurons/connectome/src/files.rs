//! Files that a description names: those that it carries along, and those beside it.
//!
//! A description that is written down with a run, in a journal, must say all of it. So what it takes from files can
//! stand in its table `[files]` instead, by the names that it has for them; it then looks nowhere else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use neuronbus_semantic::concept_file::{ConceptFile, ConceptFileError};

use crate::table::Table;

/// Where files are looked for, and what was found so far.
pub(crate) struct Files {
    folder: PathBuf,
    carried: Option<BTreeMap<String, String>>,
    /// A file that is not there is no mistake: it is about to be written.
    may_be_absent: bool,
}

impl Files {
    /// Those of a document in a file of this name.
    pub(crate) fn new(document: &Table<'_, '_>, file: &str, may_be_absent: bool) -> Self {
        let folder = Path::new(file).parent().unwrap_or(Path::new("")).to_owned();
        let carried = document.table("files").map(Table::all_texts);
        Self { folder, carried, may_be_absent }
    }

    /// Where a file lies: beside the description, unless its name leads elsewhere.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The text of a file; nothing if it may be absent and is.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, ConceptFileError> {
        if let Some(carried) = &self.carried {
            let text = carried.get(name).cloned().map(Some);
            let absent = || std::io::Error::new(ErrorKind::NotFound, "it is not in [files]");
            return text.ok_or_else(|| absent().into());
        }
        match ConceptFile::text(&self.place(name)) {
            Err(ConceptFileError::File(why))
                if self.may_be_absent && why.kind() == ErrorKind::NotFound =>
            {
                Ok(None)
            }
            outcome => outcome.map(Some),
        }
    }

    /// A description with the text of the files that it names behind it, so that it needs none of them.
    pub(crate) fn carry(&self, description: &str, read: &BTreeMap<String, String>) -> String {
        let mut whole = description.to_owned();
        if self.carried.is_some() || read.is_empty() {
            return whole;
        }
        whole.push_str("\n[files]\n");
        for (name, text) in read {
            // Writing into a string cannot fail.
            let _ = writeln!(whole, "{} = {}", quoted(name), quoted(text));
        }
        whole
    }
}

/// A text as TOML writes it, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        // Writing into a string cannot fail.
        let _ = match letter {
            '"' | '\\' => write!(quoted, "\\{letter}"),
            control if control.is_control() => write!(quoted, "\\u{:04X}", u32::from(control)),
            plain => write!(quoted, "{plain}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_read_back_from_its_quotes() {
        let text = "{\"a\": \"b\\\\c\"}\n\t\u{7f}\u{0}\u{85} é 'x'";
        let document = format!("[files]\n{} = {}\n", quoted("a b.json"), quoted(text));
        let read: toml::Table = document.parse().unwrap_or_else(|why| panic!("{why}: {document}"));
        assert_eq!(read["files"]["a b.json"].as_str(), Some(text));
    }
}
