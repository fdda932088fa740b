//! The nearest valid name for one that is not.

/// Words that people use for a key of another name, and which no measure of spelling would lead to.
const SYNONYMS: [(&str, &str); 16] = [
    ("tau", "window"),
    ("file", "input"),
    ("path", "input"),
    ("source", "input"),
    ("source", "from"),
    ("target", "to"),
    ("interval", "period"),
    ("limit", "bound"),
    ("capacity", "slots"),
    ("rule", "connect"),
    ("probability", "p"),
    ("learning", "plasticity"),
    ("type", "kind"),
    ("clamp", "bounds"),
    ("name", "path"),
    ("tick-length", "tick"),
];

/// The name that was probably meant, or nothing if none is near.
pub(crate) fn nearest<'n>(
    found: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // A description quotes at most a line of it; the measure is quadratic in the length.
    if found.chars().count() > 64 {
        return None;
    }
    let plain = fold(found);
    let mut best: Option<(&str, usize)> = None;
    for name in names {
        if SYNONYMS.contains(&(found, name)) {
            return Some(name);
        }
        let distance = strsim::damerau_levenshtein(&plain, &fold(name));
        let allowed = plain.chars().count().max(name.chars().count()).div_ceil(3);
        if distance <= allowed && best.is_none_or(|(_, least)| distance < least) {
            best = Some((name, distance));
        }
    }
    best.map(|(name, _)| name)
}

/// Case and the choice between `-` and `_` are no difference of spelling.
fn fold(name: &str) -> String {
    name.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// `"a", "b" or "c"`.
pub(crate) fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => format!("{only:?}"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("{name:?}")).collect();
            format!("{} or {last:?}", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["threshold", "refractory", "window", "evidence", "path"];
        assert_eq!(nearest("thresold", names), Some("threshold"));
        assert_eq!(nearest("Refractory", names), Some("refractory"));
        assert_eq!(nearest("tau", names), Some("window"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest("topic_field", ["topic-field", "time-field"]), Some("topic-field"));
        assert_eq!(nearest(&"x".repeat(10_000), names), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(list(&["a"]), "\"a\"");
        assert_eq!(list(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }
}
