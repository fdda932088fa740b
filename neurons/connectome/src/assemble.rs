//! From a description to the runtime: the only place that calls the families.

use neuronbus::cortex::{CortexBuilder, Exchange};
use neuronbus::id::RegionId;
use neuronbus::pace::Pace;
use neuronbus::region::Region;
use neuronbus_host::{AlertReceiver, LineSettings, LineSettingsError, LineSource};

use crate::brain::Brain;
use crate::region::{Input, LinesPlan, RegionKind};

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
    #[error("{what} is refused: brain {brain:?} has no region of kind \"lines\"")]
    NoLines {
        /// What was asked for.
        what: &'static str,
        /// The brain's name.
        brain: String,
    },
    /// It is not clear which of several regions is meant.
    #[error("{what} is refused: brain {brain:?} has {regions} regions of kind \"lines\", not one")]
    SeveralLines {
        /// What was asked for.
        what: &'static str,
        /// The brain's name.
        brain: String,
        /// How many there are.
        regions: usize,
    },
}

/// What the assembled regions are called, and where alerts come out.
#[derive(Debug, Default)]
pub struct Assembled {
    regions: Vec<(String, RegionId)>,
    /// Regions that spikes enter by another one.
    doors: Vec<(RegionId, RegionId)>,
    alerts: Vec<AlertReceiver>,
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

    /// The receivers of the regions of kind `alerts`, in the order of the file.
    #[must_use]
    pub fn alerts(&self) -> &[AlertReceiver] {
        &self.alerts
    }
}

impl Brain {
    /// Builds regions and projections into a builder; its `build` remains to be called.
    ///
    /// # Errors
    /// [`AssembleError`] for an override that does not apply; the builder is then untouched.
    pub fn assemble(
        &self,
        builder: &mut CortexBuilder,
        overrides: Overrides,
    ) -> Result<Assembled, AssembleError> {
        self.check_overrides(&overrides)?;
        let Overrides { topic_field, mut input, seed, pace, workers, exchange } = overrides;
        builder.seed(seed.unwrap_or(self.seed));
        builder.pace(pace.unwrap_or(self.pace));
        builder.workers(workers.unwrap_or(self.workers));
        builder.exchange(exchange.unwrap_or(self.exchange));
        builder.tick_length(self.tick.as_duration());
        builder.arena(self.arena);
        if let Some(slots) = self.axon {
            builder.axon(slots);
        }
        let mut assembled = Assembled::default();
        for region in &self.regions {
            let path = &region.path;
            let id = match &region.kind {
                RegionKind::Host(settings) => neuronbus_host::host(builder, path, settings).senses,
                RegionKind::Lines(plan) => {
                    let settings = plan.settings(topic_field.as_deref(), input.take());
                    neuronbus_host::lines(builder, path, settings).topics
                }
                RegionKind::Population(plan) => builder.region(plan.region(path)),
                RegionKind::Reflex(settings) => neuronbus_host::reflex(builder, path, settings),
                RegionKind::Tract(plan) => {
                    let receives = self.projections.iter().any(|p| p.from == *path);
                    let settings = plan.settings(receives);
                    let tract = neuronbus_relay::tract(builder, path, plan.carrier(), settings);
                    assembled.doors.push((tract.origins, tract.door));
                    tract.origins
                }
                RegionKind::Door(door) => builder.region(Region::open_to_others(path, *door)),
                RegionKind::Alerts { bound } => {
                    let (id, receiver) = neuronbus_host::alerts(builder, path, *bound);
                    assembled.alerts.push(receiver);
                    id
                }
            };
            assembled.regions.push((path.clone(), id));
        }
        for plan in &self.projections {
            // Both ends were found among the regions when the description was read.
            if let (Some(from), Some(to)) =
                (assembled.region(&plan.from), assembled.region(&plan.to))
            {
                builder.project(from, assembled.entrance(to), plan.build());
            }
        }
        Ok(assembled)
    }

    fn check_overrides(&self, overrides: &Overrides) -> Result<(), AssembleError> {
        let is_lines = |kind: &RegionKind| matches!(kind, RegionKind::Lines(_));
        let regions = self.regions.iter().filter(|region| is_lines(&region.kind)).count();
        let brain = || self.name.clone();
        for (asked, what) in [
            (overrides.topic_field.is_some(), "another topic field"),
            (overrides.input.is_some(), "another input"),
        ] {
            if asked && regions == 0 {
                return Err(AssembleError::NoLines { what, brain: brain() });
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

impl LinesPlan {
    pub(crate) fn settings(
        &self,
        topic_field: Option<&str>,
        input: Option<LineSource>,
    ) -> LineSettings {
        let described = || match &self.input {
            Input::Standard => LineSource::Stdin,
            Input::File { path, follow } => {
                LineSource::File { path: path.clone(), follow: *follow }
            }
        };
        LineSettings {
            source: input.unwrap_or_else(described),
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
