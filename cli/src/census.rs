//! `neuronbus ps` and `neuronbus doctor`: who is attached to a brain, and what the dead have left.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use neuronbus::brain::{
    Attached, Brain, Census, CortexState, Direction, Repairs, Role, default_path,
};
use serde::Serialize;

use crate::args::ReportFormat;
use crate::clock::Moment;
use crate::console::Console;
use crate::failure::Failure;
use crate::figures::grouped;

/// Rates are over so long.
const INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, Serialize)]
struct Sheet {
    dir: PathBuf,
    #[serde(flatten)]
    census: Census,
    /// Spikes a second through each of `doors`, in their order.
    rates: Vec<u64>,
}

pub(crate) fn ps(
    dir: Option<&Path>,
    format: ReportFormat,
    console: Console,
) -> Result<(), Failure> {
    let dirs = dir.map_or_else(usual, |dir| vec![dir.to_owned()]);
    let brains: Result<Vec<Brain>, _> = dirs.iter().map(Brain::observe).collect();
    let brains = brains?;
    let (began, before) = (Moment::now(), look(&brains)?);
    std::thread::park_timeout(INTERVAL);
    let (after, seconds) = (look(&brains)?, began.elapsed().as_secs_f64());
    let sheets: Vec<Sheet> = brains
        .iter()
        .zip(before.iter().zip(after))
        .map(|(brain, (before, census))| {
            let published = census.doors.iter().zip(&before.doors);
            let rate = |(after, before): (
                &neuronbus::brain::DoorCensus,
                &neuronbus::brain::DoorCensus,
            )| {
                (after.published.saturating_sub(before.published) as f64 / seconds) as u64
            };
            let rates = published.map(rate).collect();
            Sheet { dir: brain.path().to_owned(), census, rates }
        })
        .collect();
    match format {
        ReportFormat::Json => console.write(&json(&sheets)?),
        ReportFormat::Text if sheets.is_empty() => {
            console.write(&format!("no brain below {}\n", default_path("").display()))
        }
        ReportFormat::Text => {
            let texts: Vec<String> = sheets.iter().map(text).collect();
            console.write(&texts.join("\n"))
        }
    }
}

fn look(brains: &[Brain]) -> Result<Vec<Census>, Failure> {
    Ok(brains.iter().map(Brain::census).collect::<Result<_, _>>()?)
}

/// The brains in the place where they are looked for.
fn usual() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(default_path("")).into_iter().flatten().flatten();
    let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    dirs.retain(|dir| dir.join("brain").is_file());
    dirs.sort();
    dirs
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(value).map_err(Failure::Json)?;
    text.push('\n');
    Ok(text)
}

const fn state(state: CortexState) -> &'static str {
    match state {
        CortexState::Running => "running",
        CortexState::Ended => "ended",
        CortexState::Dead => "dead",
        CortexState::Unseen => "in a namespace that cannot be seen from here",
    }
}

fn text(sheet: &Sheet) -> String {
    let Sheet { dir, census, rates } = sheet;
    let (pulse, mut text) = (census.pulse, String::new());
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {}, process {}, epoch {}, tick {}, {} bytes",
        dir.display(),
        state(census.state),
        census.pid,
        census.epoch,
        grouped(pulse.tick),
        grouped(census.bytes),
    );
    let _ = writeln!(
        text,
        "  admitted {}, fired {}, firings {}, refused {}, lost with {} dead readers {}",
        grouped(pulse.admitted),
        grouped(pulse.fired),
        grouped(pulse.firings),
        grouped(pulse.refused),
        pulse.reaped,
        grouped(pulse.lost),
    );
    let width = census.doors.iter().map(|door| door.path.chars().count()).max().unwrap_or(0);
    for (door, rate) in census.doors.iter().zip(rates) {
        let way = match door.direction {
            Some(Direction::Sensory) => "in",
            Some(Direction::Motor) => "out",
            None => "all",
        };
        let _ = writeln!(
            text,
            "  {:<width$} {:<3} lane {:<3} {:>14} spikes {:>12}/s  full {:>8}  payloads {} of {} bytes",
            door.path,
            way,
            door.lane,
            grouped(door.published),
            grouped(*rate),
            grouped(door.refused_full),
            grouped(door.arena.in_use),
            grouped(door.arena.capacity),
        );
        for end in &door.attached {
            let _ = writeln!(text, "  {:<width$}     {}", "", attached(end));
        }
    }
    text
}

fn attached(end: &Attached) -> String {
    let role = match end.role {
        Role::Writer => "writer",
        Role::Reader => "reader",
        Role::Observer => "observer",
    };
    let life = match end.alive {
        Some(true) => "",
        Some(false) => ", dead",
        None => ", cannot be seen from here",
    };
    let lag = match end.role {
        Role::Writer | Role::Observer => String::new(),
        Role::Reader => format!(", {} behind", grouped(end.lag)),
    };
    format!("{role} {}{lag}{life}", end.pid)
}

#[derive(Debug, Serialize)]
struct Diagnosis {
    dir: PathBuf,
    state: CortexState,
    epoch: u64,
    /// Ends that dead processes hold: path, lane, end.
    dead: Vec<(String, usize, Attached)>,
    repairs: Option<Repairs>,
}

pub(crate) fn doctor(
    dir: &Path,
    repair: bool,
    format: ReportFormat,
    console: Console,
) -> Result<(), Failure> {
    let brain = if repair { Brain::attach(dir)? } else { Brain::observe(dir)? };
    let repairs = if repair { Some(brain.repair()?) } else { None };
    let census = brain.census()?;
    let dead = census.dead().map(|(path, lane, end)| (path.to_owned(), lane, end.clone()));
    // The place of a cortex that is gone is kept for the next one, so that nothing is passed over.
    let kept = |end: &(String, usize, Attached)| end.2.role == Role::Reader;
    let gone = census.state != CortexState::Running;
    let sensory = |path: &str| {
        census.doors.iter().any(|d| d.path == path && d.direction == Some(Direction::Sensory))
    };
    let dead: Vec<_> = dead.filter(|end| !(gone && kept(end) && sensory(&end.0))).collect();
    let found = dead.len();
    let (dir, state, epoch) = (dir.to_owned(), census.state, census.epoch);
    let diagnosis = Diagnosis { dir, state, epoch, dead, repairs };
    match format {
        ReportFormat::Json => console.write(&json(&diagnosis)?)?,
        ReportFormat::Text => console.write(&diagnosis_text(&diagnosis))?,
    }
    if found == 0 { Ok(()) } else { Err(Failure::Unwell(found)) }
}

fn diagnosis_text(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    let Diagnosis { dir, state: cortex, epoch, dead, repairs } = diagnosis;
    // Writing into a string cannot fail.
    let _ = writeln!(text, "{}: cortex {}, epoch {epoch}", dir.display(), state(*cortex));
    for (path, lane, end) in dead {
        let _ = writeln!(text, "  {path} lane {lane}: {}", attached(end));
    }
    if let Some(Repairs { readers, unread, writers, bytes }) = repairs {
        let (unread, bytes) = (grouped(*unread), grouped(*bytes));
        let _ = writeln!(
            text,
            "  let go: {readers} readers with {unread} spikes unread, {writers} writers, {bytes} bytes of payloads",
        );
    } else if dead.is_empty() {
        let _ = writeln!(text, "  every file is whole, and nobody dead holds anything");
    }
    text
}
