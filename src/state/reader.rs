//! Reading a state, of which nothing is believed.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{COLUMN, END, Element, HEAD, MAGIC, SECTION, StateError, VERSION, element, padded};

/// A column as it lies in the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    pub(super) kind: u8,
    pub(super) bytes: &'a [u8],
}

impl Column<'_> {
    /// Bytes of one value.
    pub(super) fn width(&self) -> usize {
        // Kinds are checked where records are read.
        element::kind(self.kind).map_or(1, |(width, _)| width)
    }

    pub(super) fn count(&self) -> usize {
        self.bytes.len() / self.width()
    }
}

/// A section and its columns.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) columns: Vec<Column<'a>>,
}

/// All sections of a state.
#[derive(Debug)]
pub(crate) struct StateReader<'a> {
    pub(super) sections: Vec<Section<'a>>,
    by_name: BTreeMap<&'a str, usize>,
}

/// One record, and where the next begins.
struct Record<'a> {
    mark: u8,
    name: &'a str,
    column: Column<'a>,
    next: usize,
}

fn record(bytes: &[u8], at: usize) -> Result<Record<'_>, StateError> {
    let short = || StateError::Truncated { at, length: bytes.len() };
    let refuse = |why| Err(StateError::Record { at, why });
    let rest = bytes.get(at..).ok_or_else(short)?;
    let head: &[u8; HEAD] = rest.first_chunk().ok_or_else(short)?;
    let (mark, kind) = (head[0], head[1]);
    let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
    if head[4..8] != [0; 4] {
        return refuse("its reserved bytes are not zero");
    }
    let [.., a, b, c, d, e, f, g, h] = *head;
    let count = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let width = match (mark, element::kind(kind)) {
        (COLUMN, Some((width, _))) => width,
        (COLUMN, None) => return refuse("there is no such kind of column"),
        (SECTION | END, _) if kind == 0 && count == 0 => 1,
        (SECTION | END, _) => return refuse("only columns have a kind and a count"),
        _ => return refuse("there is no such mark"),
    };
    let values = usize::try_from(count).ok().and_then(|count| count.checked_mul(width));
    let values = values.filter(|&values| values <= rest.len()).ok_or_else(short)?;
    let name = rest.get(HEAD..HEAD + length).ok_or_else(short)?;
    let Ok(name) = std::str::from_utf8(name) else { return refuse("its name is no text") };
    let start = HEAD + padded(length);
    let values = rest.get(start..start + values).ok_or_else(short)?;
    let next = at + start + padded(values.len());
    if next > bytes.len() {
        return Err(short());
    }
    Ok(Record { mark, name, column: Column { name, kind, bytes: values }, next })
}

/// The values that lie in bytes of whichever alignment.
fn collect<T: Element>(bytes: &[u8]) -> Vec<T> {
    let mut values = vec![T::zeroed(); bytes.len() / size_of::<T>()];
    bytemuck::cast_slice_mut::<T, u8>(&mut values).copy_from_slice(bytes);
    values
}

impl<'a> StateReader<'a> {
    /// Finds all sections and columns.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, StateError> {
        let head: &[u8; HEAD] = bytes.first_chunk().ok_or(StateError::Magic)?;
        let [magic @ .., a, b, c, d, _, _, _, _] = head;
        if *magic != MAGIC {
            return Err(StateError::Magic);
        }
        let found = u32::from_le_bytes([*a, *b, *c, *d]);
        if found != VERSION {
            return Err(StateError::Version { found, expected: VERSION });
        }
        let mut reader = Self { sections: Vec::new(), by_name: BTreeMap::new() };
        let mut at = HEAD;
        // bound: each record ends behind where it begins
        loop {
            let record = record(bytes, at)?;
            let refuse = |why| Err(StateError::Record { at, why });
            match record.mark {
                END if record.next == bytes.len() => return Ok(reader),
                END => return refuse("something follows the end"),
                SECTION => {
                    let number = reader.sections.len();
                    if reader.by_name.insert(record.name, number).is_some() {
                        return refuse("a section of this name was there before");
                    }
                    reader.sections.push(Section { name: record.name, columns: Vec::new() });
                }
                _ => match reader.sections.last_mut() {
                    Some(section) => section.columns.push(record.column),
                    None => return refuse("a column stands before the first section"),
                },
            }
            at = record.next;
        }
    }

    /// The section of a name, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<&Section<'a>> {
        self.by_name.get(name).map(|&number| &self.sections[number])
    }

    /// The section of a name.
    pub(crate) fn section(&self, name: &str) -> Result<&Section<'a>, StateError> {
        self.find(name).ok_or_else(|| StateError::Shape {
            section: name.to_owned(),
            column: String::new(),
            found: "nothing".to_owned(),
            expected: "a section".to_owned(),
        })
    }
}

impl<'a> Section<'a> {
    /// How a column is not what it should be.
    pub(crate) fn misshapen(
        &self,
        column: &str,
        found: impl Display,
        expected: impl Display,
    ) -> StateError {
        StateError::Shape {
            section: self.name.to_owned(),
            column: column.to_owned(),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// Which value of a column cannot be.
    pub(crate) fn refuse(
        &self,
        column: &str,
        index: usize,
        value: impl Display,
        expected: &'static str,
    ) -> StateError {
        StateError::Value {
            section: self.name.to_owned(),
            column: column.to_owned(),
            index,
            value: value.to_string(),
            expected,
        }
    }

    fn column<T: Element>(&self, name: &str) -> Result<&Column<'a>, StateError> {
        let found = self.columns.iter().find(|column| column.name == name);
        let column = found.ok_or_else(|| self.misshapen(name, "nothing", "a column"))?;
        if column.kind != T::KIND {
            let found = element::kind(column.kind).map_or("nothing", |(_, name)| name);
            return Err(self.misshapen(name, found, T::NAME));
        }
        Ok(column)
    }

    /// All values of a column, however many.
    pub(crate) fn all<T: Element>(&self, name: &str) -> Result<Vec<T>, StateError> {
        Ok(collect(self.column::<T>(name)?.bytes))
    }

    /// All values of a column, of which there must be so many.
    pub(crate) fn values<T: Element>(
        &self,
        name: &str,
        count: usize,
    ) -> Result<Vec<T>, StateError> {
        self.counted::<T>(name, count).map(collect)
    }

    /// The bytes of a column, of which there must be so many.
    pub(crate) fn bytes(&self, name: &str) -> Result<&'a [u8], StateError> {
        Ok(self.column::<u8>(name)?.bytes)
    }

    fn counted<T: Element>(&self, name: &str, count: usize) -> Result<&'a [u8], StateError> {
        let column = self.column::<T>(name)?;
        if column.count() == count {
            return Ok(column.bytes);
        }
        let found = format!("{} values", column.count());
        Err(self.misshapen(name, found, format!("{count} of them")))
    }

    /// Copies a column, whose values must be as many, to where they belong.
    pub(crate) fn read_into<T: Element>(&self, name: &str, to: &mut [T]) -> Result<(), StateError> {
        let bytes = self.counted::<T>(name, to.len())?;
        bytemuck::cast_slice_mut::<T, u8>(to).copy_from_slice(bytes);
        Ok(())
    }

    /// Copies a column to several places, one behind the other, which take all of it.
    pub(crate) fn read_parts<'p, T: Element>(
        &self,
        name: &str,
        parts: impl IntoIterator<Item = &'p mut [T]>,
    ) -> Result<(), StateError> {
        let parts: Vec<&mut [T]> = parts.into_iter().collect();
        let count = parts.iter().map(|part| part.len()).sum();
        let mut bytes = self.counted::<T>(name, count)?;
        for part in parts {
            let to = bytemuck::cast_slice_mut::<T, u8>(part);
            let (own, rest) = bytes.split_at(to.len());
            to.copy_from_slice(own);
            bytes = rest;
        }
        Ok(())
    }

    /// The one value of a column.
    pub(crate) fn value<T: Element>(&self, name: &str) -> Result<T, StateError> {
        let bytes = self.counted::<T>(name, 1)?;
        Ok(bytemuck::pod_read_unaligned(bytes))
    }

    /// All values of a column, of which there must be so many, each below or at a bound.
    pub(crate) fn up_to<T: Element + PartialOrd>(
        &self,
        name: &str,
        count: usize,
        most: T,
        expected: &'static str,
    ) -> Result<Vec<T>, StateError> {
        let values = self.values::<T>(name, count)?;
        match values.iter().position(|&value| value > most) {
            Some(index) => Err(self.refuse(name, index, values[index], expected)),
            None => Ok(values),
        }
    }

    /// How a column of lengths divides what another column has: where each of them begins, and the end.
    pub(crate) fn starts(
        &self,
        lengths: &str,
        count: usize,
        total: usize,
    ) -> Result<Vec<usize>, StateError> {
        let values = self.values::<u32>(lengths, count)?;
        let mut starts = Vec::with_capacity(count + 1);
        let mut sum = 0usize;
        starts.push(0);
        for length in values {
            sum = sum.saturating_add(length as usize);
            starts.push(sum);
        }
        if sum == total {
            return Ok(starts);
        }
        Err(self.misshapen(lengths, format!("a sum of {sum}"), total))
    }

    /// How many values a column has.
    pub(crate) fn count<T: Element>(&self, name: &str) -> Result<usize, StateError> {
        Ok(self.column::<T>(name)?.count())
    }
}
