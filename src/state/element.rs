//! The numbers that columns are made of.

use bytemuck::Pod;

/// A number that a column can hold.
pub(crate) trait Element: Pod + PartialEq + std::fmt::Display {
    /// How the format calls it.
    const KIND: u8;
    /// How people call it.
    const NAME: &'static str;
}

macro_rules! elements {
    ($($kind:literal $type:ident),*) => {$(
        impl Element for $type {
            const KIND: u8 = $kind;
            const NAME: &'static str = stringify!($type);
        }
    )*};
}

elements!(1 u8, 2 u16, 3 u32, 4 u64, 5 f32);

/// Columns are little-endian, and so are the machines that this runs on.
const _: () = assert!(cfg!(target_endian = "little"), "columns are written as they lie in memory");

/// The bytes of one value of a kind, and the kind's name; `None` for a kind that there is not.
pub(super) const fn kind(kind: u8) -> Option<(usize, &'static str)> {
    match kind {
        u8::KIND => Some((1, u8::NAME)),
        u16::KIND => Some((2, u16::NAME)),
        u32::KIND => Some((4, u32::NAME)),
        u64::KIND => Some((8, u64::NAME)),
        f32::KIND => Some((4, f32::NAME)),
        _ => None,
    }
}

/// One value of a column as people read it. Numbers with a fraction are shown so that they are read back to the bit.
pub(super) fn show(kind: u8, bytes: &[u8]) -> String {
    match (kind, bytes) {
        (f32::KIND, &[a, b, c, d]) => format!("{:?}", f32::from_le_bytes([a, b, c, d])),
        (_, bytes) => {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word).to_string()
        }
    }
}
