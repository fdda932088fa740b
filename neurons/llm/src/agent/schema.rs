//! Shapes: whether a text is JSON of a schema.

use serde_json::Value;

use super::settings::SettingsError;
use crate::answer::ToolCall;
use crate::request::{Shape, Tool};
use crate::schema::Schema;

/// The schemas of an agent, compiled.
#[derive(Debug)]
pub(crate) struct Schemas {
    shape: Option<Schema>,
    tools: Vec<(String, Schema)>,
}

impl Schemas {
    pub(crate) fn new(shape: Option<&Shape>, tools: &[Tool]) -> Result<Self, SettingsError> {
        let compile = |of: &str, schema: &Value| {
            let of = of.to_owned();
            Schema::new(schema).map_err(|source| SettingsError::Schema { of, source })
        };
        let shape = shape.map(|shape| compile(&shape.name, &shape.schema)).transpose()?;
        let tools = tools
            .iter()
            .map(|tool| Ok((tool.name.clone(), compile(&tool.name, &tool.parameters)?)));
        Ok(Self { shape, tools: tools.collect::<Result<_, SettingsError>>()? })
    }

    /// The answer as JSON, if a shape is asked for.
    pub(crate) fn read(&self, text: &str) -> Result<Option<Value>, String> {
        let Some(validator) = &self.shape else { return Ok(None) };
        let value = serde_json::from_str(unfenced(text))
            .map_err(|error| format!("it is no JSON: {error}"))?;
        complaints(validator, &value).map_or(Ok(Some(value)), Err)
    }

    /// Whether a tool call may be passed on.
    pub(crate) fn check(&self, call: &ToolCall) -> Result<(), String> {
        let Some((_, validator)) = self.tools.iter().find(|(name, _)| *name == call.name) else {
            return Err(format!("{:?} is no tool of this agent", call.name));
        };
        let arguments = serde_json::from_str(&call.arguments)
            .map_err(|error| format!("the arguments of {} are no JSON: {error}", call.name))?;
        match complaints(validator, &arguments) {
            None => Ok(()),
            Some(why) => Err(format!("the arguments of {} are refused: {why}", call.name)),
        }
    }
}

fn complaints(schema: &Schema, value: &Value) -> Option<String> {
    let said = schema.complaints(value);
    (!said.is_empty()).then(|| said.join("; "))
}

/// A text without the fence of Markdown that models like to put around JSON.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.map_or(text, |inner| inner.strip_prefix("json").unwrap_or(inner).trim())
}
