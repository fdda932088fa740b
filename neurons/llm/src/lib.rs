//! Language for NeuronBus: agents that speak by a model, and stop in the middle of a sentence when the world changes.
//!
//! A model lives behind a gate: a request is a spike that reaches it, tokens are admissions, an inhibitory spike
//! cancels. `docs/llm.md` tells the whole.
//!
//! | start at | for |
//! | --- | --- |
//! | [`llm_agent`] | an agent that gathers evidence and speaks |
//! | [`llm_hooks`] | a prompt that runs when an event matches |
//! | [`model_pool`] | models that compete for tasks |
//! | [`LlmGate`], [`HttpProvider`] | a model behind a server |
//! | `LocalModel` (feature `local`) | a model in this process, without a server or a network |
//! | [`ScriptedModel`] | a model for tests, in cortex time |
//! | [`Validated`] | what a model may do outside |
//! | [`Provider`] | a model of one's own, and the checks that it must pass |

mod agent;
mod answer;
mod body;
mod breaker;
mod budget;
mod caller;
mod cancel;
mod engine;
mod failure;
mod gate;
mod hooks;
mod http;
#[cfg(feature = "local")]
mod local;
mod pool;
pub mod protocol;
mod provider;
mod request;
mod schema;
mod scripted;
mod secret;
mod validated;

pub use agent::{
    Conflict, ConflictRule, Contradiction, Ending, Fact, Interruption, LlmAgent, LlmSettings,
    Prompt, PromptError, PromptTemplate, Sections, Sentences, SettingsError, SpokenMessage,
    Staleness, Strategy, When, instructions, llm_agent,
};
pub use answer::{AnswerError, Finish, Piece, Stop, ToolCall, Usage};
pub use breaker::{Breaker, BreakerSettings, BreakerState};
pub use budget::{Budget, Ledger, OverBudget, Price, Reservation, Scope};
pub use cancel::CancelToken;
pub use engine::Limits;
pub use failure::{Failure, FailureKind};
pub use gate::LlmGate;
pub use hooks::{
    Hook, HookAction, HookEvent, HookOrder, HookStatistics, LlmHooks, Reasoning, Trigger, llm_hooks,
};
pub use http::{HttpError, HttpProvider, HttpSettings};
#[cfg(feature = "local")]
pub use local::{LocalError, LocalModel};
pub use pool::{ModelPool, PoolSettings, Quality, model_pool};
pub use protocol::Protocol;
pub use provider::{Collected, ModelInfo, Pending, Provider, Sink, conformance, wait_for};
pub use request::{Cancel, Message, Request, Role, Sampling, Shape, Tool, estimate_tokens};
pub use schema::{Schema, SchemaError};
pub use scripted::{Reply, ScriptedGate, ScriptedModel};
pub use secret::{ApiKey, KeyError};
pub use validated::Validated;
