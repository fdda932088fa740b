//! What an event is delivered to depends on what it is about and on the situation it occurs in.
#![forbid(unsafe_code)]

pub mod filter;

pub use filter::{Filter, FilterError, WallClock};
