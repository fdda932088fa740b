//! A whole description: what `[brain]` says, and the checks that need more than one table.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use neuronbus::brain::Direction;
use neuronbus::cortex::Exchange;
use neuronbus::pace::Pace;
use neuronbus::time::TickLength;

use crate::files::Files;
use crate::mistake::{Code, DescriptionErrors};
use crate::projection::ProjectionPlan;
use crate::region::{RegionKind, RegionPlan};
use crate::sheet::{Located, Sheet};
use crate::spelling;
use crate::table::Table;

/// A description is written by hand; whatever is longer is some other file.
const TEXT_LIMIT: u64 = 1 << 20;

const HOUR: Duration = Duration::from_secs(3600);

const PACES: [(&str, Pace); 3] =
    [("free", Pace::Free), ("real-time", Pace::RealTime), ("on-demand", Pace::OnDemand)];

const EXCHANGES: [(&str, Exchange); 2] =
    [("lockstep", Exchange::Lockstep), ("free", Exchange::FreeRunning)];

/// A brain as its file describes it, checked and ready to be assembled any number of times.
#[derive(Debug, Clone, PartialEq)]
pub struct Brain {
    pub(crate) name: String,
    pub(crate) tick: TickLength,
    pub(crate) pace: Pace,
    pub(crate) seed: u64,
    pub(crate) arena: usize,
    pub(crate) axon: Option<usize>,
    pub(crate) workers: usize,
    pub(crate) exchange: Exchange,
    pub(crate) regions: Vec<RegionPlan>,
    pub(crate) projections: Vec<ProjectionPlan>,
    description: String,
}

impl Brain {
    /// Reads and checks the description in a file, and the files that it names.
    ///
    /// # Errors
    /// Every mistake of the file, or why it cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, DescriptionErrors> {
        Self::read_as(path.as_ref(), false)
    }

    /// Reads a description whose files of concepts need not be there yet: what their calibration begins with.
    ///
    /// # Errors
    /// Every other mistake of the file, or why it cannot be read.
    pub fn read_uncalibrated(path: impl AsRef<Path>) -> Result<Self, DescriptionErrors> {
        Self::read_as(path.as_ref(), true)
    }

    fn read_as(path: &Path, uncalibrated: bool) -> Result<Self, DescriptionErrors> {
        let shown = path.display().to_string();
        let text = read_text(path).map_err(|why| DescriptionErrors::unreadable(&shown, &why))?;
        Self::parse_as(&text, &shown, uncalibrated)
    }

    /// Checks a description; `file` is what messages call it, and its stem is the name of a brain that has none. Files
    /// that it names are read, from beside `file`, unless they stand in its table `[files]`.
    ///
    /// # Errors
    /// Every mistake of the text.
    pub fn parse(text: &str, file: &str) -> Result<Self, DescriptionErrors> {
        Self::parse_as(text, file, false)
    }

    fn parse_as(text: &str, file: &str, uncalibrated: bool) -> Result<Self, DescriptionErrors> {
        let sheet = Sheet::new(file, text);
        let document = sheet.parse()?;
        let document = Table::document(&sheet, document.get_ref());
        let (mut brain, files) = read_document(document, file, uncalibrated);
        brain.description = files.carry(text, &brain.files_read());
        sheet.into_result().map(|()| brain)
    }

    /// The texts of the files that it names, by their names there.
    fn files_read(&self) -> BTreeMap<String, String> {
        let concepts = self.regions.iter().filter_map(|region| match &region.kind {
            RegionKind::Concepts(plan) => plan.calibrated(),
            _ => None,
        });
        concepts.filter_map(|file| Some((file.name.clone(), file.text.clone()?))).collect()
    }

    /// The text of the description, with that of the files that it names in a table `[files]`: read elsewhere, it is
    /// the same brain.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The name that the description gives, or the stem of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How much cortex time one step stands for.
    #[must_use]
    pub fn tick(&self) -> TickLength {
        self.tick
    }

    /// When ticks run.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// How several workers hand spikes to each other.
    #[must_use]
    pub fn exchange(&self) -> Exchange {
        self.exchange
    }

    /// What random numbers are drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether one of its regions waits for standard input.
    #[must_use]
    pub fn reads_standard_input(&self) -> bool {
        self.regions.iter().any(|region| region.kind.reads_standard_input())
    }

    /// The regions, in the order of the file.
    #[must_use]
    pub fn regions(&self) -> &[RegionPlan] {
        &self.regions
    }

    /// The projections, in the order of the file.
    #[must_use]
    pub fn projections(&self) -> &[ProjectionPlan] {
        &self.projections
    }
}

/// Reads a pace as it is written in a description: `free`, `real-time` or `on-demand`.
#[must_use]
pub fn pace_named(name: &str) -> Option<Pace> {
    PACES.iter().find(|(known, _)| *known == name).map(|(_, pace)| *pace)
}

/// The name of a pace, as a description writes it.
#[must_use]
pub fn pace_name(pace: Pace) -> &'static str {
    PACES.iter().find(|(_, known)| *known == pace).map_or("free", |(name, _)| name)
}

/// Reads how workers hand spikes to each other as it is written in a description: `lockstep` or `free`.
#[must_use]
pub fn exchange_named(name: &str) -> Option<Exchange> {
    EXCHANGES.iter().find(|(known, _)| *known == name).map(|(_, exchange)| *exchange)
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(TEXT_LIMIT + 1).read_to_string(&mut text)?;
    if read as u64 > TEXT_LIMIT {
        return Err(std::io::Error::other("a file of more than 1 MiB"));
    }
    Ok(text)
}

fn read_document(document: Table<'_, '_>, file: &str, uncalibrated: bool) -> (Brain, Files) {
    let stem = Path::new(file).file_stem().map_or("brain".into(), |stem| stem.to_string_lossy());
    let mut brain = Brain {
        name: stem.into_owned(),
        tick: TickLength::default(),
        pace: Pace::default(),
        seed: 0,
        arena: 1 << 20,
        axon: None,
        workers: 1,
        exchange: Exchange::default(),
        regions: Vec::new(),
        projections: Vec::new(),
        description: String::new(),
    };
    if let Some(head) = document.table("brain") {
        read_head(head, &mut brain);
    }
    let tables = document.tables("region").into_iter();
    let files = Files::new(&document, file, uncalibrated);
    let regions: Vec<_> = tables.map(|table| RegionPlan::read(table, &files)).collect();
    if regions.is_empty() && !document.has("region") {
        document.require("region", "at least one [[region]]");
    }
    check_regions(document.sheet(), &regions);
    for table in document.tables("projection") {
        brain.projections.extend(ProjectionPlan::read(table, &regions, brain.tick));
    }
    brain.regions = regions.into_iter().filter_map(|region| region.plan).collect();
    document.finish();
    (brain, files)
}

fn read_head(head: Table<'_, '_>, brain: &mut Brain) {
    if let Some(name) = head.text("name") {
        brain.name = name.value;
    }
    if let Some(tick) = head.duration("tick", Duration::from_nanos(1)..=HOUR)
        && let Ok(tick) = TickLength::new(tick)
    {
        brain.tick = tick;
    }
    brain.pace = head.choice("pace", &PACES).unwrap_or_default();
    brain.seed = head.whole("seed", 0..=u64::MAX).unwrap_or(0);
    brain.arena = head.bytes("arena", 64 << 10..=64 << 30).unwrap_or(1 << 20);
    brain.axon = head.slots("axon");
    brain.workers = head.whole("workers", 1..=64).unwrap_or(1) as usize;
    brain.exchange = head.choice("exchange", &EXCHANGES).unwrap_or_default();
    head.finish();
}

/// What one table of a region says, even where it is wrong: its path is still known to the projections.
pub(crate) struct RegionRead {
    pub(crate) path: Option<Located<String>>,
    /// Nothing if the table is wrong.
    pub(crate) plan: Option<RegionPlan>,
}

fn check_regions(sheet: &Sheet<'_>, regions: &[RegionRead]) {
    let mut reserved: Vec<(String, &Located<String>)> = Vec::new();
    let mut standard_input: Option<String> = None;
    for region in regions {
        let Some(path) = &region.path else { continue };
        let parts = region.plan.as_ref().map_or(&[][..], |plan| plan.kind.parts());
        let below = parts.iter().map(|part| format!("{}/{part}", path.value));
        for taken in std::iter::once(path.value.clone()).chain(below) {
            if reserved.iter().any(|(other, _)| *other == taken) {
                let expected = format!("a path that no other region has: {taken:?} is taken");
                sheet.wrong(Code::Duplicate, &path.place, expected);
            }
            reserved.push((taken, path));
        }
        let reads = region.plan.as_ref().is_some_and(|plan| plan.kind.reads_standard_input());
        match &standard_input {
            Some(first) if reads => {
                let expected = format!("an `input` of its own: {first:?} reads standard input");
                sheet.absent(Code::Contradiction, &path.place, expected);
            }
            None if reads => standard_input = Some(path.value.clone()),
            _ => {}
        }
    }
}

/// Looks a region up and says which one was probably meant.
pub(crate) fn find_region(
    sheet: &Sheet<'_>,
    regions: &[RegionRead],
    wanted: &Located<String>,
) -> Option<usize> {
    let paths = || regions.iter().filter_map(|r| r.path.as_ref()).map(|p| p.value.as_str());
    let at = regions.iter().position(|r| r.path.as_ref().is_some_and(|p| p.value == wanted.value));
    if at.is_none() {
        let all: Vec<&str> = paths().collect();
        let expected = match all[..] {
            [] => "the path of a region, of which there is none".to_owned(),
            _ => format!("the path of a region: {}", spelling::list(&all)),
        };
        let nearest = spelling::nearest(&wanted.value, paths());
        sheet.misnamed(Code::UnknownRegion, &wanted.place, expected, nearest);
    }
    at
}

/// Whether spikes can leave a region of this kind, for the end of a projection.
pub(crate) fn fires(regions: &[RegionRead], at: usize) -> bool {
    let plan = regions.get(at).and_then(|region| region.plan.as_ref());
    plan.is_none_or(|plan| match &plan.kind {
        RegionKind::Alerts { .. } | RegionKind::Handler(_) => false,
        RegionKind::Door(door) => door.direction() == Direction::Sensory,
        _ => true,
    })
}

/// Whether spikes mean anything to a region of this kind.
pub(crate) fn hears(regions: &[RegionRead], at: usize) -> bool {
    let plan = regions.get(at).and_then(|region| region.plan.as_ref());
    plan.is_none_or(|plan| match &plan.kind {
        RegionKind::Population(population) => !population.is_source(),
        RegionKind::Events(_) | RegionKind::Journal(_) => false,
        _ => true,
    })
}

/// Whether what arrives in a region must not add to its membranes.
pub(crate) fn only_reads(regions: &[RegionRead], at: usize) -> bool {
    let plan = regions.get(at).and_then(|region| region.plan.as_ref());
    plan.is_some_and(|plan| plan.kind.only_reads())
}
