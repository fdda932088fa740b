//! Encoders: texts become vectors, and vectors know whose they are.

use std::fmt;
use std::sync::Arc;

/// Why a text was not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// There is nothing to encode.
    #[error("an empty text has no meaning to encode")]
    Empty,
    /// The text is longer than an encoder reads.
    #[error("a text of {bytes} bytes is refused: encoders read at most {limit}")]
    TooLong {
        /// What was given.
        bytes: usize,
        /// The most.
        limit: usize,
    },
    /// No token of the text is in the model's vocabulary.
    #[error("no word of the text is known to the model {model}")]
    NothingKnown {
        /// The model's name.
        model: String,
    },
    /// The tokenizer failed.
    #[error("the tokenizer of {model} refused the text: {reason}")]
    Tokenizer {
        /// The model's name.
        model: String,
        /// What it said.
        reason: String,
    },
    /// The model, or the server that runs it, failed or answered something else than one vector for each text.
    #[error("the model {model} did not answer: {reason}")]
    Model {
        /// The model's name.
        model: String,
        /// What happened.
        reason: String,
    },
    /// A vector is not what vectors of its model are.
    #[error(transparent)]
    Vector(#[from] VectorError),
}

/// Why a vector is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// It has another length than its model's vectors have.
    #[error("a vector of {found} numbers is refused: those of {model} have {expected}")]
    Dimensions {
        /// The model's name.
        model: String,
        /// How many its vectors have.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A number of it is not finite.
    #[error("a vector is refused: number {at} is not finite")]
    NotFinite {
        /// Where, from 0.
        at: usize,
    },
    /// It has no direction.
    #[error("a vector of length 0 is refused: it has no direction")]
    Zero,
    /// It was made by another model.
    #[error(
        "a vector of the model {found} is refused: these are of {expected}, and scores between them mean nothing"
    )]
    OtherModel {
        /// Whose vectors are here.
        expected: String,
        /// Whose it is.
        found: String,
    },
}

/// Which model made a vector: its name, the length of its vectors, and a fingerprint of its weights.
///
/// Two models are the same if all three are. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Model {
    name: Arc<str>,
    dimensions: usize,
    fingerprint: u64,
}

impl Model {
    /// A model that is known by these bytes: its weights, or where they cannot be seen, where it is found.
    #[must_use]
    pub fn new(name: &str, dimensions: usize, known_by: &[u8]) -> Self {
        let hash = blake3::hash(known_by);
        let fingerprint =
            hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self { name: name.into(), dimensions, fingerprint }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many numbers its vectors have.
    #[must_use]
    pub const fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The first 8 bytes of the BLAKE3 hash of what it is known by.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether another model's vectors can be compared with this one's.
    ///
    /// # Errors
    /// [`VectorError::OtherModel`].
    pub fn same(&self, other: &Model) -> Result<(), VectorError> {
        if self == other {
            return Ok(());
        }
        Err(VectorError::OtherModel { expected: self.to_string(), found: other.to_string() })
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{:016x}", self.name, self.dimensions, self.fingerprint)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({self})")
    }
}

/// Brings a vector to length 1.
///
/// # Errors
/// [`VectorError`] for a number that is not finite, and for a vector without direction.
pub fn normalise(vector: &mut [f32]) -> Result<(), VectorError> {
    if let Some(at) = vector.iter().position(|number| !number.is_finite()) {
        return Err(VectorError::NotFinite { at });
    }
    // In the order of the vector and in double precision: the same bits on every machine.
    let square: f64 = vector.iter().map(|&number| f64::from(number) * f64::from(number)).sum();
    if square == 0.0 {
        return Err(VectorError::Zero);
    }
    let scale = 1.0 / square.sqrt();
    for number in vector {
        *number = (f64::from(*number) * scale) as f32;
    }
    Ok(())
}

/// Turns texts into vectors of length 1.
///
/// An encoder is asked for many texts at once where many are there. It may be slow: whoever must not wait asks it
/// behind an [`EncoderGate`](crate::encoder_gate::EncoderGate).
pub trait Encoder: Send + Sync + fmt::Debug {
    /// Which model makes the vectors.
    fn model(&self) -> &Model;

    /// Appends one vector for each text, each of length 1 and of the model's dimensions.
    ///
    /// # Errors
    /// [`EncodeError`] for the first text that cannot be encoded; what was appended is of no use.
    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError>;

    /// The similarity from which two short texts mean the same, for this model; a concept may have its own.
    fn threshold(&self) -> f32 {
        crate::concept::THRESHOLD
    }

    /// Whether a text takes microseconds and gives the same bits on every machine, so that a neuron may ask within a
    /// tick.
    fn is_instant(&self) -> bool {
        false
    }

    /// The vector of one text.
    ///
    /// # Errors
    /// [`EncodeError`].
    fn encode(&self, text: &str) -> Result<Vec<f32>, EncodeError> {
        let mut vector = Vec::with_capacity(self.model().dimensions());
        self.encode_batch(&[text], &mut vector)?;
        Ok(vector)
    }
}

/// Checks what an encoder of others' making has answered: as many numbers as it should, each vector with a direction;
/// and brings the vectors to length 1.
///
/// # Errors
/// [`VectorError`].
pub fn check_answer(model: &Model, texts: usize, vectors: &mut [f32]) -> Result<(), VectorError> {
    let (expected, found) = (texts * model.dimensions(), vectors.len());
    if expected != found || model.dimensions() == 0 {
        let model = model.to_string();
        return Err(VectorError::Dimensions { model, expected, found });
    }
    vectors.chunks_exact_mut(model.dimensions()).try_for_each(normalise)
}
