//! Tokens of a text, by a tokenizer in the format of Hugging Face.
//!
//! The library does what is hard. In front of it stands a map of whole words: nearly every word of nearly every text is
//! a token as it stands, and need not be cut up by rules that were made for those that are not.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use rten_text::models::{Model as _, WordPiece};
use rten_text::normalizers::{self, Normalizer as _};
use rten_text::pre_tokenizers::{self, PreTokenizer as _};
use serde::Deserialize;

/// Why a tokenizer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    /// It is no tokenizer, or none that is understood.
    #[error("the tokenizer is damaged or of another format: {0}")]
    Format(String),
}

/// A word-piece tokenizer of the BERT kind, without the tokens that open and close a text.
pub(crate) struct Tokens {
    normalizer: normalizers::Bert,
    words: pre_tokenizers::Bert,
    pieces: WordPiece,
    /// Words of small ASCII letters and digits, and single marks, that are tokens as they stand.
    whole: HashMap<Box<str>, u32, FixedState>,
    unknown: Option<u32>,
    count: usize,
}

#[derive(Deserialize)]
struct Document {
    model: Vocabulary,
    normalizer: Letters,
}

#[derive(Deserialize)]
struct Vocabulary {
    r#type: String,
    vocab: HashMap<String, u32>,
}

#[derive(Deserialize)]
struct Letters {
    r#type: String,
    lowercase: bool,
    strip_accents: Option<bool>,
}

impl Tokens {
    pub(crate) fn parse(json: &str) -> Result<Self, TokenizerError> {
        let refuse = |reason: String| TokenizerError::Format(reason);
        let Document { model, normalizer } =
            serde_json::from_str(json).map_err(|error| refuse(error.to_string()))?;
        if (&*model.r#type, &*normalizer.r#type) != ("WordPiece", "BertNormalizer") {
            let found = format!("{} after {}", model.r#type, normalizer.r#type);
            return Err(refuse(format!(
                "WordPiece after BertNormalizer is understood, not {found}"
            )));
        }
        let lowercase = normalizer.lowercase;
        let plain = model.vocab.iter().filter(|(word, _)| lowercase && is_plain(word));
        let whole = plain.map(|(word, &id)| (word.as_str().into(), id)).collect();
        Ok(Self {
            normalizer: normalizers::Bert::new(normalizers::BertOptions {
                lowercase,
                strip_accents: normalizer.strip_accents.unwrap_or(lowercase),
            }),
            words: pre_tokenizers::Bert::new(),
            whole,
            unknown: model.vocab.get("[UNK]").copied(),
            count: model.vocab.values().map(|&id| id as usize + 1).max().unwrap_or(0),
            pieces: WordPiece::from_vocab(model.vocab, Default::default()),
        })
    }

    /// One more than the largest number of a token.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The number of a token.
    #[cfg(feature = "minilm")]
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.pieces.get_token_id(token)
    }

    /// Whether this is the token that stands for what the vocabulary lacks.
    pub(crate) fn is_unknown(&self, token: u32) -> bool {
        self.unknown == Some(token)
    }

    /// Calls back for each token of the text, in order.
    pub(crate) fn each(&self, text: &str, mut each: impl FnMut(u32)) -> Result<(), String> {
        let mut word = Word::default();
        // Outside of printed ASCII, what is a word and what a small letter is the library's business.
        let is_simple =
            |byte: u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if !text.bytes().all(is_simple) {
            return self.cut(text, &mut each);
        }
        for part in Words(text) {
            match word.lowered(part).and_then(|word| self.whole.get(word)) {
                Some(&token) => each(token),
                None => self.cut(part, &mut each)?,
            }
        }
        Ok(())
    }

    /// The library's way.
    fn cut(&self, text: &str, each: &mut impl FnMut(u32)) -> Result<(), String> {
        let (text, _) = self.normalizer.normalize(text).map_err(|error| error.to_string())?;
        let words = self.words.pre_tokenize(&text).map_err(|error| error.to_string())?;
        for word in words {
            let cut = self.pieces.encode_with_offsets(word, &mut |_, token| each(token));
            cut.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("count", &self.count).finish_non_exhaustive()
    }
}

/// Whether a token is a word, or a mark, of ASCII.
fn is_plain(word: &str) -> bool {
    let mark = word.len() == 1 && word.as_bytes()[0].is_ascii_punctuation();
    let small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    mark || !word.is_empty() && word.len() <= LONGEST && word.bytes().all(small)
}

/// Longer words are rare and are left to the library.
const LONGEST: usize = 24;

/// Room for a word in small letters.
#[derive(Default)]
struct Word([u8; LONGEST]);

impl Word {
    fn lowered(&mut self, word: &str) -> Option<&str> {
        let room = self.0.get_mut(..word.len())?;
        room.copy_from_slice(word.as_bytes());
        room.make_ascii_lowercase();
        std::str::from_utf8(room).ok()
    }
}

/// Words and single marks of an ASCII text.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.0.as_bytes();
        let blank = |byte: u8| byte.is_ascii_whitespace();
        let start = bytes.iter().position(|&byte| !blank(byte))?;
        let rest = &bytes[start..];
        let length = match rest[0].is_ascii_punctuation() {
            true => 1,
            false => {
                let ends = |&byte: &u8| blank(byte) || byte.is_ascii_punctuation();
                rest.iter().position(ends).unwrap_or(rest.len())
            }
        };
        let (word, rest) = self.0[start..].split_at(length);
        self.0 = rest;
        Some(word)
    }
}
