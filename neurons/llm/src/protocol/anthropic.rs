//! Anthropic's Messages: typed events from `message_start` to `message_stop`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::tool_calls::ToolCalls;
use super::{Delta, Nothing, ProtocolError, parse, say, text, token, tokens};
use crate::answer::{Stop, Usage};
use crate::request::Request;

/// The tool by which a shape is asked for: its arguments are the answer.
const SHAPE_TOOL: &str = "answer";

pub(super) fn body(request: &Request, model: &str) -> Result<Value, ProtocolError> {
    if request.sampling.seed.is_some() {
        return Err(ProtocolError::Unsupported { protocol: "Anthropic Messages", what: "seed" });
    }
    let (system, messages) = request.split_instructions();
    let mut body = json!({
        "model": model,
        "max_tokens": request.max_tokens,
        "stream": true,
        "messages": messages,
    });
    if !system.is_empty() {
        body["system"] = json!(system);
    }
    if let Some(temperature) = request.sampling.temperature {
        body["temperature"] = json!(temperature);
    }
    if !request.sampling.stop.is_empty() {
        body["stop_sequences"] = json!(request.sampling.stop);
    }
    let mut tools: Vec<Value> = request.tools.iter().map(tool).collect();
    if let Some(shape) = &request.shape {
        tools.push(json!({
            "name": SHAPE_TOOL,
            "description": format!("Gives the answer, a {}.", shape.name),
            "input_schema": shape.schema,
        }));
        body["tool_choice"] = json!({ "type": "tool", "name": SHAPE_TOOL });
    }
    if !tools.is_empty() {
        body["tools"] = json!(tools);
    }
    Ok(body)
}

fn tool(tool: &crate::request::Tool) -> Value {
    json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters })
}

/// An event with a token.
#[derive(Deserialize)]
struct Token<'t> {
    r#type: &'t str,
    #[serde(borrow)]
    delta: Said<'t>,
}

#[derive(Deserialize)]
struct Said<'t> {
    #[serde(borrow)]
    text: Cow<'t, str>,
    partial_json: Nothing,
}

#[derive(Default)]
pub(super) struct Reader {
    usage: Usage,
    stop: Option<Stop>,
    calls: ToolCalls,
    /// The block whose fragments are the answer itself.
    shaped: Option<u64>,
}

impl super::Reader for Reader {
    fn object(&mut self, bytes: &[u8], found: &mut Vec<Delta>) -> Result<(), ProtocolError> {
        if let Some(Token { r#type: "content_block_delta", delta }) = token(bytes)
            && delta.partial_json.is_none()
        {
            say(delta.text, found);
            return Ok(());
        }
        let event = parse(bytes)?;
        match text(&event, "/type") {
            Some("message_start") => self.count(&event, "/message/usage"),
            Some("content_block_start") => self.begin(&event),
            Some("content_block_delta") => self.delta(&event, found),
            Some("content_block_stop") => self.calls.complete(tokens(&event, "/index"), found),
            Some("message_delta") => {
                self.count(&event, "/usage");
                self.stop = text(&event, "/delta/stop_reason").map(stop).or(self.stop.take());
            }
            Some("message_stop") => {
                let stop = match self.stop.take() {
                    Some(Stop::ToolUse) if self.shaped.is_some() => Stop::End,
                    stop => stop.unwrap_or(Stop::End),
                };
                found.push(Delta::End { stop, usage: self.usage });
            }
            Some("error") => return Err(ProtocolError::reported(&event["error"])),
            // `ping`, and types that are added later, which the documentation asks to ignore.
            Some(_) => {}
            None => return Err(ProtocolError::malformed("an event has no type", bytes)),
        }
        Ok(())
    }
}

impl Reader {
    fn count(&mut self, event: &Value, at: &str) {
        let usage = event.pointer(at).unwrap_or(&Value::Null);
        let cached = tokens(usage, "/cache_read_input_tokens");
        let written = tokens(usage, "/cache_creation_input_tokens");
        // Counts are totals so far; those in `message_delta` may lack the input.
        self.usage.input = self.usage.input.max(tokens(usage, "/input_tokens") + cached + written);
        self.usage.cached = self.usage.cached.max(cached);
        self.usage.output = self.usage.output.max(tokens(usage, "/output_tokens"));
    }

    fn begin(&mut self, event: &Value) {
        let index = tokens(event, "/index");
        if text(event, "/content_block/type") != Some("tool_use") {
            return;
        }
        let name = text(event, "/content_block/name");
        if name == Some(SHAPE_TOOL) {
            self.shaped = Some(index);
        } else {
            self.calls.begin(index, text(event, "/content_block/id"), name);
        }
    }

    fn delta(&mut self, event: &Value, found: &mut Vec<Delta>) {
        if let Some(said) = text(event, "/delta/text") {
            found.push(Delta::Text(said.to_owned()));
        }
        if let Some(json) = text(event, "/delta/partial_json") {
            let index = tokens(event, "/index");
            if self.shaped == Some(index) {
                found.push(Delta::Text(json.to_owned()));
            } else {
                self.calls.extend(index, json);
            }
        }
    }
}

fn stop(word: &str) -> Stop {
    match word {
        "end_turn" => Stop::End,
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "stop_sequence" => Stop::StopSequence,
        "tool_use" => Stop::ToolUse,
        "refusal" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}
