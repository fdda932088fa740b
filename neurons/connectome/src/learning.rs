//! How the synapses of a projection learn: `plasticity`, `short-term`, `scaling` and `structure`.

use std::ops::RangeInclusive;
use std::time::Duration;

use neuronbus::plasticity::{
    Bounds, Pairing, Plasticity, RewardStdp, ShortTerm, Stdp, Structural, SynapticScaling,
    TripletStdp,
};
use neuronbus::projection::Projection;
use neuronbus::time::{Span, TickLength, Ticks};

use crate::mistake::Code;
use crate::table::Table;

const DAY: Duration = Duration::from_secs(86_400);
const AMPLITUDES: RangeInclusive<f64> = 0.0..=1e6;
const RATES: RangeInclusive<f64> = -1e6..=1e6;
/// Above zero: shares and frequencies of nothing are slips of the pen.
const LEAST: f64 = 1e-6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Stdp,
    Reward,
    Triplet,
}

const PAIRINGS: [(&str, Pairing); 2] =
    [("all-to-all", Pairing::AllToAll), ("nearest", Pairing::Nearest)];
const BOUNDS: [(&str, Bounds); 2] =
    [("additive", Bounds::Additive), ("multiplicative", Bounds::Multiplicative)];

/// Everything that changes synapses while the brain runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Learning {
    plasticity: Option<Plasticity>,
    short_term: Option<ShortTerm>,
    scaling: Option<SynapticScaling>,
    structure: Option<Structural>,
}

impl Learning {
    /// What a projection's table says, within the bounds of its weights.
    pub(crate) fn read(table: &Table<'_, '_>, tick: TickLength, bounds: (f32, f32)) -> Self {
        let structure = table.table("structure");
        if structure.is_some() && !table.has("plasticity") {
            let expected = "`plasticity` beside it: synapses that do not learn do not go";
            table.sheet().wrong(Code::Contradiction, &table.place_of("structure"), expected);
        }
        Self {
            plasticity: table.table("plasticity").and_then(|rule| read_plasticity(rule, tick)),
            short_term: table.table("short-term").map(|rule| read_short_term(rule, tick)),
            scaling: table.table("scaling").map(|rule| read_scaling(rule, tick)),
            structure: structure.map(|rule| read_structure(rule, tick, bounds)),
        }
    }

    /// Whether weights change.
    pub(crate) fn learns(&self) -> bool {
        self.plasticity.is_some() || self.scaling.is_some()
    }

    /// In a few words; those that are empty do not apply.
    pub(crate) fn summary(&self) -> [&'static str; 4] {
        let rule = match self.plasticity {
            Some(Plasticity::Reward(_)) => "learns from reward",
            Some(Plasticity::Triplet(_)) => "learns by triplets",
            Some(_) => "learns",
            None => "",
        };
        let word = |on: bool, word| if on { word } else { "" };
        [
            rule,
            word(self.short_term.is_some(), "short-term plasticity"),
            word(self.scaling.is_some(), "scaled"),
            word(self.structure.is_some(), "rewires"),
        ]
    }

    /// Adds what is here to a projection.
    pub(crate) fn apply(&self, mut projection: Projection) -> Projection {
        if let Some(rule) = self.plasticity {
            projection = projection.plasticity(rule);
        }
        if let Some(rule) = self.short_term {
            projection = projection.short_term(rule);
        }
        if let Some(rule) = self.scaling {
            projection = projection.scaling(rule);
        }
        if let Some(rule) = self.structure {
            projection = projection.structure(rule);
        }
        projection
    }
}

fn read_plasticity(table: Table<'_, '_>, tick: TickLength) -> Option<Plasticity> {
    const RULES: [(&str, Rule); 3] =
        [("stdp", Rule::Stdp), ("reward", Rule::Reward), ("triplet", Rule::Triplet)];
    table.require("rule", "\"stdp\", \"reward\" or \"triplet\"");
    let plasticity = match table.choice("rule", &RULES) {
        Some(Rule::Stdp) => Plasticity::Stdp(read_stdp(&table, tick, Stdp::default())),
        Some(Rule::Reward) => {
            let usual = RewardStdp::default();
            Plasticity::Reward(RewardStdp {
                stdp: read_stdp(&table, tick, usual.stdp),
                tau_eligibility: read_tau(&table, "tau-eligibility", tick, usual.tau_eligibility),
                rate: read_real(&table, "rate", RATES, usual.rate),
            })
        }
        Some(Rule::Triplet) => Plasticity::Triplet(read_triplet(&table, tick)),
        None => {
            table.abandon();
            return None;
        }
    };
    table.finish();
    Some(plasticity)
}

fn read_stdp(table: &Table<'_, '_>, tick: TickLength, usual: Stdp) -> Stdp {
    Stdp {
        a_plus: read_real(table, "a-plus", AMPLITUDES, usual.a_plus),
        a_minus: read_real(table, "a-minus", AMPLITUDES, usual.a_minus),
        tau_plus: read_tau(table, "tau-plus", tick, usual.tau_plus),
        tau_minus: read_tau(table, "tau-minus", tick, usual.tau_minus),
        pairing: table.choice("pairing", &PAIRINGS).unwrap_or_default(),
        bounds: table.choice("bounds", &BOUNDS).unwrap_or_default(),
    }
}

fn read_triplet(table: &Table<'_, '_>, tick: TickLength) -> TripletStdp {
    let usual = TripletStdp::default();
    TripletStdp {
        a2_plus: read_real(table, "a2-plus", AMPLITUDES, usual.a2_plus),
        a2_minus: read_real(table, "a2-minus", AMPLITUDES, usual.a2_minus),
        a3_plus: read_real(table, "a3-plus", AMPLITUDES, usual.a3_plus),
        a3_minus: read_real(table, "a3-minus", AMPLITUDES, usual.a3_minus),
        tau_plus: read_tau(table, "tau-plus", tick, usual.tau_plus),
        tau_minus: read_tau(table, "tau-minus", tick, usual.tau_minus),
        tau_x: read_tau(table, "tau-x", tick, usual.tau_x),
        tau_y: read_tau(table, "tau-y", tick, usual.tau_y),
        pairing: table.choice("pairing", &PAIRINGS).unwrap_or_default(),
        bounds: table.choice("bounds", &BOUNDS).unwrap_or_default(),
    }
}

fn read_short_term(table: Table<'_, '_>, tick: TickLength) -> ShortTerm {
    const KINDS: [(&str, bool); 2] = [("depressing", false), ("facilitating", true)];
    let usual = match table.choice("kind", &KINDS) {
        Some(true) => ShortTerm::facilitating(),
        _ => ShortTerm::default(),
    };
    let tau = read_own_tau(&table, "tau-facilitation", tick);
    let rule = ShortTerm {
        utilisation: read_real(&table, "utilisation", LEAST..=1.0, usual.utilisation),
        tau_recovery: read_tau(&table, "tau-recovery", tick, usual.tau_recovery),
        tau_facilitation: tau.or(usual.tau_facilitation),
    };
    table.finish();
    rule
}

fn read_scaling(table: Table<'_, '_>, tick: TickLength) -> SynapticScaling {
    let usual = SynapticScaling::default();
    let rule = SynapticScaling {
        target_hz: table.real("target-hz", LEAST..=1e6).unwrap_or(usual.target_hz),
        gain: read_real(&table, "gain", LEAST..=1.0 - LEAST, usual.gain),
        interval: read_tau(&table, "interval", tick, usual.interval),
    };
    table.finish();
    rule
}

fn read_structure(table: Table<'_, '_>, tick: TickLength, bounds: (f32, f32)) -> Structural {
    let usual = Structural::default();
    let prune_below = read_real(&table, "prune-below", AMPLITUDES, usual.prune_below);
    let low = f64::from(bounds.0.max(prune_below));
    let high = f64::from(bounds.1).max(low);
    if !table.has("grow-weight") && !(low..=high).contains(&f64::from(usual.grow_weight)) {
        table.require("grow-weight", "a weight within `bounds` and not below `prune-below`");
    }
    let rule = Structural {
        prune_below,
        grow_after: read_real(&table, "grow-after", LEAST..=1e6, usual.grow_after),
        grow_weight: read_real(&table, "grow-weight", low..=high, usual.grow_weight),
        tau: read_tau(&table, "tau", tick, usual.tau),
        interval: read_tau(&table, "interval", tick, usual.interval),
    };
    table.finish();
    rule
}

fn read_real(
    table: &Table<'_, '_>,
    key: &'static str,
    range: RangeInclusive<f64>,
    usual: f32,
) -> f32 {
    table.real(key, range).map_or(usual, |value| value as f32)
}

fn read_tau(table: &Table<'_, '_>, key: &'static str, tick: TickLength, usual: Span) -> Span {
    read_own_tau(table, key, tick).unwrap_or(usual)
}

/// A time constant: above zero, at most a day.
fn read_own_tau(table: &Table<'_, '_>, key: &'static str, tick: TickLength) -> Option<Span> {
    let tau = table.span(key)?;
    let fits = match tau.value {
        Span::Ticks(ticks) => ticks > 0 && tick.duration(Ticks(ticks)) <= DAY,
        Span::Time(time) => !time.is_zero() && time <= DAY,
    };
    if !fits {
        let expected = "a time constant above 0 and up to \"24 h\"";
        table.sheet().wrong(Code::OutOfRange, &tau.place, expected);
    }
    Some(tau.value)
}
