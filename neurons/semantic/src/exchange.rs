//! What an encoder neuron and its gate say to each other.

use crate::encoder::Model;

/// Please encode this.
///
/// ```text
/// 0   8   number  u64  of the request
/// 8   ..  text    UTF-8
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) number: u64,
    pub(crate) text: &'a str,
}

impl<'a> Request<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (number, text) = bytes.split_first_chunk()?;
        Some(Self { number: u64::from_le_bytes(*number), text: std::str::from_utf8(text).ok()? })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(self.text.as_bytes());
    }
}

/// Here it is, or why not.
///
/// ```text
/// 0   8   number       u64  of the request
/// 8   8   fingerprint  u64  of the model; 0 where the text was refused
/// 16  ..  f32 ..       the vector; nothing where the text was refused
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    pub(crate) number: u64,
    fingerprint: u64,
    numbers: &'a [[u8; 4]],
}

impl<'a> Answer<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (fingerprint, rest) = rest.split_first_chunk()?;
        let (numbers, rest) = rest.as_chunks();
        let (number, fingerprint) = (u64::from_le_bytes(*number), u64::from_le_bytes(*fingerprint));
        rest.is_empty().then_some(Self { number, fingerprint, numbers })
    }

    /// The vector into a buffer; false if there is none, or none of this model.
    pub(crate) fn vector(&self, model: &Model, out: &mut Vec<f32>) -> bool {
        out.clear();
        out.extend(self.numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        self.fingerprint == model.fingerprint()
            && out.len() == model.dimensions()
            && out.iter().all(|number| number.is_finite())
    }

    pub(crate) fn write_vector(number: u64, model: &Model, vector: &[f32], out: &mut Vec<u8>) {
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&model.fingerprint().to_le_bytes());
        vector.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    /// Why stands in the gate's account; inside, that it was refused is enough.
    pub(crate) fn write_refusal(number: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&0u64.to_le_bytes());
    }
}
