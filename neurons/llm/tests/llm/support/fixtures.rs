//! Answers in the form that each provider documents, all of which say the same.

use neuronbus_llm::{Protocol, Usage};

/// What every fixture says.
pub(crate) const SAID: [&str; 3] = ["Bonjour", " – ", "\"là\"\n"];

/// What every fixture counts.
pub(crate) const USAGE: Usage = Usage { input: 25, cached: 4, output: 15 };

/// Messages, with a ping and a type that nobody knows yet.
pub(crate) const ANTHROPIC: &str = include_str!("../fixtures/anthropic.sse");

/// Chat Completions: a first chunk with a role and no content, and a last one with the usage and no choice.
pub(crate) const OPENAI_CHAT: &str = include_str!("../fixtures/openai_chat.sse");

/// Responses.
pub(crate) const OPENAI_RESPONSES: &str = include_str!("../fixtures/openai_responses.sse");

/// Ollama; it has no cache to speak of.
pub(crate) const OLLAMA: &str = include_str!("../fixtures/ollama.ndjson");

/// The fixture of a protocol.
pub(crate) fn of(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Anthropic => ANTHROPIC,
        Protocol::OpenAiChat => OPENAI_CHAT,
        Protocol::OpenAiResponses => OPENAI_RESPONSES,
        Protocol::Ollama => OLLAMA,
    }
}

/// One token of an answer that never ends.
pub(crate) fn token(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Anthropic => include_str!("../fixtures/anthropic_token.txt"),
        Protocol::OpenAiChat => include_str!("../fixtures/openai_chat_token.txt"),
        Protocol::OpenAiResponses => include_str!("../fixtures/openai_responses_token.txt"),
        Protocol::Ollama => include_str!("../fixtures/ollama_token.txt"),
    }
}

/// What a protocol counts of [`USAGE`].
pub(crate) fn usage(protocol: Protocol) -> Usage {
    match protocol {
        Protocol::Ollama => Usage { cached: 0, ..USAGE },
        _ => USAGE,
    }
}
