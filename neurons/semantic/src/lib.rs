//! Meaning for NeuronBus: texts find their concepts by what they mean.
//!
//! ```text
//!             +--------+  vector at hand   +----------+   +----------+
//!  texts ---->| reader |------------------>| concepts |-->| handlers |
//!             +--------+                   +----------+   +----------+
//!               |    ^  vectors
//!         texts v    |                 only for an encoder that takes longer than a tick
//!             +---------+
//!             | encoder |  a gate
//!             +---------+
//! ```
//!
//! | part | hears | fires |
//! | --- | --- | --- |
//! | [`EncoderNeuron`](encoder_neuron::EncoderNeuron) | texts, and vectors from the gate | one spike to each concept that a text belongs to |
//! | [`SemanticNeuron`](semantic_neuron::SemanticNeuron), one a concept | how much a text resembles it | a [`Recognition`](recognition::Recognition): the text and its score |
//! | [`RouterNeuron`](router_neuron::RouterNeuron) | texts, and reward | each text to the handler it learned to choose |
//! | [`EncoderGate`](encoder_gate::EncoderGate) | requests | vectors, as admissions |
//!
//! [`Meaning`](wiring::Meaning) puts them into a topology; start there. A run is repeated exactly: an encoder that is
//! [instant](encoder::Encoder::is_instant) gives the same bits on every machine, and what any other answers is an
//! admission that carries the vector. Vectors know the [`Model`](encoder::Model) that made them and never meet those of
//! another.

#![forbid(unsafe_code)]

pub mod cache;
pub mod calibration;
pub mod classifier;
pub mod concept;
pub mod concept_file;
pub mod convert;
pub mod counts;
pub mod encoder;
pub mod encoder_gate;
pub mod encoder_neuron;
#[cfg(feature = "endpoint")]
pub mod endpoint;
mod episodes;
mod exchange;
mod judgement;
mod labelled;
pub mod lexicon;
pub mod matrix;
#[cfg(feature = "minilm")]
pub mod minilm;
mod onnx;
pub mod phrased;
pub mod recognition;
mod reliability;
pub mod router;
pub mod router_neuron;
pub mod semantic_neuron;
pub mod static_table;
pub mod store;
mod tenure;
pub mod text;
mod tokens;
pub mod wiring;

/// What most programs need: `use neuronbus_semantic::prelude::*;`.
pub mod prelude {
    pub use crate::concept::Concept;
    pub use crate::encoder::Encoder;
    pub use crate::lexicon::Lexicon;
    pub use crate::recognition::Recognition;
    pub use crate::static_table::StaticTable;
    pub use crate::wiring::{Meaning, MeaningPorts};
}
