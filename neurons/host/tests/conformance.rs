//! The neurons of this family keep the contract of every neuron.

use neuronbus::conformance;
use neuronbus_host::band::BandSettings;
use neuronbus_host::kind::SenseKind;
use neuronbus_host::line_payload::{LINE_PAYLOAD_MAX, LinePayload};
use neuronbus_host::reflex::Reflex;
use neuronbus_host::sense::SenseNeuron;
use neuronbus_host::topic::TopicNeuron;

#[test]
fn a_sense_keeps_the_contract_of_every_neuron() {
    let readings = [0.0_f64, 1.0, 1.5, 90.0, -3.0, f64::NAN].map(f64::to_le_bytes);
    let readings: Vec<&[u8]> = readings.iter().map(|bytes| &bytes[..]).collect();
    let make = || SenseNeuron::new(SenseKind::Load, BandSettings::default());
    conformance::neuron(make, &readings);
}

#[test]
fn a_topic_keeps_the_contract_of_every_neuron() {
    let mut line = LinePayload::default();
    let mut lines = Vec::new();
    for number in 0..20_u8 {
        line.numbers.set(number % 3, f64::from(number) * f64::from(number));
        line.fired = number == 7;
        lines.push(line.encode(&mut [0; LINE_PAYLOAD_MAX]).to_vec());
        if number % 4 == 3 {
            line = LinePayload::default();
        }
    }
    let lines: Vec<&[u8]> = lines.iter().map(|line| &line[..]).collect();
    conformance::neuron(|| TopicNeuron::new(2, BandSettings::default()), &lines);
}

#[test]
fn a_reflex_keeps_the_contract_of_every_neuron() {
    conformance::neuron(|| Reflex::new(5), &[b"", b"whatever is wired to it"]);
}
