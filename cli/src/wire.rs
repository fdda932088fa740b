//! `neuronbus tap` and `neuronbus fire`: spikes of a brain that runs elsewhere.

use std::io::Read;
use std::time::Duration;

use neuronbus::brain::{Brain, Overheard, Tap};
use neuronbus::spike::{Spike, SpikeKind};
use serde::Serialize;

use crate::args::{FireOptions, ReportFormat, TapOptions};
use crate::clock::Moment;
use crate::console::Console;
use crate::failure::Failure;
use crate::interrupt;

/// Between two looks at the clock and at signals while nothing is fired.
const LOOK: Duration = Duration::from_millis(50);

/// How long a spike waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Line {
    Spike {
        time_ns: u64,
        region: String,
        source: Option<u16>,
        sequence: u32,
        kind: &'static str,
        priority: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        payload_hex: Option<String>,
    },
    Lost {
        lost: u64,
    },
}

const fn kind(spike: &Spike) -> &'static str {
    match spike.kind() {
        Ok(SpikeKind::Excitatory) => "excitatory",
        Ok(SpikeKind::Inhibitory) => "inhibitory",
        Ok(SpikeKind::Modulatory) => "modulatory",
        Err(_) => "refused",
    }
}

/// Text as text, everything else as digits; nothing if the payload was overwritten.
fn spell(payload: Option<&[u8]>) -> (Option<String>, Option<String>) {
    match payload.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => (None, None),
        Some((Ok(text), _)) => (Some(text.to_owned()), None),
        Some((Err(_), bytes)) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (None, Some(digits))
        }
    }
}

impl Line {
    fn to_text(&self, format: ReportFormat) -> Result<String, Failure> {
        if let ReportFormat::Json = format {
            return Ok(serde_json::to_string(self).map_err(Failure::Json)? + "\n");
        }
        Ok(match self {
            Self::Spike { time_ns, region, kind, payload, payload_hex, .. } => {
                let carried = payload.as_ref().or(payload_hex.as_ref());
                format!("{time_ns:>14} ns  {region}  {kind}  {}\n", carried.map_or("", |c| c))
            }
            Self::Lost { lost } => format!("{lost} spikes lost\n"),
        })
    }
}

pub(crate) fn tap(options: &TapOptions, console: Console) -> Result<(), Failure> {
    let brain = Brain::observe(&options.dir)?;
    let tap = brain.tap(&options.region)?;
    let mut tap = if options.from_oldest { tap.from_oldest() } else { tap };
    let interrupts = interrupt::listen()?;
    let end = options.time.and_then(|time| Moment::now().plus(time));
    let mut left = options.count.unwrap_or(u64::MAX);
    while left > 0 && interrupts.is_empty() && end.is_none_or(|end| !end.remaining().is_zero()) {
        match next(&brain, &mut tap) {
            Some(line) => {
                left -= u64::from(matches!(line, Line::Spike { .. }));
                console.write(&line.to_text(options.format)?)?;
            }
            None if !tap.wait(LOOK) => brain.check()?,
            None => {}
        }
    }
    Ok(())
}

fn next(brain: &Brain, tap: &mut Tap) -> Option<Line> {
    match tap.poll() {
        Overheard::Nothing => None,
        Overheard::Lost(lost) => Some(Line::Lost { lost }),
        Overheard::Spike { spike, region, payload } => {
            let (payload, payload_hex) = spell(payload);
            Some(Line::Spike {
                time_ns: spike.time_ns(),
                region: brain.regions().get(usize::from(region)).cloned().unwrap_or_default(),
                source: spike.source().ok().map(|id| id.raw()),
                sequence: spike.sequence(),
                kind: kind(&spike),
                priority: spike.priority(),
                payload,
                payload_hex,
            })
        }
    }
}

pub(crate) fn fire(options: &FireOptions, console: Console) -> Result<(), Failure> {
    let brain = Brain::attach(&options.dir)?;
    let mut sensory = brain.sensory(&options.gate)?;
    let payload = if options.payload == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(Failure::Input)?;
        bytes
    } else {
        options.payload.clone().into_bytes()
    };
    let kind = if options.inhibit { SpikeKind::Inhibitory } else { SpikeKind::Excitatory };
    for _ in 0..options.count {
        sensory.send_within(kind, options.priority, &payload, PATIENCE)?;
    }
    // What was accepted stays for the next cortex, so none has to be there.
    let taken = sensory.wait_until_taken(PATIENCE).unwrap_or(false);
    let (gate, count) = (sensory.gate(), options.count);
    console.write(&match options.format {
        ReportFormat::Json => {
            serde_json::json!({ "gate": gate, "accepted": count, "taken": taken }).to_string()
                + "\n"
        }
        ReportFormat::Text if taken => format!("{count} accepted by {gate} and taken in\n"),
        ReportFormat::Text => format!("{count} accepted by {gate}, and waiting for a cortex\n"),
    })
}
