//! Values in MessagePack, read where they lie: nothing is allocated, and no byte is believed.

use std::collections::BTreeMap;

use rmp::Marker;

/// How deep arrays and maps may be nested.
pub const DEPTH_MAX: usize = 64;

/// One value of the open parts of a record: the body, the context, or something within them.
///
/// It is read where it lies. What a method cannot make sense of is `None`, whatever the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed<'a>(&'a [u8]);

/// A value that has no parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number that fits into 64 bits with a sign.
    Integer(i64),
    /// A whole number above those.
    Unsigned(u64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(&'a str),
}

/// What stands at the head of a value.
enum Head {
    /// A value of so many bytes behind its head.
    Bytes(usize),
    /// So many values follow.
    Values(usize),
}

fn number<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.get(1..=N)?.try_into().ok()
}

/// The head of the value that begins here: its length in bytes, and what follows.
fn head(bytes: &[u8]) -> Option<(usize, Head)> {
    let long = |bytes: &[u8]| number(bytes).map(|n| u32::from_be_bytes(n) as usize);
    let short = |bytes: &[u8]| number(bytes).map(|n| usize::from(u16::from_be_bytes(n)));
    let tiny = |bytes: &[u8]| bytes.get(1).map(|&n| usize::from(n));
    Some(match Marker::from_u8(*bytes.first()?) {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
            (1, Head::Bytes(0))
        }
        Marker::U8 | Marker::I8 => (1, Head::Bytes(1)),
        Marker::U16 | Marker::I16 => (1, Head::Bytes(2)),
        Marker::U32 | Marker::I32 | Marker::F32 => (1, Head::Bytes(4)),
        Marker::U64 | Marker::I64 | Marker::F64 => (1, Head::Bytes(8)),
        Marker::FixStr(n) => (1, Head::Bytes(usize::from(n))),
        Marker::Str8 | Marker::Bin8 => (2, Head::Bytes(tiny(bytes)?)),
        Marker::Str16 | Marker::Bin16 => (3, Head::Bytes(short(bytes)?)),
        Marker::Str32 | Marker::Bin32 => (5, Head::Bytes(long(bytes)?)),
        Marker::FixArray(n) => (1, Head::Values(usize::from(n))),
        Marker::Array16 => (3, Head::Values(short(bytes)?)),
        Marker::Array32 => (5, Head::Values(long(bytes)?)),
        Marker::FixMap(n) => (1, Head::Values(2 * usize::from(n))),
        Marker::Map16 => (3, Head::Values(2 * short(bytes)?)),
        Marker::Map32 => (5, Head::Values(long(bytes)?.checked_mul(2)?)),
        // JSON has no such values.
        _ => return None,
    })
}

/// The value at the front, and the bytes behind it.
#[inline]
fn first(bytes: &[u8]) -> Option<(Packed<'_>, &[u8])> {
    // Values still to be passed over; one that has parts adds them. bound: each turn takes a byte at least.
    let (mut waiting, mut rest) = (1_usize, bytes);
    while waiting > 0 {
        let (length, follows) = head(rest)?;
        waiting -= 1;
        match follows {
            Head::Bytes(more) => rest = rest.get(length.checked_add(more)?..)?,
            Head::Values(more) => {
                waiting = waiting.checked_add(more)?;
                rest = rest.get(length..)?;
            }
        }
    }
    let (value, rest) = bytes.split_at(bytes.len() - rest.len());
    Some((Packed(value), rest))
}

impl<'a> Packed<'a> {
    /// The value that these bytes are, all of them; `None` if they are none, or not of the kinds that JSON has.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let value = Self(bytes);
        value.is_sound().then_some(value)
    }

    /// What was checked before.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether the bytes are one value, and nothing behind it.
    pub(crate) fn is_sound(self) -> bool {
        first(self.0).is_some_and(|(_, rest)| rest.is_empty()) && self.is_sound_at(0)
    }

    /// Whether texts are UTF-8, keys are texts, and nothing is nested too deeply.
    fn is_sound_at(self, depth: usize) -> bool {
        if let Some(mut parts) = self.parts() {
            let map = self.is_map();
            for (place, part) in parts.by_ref().enumerate() {
                let key = map && place % 2 == 0;
                let sound = if key { part.text().is_some() } else { part.is_sound_at(depth + 1) };
                if depth >= DEPTH_MAX || !sound {
                    return false;
                }
            }
            return parts.waiting == 0;
        }
        self.scalar().is_some()
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_map(self) -> bool {
        let marker = self.0.first().map(|&byte| Marker::from_u8(byte));
        matches!(marker, Some(Marker::FixMap(_) | Marker::Map16 | Marker::Map32))
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_array(self) -> bool {
        let marker = self.0.first().map(|&byte| Marker::from_u8(byte));
        matches!(marker, Some(Marker::FixArray(_) | Marker::Array16 | Marker::Array32))
    }

    /// The elements of a list, or the keys and values of an object in turn.
    fn parts(self) -> Option<Parts<'a>> {
        match head(self.0)? {
            (length, Head::Values(waiting)) => Some(Parts { rest: self.0.get(length..)?, waiting }),
            _ => None,
        }
    }

    /// The elements of a list; nothing for any other value.
    pub fn elements(self) -> impl Iterator<Item = Packed<'a>> {
        self.parts().filter(|_| self.is_array()).into_iter().flatten()
    }

    /// The keys and values of an object; nothing for any other value.
    #[must_use]
    pub fn entries(self) -> Entries<'a> {
        Entries(self.parts().filter(|_| self.is_map()))
    }

    /// The value of a key of an object.
    #[must_use]
    #[inline]
    pub fn get(self, key: &str) -> Option<Packed<'a>> {
        if !self.is_map() {
            return None;
        }
        let mut parts = self.parts()?;
        while let Some(name) = parts.next() {
            if name.text() == Some(key) {
                return parts.next();
            }
            parts.next()?;
        }
        None
    }

    /// The element of a list at a position.
    #[must_use]
    pub fn at(self, index: usize) -> Option<Packed<'a>> {
        self.elements().nth(index)
    }

    /// The text, if it is one.
    #[must_use]
    #[inline]
    pub fn text(self) -> Option<&'a str> {
        let length = match Marker::from_u8(*self.0.first()?) {
            Marker::FixStr(_) => 1,
            Marker::Str8 => 2,
            Marker::Str16 => 3,
            Marker::Str32 => 5,
            _ => return None,
        };
        std::str::from_utf8(self.0.get(length..)?).ok()
    }

    /// The value, if it has no parts.
    #[must_use]
    #[inline]
    pub fn scalar(self) -> Option<Scalar<'a>> {
        let bytes = self.0;
        Some(match Marker::from_u8(*bytes.first()?) {
            Marker::Null => Scalar::Null,
            Marker::True => Scalar::Bool(true),
            Marker::False => Scalar::Bool(false),
            Marker::FixPos(n) => Scalar::Integer(n.into()),
            Marker::FixNeg(n) => Scalar::Integer(n.into()),
            Marker::U8 => Scalar::Integer(u8::from_be_bytes(number(bytes)?).into()),
            Marker::U16 => Scalar::Integer(u16::from_be_bytes(number(bytes)?).into()),
            Marker::U32 => Scalar::Integer(u32::from_be_bytes(number(bytes)?).into()),
            Marker::U64 => {
                let value = u64::from_be_bytes(number(bytes)?);
                i64::try_from(value).map_or(Scalar::Unsigned(value), Scalar::Integer)
            }
            Marker::I8 => Scalar::Integer(i8::from_be_bytes(number(bytes)?).into()),
            Marker::I16 => Scalar::Integer(i16::from_be_bytes(number(bytes)?).into()),
            Marker::I32 => Scalar::Integer(i32::from_be_bytes(number(bytes)?).into()),
            Marker::I64 => Scalar::Integer(i64::from_be_bytes(number(bytes)?)),
            Marker::F32 => Scalar::Float(f32::from_be_bytes(number(bytes)?).into()),
            Marker::F64 => Scalar::Float(f64::from_be_bytes(number(bytes)?)),
            _ => Scalar::Text(self.text()?),
        })
    }

    /// As a type of one's own.
    ///
    /// # Errors
    /// What the type does not find in it.
    pub fn read<T: serde::Deserialize<'a>>(self) -> Result<T, PackedError> {
        rmp_serde::from_slice(self.0).map_err(|error| PackedError(error.to_string()))
    }
}

/// A packed value is not what a type needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be read as such: {0}")]
pub struct PackedError(String);

struct Parts<'a> {
    rest: &'a [u8],
    waiting: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Packed<'a>;

    #[inline]
    fn next(&mut self) -> Option<Packed<'a>> {
        if self.waiting == 0 {
            return None;
        }
        let (value, rest) = first(self.rest)?;
        self.waiting -= 1;
        self.rest = rest;
        Some(value)
    }
}

/// The keys and values of an object, in its order.
pub struct Entries<'a>(Option<Parts<'a>>);

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Packed<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let parts = self.0.as_mut()?;
        let key = parts.next()?;
        Some((key.text()?, parts.next()?))
    }
}

impl std::fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entries")
    }
}

/// The values of an object by their keys: few are looked through, many are put in order once.
enum Keys<'a> {
    Few(Packed<'a>),
    Many(BTreeMap<&'a str, Packed<'a>>),
}

/// Up to so many keys, looking through them is faster.
const FEW: usize = 32;

impl<'a> Keys<'a> {
    fn of(object: Packed<'a>) -> Self {
        match object.parts() {
            Some(parts) if parts.waiting > 2 * FEW => {
                let mut keys = BTreeMap::new();
                for (key, value) in object.entries() {
                    keys.entry(key).or_insert(value);
                }
                Self::Many(keys)
            }
            _ => Self::Few(object),
        }
    }

    fn get(&self, key: &str) -> Option<Packed<'a>> {
        match self {
            Self::Few(object) => object.get(key),
            Self::Many(keys) => keys.get(key).copied(),
        }
    }
}

/// The beginning of an object of so many entries.
fn begin_map(entries: usize, out: &mut Vec<u8>) {
    match (u8::try_from(entries), u16::try_from(entries)) {
        (Ok(few @ ..16), _) => out.push(Marker::FixMap(few).to_u8()),
        (_, Ok(some)) => {
            out.push(Marker::Map16.to_u8());
            out.extend_from_slice(&some.to_be_bytes());
        }
        _ => {
            out.push(Marker::Map32.to_u8());
            // A record is far smaller than 2^32 entries.
            out.extend_from_slice(&(entries as u32).to_be_bytes());
        }
    }
}

/// Writes what two values are together: of objects, what either has, and where both have something, that merged in the
/// same way; of any other two the second.
///
/// Keys come in the order of `low`, then those that only `high` has. Where one of them is not of the shape of a value,
/// `high` is written as it is. An empty object changes nothing. Of several, the lowest two are merged first.
pub fn merge(low: Packed<'_>, high: Packed<'_>, out: &mut Vec<u8>) {
    merge_to_depth(low, high, 0, out);
}

fn merge_to_depth(low: Packed<'_>, high: Packed<'_>, depth: usize, out: &mut Vec<u8>) {
    // bound: what is nested more deeply is in no record.
    if depth > DEPTH_MAX || !(low.is_map() && high.is_map()) {
        out.extend_from_slice(high.0);
        return;
    }
    let (below, above) = (Keys::of(low), Keys::of(high));
    let added = high.entries().filter(|(key, _)| below.get(key).is_none());
    begin_map(low.entries().count() + added.count(), out);
    let key_bytes = |key: &str, out: &mut Vec<u8>| {
        // Writing into a vector cannot fail.
        let _ = rmp::encode::write_str(out, key);
    };
    for (key, value) in low.entries() {
        key_bytes(key, out);
        match above.get(key) {
            Some(over) => merge_to_depth(value, over, depth + 1, out),
            None => out.extend_from_slice(value.0),
        }
    }
    for (key, value) in high.entries().filter(|(key, _)| below.get(key).is_none()) {
        key_bytes(key, out);
        out.extend_from_slice(value.0);
    }
}
