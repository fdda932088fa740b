//! Connectors: the rules by which a projection chooses its pairs.

use std::sync::Arc;

use super::Synapse;
use super::error::{ProjectionError, refuse};
use super::layout::{Boxes, Layout};
use crate::math;

#[derive(Debug, Clone)]
pub(crate) enum Connector {
    AllToAll,
    /// Every target but the one at the source's own position.
    Others,
    OneToOne,
    Random(f64),
    /// So many sources for each target.
    InDegree(u32),
    /// The nearest sources of each target.
    Near(Arc<Neighbours>),
    List(Arc<[Synapse]>),
    /// The pairs whose names belong together.
    Named(Names),
}

type Belong = dyn Fn(&str, &str) -> bool + Send + Sync;

/// Whether the names of a source and of a target belong together.
#[derive(Clone)]
pub(crate) struct Names(pub(super) Arc<Belong>);

impl Names {
    pub(crate) fn belong_together(&self, source: &str, target: &str) -> bool {
        (self.0)(source, target)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

/// Who is near whom.
#[derive(Debug)]
pub(crate) struct Neighbours {
    pub(super) reach: Reach,
    pub(super) sources: Layout,
    pub(super) targets: Layout,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    Nearest(u32),
    Within(f32),
}

/// How many targets are asked for the number of their neighbours, to know about how many synapses there will be.
const ASKED: u32 = 256;

impl Connector {
    /// How many synapses it will make, about.
    pub(crate) fn expected(&self, sources: u32, targets: u32) -> u64 {
        let pairs = u64::from(sources) * u64::from(targets);
        match self {
            Self::AllToAll | Self::Others => pairs,
            Self::OneToOne => u64::from(sources.min(targets)),
            Self::Random(p) => (pairs as f64 * p) as u64,
            Self::InDegree(count) => u64::from(*count) * u64::from(targets),
            Self::Near(near) => match near.reach {
                Reach::Nearest(count) => u64::from(count) * u64::from(targets),
                Reach::Within(radius) => {
                    let (boxes, mut found) = (Boxes::new(&near.sources, sources), Vec::new());
                    let asked = targets.min(ASKED);
                    let heard = (0..asked).map(|k| {
                        let target = (u64::from(k) * u64::from(targets) / u64::from(asked)) as u32;
                        boxes.within(near.targets.place(target), radius.into(), &mut found);
                        found.len() as u64
                    });
                    heard.sum::<u64>() * u64::from(targets) / u64::from(asked.max(1))
                }
            },
            Self::List(list) => list.len() as u64,
            // Nobody has asked the names yet.
            Self::Named(_) => u64::from(sources.max(targets)),
        }
    }

    /// Whether the numbers make sense.
    pub(super) fn check(&self) -> Result<(), ProjectionError> {
        match self {
            Self::Random(p) if !(0.0..=1.0).contains(p) => Err(ProjectionError::Probability(*p)),
            Self::Near(near) => {
                if let Reach::Within(radius) = near.reach
                    && !(radius.is_finite() && radius >= 0.0)
                {
                    let expected = "it must be finite and not negative";
                    return Err(refuse("radius", radius, expected));
                }
                near.sources.check()?;
                near.targets.check()
            }
            _ => Ok(()),
        }
    }

    /// Whether it can connect so many sources with so many targets. `spared` says that a target does not hear itself.
    pub(super) fn fits(
        &self,
        (sources, targets): (u32, u32),
        spared: bool,
        multapses: bool,
    ) -> Result<(), ProjectionError> {
        let choice = sources.saturating_sub(u32::from(spared));
        let enough = |name, count| {
            if count <= choice {
                return Ok(());
            }
            Err(ProjectionError::InDegree { name, count, sources: choice })
        };
        match self {
            Self::InDegree(0) => Ok(()),
            Self::InDegree(count) if !multapses || choice == 0 => enough("in-degree", *count),
            Self::Near(near) => {
                near.sources.fits("source", sources)?;
                near.targets.fits("target", targets)?;
                match near.reach {
                    Reach::Nearest(count) => enough("nearest", count),
                    Reach::Within(_) => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether it asks each target for its sources, instead of each source for its targets.
    pub(crate) fn is_by_target(&self) -> bool {
        matches!(self, Self::InDegree(_) | Self::Near(_))
    }
}

/// Finds the sources of one target after the other, for connectors that ask targets.
///
/// What is found for a target depends on nothing but the target.
#[derive(Debug)]
pub(crate) struct SourcesOf<'a> {
    connector: &'a Connector,
    sources: u32,
    /// Whether a target is no source of its own.
    spared: bool,
    multapses: bool,
    seed: u64,
    salt: u64,
    /// For each source, the target that it was last drawn for, plus one.
    drawn_for: Vec<u32>,
    boxes: Option<Boxes>,
    found: Vec<(f64, u32)>,
}

impl<'a> SourcesOf<'a> {
    pub(crate) fn new(
        connector: &'a Connector,
        sources: u32,
        (spared, multapses): (bool, bool),
        (seed, salt): (u64, u64),
    ) -> Self {
        let boxes = match connector {
            Connector::Near(near) => Some(Boxes::new(&near.sources, sources)),
            _ => None,
        };
        let once = matches!(connector, Connector::InDegree(_)) && !multapses;
        let drawn_for = if once { vec![0; sources as usize] } else { Vec::new() };
        let found = Vec::new();
        Self { connector, sources, spared, multapses, seed, salt, drawn_for, boxes, found }
    }

    /// Calls with every source of a target.
    pub(crate) fn each(&mut self, target: u32, mut each: impl FnMut(u32)) {
        match (self.connector, &self.boxes) {
            (Connector::InDegree(count), _) => self.draw(*count, target, each),
            (Connector::Near(near), Some(boxes)) => {
                let place = near.targets.place(target);
                match near.reach {
                    // One more, in case the target itself is among them.
                    Reach::Nearest(count) => {
                        boxes.nearest(place, count as usize + 1, &mut self.found);
                        let found = self.found.iter().map(|&(_, source)| source);
                        let others = found.filter(|&source| !(self.spared && source == target));
                        others.take(count as usize).for_each(each);
                    }
                    Reach::Within(radius) => {
                        boxes.within(place, radius.into(), &mut self.found);
                        let found = self.found.iter().map(|&(_, source)| source);
                        found
                            .filter(|&source| !(self.spared && source == target))
                            .for_each(&mut each);
                    }
                }
            }
            _ => {}
        }
    }

    fn draw(&mut self, count: u32, target: u32, mut each: impl FnMut(u32)) {
        let (seed, salt, sources) = (self.seed, self.salt, self.sources);
        let spared = if self.spared { target } else { u32::MAX };
        // The upper half of a product is a number below the factor, each as likely up to 2^-32.
        let drawn = (0..).map(|draw| {
            let bits = math::random(seed, salt, u64::from(target), draw) >> 32;
            ((bits * u64::from(sources)) >> 32) as u32
        });
        let mut others = drawn.filter(|&source| source != spared);
        if self.multapses {
            others.take(count as usize).for_each(each);
            return;
        }
        let mark = target + 1;
        let choice = sources - u32::from(spared < sources);
        // Of many, it is quicker to draw those that are left out. bound: at least half of the sources are still free.
        let left_out = count > choice / 2;
        for _ in 0..if left_out { choice - count } else { count } {
            for source in others.by_ref() {
                let last = &mut self.drawn_for[source as usize];
                if *last != mark {
                    *last = mark;
                    if !left_out {
                        each(source);
                    }
                    break;
                }
            }
        }
        if left_out {
            let marked = |source: &u32| self.drawn_for[*source as usize] == mark;
            (0..sources).filter(|source| *source != spared && !marked(source)).for_each(each);
        }
    }
}
