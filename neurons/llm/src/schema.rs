//! Shapes of answers and of arguments: the part of JSON Schema that providers accept for structured output.
//!
//! Known are `type`, `properties`, `required`, `additionalProperties` (true or false), `items`, `enum`, `const`,
//! `anyOf`, `minimum`, `maximum`, `minLength`, `maxLength`, `minItems`, `maxItems`, and `$ref` into `$defs`. Notes such
//! as `title` and `description` mean nothing here. A schema with any other word is refused when it is set up, so that
//! nothing that was asked for goes unchecked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Words that say something to people only.
const NOTES: [&str; 8] =
    ["title", "description", "default", "examples", "$schema", "$id", "$comment", "$defs"];

/// Complaints told about one value.
const COMPLAINTS: usize = 5;

/// A schema goes no deeper, and no reference is followed further.
const DEPTH_MOST: usize = 64;

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {at:?}: {why}")]
pub struct SchemaError {
    /// Where, as a JSON pointer.
    pub at: String,
    /// What is wrong there.
    pub why: String,
}

#[derive(Debug, Default)]
struct Rule {
    kinds: Vec<String>,
    properties: BTreeMap<String, Rule>,
    required: Vec<String>,
    closed: bool,
    items: Option<Box<Rule>>,
    one_of: Option<Vec<Value>>,
    any_of: Vec<Rule>,
    reference: Option<String>,
    bounds: BTreeMap<&'static str, f64>,
}

/// A schema that was read.
#[derive(Debug)]
pub struct Schema {
    root: Rule,
    definitions: BTreeMap<String, Rule>,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// [`SchemaError`] for a word that is not known, or a value that it cannot have.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        let root = rule(schema, "", 0)?;
        let mut definitions = BTreeMap::new();
        if let Some(Value::Object(found)) = schema.get("$defs") {
            for (name, schema) in found {
                let at = format!("/$defs/{name}");
                definitions.insert(format!("#{at}"), rule(schema, &at, 0)?);
            }
        }
        let read = Self { root, definitions };
        read.resolve(&read.root)?;
        read.definitions.values().try_for_each(|rule| read.resolve(rule))?;
        Ok(read)
    }

    /// Checks that every reference leads somewhere.
    fn resolve(&self, rule: &Rule) -> Result<(), SchemaError> {
        if let Some(to) = &rule.reference
            && to != "#"
            && !self.definitions.contains_key(to)
        {
            return Err(refused(to, "this reference leads nowhere: it must be # or in #/$defs"));
        }
        let inner = rule.properties.values().chain(rule.items.as_deref()).chain(&rule.any_of);
        inner.into_iter().try_for_each(|rule| self.resolve(rule))
    }

    /// What is wrong with a value, up to five things, or nothing.
    #[must_use]
    pub fn complaints(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.check(&self.root, value, "", 0, &mut found);
        found.truncate(COMPLAINTS);
        found
    }

    fn check(&self, rule: &Rule, value: &Value, at: &str, depth: usize, found: &mut Vec<String>) {
        if depth > DEPTH_MOST {
            return found.push(format!("{at:?} is deeper than {DEPTH_MOST}"));
        }
        if let Some(to) = &rule.reference {
            let rule = if to == "#" { Some(&self.root) } else { self.definitions.get(to) };
            return rule.into_iter().for_each(|rule| self.check(rule, value, at, depth + 1, found));
        }
        if !rule.kinds.is_empty() && !rule.kinds.iter().any(|kind| is_a(value, kind)) {
            let kinds = rule.kinds.join(" or ");
            return found.push(format!("{at:?} must be {kinds} and is {}", kind_of(value)));
        }
        if let Some(allowed) = &rule.one_of
            && !allowed.contains(value)
        {
            let allowed = Value::from(allowed.clone());
            found.push(format!("{at:?} must be one of {allowed} and is {value}"));
        }
        let fits = |rule: &Rule| {
            let mut found = Vec::new();
            self.check(rule, value, at, depth + 1, &mut found);
            found.is_empty()
        };
        if !rule.any_of.is_empty() && !rule.any_of.iter().any(fits) {
            found.push(format!("{at:?} is none of what it may be"));
        }
        check_bounds(rule, value, at, found);
        match value {
            Value::Object(object) => self.check_object(rule, object, at, depth, found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(rule) = &rule.items {
                        self.check(rule, item, &format!("{at}/{index}"), depth + 1, found);
                    }
                }
            }
            _ => {}
        }
    }

    fn check_object(
        &self,
        rule: &Rule,
        object: &Map<String, Value>,
        at: &str,
        depth: usize,
        found: &mut Vec<String>,
    ) {
        for name in rule.required.iter().filter(|name| !object.contains_key(*name)) {
            found.push(format!("{at:?} must have {name:?}"));
        }
        for (name, value) in object {
            match rule.properties.get(name) {
                Some(rule) => self.check(rule, value, &format!("{at}/{name}"), depth + 1, found),
                None if rule.closed => found.push(format!("{at:?} must not have {name:?}")),
                None => {}
            }
        }
    }
}

fn check_bounds(rule: &Rule, value: &Value, at: &str, found: &mut Vec<String>) {
    let size = match value {
        Value::Number(number) => number.as_f64().map(|number| ("minimum", "maximum", number)),
        Value::String(text) => Some(("minLength", "maxLength", text.chars().count() as f64)),
        Value::Array(items) => Some(("minItems", "maxItems", items.len() as f64)),
        _ => None,
    };
    let Some((low, high, size)) = size else { return };
    if let Some(least) = rule.bounds.get(low).filter(|least| size < **least) {
        found.push(format!("{at:?}: {low} is {least}, and it has {size}"));
    }
    if let Some(most) = rule.bounds.get(high).filter(|most| size > **most) {
        found.push(format!("{at:?}: {high} is {most}, and it has {size}"));
    }
}

fn refused(at: &str, why: impl Into<String>) -> SchemaError {
    SchemaError { at: at.to_owned(), why: why.into() }
}

fn rule(schema: &Value, at: &str, depth: usize) -> Result<Rule, SchemaError> {
    if depth > DEPTH_MOST {
        return Err(refused(at, format!("it is deeper than {DEPTH_MOST}")));
    }
    let Value::Object(words) = schema else {
        // `true` allows everything; `false`, which allows nothing, is a mistake in a shape.
        return match schema {
            Value::Bool(true) => Ok(Rule::default()),
            other => Err(refused(at, format!("a schema is an object and not {other}"))),
        };
    };
    let mut read = Rule::default();
    for (word, value) in words.iter().filter(|(word, _)| !NOTES.contains(&word.as_str())) {
        let at = format!("{at}/{word}");
        read_word(&mut read, word, value, &at, depth)?;
    }
    Ok(read)
}

fn read_word(
    read: &mut Rule,
    word: &str,
    value: &Value,
    at: &str,
    depth: usize,
) -> Result<(), SchemaError> {
    let wrong = || refused(at, format!("{value} is not what this word can have"));
    match word {
        "type" => read.kinds = kinds(value).ok_or_else(wrong)?,
        "properties" => {
            for (name, schema) in value.as_object().ok_or_else(wrong)? {
                let rule = rule(schema, &format!("{at}/{name}"), depth + 1)?;
                read.properties.insert(name.clone(), rule);
            }
        }
        "required" => read.required = strings(value).ok_or_else(wrong)?,
        "additionalProperties" => read.closed = !value.as_bool().ok_or_else(wrong)?,
        "items" => read.items = Some(Box::new(rule(value, at, depth + 1)?)),
        "enum" => read.one_of = Some(value.as_array().ok_or_else(wrong)?.clone()),
        "const" => read.one_of = Some(vec![value.clone()]),
        "anyOf" => {
            for (index, schema) in value.as_array().ok_or_else(wrong)?.iter().enumerate() {
                read.any_of.push(rule(schema, &format!("{at}/{index}"), depth + 1)?);
            }
        }
        "$ref" => read.reference = Some(value.as_str().ok_or_else(wrong)?.to_owned()),
        _ => {
            let bound = BOUNDS.iter().find(|bound| **bound == word);
            let bound = bound.ok_or_else(|| refused(at, "this word is not known"))?;
            read.bounds.insert(bound, value.as_f64().ok_or_else(wrong)?);
        }
    }
    Ok(())
}

const BOUNDS: [&str; 6] = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"];

const KINDS: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

fn kinds(value: &Value) -> Option<Vec<String>> {
    let kinds = match value {
        Value::String(kind) => vec![kind.clone()],
        other => strings(other)?,
    };
    kinds.iter().all(|kind| KINDS.contains(&kind.as_str())).then_some(kinds)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    let own = kind_of(value);
    // 2.0 is an integer too.
    let whole = || value.as_f64().is_some_and(|number| number.fract() == 0.0);
    own == kind || (kind == "number" && own == "integer") || (kind == "integer" && whole())
}
