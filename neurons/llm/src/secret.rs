//! Keys of providers: never shown, and overwritten when they are let go.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The variable is not set, or not UTF-8.
    #[error("the environment variable {0} holds no key")]
    Variable(String),
    /// The file cannot be read.
    #[error("the key file {path} cannot be read: {source}")]
    File {
        /// The file.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
    /// Empty, or with characters that cannot stand in a header.
    #[error("the key from {0} is refused: it is empty or has characters that no key has")]
    Characters(String),
}

/// A key; its memory is overwritten when it is dropped, and its debug output is `ApiKey(..)`.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// A key that is at hand. White space around it is left away.
    ///
    /// # Errors
    /// [`KeyError::Characters`]; the key does not stand in the message.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        Self::checked(key.into(), "the program")
    }

    /// The key in an environment variable.
    ///
    /// # Errors
    /// [`KeyError`] if there is none that can be used.
    pub fn from_env(variable: &str) -> Result<Self, KeyError> {
        let key = std::env::var(variable).map_err(|_| KeyError::Variable(variable.to_owned()))?;
        Self::checked(key, variable)
    }

    /// The key in a file, without the end of its line.
    ///
    /// # Errors
    /// [`KeyError`] if there is none that can be used.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref().display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(key) => Self::checked(key, &path),
            Err(source) => Err(KeyError::File { path, source }),
        }
    }

    fn checked(key: String, from: &str) -> Result<Self, KeyError> {
        let key = Zeroizing::new(key);
        let trimmed = key.trim();
        if trimmed.is_empty() || !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Characters(from.to_owned()));
        }
        Ok(Self(Zeroizing::new(trimmed.to_owned())))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// A foreign text without the key, should a provider repeat it.
    pub(crate) fn redact(&self, text: &str) -> String {
        text.replace(self.reveal(), "(key)")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use zeroize::{Zeroize, ZeroizeOnDrop};

    use super::*;

    /// What is freed cannot be looked at; what is dropped is overwritten by the type.
    fn is_overwritten(_: &impl ZeroizeOnDrop) {}

    #[test]
    fn a_key_is_overwritten_and_shown_to_nobody() {
        let mut key = ApiKey::new(" sk-secret \n").unwrap();
        is_overwritten(&key.0);
        assert_eq!(format!("{key:?} {:?}", Some(key.clone())), "ApiKey(..) Some(ApiKey(..))");
        assert_eq!(key.redact("no sk-secret here"), "no (key) here");
        let copy = key.clone();
        key.0.zeroize();
        assert!(key.reveal().is_empty());
        assert_eq!(copy.reveal(), "sk-secret");
    }
}
