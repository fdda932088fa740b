//! What a topology was built from, so that a state is loaded into the same one only.

use std::fmt::{self, Write as _};
use std::io;

use crate::cortex::builder::Target;
use crate::cortex::digest::Digest;
use crate::membrane::Lif;
use crate::neuron::{AgentCard, snapshot_of};
use crate::projection::{Connector, Projection};
use crate::region::{Port, Region};
use crate::state::{Section, StateError, StateWriter, Texts, TextsColumn};
use crate::time::TickLength;

/// Something with a name, and what it was described as.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    /// Neurons that were named; 0 for a projection.
    neurons: u32,
    hash: u64,
}

/// What a topology was built from: its seed, the length of a tick, its regions and projections. How it is run (workers,
/// pace, monitors, limits) is no part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Blueprint {
    pub(crate) seed: u64,
    tick_ns: u64,
    regions: Vec<Part>,
    projections: Vec<Part>,
}

/// What differs between two blueprints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) what: String,
    pub(crate) saved: String,
    pub(crate) here: String,
}

/// A hash of texts as they are written; hashed in pieces that are long enough to be hashed fast.
struct Print {
    hasher: blake3::Hasher,
    written: Vec<u8>,
}

/// Bytes that are hashed at once.
const PIECE: usize = 16 << 10;

impl fmt::Write for Print {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.update(text.as_bytes());
        Ok(())
    }
}

impl Print {
    fn new() -> Self {
        Self { hasher: blake3::Hasher::new(), written: Vec::new() }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        if self.written.len() >= PIECE {
            self.hasher.update(&self.written);
            self.written.clear();
        }
    }

    /// A named neuron: its name, its card, and how long its state is.
    fn show_neuron(&mut self, name: &str, card: &AgentCard, state: usize) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if *card != AgentCard::default() || state != 0 || !name.bytes().all(plain) {
            return self.show(&(name, card, state));
        }
        // The same text, without what formatting costs: there may be very many of these.
        self.update(b"(\"");
        self.update(name.as_bytes());
        self.update(b"\", AgentCard { description: \"\", capabilities: [] }, 0);");
    }

    fn show(&mut self, value: &impl fmt::Debug) {
        // Hashing a text never fails.
        let _ = write!(self, "{value:?};");
    }

    fn finish(mut self) -> blake3::Hash {
        self.hasher.update(&self.written);
        self.hasher.finalize()
    }

    fn short(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *self.finish().as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Part {
    fn of_region(region: &Region) -> Self {
        let mut print = Print::new();
        let (mut last, mut state): (Option<&Lif>, _) = (None, Vec::new());
        for spec in &region.neurons {
            state.clear();
            snapshot_of(spec.neuron.as_ref(), &mut state);
            print.show_neuron(region.name(spec), &spec.neuron.card(), state.len());
            print.update(&state);
            let membrane = &region.membranes[spec.membrane];
            if last.replace(membrane) != Some(membrane) {
                print.show(membrane);
            }
        }
        if let Some(template) = &region.template {
            print.show(&("template", template.bound, template.membrane));
        }
        if let Some(population) = &region.population {
            print.show(&("population", &population.cells, population.count));
        }
        if region.crowd.is_some() {
            print.show(&("crowd", region.present_membrane()));
        }
        print.show(&("ports", &region.ports));
        print.show(&("gate", region.gate.is_some() || region.door.is_some()));
        let neurons = region.neurons.len() as u32;
        Self { name: region.path.clone(), neurons, hash: print.short() }
    }

    fn of_projection(from: &str, to: &str, spec: &Projection) -> Self {
        let mut print = Print::new();
        let mut spec = spec.clone();
        // What is only written down changes nothing.
        spec.record_weights = None;
        if let Connector::List(list) = &spec.connector {
            for synapse in list.iter() {
                let words = [synapse.pre, synapse.post, synapse.weight.to_bits()];
                print.update(bytemuck::cast_slice(&words));
                print.show(&synapse.delay);
            }
            spec.connector = Connector::AllToAll;
        }
        print.show(&spec);
        Self { name: format!("{from} -> {to}"), neurons: 0, hash: print.short() }
    }
}

impl Blueprint {
    pub(in crate::cortex) fn of(
        regions: &[Region],
        projections: &[(Target, Target, Projection)],
        seed: u64,
        length: TickLength,
    ) -> Self {
        let label = |target: &Target| match target {
            Target::Address(address) => address.clone(),
            Target::Port(Port { region, name }) => {
                let path = regions.get(region.index()).map_or("?", |region| &region.path);
                name.as_ref().map_or_else(|| path.to_owned(), |name| format!("{path}#{name}"))
            }
        };
        let projection = |(from, to, spec): &(Target, Target, Projection)| {
            Part::of_projection(&label(from), &label(to), spec)
        };
        Self {
            seed,
            tick_ns: length.as_nanos(),
            regions: regions.iter().map(Part::of_region).collect(),
            projections: projections.iter().map(projection).collect(),
        }
    }

    /// A hash of all of it, by which a journal or a snapshot knows its topology.
    pub(crate) fn hash(&self) -> Digest {
        let mut print = Print::new();
        print.show(self);
        Digest::from_bytes(*print.finish().as_bytes())
    }

    pub(crate) fn save(&self, out: &mut StateWriter<'_>) -> io::Result<()> {
        out.section("blueprint")?;
        out.value("seed", self.seed)?;
        out.value("tick_ns", self.tick_ns)?;
        save_parts("region", &self.regions, out)?;
        save_parts("projection", &self.projections, out)
    }

    pub(crate) fn load(section: &Section<'_>) -> Result<Self, StateError> {
        Ok(Self {
            seed: section.value("seed")?,
            tick_ns: section.value("tick_ns")?,
            regions: load_parts("region", section)?,
            projections: load_parts("projection", section)?,
        })
    }

    /// The first thing in which the blueprint of a state differs from this one.
    pub(crate) fn differs(&self, saved: &Self) -> Option<Mismatch> {
        let mismatch = |what: &str, saved: String, here: String| {
            Some(Mismatch { what: what.to_owned(), saved, here })
        };
        if self.seed != saved.seed {
            return mismatch("the seed", saved.seed.to_string(), self.seed.to_string());
        }
        if self.tick_ns != saved.tick_ns {
            let ns = |ns| format!("{ns} ns");
            return mismatch("the length of a tick", ns(saved.tick_ns), ns(self.tick_ns));
        }
        part_that_differs("region", &self.regions, &saved.regions)
            .or_else(|| part_that_differs("projection", &self.projections, &saved.projections))
    }
}

fn part_that_differs(kind: &str, here: &[Part], saved: &[Part]) -> Option<Mismatch> {
    let most = here.len().max(saved.len());
    let place = (0..most).find(|&place| here.get(place) != saved.get(place))?;
    let (here, saved) = (here.get(place), saved.get(place));
    let mismatch = |what, saved: String, here: String| Some(Mismatch { what, saved, here });
    let name = |part: Option<&Part>| part.map_or("none", |part| &part.name).to_owned();
    match (here, saved) {
        (Some(here), Some(saved)) if here.name == saved.name => {
            let what = format!("{kind} {}", here.name);
            if here.neurons != saved.neurons {
                let neurons = |part: &Part| format!("{} named neurons", part.neurons);
                return mismatch(what, neurons(saved), neurons(here));
            }
            let described = |part: &Part| format!("a description with hash {:016x}", part.hash);
            mismatch(what, described(saved), described(here))
        }
        _ => mismatch(format!("{kind} {place}"), name(saved), name(here)),
    }
}

fn save_parts(name: &str, parts: &[Part], out: &mut StateWriter<'_>) -> io::Result<()> {
    let mut names = Texts::default();
    parts.iter().for_each(|part| names.push(part.name.as_bytes()));
    names.write(name, out)?;
    let neurons: Vec<u32> = parts.iter().map(|part| part.neurons).collect();
    out.column(&format!("{name}.neurons"), &neurons)?;
    let hashes: Vec<u64> = parts.iter().map(|part| part.hash).collect();
    out.column(&format!("{name}.hash"), &hashes)
}

fn load_parts(name: &str, section: &Section<'_>) -> Result<Vec<Part>, StateError> {
    let hashes: Vec<u64> = section.all(&format!("{name}.hash"))?;
    let neurons = section.values::<u32>(&format!("{name}.neurons"), hashes.len())?;
    let names = TextsColumn::read(section, name, hashes.len())?;
    let each = hashes.iter().zip(neurons).enumerate();
    Ok(each.map(|(at, (&hash, neurons))| Part { name: names.text(at), neurons, hash }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_neuron_has_the_print_of_its_formatted_text() {
        let cards = [AgentCard::default(), AgentCard::new("says \"x\"").capability("speak")];
        for name in ["a", "n-1.2_x", "with space", "quo\"te", "ümlaut"] {
            for (card, state) in cards.iter().flat_map(|card| [(card, 0), (card, 3)]) {
                let (mut fast, mut formatted) = (Print::new(), Print::new());
                fast.show_neuron(name, card, state);
                formatted.show(&(name, card.clone(), state));
                assert_eq!(fast.written, formatted.written, "{name}");
            }
        }
    }

    #[test]
    fn a_print_does_not_depend_on_its_pieces() {
        let text: Vec<u8> = (0..100_000u32).map(|byte| byte as u8).collect();
        let mut print = Print::new();
        text.chunks(777).for_each(|chunk| print.update(chunk));
        let whole = blake3::hash(&text);
        let expected = whole.as_bytes().first_chunk().map(|word| u64::from_le_bytes(*word));
        assert_eq!(Some(print.short()), expected);
    }
}
