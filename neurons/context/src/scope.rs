//! What is known in which scope, and how that changes.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Bytes of the longest change, as it travels.
pub const CHANGE_MAX: usize = 1 << 16;

/// For whom something is known. What is said in a later one hides what is said in an earlier one; what an event says
/// itself hides all three.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For every event.
    Global,
    /// For the events of one session: those whose context has this text at `session.id`.
    Session(String),
    /// For the events of one user: those whose context has this text at `user.id`.
    User(String),
}

/// A change of what is known. It enters as an admission, so a replay makes it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub struct ContextChange {
    /// Where.
    pub scope: Scope,
    /// What.
    pub change: Change,
}

/// What changes in a scope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// An object is merged over what is there.
    Merge(Map<String, Value>),
    /// What is at a dotted path is taken away.
    Remove(String),
    /// Everything is taken away but what is laid over it.
    Clear,
    /// An object is laid over what is there until it is lifted, whatever changes below it meanwhile.
    Lay {
        /// By which it is lifted.
        layer: u64,
        /// What it says.
        over: Map<String, Value>,
    },
    /// What was laid is lifted.
    Lift {
        /// Which.
        layer: u64,
    },
}

/// Why a change is refused; what is known is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The path is empty, or has an empty part.
    #[error("{0:?} is not a dotted path")]
    Path(String),
    /// The id is empty or too long.
    #[error("an id of {0} bytes is refused: it has 1 to 256")]
    Id(usize),
    /// The change has too many bytes.
    #[error("a change of {0} bytes is refused: it may have {CHANGE_MAX}")]
    Long(usize),
    /// The bytes are no change.
    #[error("this is not a change of context: {0}")]
    Malformed(String),
    /// What a scope would hold is too much.
    #[error("a scope may hold {max} bytes, and would hold {0}", max = super::working_memory::SCOPE_MAX)]
    Full(usize),
}

/// An object that holds a value at a dotted path.
///
/// # Errors
/// [`ChangeError::Path`] for a path that is none.
pub fn at_path(path: &str, value: Value) -> Result<Map<String, Value>, ChangeError> {
    if path.split('.').any(str::is_empty) {
        return Err(ChangeError::Path(path.to_owned()));
    }
    let nest = |value: Value, part: &str| {
        let mut object = Map::new();
        object.insert(part.to_owned(), value);
        Value::Object(object)
    };
    match path.rsplit('.').fold(value, nest) {
        Value::Object(object) => Ok(object),
        _ => Err(ChangeError::Path(path.to_owned())),
    }
}

impl ContextChange {
    /// The bytes that travel, after a look at them.
    ///
    /// # Errors
    /// [`ChangeError`] for an id or a path that cannot be, or too many bytes.
    pub fn encode(&self) -> Result<Vec<u8>, ChangeError> {
        self.check()?;
        let bytes = serde_json::to_vec(self).map_err(|e| ChangeError::Malformed(e.to_string()))?;
        if bytes.len() > CHANGE_MAX { Err(ChangeError::Long(bytes.len())) } else { Ok(bytes) }
    }

    fn check(&self) -> Result<(), ChangeError> {
        if let Scope::Session(id) | Scope::User(id) = &self.scope
            && !(1..=256).contains(&id.len())
        {
            return Err(ChangeError::Id(id.len()));
        }
        match &self.change {
            Change::Remove(path) if path.split('.').any(str::is_empty) => {
                Err(ChangeError::Path(path.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The change of such bytes.
    ///
    /// # Errors
    /// [`ChangeError`] for others.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChangeError> {
        if bytes.len() > CHANGE_MAX {
            return Err(ChangeError::Long(bytes.len()));
        }
        let change: Self = serde_json::from_slice(bytes)
            .map_err(|error| ChangeError::Malformed(error.to_string()))?;
        change.check()?;
        Ok(change)
    }
}
