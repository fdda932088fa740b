//! JSON over HTTP: one request, one answer, for what runs on a thread of its own and may wait.
//!
//! A [`RestClient`] belongs behind a gate or in a tool, never in a neuron's callback. What is unreachable is not asked
//! again and again: after some failures in a row a [`breaker`] refuses at once, and after a pause one request
//! tries whether it is back. Both are counted.

#![forbid(unsafe_code)]

pub mod breaker;
pub mod client;

pub use breaker::{Breaker, BreakerSettings};
pub use client::{RestClient, RestCounts, RestError, RestSettings};
