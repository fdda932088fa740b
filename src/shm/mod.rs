//! Memory that threads and processes share, and all of the core's `unsafe`.

pub(crate) mod header;
pub(crate) mod mapping;
