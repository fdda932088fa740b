//! The first difference between two states.

use super::reader::{Column, Section};
use super::{ASKED, StateError, StateReader, element};

/// Where two states differ first, in the order in which they are written: what neurons are, what synapses have learned,
/// what is under way, what was counted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The section.
    pub section: String,
    /// The column; empty where a whole section is only in one of them.
    pub column: String,
    /// Which of its values, if both have it.
    pub index: Option<usize>,
    /// What the first has.
    pub left: String,
    /// What the second has.
    pub right: String,
}

const NOTHING: &str = "nothing";

/// The first difference between two states; `None` if there is none.
///
/// # Errors
/// If one of them is no state.
pub fn first_difference(left: &[u8], right: &[u8]) -> Result<Option<Difference>, StateError> {
    let (left, right) = (StateReader::new(left)?, StateReader::new(right)?);
    for section in &left.sections {
        let Some(other) = right.find(section.name) else {
            return Ok(Some(whole(section.name, "", "a section", NOTHING)));
        };
        if let Some(difference) = in_section(section, other) {
            return Ok(Some(difference));
        }
    }
    let more = right.sections.iter().find(|section| left.find(section.name).is_none());
    Ok(more.map(|section| whole(section.name, "", NOTHING, "a section")))
}

fn whole(section: &str, column: &str, left: &str, right: &str) -> Difference {
    Difference {
        section: section.to_owned(),
        column: column.to_owned(),
        index: None,
        left: left.to_owned(),
        right: right.to_owned(),
    }
}

fn in_section(left: &Section<'_>, right: &Section<'_>) -> Option<Difference> {
    for column in left.columns.iter().filter(|column| column.name != ASKED) {
        let Some(other) = right.columns.iter().find(|other| other.name == column.name) else {
            return Some(whole(left.name, column.name, "a column", NOTHING));
        };
        if let Some((index, values)) = in_column(column, other) {
            let [left_value, right_value] = values;
            return Some(Difference {
                index: Some(index),
                ..whole(left.name, column.name, &left_value, &right_value)
            });
        }
    }
    let known = |column: &&Column<'_>| left.columns.iter().any(|own| own.name == column.name);
    let more = right.columns.iter().find(|column| !known(column));
    more.map(|column| whole(left.name, column.name, NOTHING, "a column"))
}

fn in_column(left: &Column<'_>, right: &Column<'_>) -> Option<(usize, [String; 2])> {
    if left.kind != right.kind {
        let kinds =
            [left, right].map(|column| element::kind(column.kind).map_or("", |kind| kind.1));
        return Some((0, kinds.map(str::to_owned)));
    }
    if left.bytes == right.bytes {
        return None;
    }
    let width = left.width();
    let pairs = left.bytes.chunks_exact(width).zip(right.bytes.chunks_exact(width));
    let index = pairs.take_while(|(left, right)| left == right).count();
    let value = |column: &Column<'_>| match column.bytes.get(index * width..(index + 1) * width) {
        Some(bytes) => element::show(column.kind, bytes),
        None => NOTHING.to_owned(),
    };
    Some((index, [value(left), value(right)]))
}
