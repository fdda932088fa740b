//! From a description to the runtime: the only place that calls the families.

use std::path::PathBuf;

use neuronbus::cortex::{CortexBuilder, Exchange};
use neuronbus::id::RegionId;
use neuronbus::pace::Pace;
use neuronbus::region::{Port, Region};
use neuronbus_host::{AlertReceiver, HandlerReceiver, LineSettings, LineSettingsError, LineSource};

use crate::brain::Brain;
use crate::region::{LinesPlan, RegionKind, RegionPlan};

/// What a run may ask for instead of what the description says.
#[derive(Debug, Default)]
pub struct Overrides {
    /// The JSON field that names the topic, in every region of lines.
    pub topic_field: Option<String>,
    /// Where lines come from; needs exactly one region of lines.
    pub input: Option<LineSource>,
    /// What random numbers are drawn from.
    pub seed: Option<u64>,
    /// When ticks run.
    pub pace: Option<Pace>,
    /// How many workers compute.
    pub workers: Option<usize>,
    /// How they hand spikes to each other.
    pub exchange: Option<Exchange>,
}

/// An override that this brain has no use for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// What was asked for does not go together with what the description says.
    #[error(transparent)]
    Lines(#[from] LineSettingsError),
    /// The brain reads no lines.
    #[error("{what} is refused: brain {brain:?} has no region of kind {kinds}")]
    NoLines {
        /// What was asked for.
        what: &'static str,
        /// Which kinds have a use for it.
        kinds: &'static str,
        /// The brain's name.
        brain: String,
    },
    /// It is not clear which of several regions is meant.
    #[error("{what} is refused: brain {brain:?} has {regions} regions that read, not one")]
    SeveralLines {
        /// What was asked for.
        what: &'static str,
        /// The brain's name.
        brain: String,
        /// How many there are.
        regions: usize,
    },
    /// A region cannot be what the description says.
    #[error("region {path}: {reason}")]
    Region {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
}

/// Where the events of one handler come out.
#[derive(Debug)]
pub struct HandlerEnd {
    /// The events.
    pub receiver: HandlerReceiver,
    /// The file that the description wants them in.
    pub output: Option<PathBuf>,
}

/// What the assembled regions are called, and where alerts come out.
#[derive(Debug, Default)]
pub struct Assembled {
    regions: Vec<(String, RegionId)>,
    /// Regions that spikes enter by another one.
    doors: Vec<(RegionId, RegionId)>,
    alerts: Vec<AlertReceiver>,
    handlers: Vec<HandlerEnd>,
}

impl Assembled {
    /// The region at a path of the description.
    #[must_use]
    pub fn region(&self, path: &str) -> Option<RegionId> {
        self.regions.iter().find(|(known, _)| known == path).map(|(_, id)| *id)
    }

    /// Every described region with its path, in the order of the file.
    #[must_use]
    pub fn regions(&self) -> &[(String, RegionId)] {
        &self.regions
    }

    /// Where a projection to a region leads.
    fn entrance(&self, region: RegionId) -> RegionId {
        let door = self.doors.iter().find(|(behind, _)| *behind == region);
        door.map_or(region, |(_, door)| *door)
    }

    /// The ends of the regions of kind `handler`, in the order of the file.
    #[must_use]
    pub fn handlers(&self) -> &[HandlerEnd] {
        &self.handlers
    }

    /// The receivers of the regions of kind `alerts`, in the order of the file.
    #[must_use]
    pub fn alerts(&self) -> &[AlertReceiver] {
        &self.alerts
    }
}

/// What is left to do for a region when whatever can fail is done.
type Place<'a> = Box<dyn FnOnce(&mut CortexBuilder, &mut Assembled) -> RegionId + 'a>;

/// What a run tells its regions.
struct Told {
    topic_field: Option<String>,
    input: Option<LineSource>,
    seed: u64,
}

impl Brain {
    /// Builds regions and projections into a builder; its `build` remains to be called.
    ///
    /// # Errors
    /// [`AssembleError`] for an override that does not apply, and for a region that cannot be made because of what is
    /// on this machine, such as a model that is not; the builder is then untouched.
    pub fn assemble(
        &self,
        builder: &mut CortexBuilder,
        overrides: Overrides,
    ) -> Result<Assembled, AssembleError> {
        self.check_overrides(&overrides)?;
        let Overrides { topic_field, input, seed, pace, workers, exchange } = overrides;
        let seed = seed.unwrap_or(self.seed);
        let mut told = Told { topic_field, input, seed };
        let mut places = Vec::with_capacity(self.regions.len());
        for region in &self.regions {
            let place = self.prepare(region, &mut told).map_err(|reason| {
                let path = region.path.clone();
                AssembleError::Region { path, reason }
            })?;
            places.push((&region.path, place));
        }
        builder.seed(seed);
        builder.pace(pace.unwrap_or(self.pace));
        builder.workers(workers.unwrap_or(self.workers));
        builder.exchange(exchange.unwrap_or(self.exchange));
        builder.tick_length(self.tick.as_duration());
        builder.arena(self.arena);
        if let Some(slots) = self.axon {
            builder.axon(slots);
        }
        let mut assembled = Assembled::default();
        for (path, place) in places {
            let id = place(builder, &mut assembled);
            assembled.regions.push((path.clone(), id));
        }
        for plan in &self.projections {
            // Both ends were found among the regions when the description was read.
            if let (Some(from), Some(to)) =
                (assembled.region(&plan.from), assembled.region(&plan.to))
            {
                let from = match &plan.from_neuron {
                    Some(name) => Port::of(from, name),
                    None => from.into(),
                };
                builder.project(from, assembled.entrance(to), plan.build());
            }
        }
        Ok(assembled)
    }

    /// Makes of a region what can fail to be made.
    fn prepare<'a>(&self, region: &'a RegionPlan, told: &mut Told) -> Result<Place<'a>, String> {
        let path = region.path.as_str();
        Ok(match &region.kind {
            RegionKind::Host(settings) => {
                Box::new(move |builder, _| neuronbus_host::host(builder, path, settings).senses)
            }
            RegionKind::Lines(plan) => {
                let settings = plan.settings(told.topic_field.as_deref(), told.input.take());
                Box::new(move |builder, _| neuronbus_host::lines(builder, path, settings).topics)
            }
            RegionKind::Events(plan) => {
                let settings = plan.settings(told.input.take(), told.seed);
                Box::new(move |builder, _| neuronbus_host::events(builder, path, settings))
            }
            RegionKind::Population(plan) => {
                Box::new(move |builder, _| builder.region(plan.region(path)))
            }
            RegionKind::Reflex(settings) => {
                Box::new(move |builder, _| neuronbus_host::reflex(builder, path, settings))
            }
            RegionKind::Tract(plan) => {
                let receives = self.projections.iter().any(|p| p.from == *path);
                Box::new(move |builder, assembled| {
                    let settings = plan.settings(receives);
                    let tract = neuronbus_relay::tract(builder, path, plan.carrier(), settings);
                    assembled.doors.push((tract.origins, tract.door));
                    tract.origins
                })
            }
            RegionKind::Door(door) => {
                Box::new(move |builder, _| builder.region(Region::open_to_others(path, *door)))
            }
            RegionKind::Journal(plan) => {
                Box::new(move |builder, _| builder.region(Region::gated(path, plan.gate())))
            }
            RegionKind::Alerts { bound } => Box::new(move |builder, assembled| {
                let (id, receiver) = neuronbus_host::alerts(builder, path, *bound);
                assembled.alerts.push(receiver);
                id
            }),
            RegionKind::Handler(plan) => Box::new(move |builder, assembled| {
                let (id, receiver) = neuronbus_host::handler(builder, path, plan.bound);
                assembled.handlers.push(HandlerEnd { receiver, output: plan.output.clone() });
                id
            }),
            RegionKind::Concepts(plan) => {
                let meaning = plan.meaning(path)?;
                Box::new(move |builder, assembled| {
                    let (concepts, reader) = meaning.wire(builder).regions();
                    assembled.doors.push((concepts, reader));
                    concepts
                })
            }
            RegionKind::Memory(plan) => made(plan.region(path)?),
            RegionKind::Context(plan) => made(plan.region(path)?),
        })
    }

    fn check_overrides(&self, overrides: &Overrides) -> Result<(), AssembleError> {
        let count = |is_one: fn(&RegionKind) -> bool| {
            self.regions.iter().filter(|region| is_one(&region.kind)).count()
        };
        let lines = count(|kind| matches!(kind, RegionKind::Lines(_)));
        let regions = count(|kind| kind.input().is_some());
        let brain = || self.name.clone();
        for (asked, known, what, kinds) in [
            (overrides.topic_field.is_some(), lines, "another topic field", "\"lines\""),
            (overrides.input.is_some(), regions, "another input", "\"lines\" or \"events\""),
        ] {
            if asked && known == 0 {
                return Err(AssembleError::NoLines { what, kinds, brain: brain() });
            }
        }
        for region in &self.regions {
            if let (RegionKind::Lines(plan), Some(field)) = (&region.kind, &overrides.topic_field) {
                plan.settings(Some(field), None).check()?;
            }
        }
        if overrides.input.is_some() && regions > 1 {
            let what = "another input";
            return Err(AssembleError::SeveralLines { what, brain: brain(), regions });
        }
        Ok(())
    }
}

fn made(region: Region) -> Place<'static> {
    Box::new(move |builder, _| builder.region(region))
}

impl LinesPlan {
    pub(crate) fn settings(
        &self,
        topic_field: Option<&str>,
        input: Option<LineSource>,
    ) -> LineSettings {
        LineSettings {
            source: input.unwrap_or_else(|| self.input.source()),
            format: self.format,
            topic_field: topic_field.unwrap_or(&self.topic_field).to_owned(),
            time_field: self.time_field.clone(),
            severity_fields: self.severity_fields.clone(),
            numbers: self.numbers.clone(),
            band: self.band,
            max_topics: self.max_topics,
            max_line: self.max_line,
            slots: self.slots,
        }
    }
}
