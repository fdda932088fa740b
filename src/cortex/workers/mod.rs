//! Several workers: threads that each compute some of the regions, and agree on every bit of it.
//!
//! The first worker runs on the thread of the cortex, which also collects from the gates and paces; the others run on
//! threads of their own. The first one gives *spans* of ticks. Within a span all are equal: they compute *epochs*, as
//! long as the smallest delay between two of them, and exchange what they fired at the end of each. Between two spans
//! the others wait; when somebody is to look at the whole cortex, they give their state back and *rest*.
//!
//! That is lockstep; `free` and `roam` have workers that do not wait for each other.

mod crew;
mod crossing;
mod free;
mod mail;
mod mark;
mod port;
mod roam;
mod span;
mod strait;

pub(super) use crew::{Crew, Follower};
pub(super) use crossing::{Crossing, Phase, WORKERS_MAX};
pub(super) use free::{Book, When};
pub(super) use mail::Mail;
pub(super) use port::{Fallen, Port, Traffic};
pub(super) use roam::{Count, Course, Log, LogEnd};
pub(super) use span::{Beat, Span};
pub(super) use strait::Strait;
