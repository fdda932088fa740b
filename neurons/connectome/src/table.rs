//! A typed reader over one TOML table.
//!
//! Every getter names its key once; what was never asked for is an unknown key. A getter that meets a mistake notes it
//! and answers with the default, so that one reading finds every mistake of the file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use neuronbus::time::Span;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mistake::Code;
use crate::quantity::{self, QuantityError};
use crate::sheet::{Located, Place, Sheet, type_of};
use crate::spelling;

/// One table of the file.
pub(crate) struct Table<'s, 'i> {
    sheet: &'s Sheet<'i>,
    entries: &'s DeTable<'i>,
    place: Place,
    known: RefCell<Vec<&'static str>>,
}

/// Why a value is refused: the code, and what would have been right.
struct Refused(Code, String);

impl<'s, 'i> Table<'s, 'i> {
    /// The whole document.
    pub(crate) fn document(sheet: &'s Sheet<'i>, entries: &'s DeTable<'i>) -> Self {
        Self::new(sheet, entries, Place { span: 0..0, key: String::new() })
    }

    fn new(sheet: &'s Sheet<'i>, entries: &'s DeTable<'i>, place: Place) -> Self {
        Self { sheet, entries, place, known: RefCell::default() }
    }

    pub(crate) fn sheet(&self) -> &'s Sheet<'i> {
        self.sheet
    }

    /// Where the table itself begins.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The place of a key's value, or of the table when the key is absent.
    pub(crate) fn place_of(&self, key: &'static str) -> Place {
        let span = self.value(key).map_or(self.place.span.clone(), Spanned::span);
        Place { span, key: self.path(key) }
    }

    /// Whether the key is there at all.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Reports what no getter asked for.
    pub(crate) fn finish(self) {
        let known = self.known.into_inner();
        for key in self.entries.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let path = join(&self.place.key, name);
            let place = Place { span: key.span(), key: path };
            let nearest = spelling::nearest(name, known.iter().copied());
            let expected = format!("one of {}", known.join(", "));
            self.sheet.misnamed(Code::UnknownKey, &place, expected, nearest);
        }
    }

    /// For a table whose kind is a mistake: which of its keys are wrong cannot be known.
    pub(crate) fn abandon(self) {}

    /// Notes that a key without a default is not there.
    pub(crate) fn require(&self, key: &'static str, expected: &str) {
        if !self.has(key) {
            let place = Place { span: self.place.span.clone(), key: self.path(key) };
            self.sheet.absent(Code::MissingKey, &place, expected);
        }
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<Located<String>> {
        self.get(key, |value| match value {
            DeValue::String(text) => Ok(text.to_string()),
            other => Err(wrong_type("a string", other)),
        })
    }

    pub(crate) fn texts(&self, key: &'static str) -> Vec<Located<String>> {
        let Some(items) = self.array(key, "an array of strings") else { return Vec::new() };
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = Place { span: item.span(), key: format!("{}[{index}]", self.path(key)) };
            match item.get_ref() {
                DeValue::String(text) => texts.push(Located { value: text.to_string(), place }),
                other => self.refuse(&place, wrong_type("a string", other)),
            }
        }
        texts
    }

    pub(crate) fn flag(&self, key: &'static str) -> bool {
        let read = self.get(key, |value| match value {
            DeValue::Boolean(flag) => Ok(*flag),
            other => Err(wrong_type("true or false", other)),
        });
        read.is_some_and(|flag| flag.value)
    }

    pub(crate) fn real(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        self.get(key, |value| real(value, &range)).map(|read| read.value)
    }

    /// A number that zero would make meaningless.
    pub(crate) fn positive(&self, key: &'static str, most: f64) -> Option<f64> {
        let wanted = format!("a number above 0 and up to {most}");
        let read = self.get(key, |value| match real(value, &(0.0..=most)) {
            // Compared as the runtime will hold it.
            Ok(number) if number as f32 > 0.0 => Ok(number),
            Err(Refused(Code::WrongType, _)) => Err(wrong_type(&wanted, value)),
            _ => Err(Refused(Code::OutOfRange, wanted.clone())),
        });
        read.map(|read| read.value)
    }

    /// A pair such as `bounds = [0, 1]`.
    pub(crate) fn pair(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<(f64, f64)> {
        let wanted = format!("two numbers, the lower first, {}", between(&range));
        let read = self.get(key, |value| {
            let DeValue::Array(items) = value else { return Err(wrong_type(&wanted, value)) };
            let [low, high] = &items[..] else {
                return Err(Refused(Code::OutOfRange, wanted.clone()));
            };
            let (low, high) = (real(low.get_ref(), &range)?, real(high.get_ref(), &range)?);
            // Compared as the runtime will hold them: two that differ here may not differ there.
            let ordered = (low as f32) < (high as f32);
            if ordered { Ok((low, high)) } else { Err(Refused(Code::OutOfRange, wanted.clone())) }
        });
        read.map(|read| read.value)
    }

    pub(crate) fn whole<N>(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<N>
    where
        N: TryFrom<u64>,
    {
        let wanted = format!("a whole number {}", between(&range));
        let read = self.get(key, |value| {
            let DeValue::Integer(number) = value else { return Err(wrong_type(&wanted, value)) };
            let number = u64::from_str_radix(number.as_str(), number.radix()).ok();
            let inside = number.filter(|n| range.contains(n)).and_then(|n| N::try_from(n).ok());
            inside.ok_or_else(|| Refused(Code::OutOfRange, wanted.clone()))
        });
        read.map(|read| read.value)
    }

    /// How many slots a ring has: a power of two.
    pub(crate) fn slots(&self, key: &'static str) -> Option<usize> {
        let number = self.whole::<usize>(key, 2..=1 << 20)?;
        if number.is_power_of_two() {
            return Some(number);
        }
        let place = self.place_of(key);
        self.sheet.wrong(Code::OutOfRange, &place, "a power of two from 2 to 1048576");
        None
    }

    /// A number of bytes, as an integer or with a unit.
    pub(crate) fn bytes(&self, key: &'static str, range: RangeInclusive<usize>) -> Option<usize> {
        let wanted = format!("a size such as \"64 KiB\" {}", between(&range));
        let read = self.get(key, |value| {
            let number = match value {
                DeValue::String(text) => quantity::bytes(text).map_err(|why| bad(&wanted, &why))?,
                DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| Refused(Code::OutOfRange, wanted.clone()))?,
                other => return Err(wrong_type(&wanted, other)),
            };
            if range.contains(&number) {
                Ok(number)
            } else {
                Err(Refused(Code::OutOfRange, wanted.clone()))
            }
        });
        read.map(|read| read.value)
    }

    pub(crate) fn duration(
        &self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        let (least, most) = (quantity::spell(*range.start()), quantity::spell(*range.end()));
        let wanted = format!("a duration from {least:?} to {most:?}");
        let read = self.get(key, |value| {
            let DeValue::String(text) = value else { return Err(wrong_type(&wanted, value)) };
            let time = quantity::duration(text).map_err(|why| bad(&wanted, &why))?;
            if range.contains(&time) {
                Ok(time)
            } else {
                Err(Refused(Code::OutOfRange, wanted.clone()))
            }
        });
        read.map(|read| read.value)
    }

    /// A duration or a number of ticks; its range depends on the tick and is checked by the caller.
    pub(crate) fn span(&self, key: &'static str) -> Option<Located<Span>> {
        let wanted = "a duration such as \"20 ms\", or \"3 ticks\"";
        self.get(key, |value| {
            let DeValue::String(text) = value else { return Err(wrong_type(wanted, value)) };
            quantity::span(text).map_err(|why| bad(wanted, &why))
        })
    }

    /// One of a fixed set of names.
    pub(crate) fn choice<T: Copy>(&self, key: &'static str, names: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = names.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            self.misnamed(&text, &all);
        }
        found.map(|(_, value)| *value)
    }

    /// A list of names that another crate can read.
    pub(crate) fn names<T: FromStr>(&self, key: &'static str, all: &[&str]) -> Option<Vec<T>> {
        if !self.has(key) {
            return None;
        }
        let mut values = Vec::new();
        for text in self.texts(key) {
            match text.value.parse() {
                Ok(value) => values.push(value),
                Err(_) => self.misnamed(&text, all),
            }
        }
        Some(values)
    }

    fn misnamed(&self, text: &Located<String>, all: &[&str]) {
        let expected = spelling::list(all);
        let nearest = spelling::nearest(&text.value, all.iter().copied());
        self.sheet.misnamed(Code::UnknownName, &text.place, expected, nearest);
    }

    /// A table inside this one as an object of JSON, whatever its keys are; a date is a text there.
    pub(crate) fn object(&self, key: &'static str) -> Option<Map<String, Value>> {
        let read = self.get(key, |value| match value {
            DeValue::Table(entries) => Ok(object(entries)),
            other => Err(wrong_type("a table", other)),
        });
        read.map(|read| read.value)
    }

    /// Every key with its text, for a table whose keys can be anything.
    pub(crate) fn all_texts(self) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (key, value) in self.entries.iter() {
            match value.get_ref() {
                DeValue::String(text) => {
                    texts.insert(key.get_ref().to_string(), text.to_string());
                }
                other => {
                    let place = Place { span: value.span(), key: self.path(key.get_ref()) };
                    self.refuse(&place, wrong_type("a string", other));
                }
            }
        }
        texts
    }

    /// A table inside this one.
    pub(crate) fn table(&self, key: &'static str) -> Option<Table<'s, 'i>> {
        let value = self.value(key)?;
        let place = Place { span: value.span(), key: self.path(key) };
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(self.sheet, entries, place)),
            other => {
                self.refuse(&place, wrong_type("a table", other));
                None
            }
        }
    }

    /// The tables written as `[[key]]`.
    pub(crate) fn tables(&self, key: &'static str) -> Vec<Table<'s, 'i>> {
        let wanted = format!("tables, each begun by [[{key}]]");
        let Some(items) = self.array(key, &wanted) else { return Vec::new() };
        let mut tables = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = Place { span: item.span(), key: format!("{}[{index}]", self.path(key)) };
            match item.get_ref() {
                DeValue::Table(entries) => tables.push(Table::new(self.sheet, entries, place)),
                other => self.refuse(&place, wrong_type("a table", other)),
            }
        }
        tables
    }

    fn array(&self, key: &'static str, wanted: &str) -> Option<&'s [Spanned<DeValue<'i>>]> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Array(items) => Some(&items[..]),
            other => {
                let place = Place { span: value.span(), key: self.path(key) };
                self.refuse(&place, wrong_type(wanted, other));
                None
            }
        }
    }

    fn get<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'i>) -> Result<T, Refused>,
    ) -> Option<Located<T>> {
        let value = self.value(key)?;
        let place = Place { span: value.span(), key: self.path(key) };
        match read(value.get_ref()) {
            Ok(value) => Some(Located { value, place }),
            Err(why) => {
                self.refuse(&place, why);
                None
            }
        }
    }

    fn refuse(&self, place: &Place, Refused(code, expected): Refused) {
        self.sheet.wrong(code, place, expected);
    }

    fn value(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'i>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.entries.get(key)
    }

    fn path(&self, key: &str) -> String {
        join(&self.place.key, key)
    }
}

fn object(entries: &DeTable<'_>) -> Map<String, Value> {
    entries.iter().map(|(key, part)| (key.get_ref().to_string(), json(part.get_ref()))).collect()
}

/// A value as JSON has it; a number that JSON has no word for is null.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().into()
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(parts) => parts.iter().map(|part| json(part.get_ref())).collect(),
        DeValue::Table(entries) => object(entries).into(),
    }
}

fn join(table: &str, key: &str) -> String {
    let shortened: String = key.chars().take(64).flat_map(char::escape_debug).collect();
    if table.is_empty() { shortened } else { format!("{table}.{shortened}") }
}

fn between<N: fmt::Display>(range: &RangeInclusive<N>) -> String {
    format!("from {} to {}", range.start(), range.end())
}

fn wrong_type(wanted: &str, found: &DeValue<'_>) -> Refused {
    Refused(Code::WrongType, format!("{wanted}, not {}", type_of(found)))
}

fn bad(wanted: &str, why: &QuantityError) -> Refused {
    let code =
        if matches!(why, QuantityError::Size(_)) { Code::OutOfRange } else { Code::BadQuantity };
    Refused(code, format!("{wanted} ({why})"))
}

fn real(value: &DeValue<'_>, range: &RangeInclusive<f64>) -> Result<f64, Refused> {
    let wanted = || format!("a number {}", between(range));
    let text = match value {
        DeValue::Float(float) => float.as_str(),
        DeValue::Integer(whole) if whole.radix() == 10 => whole.as_str(),
        other => return Err(wrong_type(&wanted(), other)),
    };
    // NaN lies in no range, so it is refused here too.
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Refused(Code::OutOfRange, wanted())),
    }
}
