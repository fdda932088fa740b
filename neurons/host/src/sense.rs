//! The neuron of one signal: it hears readings and fires when the signal leaves its own running band.
//!
//! It hears, from the door of its region:
//! ```text
//! offset size field
//! 0      8    the reading, f64 little-endian, finite
//! ```
//! and fires, with a priority from 96 (just left its band) to 255 (eight half widths away):
//! ```text
//! offset size field
//! 0      8    the reading, f64 little-endian
//! 8      8    how far from the mean, in half widths of the band; 0 if other spikes made it fire
//! 16     1    1 above the band, 255 below, 0 if other spikes made it fire
//! ```
//! The lengths differ so that a sense wired to other senses never takes what they fire for a reading of its own.
//!
//! A reading drives nothing: the neuron puts a drive on its own membrane when the band says so, and fires in the tick
//! of the reading. Evidence from other neurons adds up on the same membrane as usual.

use neuronbus::context::{Context, Firing};
use neuronbus::neuron::{AgentCard, Fault, Neuron, NeuronResult};
use neuronbus::spike::Spike;

use crate::band::{Band, BandSettings, Departure};
use crate::kind::SenseKind;

/// Bytes of a reading.
pub const READING_BYTES: usize = 8;

/// Bytes of what a sense fires.
pub const REPORT_BYTES: usize = 17;

/// What a sense fires.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SenseReport {
    /// The reading, in the unit of its [`SenseKind`].
    pub value: f64,
    /// How far from the mean, in half widths of the band; 0 if other spikes made it fire.
    pub halves: f64,
    /// 1 above the band, -1 below it, 0 if other spikes made it fire.
    pub direction: i8,
}

impl SenseReport {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> [u8; REPORT_BYTES] {
        let mut bytes = [0; REPORT_BYTES];
        bytes[..8].copy_from_slice(&self.value.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.halves.to_le_bytes());
        bytes[16] = self.direction as u8;
        bytes
    }

    /// Reads the bytes; `None` if no sense wrote them.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; REPORT_BYTES] = bytes.try_into().ok()?;
        let value = f64::from_le_bytes(bytes[..8].try_into().ok()?);
        let halves = f64::from_le_bytes(bytes[8..16].try_into().ok()?);
        let direction = bytes[16] as i8;
        let sound = value.is_finite() && halves.is_finite() && (-1..=1).contains(&direction);
        sound.then_some(Self { value, halves, direction })
    }

    fn priority(&self) -> u8 {
        const LEAST: f64 = 96.0;
        const SPAN: f64 = 255.0 - LEAST;
        let share = ((self.halves - 1.0) / 7.0).clamp(0.0, 1.0);
        (LEAST + share * SPAN) as u8
    }
}

/// Hears the readings of one signal; see the module's text for what it hears and fires.
#[derive(Debug, Clone)]
pub struct SenseNeuron {
    kind: SenseKind,
    band: Band,
    report: SenseReport,
    drive: f32,
}

impl SenseNeuron {
    /// The neuron of a signal whose band has these settings.
    #[must_use]
    pub fn new(kind: SenseKind, settings: BandSettings) -> Self {
        Self { kind, band: Band::new(settings), report: SenseReport::default(), drive: 1.0 }
    }

    /// What it puts on its membrane when the signal leaves its band; default 1, the default threshold.
    #[must_use]
    pub const fn drive(mut self, drive: f32) -> Self {
        self.drive = drive;
        self
    }

    /// The band as it is now.
    #[must_use]
    pub const fn band(&self) -> &Band {
        &self.band
    }

    /// Learns a reading; the departure if it left the band.
    fn read(&mut self, value: f64) -> Option<Departure> {
        let departure = self.band.update(value)?;
        // Of several in one tick, the furthest is fired.
        if departure.halves >= self.report.halves {
            let (halves, direction) = (departure.halves, departure.direction.sign());
            self.report = SenseReport { value, halves, direction };
        }
        Some(departure)
    }
}

impl Neuron for SenseNeuron {
    fn on_spike(&mut self, _: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Ok(bytes) = payload.try_into() else { return Ok(()) };
        let value = f64::from_le_bytes(bytes);
        if self.read(value).is_some() {
            ctx.integrate(self.drive);
        } else if self.report.direction == 0 && value.is_finite() {
            self.report.value = value;
        }
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let report = self.report;
        self.report = SenseReport { value: report.value, ..SenseReport::default() };
        let payload = report.encode();
        // Saturation is counted by the runtime; a sense must not be silenced by traffic elsewhere.
        let _ = ctx.send(Firing {
            priority: report.priority(),
            payload: &payload,
            ..Firing::default()
        });
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new(format!("fires when the machine's {} leaves its usual band", self.kind))
            .capability(format!("sense/{}", self.kind))
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        self.band.save(out);
        out.extend_from_slice(&self.report.encode());
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let (band, report) = bytes.split_at_checked(Band::SAVED).ok_or_else(|| {
            Fault::new(format!("a saved sense is longer than {} bytes", bytes.len()))
        })?;
        let report = SenseReport::decode(report).ok_or_else(|| {
            Fault::new(format!("{} bytes are not a sense's report", report.len()))
        })?;
        self.band.load(band)?;
        self.report = report;
        Ok(())
    }
}
