//! A lexicon as part of a topology.

use std::sync::Arc;

use neuronbus::cortex::CortexBuilder;
use neuronbus::id::RegionId;
use neuronbus::prelude::*;

use crate::concept::{Concept, ConceptError};
use crate::counts::SemanticMeter;
use crate::encoder::Encoder;
use crate::encoder_gate::EncoderGate;
use crate::encoder_neuron::{CacheSettings, EncoderNeuron, PlainText, Reading};
use crate::lexicon::Lexicon;
use crate::semantic_neuron::SemanticNeuron;

/// Concepts that hear texts: what is needed to put them into a topology.
///
/// ```
/// use neuronbus::inlet::Inlet;
/// use neuronbus::prelude::*;
/// use neuronbus_semantic::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut inlet, gate) = Inlet::gate(64)?;
/// let mut builder = Cortex::builder();
/// let ear = builder.region(Region::gated("senses/ear", gate));
/// let concepts = [
///     Concept::new("payment failed").exemplar("the card was declined"),
///     Concept::new("parcel delivered").exemplar("your package has arrived"),
/// ];
/// let meaning = Meaning::new("language", &concepts, StaticTable::bundled())?.wire(&mut builder);
/// builder.project(ear, meaning.input.clone(), Projection::all_to_all());
/// # let handler = builder.region(Region::agents("desk").neuron("billing", Relay::default()));
/// builder.project(meaning.concept("payment failed"), handler, Projection::all_to_all());
///
/// builder.pace(Pace::Free);
/// let mut cortex = builder.build()?;
/// inlet.fire(SpikeKind::Excitatory, 0, b"my credit card was declined again")?;
/// cortex.run_for(Ticks(10))?;
/// assert_eq!(meaning.meter.counts().recognised, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Meaning<R = PlainText> {
    path: String,
    lexicon: Lexicon,
    encoder: Arc<dyn Encoder>,
    reading: R,
    cache: CacheSettings,
    membrane: Lif,
    holds: bool,
}

/// Where others connect.
#[derive(Debug)]
pub struct MeaningPorts {
    /// Hears texts.
    pub input: Port,
    /// All concepts; a neuron each, by its name.
    pub concepts: Port,
    /// What was read and recognised, while it runs.
    pub meter: Arc<SemanticMeter>,
    reader: RegionId,
    region: RegionId,
}

impl MeaningPorts {
    /// One concept, by its name.
    #[must_use]
    pub fn concept(&self, name: &str) -> Port {
        Port::of(self.region, name)
    }

    /// The region of the concepts, and the one that reads for them.
    #[must_use]
    pub fn regions(&self) -> (RegionId, RegionId) {
        (self.region, self.reader)
    }
}

impl Meaning {
    /// Concepts at a path such as `language`, in the space of an encoder. They are encoded at once.
    ///
    /// # Errors
    /// [`ConceptError`].
    pub fn new(
        path: &str,
        concepts: &[Concept],
        encoder: Arc<impl Encoder + 'static>,
    ) -> Result<Self, ConceptError> {
        Ok(Self::of(path, Lexicon::new(concepts, &*encoder)?, encoder))
    }

    /// A lexicon that was made before, by this encoder.
    #[must_use]
    pub fn of(path: &str, lexicon: Lexicon, encoder: Arc<dyn Encoder>) -> Self {
        Self {
            path: path.to_owned(),
            lexicon,
            encoder,
            reading: PlainText,
            cache: CacheSettings::default(),
            membrane: SemanticNeuron::membrane(),
            holds: false,
        }
    }
}

impl<R: Reading + 'static> Meaning<R> {
    /// Finds texts in payloads in another way.
    #[must_use]
    pub fn reading<T: Reading>(self, reading: T) -> Meaning<T> {
        let Self { path, lexicon, encoder, cache, membrane, holds, .. } = self;
        Meaning { path, lexicon, encoder, reading, cache, membrane, holds }
    }

    /// Keeps vectors in another way.
    #[must_use]
    pub fn cache(self, cache: CacheSettings) -> Self {
        Self { cache, ..self }
    }

    /// Gives the concepts another membrane.
    #[must_use]
    pub fn membrane(self, membrane: Lif) -> Self {
        Self { membrane, ..self }
    }

    /// Lets cortex time stand still while a text is being encoded; see [`EncoderGate::holding`].
    #[must_use]
    pub fn holding(self) -> Self {
        Self { holds: true, ..self }
    }

    /// Puts the concepts at `PATH`, `PATH/reader` and, unless the encoder is [instant](Encoder::is_instant),
    /// `PATH/encoder` into a topology.
    pub fn wire(self, builder: &mut CortexBuilder) -> MeaningPorts {
        let lexicon = Arc::new(self.lexicon);
        let [reader, door] = ["reader", "encoder"].map(|part| format!("{}/{part}", self.path));
        let concepts = self.path;
        let mut region = Region::agents(&concepts).membrane(self.membrane);
        for at in 0..lexicon.len() as u32 {
            let name = lexicon.name(at);
            region = region.neuron(name, SemanticNeuron::default()).port(name, &[name]);
        }
        let gate = (!self.encoder.is_instant()).then(|| {
            let gate = EncoderGate::new(&door, self.encoder.clone());
            if self.holds { gate.holding() } else { gate }
        });
        let ends = (concepts.as_str(), gate.is_some().then_some(door.as_str()));
        let neuron = EncoderNeuron::new(lexicon, &self.encoder, self.reading, self.cache, ends);
        let meter = neuron.meter();
        // It is driven by nothing: what it does, it does on hearing.
        let reader = builder.region(Region::agents(&reader).neuron("reader", neuron));
        let concepts = builder.region(region);
        // A concept's membrane gets what the recognition says; the synapse only carries it.
        let carried = || Projection::all_to_all().weight(0.0).protected();
        builder.project(reader, concepts, carried());
        if let Some(gate) = gate {
            let gate = builder.region(Region::gated(&door, gate));
            builder.project(reader, gate, carried()).project(gate, reader, carried());
        }
        let (input, region) = (reader.into(), concepts);
        MeaningPorts { input, concepts: concepts.into(), meter, reader, region }
    }
}
