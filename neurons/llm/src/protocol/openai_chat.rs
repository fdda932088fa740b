//! OpenAI's Chat Completions: chunks with choices, then `[DONE]`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::tool_calls::ToolCalls;
use super::{Delta, Nothing, ProtocolError, parse, say, text, token, tokens};
use crate::answer::{Stop, Usage};
use crate::request::Request;

pub(super) fn body(request: &Request, model: &str) -> Value {
    let mut body = json!({
        "model": model,
        "messages": request.messages,
        "stream": true,
        "stream_options": { "include_usage": true },
        // OpenAI calls it max_completion_tokens by now and takes both; other servers know this name.
        "max_tokens": request.max_tokens,
    });
    let sampling = &request.sampling;
    if let Some(temperature) = sampling.temperature {
        body["temperature"] = json!(temperature);
    }
    if let Some(seed) = sampling.seed {
        body["seed"] = json!(seed);
    }
    if !sampling.stop.is_empty() {
        body["stop"] = json!(sampling.stop);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    if let Some(shape) = &request.shape {
        let schema = json!({ "name": shape.name, "schema": shape.schema, "strict": true });
        body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
    }
    body
}

/// A tool as Chat Completions and Ollama want it.
pub(super) fn tool(tool: &crate::request::Tool) -> Value {
    json!({ "type": "function", "function": tool })
}

/// A chunk with a token and nothing else.
#[derive(Deserialize)]
struct Token<'t> {
    #[serde(borrow)]
    choices: (Choice<'t>,),
    usage: Nothing,
    error: Nothing,
}

#[derive(Deserialize)]
struct Choice<'t> {
    #[serde(borrow)]
    delta: Said<'t>,
    finish_reason: Nothing,
}

#[derive(Deserialize)]
struct Said<'t> {
    #[serde(borrow)]
    content: Cow<'t, str>,
    tool_calls: Nothing,
}

#[derive(Default)]
pub(super) struct Reader {
    usage: Usage,
    stop: Option<Stop>,
    calls: ToolCalls,
}

impl super::Reader for Reader {
    fn object(&mut self, bytes: &[u8], found: &mut Vec<Delta>) -> Result<(), ProtocolError> {
        if bytes.trim_ascii() == b"[DONE]" {
            found.push(self.end());
            return Ok(());
        }
        if let Some(Token { choices: (choice,), usage: None, error: None }) = token(bytes)
            && let Choice { delta, finish_reason: None } = choice
            && delta.tool_calls.is_none()
        {
            say(delta.content, found);
            return Ok(());
        }
        let chunk = parse(bytes)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(ProtocolError::reported(error));
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = Usage {
                input: tokens(usage, "/prompt_tokens"),
                cached: tokens(usage, "/prompt_tokens_details/cached_tokens"),
                output: tokens(usage, "/completion_tokens"),
            };
        }
        let Some(choices) = chunk.get("choices").and_then(Value::as_array) else {
            return Err(ProtocolError::malformed("a chunk has no choices", bytes));
        };
        // The chunk with the usage has none; more than one choice is never asked for.
        let Some(choice) = choices.first() else { return Ok(()) };
        if let Some(said) = text(choice, "/delta/content") {
            found.push(Delta::Text(said.to_owned()));
        }
        let calls = choice.pointer("/delta/tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            let position = tokens(call, "/index");
            self.calls.begin(position, text(call, "/id"), text(call, "/function/name"));
            if let Some(arguments) = text(call, "/function/arguments") {
                self.calls.extend(position, arguments);
            }
        }
        if let Some(reason) = text(choice, "/finish_reason") {
            self.stop = Some(stop(reason));
            self.calls.complete_all(found);
        }
        Ok(())
    }

    fn at_end(&mut self) -> Option<Delta> {
        // Some servers close the connection in place of `[DONE]`.
        self.stop.is_some().then(|| self.end())
    }
}

impl Reader {
    fn end(&mut self) -> Delta {
        Delta::End { stop: self.stop.take().unwrap_or(Stop::End), usage: self.usage }
    }
}

fn stop(word: &str) -> Stop {
    match word {
        "stop" => Stop::End,
        "length" => Stop::MaxTokens,
        "tool_calls" | "function_call" => Stop::ToolUse,
        "content_filter" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}
