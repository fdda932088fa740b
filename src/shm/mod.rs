//! Memory that threads and processes share, hints about memory, and all of the core's `unsafe`.

pub(crate) mod advice;
mod bulk;
pub(crate) mod futex;
pub(crate) mod header;
pub(crate) mod mapping;
pub(crate) mod process;
pub(crate) mod slot;
pub(crate) mod tenure;
mod truncation;
pub(crate) mod trust;
