//! The neurons of this family keep the contract of every neuron.

use neuronbus::conformance;
use neuronbus_semantic::lexicon::Means;
use neuronbus_semantic::recognition::Recognition;
use neuronbus_semantic::semantic_neuron::SemanticNeuron;

/// What a reader tells a concept: the drive, then what was recognised.
fn told(drive: f32, about: &[u8]) -> Vec<u8> {
    let mut bytes = drive.to_le_bytes().to_vec();
    Recognition { score: 0.8, threshold: 0.5, by: Means::Meaning, about }.write(&mut bytes);
    bytes
}

#[test]
fn a_concept_keeps_the_contract_of_every_neuron() {
    let payloads = [told(1.6, b"a text"), told(0.4, b"half"), told(f32::NAN, b"?"), told(2.0, b"")];
    let payloads: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
    conformance::neuron(SemanticNeuron::default, &payloads);
}
