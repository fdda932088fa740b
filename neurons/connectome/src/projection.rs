//! `[[projection]]`: who is connected to whom, how strongly, how late, and how it learns.

use std::ops::RangeInclusive;

use neuronbus::dendrite::Dendrite;
use neuronbus::projection::Projection;
use neuronbus::spike::SpikeKind;
use neuronbus::time::{Span, TickLength};

use crate::brain::{RegionRead, find_region, fires, hears, only_reads};
use crate::concepts::find_concept;
use crate::learning::Learning;
use crate::mistake::Code;
use crate::quantity;
use crate::region::RegionKind;
use crate::sheet::Located;
use crate::table::Table;

/// Weights and amplitudes beyond this are slips of the pen: a threshold is about 1.
const WEIGHTS: RangeInclusive<f64> = -1e6..=1e6;

/// The runtime keeps spikes in flight for at most this many ticks.
const DELAY_LIMIT: u64 = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connect {
    AllToAll,
    OneToOne,
    Random,
    FixedInDegree,
    LateralInhibition,
}

const CONNECTS: [(&str, Connect); 5] = [
    ("all-to-all", Connect::AllToAll),
    ("one-to-one", Connect::OneToOne),
    ("random", Connect::Random),
    ("fixed-in-degree", Connect::FixedInDegree),
    ("lateral-inhibition", Connect::LateralInhibition),
];

/// One projection of a description.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionPlan {
    /// Path of the region whose neurons fire.
    pub from: String,
    /// The one of them that it is about; all of them if there is none.
    pub from_neuron: Option<String>,
    /// Path of the region whose neurons hear.
    pub to: String,
    connect: Connect,
    /// Probability of a synapse, for `random`.
    p: f64,
    /// How many sources each target has, for `fixed-in-degree`.
    sources_each: u32,
    multapses: bool,
    weight: f32,
    delay: Span,
    bounds: (f32, f32),
    silent: bool,
    inhibitory: bool,
    lossless: bool,
    protected: bool,
    autapses: bool,
    filter: Vec<Filter>,
    learning: Learning,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    Kind(SpikeKind),
    PriorityAtLeast(u8),
    Prefix(String),
    /// A filter expression that was compiled once, to see that it can be.
    When(String),
}

impl ProjectionPlan {
    /// Whether its weights change.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.learning.learns()
    }

    /// How it connects, in a few words.
    #[must_use]
    pub fn summary(&self) -> String {
        let connect = CONNECTS.iter().find(|(_, connect)| *connect == self.connect);
        let mut words = vec![connect.map_or("", |(name, _)| name).to_owned()];
        if self.connect == Connect::Random {
            words.push(format!("p {}", self.p));
        }
        if self.connect == Connect::FixedInDegree {
            words.push(format!("{} sources each", self.sources_each));
        }
        if let Some(neuron) = &self.from_neuron {
            words.push(format!("of {neuron:?} alone"));
        }
        words.push(format!("weight {}", self.weight));
        words.push(format!("delay {}", quantity::spell_span(self.delay)));
        let learning = self.learning.summary();
        for (on, word) in [
            (self.silent, "silent"),
            (self.inhibitory, "inhibitory"),
            (!learning[0].is_empty(), learning[0]),
            (!learning[1].is_empty(), learning[1]),
            (!learning[2].is_empty(), learning[2]),
            (!learning[3].is_empty(), learning[3]),
            (!self.filter.is_empty(), "filtered"),
            (self.lossless, "lossless"),
            (self.protected, "protected"),
        ] {
            if on {
                words.push(word.to_owned());
            }
        }
        words.join(", ")
    }

    /// The projection for the runtime.
    pub(crate) fn build(&self) -> Projection {
        let mut projection = match self.connect {
            Connect::AllToAll => Projection::all_to_all().autapses(self.autapses),
            Connect::OneToOne => Projection::one_to_one(),
            Connect::Random => Projection::random(self.p).autapses(self.autapses),
            Connect::FixedInDegree => Projection::fixed_in_degree(self.sources_each)
                .autapses(self.autapses)
                .multapses(self.multapses),
            Connect::LateralInhibition => Projection::lateral_inhibition(),
        };
        projection =
            projection.weight(self.weight).delay(self.delay).bounds(self.bounds.0, self.bounds.1);
        type Switch = fn(Projection) -> Projection;
        let switches: [(bool, Switch); 4] = [
            (self.silent, Projection::silent),
            (self.inhibitory, Projection::inhibitory),
            (self.lossless, Projection::lossless),
            (self.protected, Projection::protected),
        ];
        for (on, switch) in switches {
            if on {
                projection = switch(projection);
            }
        }
        projection = self.learning.apply(projection);
        let mut filters: Vec<Dendrite> = self.filter.iter().map(Filter::build).collect();
        match filters.len() {
            0 => projection,
            1 => projection.dendrite(filters.remove(0)),
            _ => projection.dendrite(Dendrite::all(filters)),
        }
    }

    /// What a table says; nothing if its ends are not known.
    pub(crate) fn read(
        table: Table<'_, '_>,
        regions: &[RegionRead],
        tick: TickLength,
    ) -> Option<Self> {
        let (from, from_neuron) = read_source(&table, regions);
        let to = read_target(&table, regions);
        let connect = table.choice("connect", &CONNECTS).unwrap_or(Connect::AllToAll);
        let silent = table.flag("silent");
        let only_reads = to.as_ref().is_some_and(|(at, _)| only_reads(regions, *at));
        let (weight, bounds) = read_weight(&table, silent, only_reads);
        let plan = Self {
            connect,
            p: read_probability(&table, connect),
            sources_each: read_in_degree(&table, connect),
            multapses: table.flag("multapses"),
            weight,
            delay: read_delay(&table, tick),
            bounds,
            silent,
            inhibitory: table.flag("inhibitory"),
            lossless: table.flag("lossless"),
            protected: table.flag("protected"),
            autapses: table.flag("autapses"),
            filter: table.table("filter").map(read_filter).unwrap_or_default(),
            learning: Learning::read(&table, tick, bounds),
            from: from.as_ref().map(|(_, path)| path.value.clone()).unwrap_or_default(),
            from_neuron,
            to: to.as_ref().map(|(_, path)| path.value.clone()).unwrap_or_default(),
        };
        plan.check(&table);
        table.finish();
        from.and(to).map(|_| plan)
    }

    /// Keys that are right alone and wrong together.
    fn check(&self, table: &Table<'_, '_>) {
        let sheet = table.sheet();
        if self.silent && !table.has("plasticity") {
            let expected =
                "`plasticity` beside it: a silent synapse that cannot learn does nothing";
            sheet.wrong(Code::Contradiction, &table.place_of("silent"), expected);
        }
        let ends_differ = self.from != self.to && !self.from.is_empty() && !self.to.is_empty();
        if self.connect == Connect::LateralInhibition && ends_differ {
            let expected = "one region in `from` and `to`: its neurons inhibit each other";
            sheet.wrong(Code::Contradiction, &table.place_of("connect"), expected);
        }
        if self.autapses && (ends_differ || self.connect == Connect::LateralInhibition) {
            let expected =
                "one region in `from` and `to`: an autapse leads from a neuron to itself";
            sheet.wrong(Code::Contradiction, &table.place_of("autapses"), expected);
        }
    }
}

impl Filter {
    fn build(&self) -> Dendrite {
        match self {
            Filter::Kind(kind) => Dendrite::kind(*kind),
            Filter::PriorityAtLeast(priority) => Dendrite::priority_at_least(*priority),
            Filter::Prefix(prefix) => Dendrite::payload_prefix(prefix.as_bytes()),
            // What was compiled when it was read compiles again; what does not lets nothing through.
            Filter::When(text) => neuronbus_context::Filter::new(text)
                .map_or_else(|_| Dendrite::any(Vec::new()), |filter| filter.dendrite()),
        }
    }
}

/// The region that fires, and the one concept of it if the end names one: `language:payment failed`.
fn read_source(
    table: &Table<'_, '_>,
    regions: &[RegionRead],
) -> (Option<(usize, Located<String>)>, Option<String>) {
    table.require("from", "the path of a region");
    let Some(mut path) = table.text("from") else { return (None, None) };
    let neuron =
        path.value.split_once(':').map(|(region, name)| (region.to_owned(), name.to_owned()));
    let neuron = neuron.map(|(region, name)| {
        path.value = region;
        Located { value: name, place: path.place.clone() }
    });
    let Some(at) = find_region(table.sheet(), regions, &path) else { return (None, None) };
    if !fires(regions, at) {
        let expected =
            "a region that fires: alerts, handlers and motor regions only leave the brain";
        table.sheet().wrong(Code::Contradiction, &path.place, expected);
    }
    match (&neuron, regions[at].plan.as_ref().map(|plan| &plan.kind)) {
        (Some(name), Some(RegionKind::Concepts(plan))) => find_concept(table, plan, name),
        (Some(name), Some(_)) => {
            let expected = "a whole region: only concepts are known by their names before a run";
            table.sheet().wrong(Code::Contradiction, &name.place, expected);
        }
        _ => {}
    }
    (Some((at, path)), neuron.map(|neuron| neuron.value))
}

fn read_target(table: &Table<'_, '_>, regions: &[RegionRead]) -> Option<(usize, Located<String>)> {
    table.require("to", "the path of a region");
    let path = table.text("to")?;
    let at = find_region(table.sheet(), regions, &path)?;
    if !hears(regions, at) {
        let expected = "a region that hears: sources fire by themselves";
        table.sheet().wrong(Code::Contradiction, &path.place, expected);
    }
    Some((at, path))
}

fn read_probability(table: &Table<'_, '_>, connect: Connect) -> f64 {
    let p = table.real("p", 0.0..=1.0).unwrap_or(1.0);
    if connect == Connect::Random {
        table.require("p", "a probability from 0 to 1");
    } else if table.has("p") {
        let expected = "connect = \"random\" beside it, or no `p`";
        table.sheet().wrong(Code::Contradiction, &table.place_of("p"), expected);
    }
    p
}

fn read_in_degree(table: &Table<'_, '_>, connect: Connect) -> u32 {
    let sources_each = table.whole("sources-each", 1..=1 << 30).unwrap_or(1);
    if connect == Connect::FixedInDegree {
        table.require("sources-each", "how many sources each target has");
        return sources_each;
    }
    for key in ["sources-each", "multapses"] {
        if table.has(key) {
            let expected = format!("connect = \"fixed-in-degree\" beside it, or no `{key}`");
            table.sheet().wrong(Code::Contradiction, &table.place_of(key), expected);
        }
    }
    sources_each
}

/// A silent synapse begins with nothing learned, and one to who only reads adds nothing; any other begins with the
/// weight that lets one spike fire a neuron.
fn read_weight(table: &Table<'_, '_>, silent: bool, only_reads: bool) -> (f32, (f32, f32)) {
    let (low, high) = table.pair("bounds", WEIGHTS).unwrap_or((0.0, 1.0));
    let usual = match (silent, only_reads) {
        (true, _) => low,
        (false, true) => 0_f64.clamp(low, high),
        (false, false) => 1_f64.clamp(low, high),
    };
    let weight = table.real("weight", low..=high).unwrap_or(usual);
    (weight as f32, (low as f32, high as f32))
}

fn read_delay(table: &Table<'_, '_>, tick: TickLength) -> Span {
    let least = tick.as_duration();
    let most = least.saturating_mul(DELAY_LIMIT as u32);
    let Some(delay) = table.span("delay") else { return Span::Ticks(1) };
    let fits = match delay.value {
        Span::Ticks(ticks) => (1..=DELAY_LIMIT).contains(&ticks),
        Span::Time(time) => (least..=most).contains(&time),
    };
    if !fits {
        let expected = format!(
            "1 to {DELAY_LIMIT} ticks, which is {:?} to {:?}",
            quantity::spell(least),
            quantity::spell(most)
        );
        table.sheet().wrong(Code::OutOfRange, &delay.place, expected);
    }
    delay.value
}

fn read_filter(table: Table<'_, '_>) -> Vec<Filter> {
    const KINDS: [(&str, SpikeKind); 3] = [
        ("excitatory", SpikeKind::Excitatory),
        ("inhibitory", SpikeKind::Inhibitory),
        ("modulatory", SpikeKind::Modulatory),
    ];
    let mut filters = Vec::new();
    filters.extend(table.choice("kind", &KINDS).map(Filter::Kind));
    filters.extend(table.whole("priority-at-least", 0..=255).map(Filter::PriorityAtLeast));
    filters.extend(table.text("prefix").map(|prefix| Filter::Prefix(prefix.value)));
    if let Some(when) = table.text("when") {
        if let Err(why) = neuronbus_context::Filter::new(&when.value) {
            let expected = format!("a filter expression ({why})");
            table.sheet().wrong(Code::OutOfRange, &when.place, expected);
        }
        filters.push(Filter::When(when.value));
    }
    table.finish();
    filters
}
