//! The static table: a row for each token, a text is the sum of its rows.
//!
//! It knows no grammar and takes about a microsecond. The one that comes with this crate is distilled from
//! all-MiniLM-L6-v2 by `model/distill.py`, so that meaning works on a bare machine; what it is worth beside the model
//! itself stands in `docs/learning.md`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use safetensors::{Dtype, SafeTensors};

use crate::encoder::{EncodeError, Encoder, Model};
use crate::text;
use crate::tokens::{TokenizerError, Tokens};

static BUNDLED_TABLE: &[u8] = include_bytes!("../model/model.safetensors");
static BUNDLED_TOKENIZER: &str = include_str!("../model/tokenizer.json");

/// Why a table was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no table, or damaged.
    #[error("the table is damaged or of another format: {0}")]
    Format(String),
    /// The tokenizer is refused.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A token has no row.
    #[error(
        "the tokenizer knows {tokens} tokens and the table has {rows} rows: they do not belong together"
    )]
    Rows {
        /// Tokens of the vocabulary.
        tokens: usize,
        /// Rows of the table.
        rows: usize,
    },
}

/// Rows of 8-bit integers, one for each token of a vocabulary.
#[derive(Debug)]
pub struct StaticTable {
    model: Model,
    tokens: Tokens,
    bytes: Cow<'static, [u8]>,
    /// Where the rows begin in `bytes`.
    start: usize,
    dimensions: usize,
}

impl StaticTable {
    /// The table that comes with this crate: 256 dimensions, 30,522 tokens, English.
    #[must_use]
    pub fn bundled() -> Arc<Self> {
        static TABLE: LazyLock<Arc<StaticTable>> = LazyLock::new(|| {
            let bytes = Cow::Borrowed(BUNDLED_TABLE);
            let table = StaticTable::parse("static-minilm", bytes, BUNDLED_TOKENIZER);
            Arc::new(table.expect("the table in the repository is whole: a test reads it"))
        });
        TABLE.clone()
    }

    /// The table in a directory: `model.safetensors` with an 8-bit tensor `embeddings`, and `tokenizer.json`. This is
    /// what `model/distill.py` writes and Model2Vec reads.
    ///
    /// # Errors
    /// [`TableError`].
    pub fn open(directory: &Path) -> Result<Self, TableError> {
        let file = |name: &str| {
            let path = directory.join(name);
            std::fs::read(&path).map_err(|source| TableError::File { path, source })
        };
        let tokenizer = String::from_utf8(file("tokenizer.json")?)
            .map_err(|error| TableError::Format(format!("tokenizer.json: {error}")))?;
        let name = directory.file_name().map_or("static".into(), |name| name.to_string_lossy());
        Self::parse(&name, Cow::Owned(file("model.safetensors")?), &tokenizer)
    }

    /// A table from the bytes of its two files.
    ///
    /// # Errors
    /// [`TableError`]; nothing is believed that was not checked.
    pub fn parse(
        name: &str,
        bytes: Cow<'static, [u8]>,
        tokenizer: &str,
    ) -> Result<Self, TableError> {
        let format = |reason: &dyn std::fmt::Display| TableError::Format(reason.to_string());
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| format(&error))?;
        let table = tensors.tensor("embeddings").map_err(|error| format(&error))?;
        let &[rows, dimensions] = table.shape() else {
            return Err(format(&format_args!(
                "embeddings has {} axes, not 2",
                table.shape().len()
            )));
        };
        if table.dtype() != Dtype::I8 {
            return Err(format(&format_args!("embeddings is {:?}, not I8", table.dtype())));
        }
        if dimensions == 0 || dimensions > MAX_DIMENSIONS {
            return Err(format(&format_args!(
                "embeddings has {dimensions} columns, not 1 to {MAX_DIMENSIONS}"
            )));
        }
        let start = table.data().as_ptr() as usize - bytes.as_ptr() as usize;
        let tokens = Tokens::parse(tokenizer)?;
        if tokens.count() > rows {
            return Err(TableError::Rows { tokens: tokens.count(), rows });
        }
        let model = Model::new(name, dimensions, &bytes);
        Ok(Self { model, tokens, bytes, start, dimensions })
    }

    fn row(&self, token: u32) -> &[u8] {
        &self.bytes[self.start + token as usize * self.dimensions..][..self.dimensions]
    }

    fn add(&self, token: u32, sums: &mut [i32]) {
        for (sum, &byte) in sums.iter_mut().zip(self.row(token)) {
            *sum += i32::from(byte.cast_signed());
        }
    }
}

/// Sentences that share no more than common words stay below it; single words and names want less, about 0.2.
const THRESHOLD: f32 = 0.5;

/// More than any model has; sums of rows are kept on the stack.
const MAX_DIMENSIONS: usize = 1024;

impl Encoder for StaticTable {
    fn model(&self) -> &Model {
        &self.model
    }

    fn encode_batch(&self, texts: &[&str], out: &mut Vec<f32>) -> Result<(), EncodeError> {
        for text in texts {
            text::check(text)?;
            let mut sums = [0; MAX_DIMENSIONS];
            let sums = &mut sums[..self.dimensions];
            let mut known = false;
            // bound: a text has at most as many tokens as bytes, 2^16, so a sum stays below 2^23.
            let told = self.tokens.each(text, |token| {
                if !self.tokens.is_unknown(token) {
                    known = true;
                    self.add(token, sums);
                }
            });
            told.map_err(|reason| EncodeError::Tokenizer {
                model: self.model.to_string(),
                reason,
            })?;
            // Whole numbers add up to the same in any order, and a double holds their squares exactly.
            let square: i64 = sums.iter().map(|&sum| i64::from(sum) * i64::from(sum)).sum();
            if !known || square == 0 {
                return Err(EncodeError::NothingKnown { model: self.model.to_string() });
            }
            let scale = 1.0 / (square as f64).sqrt();
            out.extend(sums.iter().map(|&sum| (f64::from(sum) * scale) as f32));
        }
        Ok(())
    }

    fn threshold(&self) -> f32 {
        THRESHOLD
    }

    fn is_instant(&self) -> bool {
        true
    }
}
