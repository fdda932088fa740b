//! A description said back in words: what `neuronbus check` prints, and what seems not to be meant.

use std::fmt;

use neuronbus::brain::Direction;
use neuronbus::time::Span;

use crate::brain::Brain;
use crate::quantity::{spell, spell_span};
use crate::region::{RegionKind, RegionPlan};

impl RegionPlan {
    /// What the region is told, in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.kind {
            RegionKind::Host(host) => {
                let senses: Vec<&str> = host.senses.iter().map(|sense| sense.name()).collect();
                let followed = match host.follow.len() {
                    0 => String::new(),
                    1 => ", follows 1 file".to_owned(),
                    files => format!(", follows {files} files"),
                };
                let most =
                    host.max_signals + if host.follow.is_empty() { 0 } else { host.max_topics };
                let period = spell(host.period);
                format!("{} every {period}{followed}, up to {most} neurons", senses.join(" "))
            }
            RegionKind::Lines(lines) => {
                let input = lines.input.summary();
                format!(
                    "lines of {input}, topic field {:?}, up to {} topics",
                    lines.topic_field, lines.max_topics
                )
            }
            RegionKind::Events(events) => format!("events of {}", events.input.summary()),
            RegionKind::Handler(handler) => handler.summary(),
            RegionKind::Concepts(concepts) => concepts.summary(),
            RegionKind::Memory(memory) => memory.summary(),
            RegionKind::Context(context) => context.summary(),
            RegionKind::Reflex(reflex) => format!(
                "threshold {} within {}, then {} of rest",
                reflex.threshold,
                spell(reflex.window),
                spell(reflex.refractory)
            ),
            RegionKind::Population(population) => population.summary(),
            RegionKind::Tract(tract) => tract.summary(),
            RegionKind::Journal(journal) => journal.summary(),
            RegionKind::Door(door) => match door.direction() {
                Direction::Sensory => {
                    format!("other processes send in here, {} at a time", door.places())
                }
                Direction::Motor => format!("leaves to other processes, up to {}", door.places()),
            },
            RegionKind::Alerts { bound } => format!("alerts leave here, up to {bound} wait"),
        }
    }
}

/// A part of a brain that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// No projection names the region.
    Unconnected(String),
    /// The region only acts on spikes, and no projection leads to it.
    NothingLeadsTo(String),
    /// What the region fires reaches nobody.
    NothingLeadsFrom(String),
    /// A time constant is shorter than a tick, so what it describes is over before the next.
    ShorterThanTick {
        /// Where it stands.
        place: String,
        /// The time constant.
        time: Span,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconnected(path) => write!(f, "{path} is connected to nothing"),
            Self::NothingLeadsTo(path) => {
                write!(f, "nothing leads to {path}, so it will never fire")
            }
            Self::NothingLeadsFrom(path) => {
                write!(f, "nothing leads from {path}, so what it fires is lost")
            }
            Self::ShorterThanTick { place, time } => {
                write!(f, "{place} is {}, less than a tick", spell_span(*time))
            }
        }
    }
}

impl Brain {
    /// What is allowed and probably not meant, region by region.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for region in &self.regions {
            let path = &region.path;
            // Its own synapses neither bring a region to life nor carry anything out of it.
            let others = || self.projections.iter().filter(|p| p.from != p.to);
            let named = self.projections.iter().any(|p| p.from == *path || p.to == *path);
            let (led_to, led_from) =
                (others().any(|p| p.to == *path), others().any(|p| p.from == *path));
            let kind = &region.kind;
            let waits = kind.only_reads() || matches!(kind, RegionKind::Reflex(_));
            let leaves = matches!(kind, RegionKind::Alerts { .. } | RegionKind::Handler(_));
            let begins = matches!(kind, RegionKind::Events(_));
            let finding = match kind {
                _ if !named => Finding::Unconnected(path.clone()),
                _ if (waits || leaves) && !led_to => Finding::NothingLeadsTo(path.clone()),
                _ if (waits || begins) && !led_from => Finding::NothingLeadsFrom(path.clone()),
                _ => continue,
            };
            findings.push(finding);
        }
        let tick = self.tick.as_duration();
        for region in &self.regions {
            if let RegionKind::Reflex(reflex) = &region.kind
                && reflex.window < tick
            {
                let place = format!("window of {}", region.path);
                let time = Span::Time(reflex.window);
                findings.push(Finding::ShorterThanTick { place, time });
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reaches_nobody_is_found() {
        let text = "[brain]\ntick = \"1 s\"\n\
                    [[region]]\npath = \"in\"\nkind = \"lines\"\n\
                    [[region]]\npath = \"mid\"\nkind = \"reflex\"\nwindow = \"1 ms\"\n\
                    [[region]]\npath = \"out\"\nkind = \"alerts\"\n\
                    [[projection]]\nfrom = \"in\"\nto = \"mid\"\n";
        let brain = Brain::parse(text, "b.toml").unwrap();
        let said: Vec<String> = brain.findings().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "nothing leads from mid, so what it fires is lost",
                "out is connected to nothing",
                "window of mid is 1 ms, less than a tick",
            ]
        );
    }

    #[test]
    fn regions_are_said_back() {
        let text = "[[region]]\npath = \"a\"\nkind = \"lines\"\n\
                    [[region]]\npath = \"b\"\nkind = \"reflex\"\n";
        let brain = Brain::parse(text, "b.toml").unwrap();
        let said: Vec<String> = brain.regions().iter().map(RegionPlan::summary).collect();
        assert_eq!(
            said,
            [
                "lines of standard input, topic field \"topic\", up to 4096 topics",
                "threshold 3 within 3 s, then 30 s of rest",
            ]
        );
    }
}
