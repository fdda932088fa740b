//! The neuron of one topic: each line makes it fire, more urgently when one of the line's numbers is unusual.
//!
//! It hears the lines of its topic and fires them on, both laid out as [`LinePayload`]; of several lines in one tick
//! the one with the highest priority (the first of equals) is fired. The priority is that of the line's severity,
//! raised by two tiers when a number left its running band.

use neuronbus::context::{Context, Firing};
use neuronbus::neuron::{AgentCard, Fault, Neuron, NeuronResult};
use neuronbus::spike::Spike;

use crate::band::{Band, BandSettings};
use crate::line_payload::{LINE_PAYLOAD_MAX, LinePayload, NUMBERS_MAX};

/// What an unusual number adds to a line's priority: two tiers.
const RAISE: u8 = 64;

/// Hears the lines of one topic; see the module's text for what it hears and fires.
#[derive(Debug, Clone)]
pub struct TopicNeuron {
    bands: Vec<Band>,
    line: LinePayload,
    priority: Option<u8>,
}

impl TopicNeuron {
    /// The neuron of a topic whose lines have up to `numbers` number fields.
    #[must_use]
    pub fn new(numbers: usize, settings: BandSettings) -> Self {
        let bands = vec![Band::new(settings); numbers.min(NUMBERS_MAX)];
        Self { bands, line: LinePayload::default(), priority: None }
    }

    fn hear(&mut self, line: LinePayload) {
        let mut unusual = false;
        for (field, value) in line.numbers.iter() {
            if let Some(band) = self.bands.get_mut(usize::from(field)) {
                unusual |= band.update(value).is_some();
            }
        }
        let raise = if unusual { RAISE } else { 0 };
        let priority = line.severity.priority().saturating_add(raise);
        if self.priority.is_none_or(|kept| priority > kept) {
            self.priority = Some(priority);
            self.line = line;
        }
    }
}

impl Neuron for TopicNeuron {
    #[inline]
    fn on_spike(&mut self, _: &Spike, payload: &[u8], _: &mut Context<'_>) -> NeuronResult {
        if let Some(line) = LinePayload::decode(payload)
            && !line.fired
        {
            self.hear(line);
        }
        Ok(())
    }

    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let mut room = [0; LINE_PAYLOAD_MAX];
        let line = std::mem::take(&mut self.line);
        let priority = self.priority.take().unwrap_or_else(|| line.severity.priority());
        let payload = LinePayload { fired: true, ..line }.encode(&mut room);
        // Saturation is counted by the runtime; a topic must not be silenced by traffic elsewhere.
        let _ = ctx.send(Firing { priority, payload, ..Firing::default() });
        Ok(())
    }

    fn card(&self) -> AgentCard {
        AgentCard::new("fires for each line of its topic").capability("sense/line")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        for band in &self.bands {
            band.save(out);
        }
        out.extend_from_slice(&[u8::from(self.priority.is_some()), self.priority.unwrap_or(0)]);
        out.extend_from_slice(self.line.encode(&mut [0; LINE_PAYLOAD_MAX]));
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let refused = || Fault::new(format!("{} bytes are not a saved topic", bytes.len()));
        let bands = self.bands.len() * Band::SAVED;
        let (saved, rest) = bytes.split_at_checked(bands).ok_or_else(refused)?;
        let (priority, line) = match rest {
            [0, 0, line @ ..] => (None, line),
            [1, priority, line @ ..] => (Some(*priority), line),
            _ => return Err(refused()),
        };
        let line = LinePayload::decode(line).ok_or_else(refused)?;
        let mut restored = self.bands.clone();
        for (band, saved) in restored.iter_mut().zip(saved.chunks_exact(Band::SAVED)) {
            band.load(saved)?;
        }
        *self = Self { bands: restored, line, priority };
        Ok(())
    }
}
