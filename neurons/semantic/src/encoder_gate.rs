//! The door to an encoder: texts go out, vectors come in, and no worker waits for either.
//!
//! The encoder runs on a thread of the gate, for as many texts at once as have come together. Its answer is an
//! admission that carries the vector itself, so a run that is repeated from its admissions needs no model.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use neuronbus::axon::Doorbell;
use neuronbus::gate::{
    Admissions, Gate, GateAccount, GateError, GateLink, Outbound, Outlook, Refusal,
};
use neuronbus::spike::SpikeKind;

use crate::encoder::{EncodeError, Encoder, check_answer};
use crate::exchange::{Answer, Request};

/// Texts that are encoded at once.
const BATCH: usize = 32;

/// Texts that may wait for the encoder; further ones stay inside until there is room.
const WAITING: usize = 1024;

struct Asked {
    number: u64,
    priority: u8,
    text: String,
}

struct Answered {
    priority: u8,
    bytes: Vec<u8>,
    refusal: Option<EncodeError>,
}

#[derive(Debug)]
struct Running {
    asked: Sender<Asked>,
    answered: Receiver<Answered>,
    thread: JoinHandle<()>,
}

/// Encodes what reaches it, and fires the vectors.
#[derive(Debug)]
pub struct EncoderGate {
    path: String,
    encoder: Arc<dyn Encoder>,
    holds: bool,
    running: Option<Running>,
    /// An answer that found no room in the arena.
    waiting: Option<Answered>,
    outstanding: u64,
    encoded: u64,
    refusals: Vec<Refusal>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asked({})", self.number)
    }
}

impl std::fmt::Debug for Answered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answered({} bytes)", self.bytes.len())
    }
}

impl EncoderGate {
    /// A gate at `path` to an encoder.
    #[must_use]
    pub fn new(path: &str, encoder: Arc<dyn Encoder>) -> Self {
        Self {
            path: path.to_owned(),
            encoder,
            holds: false,
            running: None,
            waiting: None,
            outstanding: 0,
            encoded: 0,
            refusals: Vec::new(),
        }
    }

    /// Lets cortex time stand still while a text is being encoded: every run of the same input is the same, and slow.
    #[must_use]
    pub fn holding(mut self) -> Self {
        self.holds = true;
        self
    }

    fn admit_one(&mut self, answer: Answered, inbound: &mut Admissions<'_>) -> bool {
        let fired = inbound.fire(SpikeKind::Excitatory, answer.priority, &answer.bytes);
        if fired.is_err() {
            // The arena or the flights are full; what was computed is kept and offered again.
            self.waiting = Some(answer);
            return false;
        }
        self.outstanding -= 1;
        match answer.refusal {
            None => self.encoded += 1,
            Some(error) => self.refuse(&error),
        }
        true
    }

    fn refuse(&mut self, error: &EncodeError) {
        let kind = match error {
            EncodeError::Model { .. } => "model-unreachable",
            EncodeError::Vector(_) => "vector-refused",
            _ => "text-refused",
        };
        match self.refusals.iter_mut().find(|refusal| refusal.kind == kind) {
            Some(refusal) => refusal.count += 1,
            None => {
                let sample = error.to_string().chars().take(160).collect();
                self.refusals.push(Refusal { kind: kind.to_owned(), count: 1, sample });
            }
        }
    }
}

impl Gate for EncoderGate {
    fn open(&mut self, link: GateLink) -> Result<(), GateError> {
        let (asked, requests) = crossbeam_channel::bounded(WAITING);
        // bound: as many answers as there were requests, which are bounded by the reader's pending ones.
        let (answers, answered) = crossbeam_channel::unbounded();
        let (encoder, doorbell) = (self.encoder.clone(), link.doorbell);
        let thread = std::thread::Builder::new()
            .name("encoder".to_owned())
            .spawn(move || serve(&*encoder, &requests, &answers, &doorbell))
            .map_err(|error| {
                GateError::new(&self.path, format!("no thread to encode on: {error}"))
            })?;
        self.running = Some(Running { asked, answered, thread });
        Ok(())
    }

    fn admit(&mut self, inbound: &mut Admissions<'_>) -> Result<Outlook, GateError> {
        while let Some(answer) = self.waiting.take().or_else(|| match &self.running {
            Some(running) => running.answered.try_recv().ok(),
            None => None,
        }) {
            if !self.admit_one(answer, inbound) {
                break;
            }
        }
        let broken = self.running.as_ref().is_some_and(|running| {
            self.outstanding > 0
                && self.waiting.is_none()
                && matches!(running.answered.try_recv(), Err(TryRecvError::Disconnected))
        });
        if broken {
            return Err(GateError::new(&self.path, "the encoder's thread has ended"));
        }
        let held = self.holds && self.outstanding > 0 && self.waiting.is_none();
        Ok(if held { Outlook::Hold } else { Outlook::Open })
    }

    fn emit(&mut self, outbound: &[Outbound<'_>]) -> Result<usize, GateError> {
        let Some(running) = &self.running else { return Ok(0) };
        for (taken, spike) in outbound.iter().enumerate() {
            // Whatever else reaches the gate is none of its business.
            let Some(Request { number, text }) = Request::parse(spike.payload) else { continue };
            let priority = spike.spike.priority();
            let asked = Asked { number, priority, text: text.to_owned() };
            if running.asked.try_send(asked).is_err() {
                return Ok(taken);
            }
            self.outstanding += 1;
        }
        Ok(outbound.len())
    }

    fn close(&mut self) {
        if let Some(Running { asked, answered, thread }) = self.running.take() {
            drop((asked, answered));
            // A panic of the encoder has been reported by `admit`.
            let _ = thread.join();
        }
    }

    fn account(&self) -> GateAccount {
        let (encoded, outstanding) = (self.encoded, self.outstanding);
        let model = self.encoder.model();
        let note = format!("texts: {encoded} encoded by {model}, {outstanding} under way");
        GateAccount { axons: Vec::new(), refused: self.refusals.clone(), notes: vec![note] }
    }
}

/// The thread's work, until the gate is closed.
fn serve(
    encoder: &dyn Encoder,
    requests: &Receiver<Asked>,
    answers: &Sender<Answered>,
    doorbell: &Doorbell,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Ok(first) = requests.recv() {
        batch.push(first);
        batch.extend(requests.try_iter().take(BATCH - 1));
        for answer in answer(encoder, &batch) {
            if answers.send(answer).is_err() {
                return;
            }
        }
        batch.clear();
        doorbell.ring();
    }
}

fn answer(encoder: &dyn Encoder, batch: &[Asked]) -> Vec<Answered> {
    let model = encoder.model();
    let texts: Vec<&str> = batch.iter().map(|asked| asked.text.as_str()).collect();
    let mut vectors = Vec::with_capacity(texts.len() * model.dimensions());
    let told = encoder.encode_batch(&texts, &mut vectors);
    let told = told.and_then(|()| Ok(check_answer(model, texts.len(), &mut vectors)?));
    if told.is_err() && batch.len() > 1 {
        // One text that is refused takes only itself along.
        return batch.chunks(1).flat_map(|one| answer(encoder, one)).collect();
    }
    let refusal = told.err();
    let answered = |(at, asked): (usize, &Asked)| {
        let mut bytes = Vec::new();
        match &refusal {
            None => {
                let vector = &vectors[at * model.dimensions()..][..model.dimensions()];
                Answer::write_vector(asked.number, model, vector, &mut bytes);
            }
            Some(_) => Answer::write_refusal(asked.number, &mut bytes),
        }
        Answered { priority: asked.priority, bytes, refusal: refusal.clone() }
    };
    batch.iter().enumerate().map(answered).collect()
}
