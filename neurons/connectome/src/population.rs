//! `kind = "population"`: plain cells that need no code, thousands behind one path.

use std::ops::RangeInclusive;
use std::time::Duration;

use neuronbus::membrane::Lif;
use neuronbus::population::{AdaptiveLif, Cells, ExpLif, Izhikevich, Noise, Record};
use neuronbus::region::Region;
use neuronbus::time::Span;

use crate::mistake::Code;
use crate::table::Table;

/// Potentials, currents and weights beyond this are slips of the pen.
const POTENTIALS: RangeInclusive<f64> = -1e6..=1e6;
const HOUR: Duration = Duration::from_secs(3600);
/// As many as the runtime lets a population have.
const COUNT: RangeInclusive<u64> = 1..=1 << 30;

/// A population, as a description has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationPlan {
    /// How many cells there are.
    pub count: u32,
    model: Model,
    cells: Cells,
    /// The length of the bins in which firings are counted for the report.
    rates: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Lif,
    ExpLif,
    AdaptiveLif,
    Izhikevich,
    Poisson,
}

const MODELS: [(&str, Model); 5] = [
    ("lif", Model::Lif),
    ("exp-lif", Model::ExpLif),
    ("adaptive-lif", Model::AdaptiveLif),
    ("izhikevich", Model::Izhikevich),
    ("poisson", Model::Poisson),
];

const PRESETS: [(&str, Izhikevich); 5] = [
    ("regular-spiking", Izhikevich::REGULAR_SPIKING),
    ("fast-spiking", Izhikevich::FAST_SPIKING),
    ("chattering", Izhikevich::CHATTERING),
    ("intrinsically-bursting", Izhikevich::INTRINSICALLY_BURSTING),
    ("low-threshold-spiking", Izhikevich::LOW_THRESHOLD_SPIKING),
];

impl PopulationPlan {
    /// What a table says; nothing if its model is not known, as then its keys cannot be judged.
    pub(crate) fn read(table: &Table<'_, '_>) -> Option<Self> {
        table.require("cells", "how many cells there are");
        table.require(
            "model",
            "\"lif\", \"exp-lif\", \"adaptive-lif\", \"izhikevich\" or \"poisson\"",
        );
        let count = table.whole("cells", COUNT);
        let rates = table.duration("rates", Duration::from_nanos(1)..=HOUR);
        let model = table.choice("model", &MODELS)?;
        let cells = match model {
            Model::Lif => read_lif(table),
            Model::ExpLif => Cells::exp_lif(read_exp_lif(table)),
            Model::AdaptiveLif => Cells::adaptive_lif(read_adaptive_lif(table)),
            Model::Izhikevich => Cells::izhikevich(read_izhikevich(table)),
            Model::Poisson => {
                table.require("rate-hz", "how often a cell fires, a second");
                Cells::poisson(table.real("rate-hz", 0.0..=1e9).unwrap_or(0.0))
            }
        };
        let cells = if model == Model::Poisson { cells } else { read_background(table, cells) };
        if let Err(why) = cells.check() {
            let expected = format!("cells that make sense ({why})");
            table.sheet().absent(Code::OutOfRange, table.place(), expected);
        }
        Some(Self { count: count.unwrap_or(1), model, cells, rates })
    }

    /// Whether its cells fire by themselves and hear nothing.
    pub(crate) fn is_source(&self) -> bool {
        self.model == Model::Poisson
    }

    /// The region for the runtime.
    pub(crate) fn region(&self, path: &str) -> Region {
        let region = Region::population(path, self.cells.clone(), self.count);
        match self.rates {
            Some(every) => region.record(Record::Rates { every: Span::Time(every) }),
            None => region,
        }
    }

    /// What the population is, in a few words.
    pub(crate) fn summary(&self) -> String {
        let model = MODELS.iter().find(|(_, model)| *model == self.model);
        format!("{} cells, {}", self.count, model.map_or("", |(name, _)| name))
    }
}

fn potential(table: &Table<'_, '_>, key: &'static str, usual: f32) -> f32 {
    table.real(key, POTENTIALS).map_or(usual, |value| value as f32)
}

fn time(table: &Table<'_, '_>, key: &'static str, usual: Span) -> Span {
    table.span(key).map_or(usual, |span| span.value)
}

fn read_lif(table: &Table<'_, '_>) -> Cells {
    let usual = Lif::default();
    let lif = usual
        .tau(time(table, "tau-m", usual.tau))
        .threshold(potential(table, "threshold", usual.threshold))
        .refractory(time(table, "refractory", usual.refractory));
    let lif = Lif { rest: potential(table, "rest", usual.rest), ..lif };
    Cells::lif(lif).reset(potential(table, "reset", lif.rest))
}

fn read_exp_lif(table: &Table<'_, '_>) -> ExpLif {
    let usual = ExpLif::default();
    ExpLif {
        tau_m: time(table, "tau-m", usual.tau_m),
        tau_e: time(table, "tau-e", usual.tau_e),
        tau_i: time(table, "tau-i", usual.tau_i),
        rest: potential(table, "rest", usual.rest),
        threshold: potential(table, "threshold", usual.threshold),
        reset: potential(table, "reset", usual.reset),
        refractory: time(table, "refractory", usual.refractory),
    }
}

fn read_adaptive_lif(table: &Table<'_, '_>) -> AdaptiveLif {
    let usual = AdaptiveLif::default();
    AdaptiveLif {
        tau_m: time(table, "tau-m", usual.tau_m),
        tau_a: time(table, "tau-a", usual.tau_a),
        rest: potential(table, "rest", usual.rest),
        threshold: potential(table, "threshold", usual.threshold),
        reset: potential(table, "reset", usual.reset),
        step: potential(table, "step", usual.step),
        refractory: time(table, "refractory", usual.refractory),
    }
}

fn read_izhikevich(table: &Table<'_, '_>) -> Izhikevich {
    let usual = table.choice("preset", &PRESETS).unwrap_or_default();
    Izhikevich {
        a: potential(table, "a", usual.a),
        b: potential(table, "b", usual.b),
        c: potential(table, "c", usual.c),
        d: potential(table, "d", usual.d),
    }
}

/// What cells get beside their synapses, and where they begin.
fn read_background(table: &Table<'_, '_>, mut cells: Cells) -> Cells {
    if let Some(constant) = table.real("current", POTENTIALS) {
        cells = cells.current(constant as f32);
    }
    if let Some(deviation) = table.real("fluctuation", 0.0..=1e6) {
        cells = cells.fluctuation(deviation as f32);
    }
    if let Some((low, high)) = table.pair("start", POTENTIALS) {
        cells = cells.start_between(low as f32, high as f32);
    }
    if let Some(noise) = table.table("noise") {
        for (key, expected) in
            [("rate-hz", "kicks a second and cell"), ("size", "what a kick adds to the potential")]
        {
            noise.require(key, expected);
        }
        let kicks = Noise {
            rate_hz: noise.real("rate-hz", 0.0..=1e9).unwrap_or(0.0),
            size: potential(&noise, "size", 0.0),
        };
        noise.finish();
        cells = cells.noise(kicks);
    }
    cells
}

#[cfg(test)]
mod tests {
    use crate::brain::Brain;

    fn said(keys: &str) -> Result<String, String> {
        let text = format!("[[region]]\npath = \"p\"\nkind = \"population\"\n{keys}\n");
        match Brain::parse(&text, "b.toml") {
            Ok(brain) => Ok(brain.regions()[0].summary()),
            Err(mistakes) => Err(mistakes.to_string()),
        }
    }

    #[test]
    fn each_model_is_read_with_its_own_keys() {
        for (model, keys, other) in [
            ("lif", "tau-m = \"10 ms\"\nrest = 0.0\nreset = -0.5", "tau-e = \"5 ms\""),
            ("exp-lif", "tau-e = \"5 ms\"\nstart = [-60, -50]", "step = 1.0"),
            (
                "adaptive-lif",
                "step = 0.2\ntau-a = \"1 s\"\nfluctuation = 0.5",
                "preset = \"chattering\"",
            ),
            ("izhikevich", "preset = \"chattering\"\nd = 3.0\ncurrent = 10.0", "rest = 0.0"),
            ("poisson", "rate-hz = 8.0", "current = 1.0"),
        ] {
            let head = format!("cells = 12\nmodel = \"{model}\"\n{keys}\n");
            assert_eq!(said(&head), Ok(format!("12 cells, {model}")));
            let refused = said(&format!("{head}{other}")).unwrap_err();
            assert!(refused.contains("B001 unknown key"), "{refused}");
        }
    }

    #[test]
    fn cells_that_make_no_sense_are_refused_where_they_stand() {
        let refused = said("cells = 2\nmodel = \"exp-lif\"\nreset = -40.0").unwrap_err();
        assert!(refused.contains("B005"), "{refused}");
        assert!(refused.contains("reset"), "{refused}");
        let refused = said("cells = 2\nmodel = \"poison\"").unwrap_err();
        assert!(refused.contains("did you mean \"poisson\"?"), "{refused}");
        let refused = said("model = \"poisson\"\ncells = 0").unwrap_err();
        assert!(refused.contains("rate-hz") && refused.contains("cells"), "{refused}");
        let refused =
            said("cells = 2\nmodel = \"lif\"\nnoise = { size = 1.0, rate = 3 }").unwrap_err();
        assert!(refused.contains("noise.rate-hz") && refused.contains("noise.rate:"), "{refused}");
    }
}
