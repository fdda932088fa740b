//! JSON lines under a chain of checksums, which any language can check:
//!
//! ```text
//! checksum(n) = SHA-256(checksum(n - 1) as 64 hex digits + line(n) without its checksum, as canonical JSON)
//! ```
//!
//! Canonical is RFC 8785; the checksum before the first is 64 zeros.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::line::hex;

const KEY: &str = "checksum";

/// Where a chain has come to.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    checksum: String,
}

/// Why a line does not continue a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Break {
    #[error("it is no JSON object with a checksum")]
    Shape,
    #[error(
        "its checksum is another: it was changed, or a line before it is missing or out of order"
    )]
    Checksum,
    #[error("its sequence is {found}, expected {expected}")]
    Sequence { found: u64, expected: u64 },
}

impl Chain {
    pub(super) fn new() -> Self {
        Self { checksum: "0".repeat(64) }
    }

    pub(super) fn checksum(&self) -> &str {
        &self.checksum
    }

    fn advance(&mut self, object: &Map<String, Value>) -> Result<(), serde_json::Error> {
        let canonical = serde_jcs::to_vec(object)?;
        let digest = Sha256::new().chain_update(&self.checksum).chain_update(canonical).finalize();
        self.checksum = hex(&digest);
        Ok(())
    }

    /// The next line, with its checksum.
    pub(super) fn line(
        &mut self,
        mut object: Map<String, Value>,
    ) -> Result<String, serde_json::Error> {
        self.advance(&object)?;
        object.insert(KEY.to_owned(), self.checksum.clone().into());
        let mut line = serde_jcs::to_string(&object)?;
        line.push('\n');
        Ok(line)
    }

    /// Whether a line is the next; its sequence.
    pub(super) fn check(&mut self, line: &str) -> Result<u64, Break> {
        let mut object: Map<String, Value> =
            serde_json::from_str(line).map_err(|_| Break::Shape)?;
        let found = object.remove(KEY).ok_or(Break::Shape)?;
        self.advance(&object).map_err(|_| Break::Shape)?;
        if found.as_str() != Some(self.checksum()) {
            return Err(Break::Checksum);
        }
        object.get("sequence").and_then(Value::as_u64).ok_or(Break::Shape)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn checksums_are_those_of_any_sha256() {
        let mut chain = Chain::new();
        // printf '%064d{"a":"b","sequence":0}' 0 | sha256sum
        let line = chain.line(object(json!({"sequence": 0, "a": "b"}))).unwrap();
        let expected = "9ea7b206499f53c01c2fd6038e634ac5e0ab6058cd8383b2b07ce1384e382eb0";
        assert_eq!(line, format!("{{\"a\":\"b\",\"checksum\":\"{expected}\",\"sequence\":0}}\n"));
    }

    #[test]
    fn a_changed_a_missing_and_a_moved_line_are_found() {
        let mut chain = Chain::new();
        let lines: Vec<String> = (0..4)
            .map(|n| chain.line(object(json!({"sequence": n, "text": "x"}))).unwrap())
            .collect();
        let check = |lines: &[&str]| {
            let mut chain = Chain::new();
            lines.iter().map(|line| chain.check(line)).collect::<Result<Vec<u64>, _>>()
        };
        let all: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(check(&all), Ok(vec![0, 1, 2, 3]));
        assert_eq!(check(&[all[0], all[2]]), Err(Break::Checksum));
        assert_eq!(check(&[all[1], all[0]]), Err(Break::Checksum));
        let changed = all[1].replace('x', "y");
        assert_eq!(check(&[all[0], &changed]), Err(Break::Checksum));
        assert_eq!(check(&["{}"]), Err(Break::Shape));
        // The same object, written otherwise: canonical JSON does not see the difference.
        let spaced = all[0].replace(':', " : ");
        assert_eq!(check(&[&spaced, all[1]]), Ok(vec![0, 1]));
    }
}
