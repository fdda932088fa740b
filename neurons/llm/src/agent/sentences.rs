//! Sentences out of tokens.

use serde::{Deserialize, Serialize};

/// Gathers text until a sentence is complete: up to a mark of its end that white space follows, or up to the end of a
/// line.
///
/// It knows no abbreviations: "e.g. this" is two pieces, which costs a listener nothing and waits for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentences {
    begun: String,
}

impl Sentences {
    /// Takes some text; calls `each` for every sentence that is complete now.
    pub fn feed(&mut self, text: &str, mut each: impl FnMut(&str)) {
        self.begun.push_str(text);
        while let Some(end) = end_of_first(&self.begun) {
            let rest = self.begun.split_off(end);
            let sentence = std::mem::replace(&mut self.begun, rest);
            if !sentence.trim().is_empty() {
                each(sentence.trim());
            }
        }
    }

    /// What is left when nothing more comes.
    pub fn finish(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.begun);
        let rest = rest.trim();
        (!rest.is_empty()).then(|| rest.to_owned())
    }
}

fn end_of_first(text: &str) -> Option<usize> {
    let mut marked = false;
    for (at, c) in text.char_indices() {
        if c == '\n' || (marked && c.is_whitespace()) {
            return Some(at + c.len_utf8());
        }
        // Quotes and brackets close behind the mark.
        marked = matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？')
            || (marked && matches!(c, '"' | '\'' | ')' | '”' | '’'));
    }
    None
}
