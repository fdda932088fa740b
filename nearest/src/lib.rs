//! Nearest neighbours among vectors, found by a scan: signs first, then numbers.
//!
//! Of every vector the signs of its numbers are kept. A search counts for all vectors how many signs differ from those
//! of the query (a few instructions for 64 numbers), and computes the cosine of those that differ least. A scan needs
//! no building, forgets at once, and gives the same answer on every machine; up to some hundred thousand vectors it is
//! as fast as a graph.
//!
//! [`SignIndex`] keeps the vectors too; [`Signs`] is for whoever keeps them already.

#![forbid(unsafe_code)]

mod index;
mod signs;

pub use index::SignIndex;
pub use signs::{Search, Signs, compared};
