//! Ollama's chat: one JSON object a line, the last with `"done": true`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::openai_chat::tool;
use super::{Delta, Nothing, ProtocolError, parse, say, text, token, tokens};
use crate::answer::{Stop, ToolCall, Usage};
use crate::request::Request;

pub(super) fn body(request: &Request, model: &str) -> Value {
    let sampling = &request.sampling;
    let mut options = json!({ "num_predict": request.max_tokens });
    if let Some(temperature) = sampling.temperature {
        options["temperature"] = json!(temperature);
    }
    if let Some(seed) = sampling.seed {
        options["seed"] = json!(seed);
    }
    if !sampling.stop.is_empty() {
        options["stop"] = json!(sampling.stop);
    }
    let mut body = json!({
        "model": model,
        "messages": request.messages,
        "stream": true,
        "options": options,
    });
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    if let Some(shape) = &request.shape {
        body["format"] = shape.schema.clone();
    }
    body
}

/// A line with a token and nothing else.
#[derive(Deserialize)]
struct Token<'t> {
    #[serde(borrow)]
    message: Said<'t>,
    done: bool,
    error: Nothing,
}

#[derive(Deserialize)]
struct Said<'t> {
    #[serde(borrow)]
    content: Cow<'t, str>,
    tool_calls: Nothing,
}

#[derive(Default)]
pub(super) struct Reader {
    called: u64,
}

impl super::Reader for Reader {
    fn object(&mut self, bytes: &[u8], found: &mut Vec<Delta>) -> Result<(), ProtocolError> {
        if let Some(Token { message, done: false, error: None }) = token(bytes)
            && message.tool_calls.is_none()
        {
            say(message.content, found);
            return Ok(());
        }
        let line = parse(bytes)?;
        if let Some(error) = line.get("error") {
            return Err(ProtocolError::reported(error));
        }
        found.extend(text(&line, "/message/content").map(|said| Delta::Text(said.to_owned())));
        let calls = line.pointer("/message/tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            let name = text(call, "/function/name").unwrap_or("").to_owned();
            let arguments = call.pointer("/function/arguments").unwrap_or(&Value::Null).to_string();
            // Calls have no ids here; their order names them.
            let id = format!("call-{}", self.called);
            self.called += 1;
            found.push(Delta::ToolCall(ToolCall { id, name, arguments }));
        }
        match line.get("done").and_then(Value::as_bool) {
            Some(true) => found.push(self.end(&line)),
            Some(false) => {}
            None => {
                return Err(ProtocolError::malformed(
                    "a line does not say whether it is done",
                    bytes,
                ));
            }
        }
        Ok(())
    }
}

impl Reader {
    fn end(&self, line: &Value) -> Delta {
        let stop = match text(line, "/done_reason") {
            _ if self.called > 0 => Stop::ToolUse,
            Some("stop") | None => Stop::End,
            Some("length") => Stop::MaxTokens,
            Some(other) => Stop::Other(other.to_owned()),
        };
        let input = tokens(line, "/prompt_eval_count");
        let usage = Usage { input, cached: 0, output: tokens(line, "/eval_count") };
        Delta::End { stop, usage }
    }
}
