//! OpenAI's Responses: typed events from `response.created` to `response.completed`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::tool_calls::ToolCalls;
use super::{Delta, ProtocolError, parse, say, text, token, tokens};
use crate::answer::{Stop, Usage};
use crate::request::Request;

const NAME: &str = "OpenAI Responses";

pub(super) fn body(request: &Request, model: &str) -> Result<Value, ProtocolError> {
    if !request.sampling.stop.is_empty() {
        return Err(ProtocolError::Unsupported { protocol: NAME, what: "stop sequences" });
    }
    if request.sampling.seed.is_some() {
        return Err(ProtocolError::Unsupported { protocol: NAME, what: "seed" });
    }
    let (system, messages) = request.split_instructions();
    let mut body = json!({
        "model": model,
        "input": messages,
        "stream": true,
        "store": false,
        "max_output_tokens": request.max_tokens,
    });
    if !system.is_empty() {
        body["instructions"] = json!(system);
    }
    if let Some(temperature) = request.sampling.temperature {
        body["temperature"] = json!(temperature);
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    if let Some(shape) = &request.shape {
        let (name, schema) = (&shape.name, &shape.schema);
        let format =
            json!({ "type": "json_schema", "name": name, "schema": schema, "strict": true });
        body["text"] = json!({ "format": format });
    }
    Ok(body)
}

fn tool(tool: &crate::request::Tool) -> Value {
    let (name, description) = (&tool.name, &tool.description);
    json!({
        "type": "function", "name": name, "description": description, "parameters": tool.parameters
    })
}

/// An event with a token.
#[derive(Deserialize)]
struct Token<'t> {
    r#type: &'t str,
    #[serde(borrow)]
    delta: Cow<'t, str>,
}

#[derive(Default)]
pub(super) struct Reader {
    calls: ToolCalls,
    called: bool,
}

impl super::Reader for Reader {
    fn object(&mut self, bytes: &[u8], found: &mut Vec<Delta>) -> Result<(), ProtocolError> {
        if bytes.trim_ascii() == b"[DONE]" {
            // Some compatible servers end this stream like the older one; the end has been said before.
            return Ok(());
        }
        if let Some(Token { r#type: "response.output_text.delta", delta }) = token(bytes) {
            say(delta, found);
            return Ok(());
        }
        let event = parse(bytes)?;
        let position = tokens(&event, "/output_index");
        match text(&event, "/type") {
            Some("response.output_text.delta" | "response.refusal.delta") => {
                found.extend(text(&event, "/delta").map(|said| Delta::Text(said.to_owned())));
            }
            Some("response.output_item.added")
                if text(&event, "/item/type") == Some("function_call") =>
            {
                self.called = true;
                let (id, name) = (text(&event, "/item/call_id"), text(&event, "/item/name"));
                self.calls.begin(position, id, name);
            }
            Some("response.function_call_arguments.delta") => {
                self.calls.extend(position, text(&event, "/delta").unwrap_or(""));
            }
            Some("response.output_item.done") => self.calls.complete(position, found),
            Some("response.completed" | "response.incomplete") => {
                found.push(self.end(&event["response"]));
            }
            Some("response.failed") => {
                return Err(ProtocolError::reported(&event["response"]["error"]));
            }
            Some("error") => {
                return Err(ProtocolError::reported(event.get("error").unwrap_or(&event)));
            }
            // Items begin and end, parts begin and end, reasoning is summarised: nothing of the answer.
            Some(_) => {}
            None => return Err(ProtocolError::malformed("an event has no type", bytes)),
        }
        Ok(())
    }
}

impl Reader {
    fn end(&self, response: &Value) -> Delta {
        let stop = match text(response, "/incomplete_details/reason") {
            Some("max_output_tokens") => Stop::MaxTokens,
            Some("content_filter") => Stop::Refusal,
            Some(other) => Stop::Other(other.to_owned()),
            None if self.called => Stop::ToolUse,
            None => Stop::End,
        };
        let usage = Usage {
            input: tokens(response, "/usage/input_tokens"),
            cached: tokens(response, "/usage/input_tokens_details/cached_tokens"),
            output: tokens(response, "/usage/output_tokens"),
        };
        Delta::End { stop, usage }
    }
}
