//! What a run did, gathered once and then written as text or as JSON.

mod json;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use neuronbus::atlas::Atlas;
use neuronbus::cortex::{Cortex, Report};
use neuronbus_connectome::{Alert, Brain};
use serde::Serialize;

use crate::handled::HandledLog;

pub(crate) use json::to_json;
pub(crate) use text::to_text;

/// Links in the report; a brain of thousands of topics has millions, nearly all of them chance.
pub(crate) const LINKS: usize = 100;

/// What a cortex says of itself at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) report: Report,
    pub(crate) links: Vec<LinkLine>,
    pub(crate) populations: Vec<PopulationLine>,
}

impl Snapshot {
    pub(crate) fn of(cortex: &Cortex, links: usize) -> Self {
        Self {
            report: cortex.report(),
            links: strongest(cortex, links),
            populations: populations(cortex),
        }
    }

    /// The same without the digest: what a view shows that is drawn again and again.
    pub(crate) fn live(cortex: &Cortex, links: usize) -> Self {
        Self {
            report: cortex.live_report(),
            links: strongest(cortex, links),
            populations: populations(cortex),
        }
    }
}

/// A population that counts how often its cells fire.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PopulationLine {
    pub(crate) path: String,
    pub(crate) cells: u32,
    /// Over the whole run, a second and cell.
    pub(crate) mean_hz: f64,
    /// The same, bin by bin: the latest ones.
    pub(crate) latest_hz: Vec<f64>,
}

impl PopulationLine {
    /// Bins that are said; a run of months has more than anybody reads.
    const LATEST: usize = 60;
}

fn populations(cortex: &Cortex) -> Vec<PopulationLine> {
    let atlas = cortex.atlas();
    let line = |region| {
        let rates = cortex.recorded_rates(region)?;
        let cells = atlas.members(region).first().map_or(0, |&id| atlas.cells(id));
        Some(PopulationLine {
            path: atlas.path(region).to_owned(),
            cells,
            mean_hz: rates.iter().sum::<f64>() / rates.len().max(1) as f64,
            latest_hz: rates[rates.len().saturating_sub(PopulationLine::LATEST)..].to_vec(),
        })
    };
    atlas.regions().filter_map(line).collect()
}

/// One learned link, with names instead of numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct LinkLine {
    /// The plain name where it is the only one of its kind, else the address.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) weight: f32,
    /// How long after the first the second fired, on average.
    pub(crate) delay_ms: f64,
    pub(crate) count: u64,
    pub(crate) initial_weight: f32,
    pub(crate) from_address: String,
    pub(crate) to_address: String,
}

impl LinkLine {
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_secs_f64((self.delay_ms / 1e3).clamp(0.0, 1e9))
    }

    /// Whether experience has made more of it than it was.
    pub(crate) fn is_learned(&self) -> bool {
        self.weight > self.initial_weight
    }
}

fn strongest(cortex: &Cortex, limit: usize) -> Vec<LinkLine> {
    let atlas = cortex.atlas();
    let names = Names::of(atlas);
    let line = |link: neuronbus::synapse::Link| LinkLine {
        from: names.shortest(atlas, link.from),
        to: names.shortest(atlas, link.to),
        weight: link.weight,
        delay_ms: link.delay.as_secs_f64() * 1e3,
        count: link.count,
        initial_weight: link.initial_weight,
        from_address: atlas.address(link.from),
        to_address: atlas.address(link.to),
    };
    cortex.links().into_iter().take(limit).map(line).collect()
}

/// How many neurons bear each name.
struct Names<'a>(BTreeMap<&'a str, u32>);

impl<'a> Names<'a> {
    fn of(atlas: &'a Atlas) -> Self {
        let mut bearers = BTreeMap::new();
        for id in atlas.neurons() {
            *bearers.entry(atlas.name(id)).or_insert(0) += 1;
        }
        Self(bearers)
    }

    fn shortest(&self, atlas: &Atlas, id: neuronbus::id::NeuronId) -> String {
        let name = atlas.name(id);
        if self.0.get(name) == Some(&1) { name.to_owned() } else { atlas.address(id) }
    }
}

/// The end of a run: everything that the report says.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    pub(crate) brain: &'a Brain,
    pub(crate) snapshot: Snapshot,
    pub(crate) alerts: AlertLog,
    pub(crate) handled: HandledLog<'a>,
    /// Time from the start of the run to its end, in ms.
    pub(crate) wall_ms: u64,
}

/// The alerts of a run: the last ones, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct AlertLog {
    kept: std::collections::VecDeque<Alert>,
    total: u64,
}

impl AlertLog {
    /// A run of months must not grow without end.
    const KEPT: usize = 1000;

    pub(crate) fn push(&mut self, alert: Alert) {
        if self.kept.len() == Self::KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(alert);
        self.total += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn kept(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.kept.iter()
    }

    pub(crate) fn last(&self) -> Option<&Alert> {
        self.kept.back()
    }
}
