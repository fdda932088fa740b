//! The neuron that speaks: it asks the model, passes on what it says, and stops it when the world has changed.

use neuronbus::atlas::Atlas;
use neuronbus::prelude::*;

use super::fact::{Fact, event_in};
use super::message::{Ending, SpokenMessage};
use super::port::draft;
use super::prompt::{Sections, instructions};
use super::schema::Schemas;
use super::settings::{LlmSettings, SettingsError};
use super::stale::{Staleness, Strategy};
use super::state::{Generation, State, keep};
use crate::answer::{Finish, Piece, Usage};
use crate::failure::{Failure, FailureKind};
use crate::request::{Cancel, Message, Request, Role};

/// After a request or a cancellation that found no room, it is tried again after so many ticks.
const AGAIN: u64 = 10;

/// Who is who, known once the run begins.
#[derive(Debug, Default)]
struct Others {
    gate: Option<NeuronId>,
    membrane: Option<NeuronId>,
    context: Option<NeuronId>,
    event_trace: Option<NeuronId>,
    memories: Option<NeuronId>,
    tokens: Option<NeuronId>,
    sentences: Option<NeuronId>,
    messages: Option<NeuronId>,
    tools: Option<NeuronId>,
}

/// The neuron that speaks for an [`LlmAgent`](super::LlmAgent).
#[derive(Debug)]
pub(crate) struct Voice {
    path: String,
    gate: String,
    settings: LlmSettings,
    schemas: Schemas,
    others: Others,
    state: State,
}

impl Voice {
    pub(crate) fn new(
        path: &str,
        gate: &str,
        settings: LlmSettings,
    ) -> Result<Self, SettingsError> {
        settings.prompt.check()?;
        let schemas = Schemas::new(settings.shape.as_ref(), &settings.tools)?;
        let (path, gate) = (path.to_owned(), gate.to_owned());
        let (others, state) = (Others::default(), State::default());
        Ok(Self { path, gate, settings, schemas, others, state })
    }

    /// Something new is known.
    fn hear(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        self.state.heard += 1;
        let fact = Fact::read(self.state.heard, ctx.tick(), spike, payload, ctx.atlas());
        if let Some(event) = event_in(payload) {
            self.state.cause = event.record().to_vec();
        }
        let state = &mut self.state;
        let (most, let_go) = (self.settings.remembered, &mut state.tally.let_go);
        let source = spike.source().ok();
        if source == self.others.context {
            keep(&mut state.context, fact, most, let_go);
        } else if source == self.others.event_trace {
            keep(&mut state.event_trace, fact, most, let_go);
        } else if source == self.others.memories {
            keep(&mut state.memories, fact, most, let_go);
        } else {
            keep(&mut state.waiting, fact, most, let_go);
            return self.reconsider(ctx);
        }
        Ok(())
    }

    /// Whether what is being said has been overtaken.
    fn staleness(&self) -> Option<Staleness> {
        let current = self.state.current.as_ref()?;
        let rule = &self.settings.interruption;
        rule.judge(&current.facts, &self.state.waiting, current.context_sequence)
    }

    /// Something new was heard while it may be speaking.
    fn reconsider(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let Some(staleness) = self.staleness() else { return Ok(()) };
        let window = ctx.tick_length().ticks(self.settings.interruption.debounce).0;
        let Some(current) = &mut self.state.current else { return Ok(()) };
        match self.settings.interruption.strategy {
            Strategy::Reject => Ok(()),
            Strategy::Enqueue => {
                self.state.queued = true;
                Ok(())
            }
            Strategy::Interrupt | Strategy::Rollback if window == 0 => {
                self.interrupt(staleness, ctx)
            }
            Strategy::Interrupt | Strategy::Rollback => {
                if current.look_again.is_none() {
                    current.look_again = Some(ctx.tick().0 + window);
                    ctx.wake_in(Ticks(window));
                }
                Ok(())
            }
        }
    }

    /// Stops what has been overtaken, and asks again.
    fn interrupt(&mut self, staleness: Staleness, ctx: &mut Context<'_>) -> NeuronResult {
        let Some(current) = self.state.current.take() else { return Ok(()) };
        let strategy = self.settings.interruption.strategy;
        self.cancel(current.number, &format!("stale: {}", staleness.reason), ctx);
        // What it was asked about is asked again, with what is new behind it.
        let mut facts = current.facts.clone();
        facts.append(&mut self.state.waiting);
        let let_go = facts.len().saturating_sub(self.settings.remembered.max(1));
        facts.drain(..let_go);
        self.state.tally.let_go += let_go as u64;
        self.state.waiting = facts;
        if strategy == Strategy::Interrupt && !current.text.is_empty() {
            self.state.broken_off = Some(current.text.clone());
        }
        self.conclude(current, Ending::StaleDueTo { staleness, strategy }, None, ctx);
        self.ask(ctx)
    }

    /// Tells the gate to stop.
    fn cancel(&mut self, number: u32, reason: &str, ctx: &mut Context<'_>) {
        let Some(gate) = self.others.gate else { return };
        let cancel = Cancel { number, reason: reason.to_owned() };
        let payload = serde_json::to_vec(&cancel).expect("two fields can be written as JSON");
        let kind = SpikeKind::Inhibitory;
        // Without room the request runs to its end, and nothing of it is let in here.
        _ = ctx.send(Firing { kind, target: Some(gate), payload: &payload, ..Firing::default() });
    }

    /// There is enough evidence.
    fn trigger(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        if self.state.current.is_none() {
            return self.ask(ctx);
        }
        if self.settings.interruption.strategy == Strategy::Reject {
            self.state.tally.rejected += 1;
        } else if !self.state.waiting.is_empty() {
            self.state.queued = true;
        }
        Ok(())
    }

    /// Makes a request of what is known.
    fn ask(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.state.queued = false;
        let state = &self.state;
        let sections = Sections {
            evidence: &state.waiting,
            context: &state.context,
            event_trace: &state.event_trace,
            memories: &state.memories,
        };
        let prompt = self.settings.prompt.render(sections, self.settings.prompt_tokens);
        let facts = std::mem::take(&mut self.state.waiting);
        let mut generation = Generation {
            number: 0,
            digest: String::new(),
            messages: Vec::new(),
            context_sequence: self.state.heard,
            facts,
            left_out: 0,
            text: String::new(),
            sentences: Default::default(),
            pieces: 0,
            deadline: None,
            look_again: None,
            repairs: 0,
            usage: Usage::default(),
            cost: 0.0,
            calls: Vec::new(),
            refused_calls: Vec::new(),
            cause: self.state.cause.clone(),
        };
        let prompt = match prompt {
            Ok(prompt) => prompt,
            Err(error) => {
                let failure = Failure::new(FailureKind::Rejected, error.to_string());
                self.conclude(generation, Ending::Failed(failure), None, ctx);
                return Ok(());
            }
        };
        generation.left_out = prompt.left_out;
        let system = instructions(&self.settings.instructions);
        generation.messages.push(Message { role: Role::System, content: system });
        generation.messages.push(Message { role: Role::User, content: prompt.text });
        if let Some(said) = self.state.broken_off.take() {
            let again = "You were interrupted there because something new is known. Answer again, with all \
                         that is known now.";
            generation.messages.push(Message { role: Role::Assistant, content: said });
            generation.messages.push(Message { role: Role::User, content: again.to_owned() });
        }
        if let Some(deadline) = self.settings.deadline {
            let ticks = ctx.tick_length().ticks(deadline).0.max(1);
            generation.deadline = Some(ctx.tick().0 + ticks);
            ctx.wake_in(Ticks(ticks));
        }
        self.send(generation, ctx)
    }

    /// Sends a request for an answer.
    fn send(&mut self, mut generation: Generation, ctx: &mut Context<'_>) -> NeuronResult {
        self.state.requests += 1;
        generation.number = self.state.requests;
        let mut request = Request {
            number: 0,
            agent: String::new(),
            model: self.settings.model.clone(),
            messages: generation.messages.clone(),
            max_tokens: self.settings.max_tokens,
            sampling: self.settings.sampling.clone(),
            tools: self.settings.tools.clone(),
            shape: self.settings.shape.clone(),
        };
        // Of everything but the number, so that the same question has the same digest.
        let asked = serde_json::to_vec(&request).expect("a request can be written as JSON");
        generation.digest = blake3::hash(&asked).to_hex().to_string();
        request.number = generation.number;
        let payload = serde_json::to_vec(&request).expect("a request can be written as JSON");
        let gate = self.others.gate;
        if ctx.send(Firing { target: gate, payload: &payload, ..Firing::default() }).is_err() {
            // The evidence stays, and is asked about when there is room.
            self.state.waiting.splice(0..0, generation.facts);
            self.state.again_at = Some(ctx.tick().0 + AGAIN);
            ctx.wake_in(Ticks(AGAIN));
            return Ok(());
        }
        self.state.tally.asked += 1;
        self.state.current = Some(generation);
        Ok(())
    }

    /// A piece of an answer has come; what is none is as much use as one that comes too late.
    fn answer(&mut self, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Ok((number, piece)) = Piece::decode(payload) else {
            self.state.tally.late += 1;
            return Ok(());
        };
        let Some(mut current) = self.state.current.take_if(|current| current.number == number)
        else {
            self.state.tally.late += 1;
            return Ok(());
        };
        match piece {
            Piece::Text(text) => {
                current.pieces += 1;
                current.text.push_str(&text);
                self.send_to(self.others.tokens, text.as_bytes(), ctx);
                let mut complete = Vec::new();
                current.sentences.feed(&text, |sentence| complete.push(sentence.to_owned()));
                for sentence in complete {
                    self.send_to(self.others.sentences, sentence.as_bytes(), ctx);
                }
                if self.settings.token_budget.is_some_and(|most| current.pieces >= most) {
                    self.cancel(number, "its token budget is used up", ctx);
                    return self.stop(current, Ending::TokenBudgetExceeded, ctx);
                }
                self.state.current = Some(current);
                Ok(())
            }
            Piece::ToolCall(call) => {
                match self.schemas.check(&call) {
                    Ok(()) => {
                        let json = serde_json::to_vec(&call)?;
                        self.send_to(self.others.tools, &json, ctx);
                        current.calls.push(call);
                    }
                    Err(why) => current.refused_calls.push(why),
                }
                self.state.current = Some(current);
                Ok(())
            }
            Piece::Restarted => {
                (current.text, current.pieces) = (String::new(), 0);
                current.sentences = Default::default();
                (current.calls, current.refused_calls) = (Vec::new(), Vec::new());
                self.state.current = Some(current);
                Ok(())
            }
            Piece::Finished(finish) => self.finish(current, finish, ctx),
            Piece::Failed(failure) => self.stop(current, Ending::Failed(failure), ctx),
        }
    }

    /// The model has stopped by itself.
    fn finish(
        &mut self,
        mut current: Generation,
        finish: Finish,
        ctx: &mut Context<'_>,
    ) -> NeuronResult {
        current.usage += finish.usage;
        current.cost += finish.cost;
        let ending = match self.schemas.read(&current.text) {
            Ok(value) => {
                if let Some(rest) = current.sentences.finish() {
                    self.send_to(self.others.sentences, rest.as_bytes(), ctx);
                }
                let done = Some((finish.model, value));
                self.conclude(current, Ending::Complete(finish.stop), done, ctx);
                return self.next(ctx);
            }
            Err(why) if current.repairs < self.settings.repairs => {
                current.repairs += 1;
                let again =
                    format!("This is not what was asked for: {why}. Answer with the JSON alone.");
                let said = std::mem::take(&mut current.text);
                current.messages.push(Message { role: Role::Assistant, content: said });
                current.messages.push(Message { role: Role::User, content: again });
                current.sentences = Default::default();
                return self.send(current, ctx);
            }
            Err(why) => Ending::Misshapen { why },
        };
        self.stop(current, ending, ctx)
    }

    /// An answer ends without being complete.
    fn stop(&mut self, current: Generation, ending: Ending, ctx: &mut Context<'_>) -> NeuronResult {
        self.conclude(current, ending, None, ctx);
        self.next(ctx)
    }

    /// What waited for the end of an answer.
    fn next(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        if self.state.queued { self.ask(ctx) } else { Ok(()) }
    }

    /// Says how an answer ended, to whoever listens.
    fn conclude(
        &mut self,
        current: Generation,
        ending: Ending,
        done: Option<(String, Option<serde_json::Value>)>,
        ctx: &mut Context<'_>,
    ) {
        let rule = &self.settings.interruption;
        let stale = rule.judge(&current.facts, &self.state.waiting, current.context_sequence);
        let stale = stale.filter(|_| !matches!(ending, Ending::StaleDueTo { .. }));
        let (model, value) = done.unwrap_or_default();
        let mut usage = current.usage;
        if model.is_empty() {
            usage.output = usage.output.max(current.pieces);
        }
        let message = SpokenMessage {
            agent: ctx.atlas().address(ctx.id()),
            request: current.number,
            text: current.text,
            ending,
            model,
            usage,
            cost: current.cost,
            context_digest: current.digest,
            context_sequence: current.context_sequence,
            seen_sequence: self.state.heard,
            stale,
            evidence: current.facts.iter().filter_map(|fact| fact.event.clone()).collect(),
            left_out: current.left_out,
            value,
            calls: current.calls,
            refused_calls: current.refused_calls,
        };
        let tally = &mut self.state.tally;
        match message.kind() {
            "message" => tally.completed += 1,
            "failed" => tally.failed += 1,
            _ => tally.interrupted += 1,
        }
        self.send_to(self.others.messages, &draft(&current.cause, &message), ctx);
    }

    /// Sends to a port. What finds no room is counted here and by the runtime.
    fn send_to(&mut self, port: Option<NeuronId>, payload: &[u8], ctx: &mut Context<'_>) {
        if ctx.send(Firing { target: port, payload, ..Firing::default() }).is_err() {
            self.state.tally.unsent += 1;
        }
    }

    /// An inhibitory spike has come: say no more.
    fn inhibited(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let Some(current) = self.state.current.take() else { return Ok(()) };
        let by = spike.source().map(|source| ctx.atlas().address(source)).unwrap_or_default();
        let reason = match String::from_utf8_lossy(payload) {
            said if said.is_empty() => format!("inhibited by {by}"),
            said => format!("inhibited by {by}: {said}"),
        };
        self.cancel(current.number, &reason, ctx);
        self.stop(current, Ending::Inhibited { reason }, ctx)
    }
}

impl Neuron for Voice {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        let gate = atlas.region(&self.gate).and_then(|region| atlas.members(region).first());
        let Some(gate) = gate else {
            return Err(Fault::new(format!("there is no gate {:?} to a model", self.gate)));
        };
        let find = |name| atlas.neuron(&self.path, name);
        self.others = Others {
            gate: Some(*gate),
            membrane: find("membrane"),
            context: find("context"),
            event_trace: find("event_trace"),
            memories: find("memories"),
            tokens: find("tokens"),
            sentences: find("sentences"),
            messages: find("messages"),
            tools: find("tools"),
        };
        Ok(())
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let source = spike.source().ok();
        match spike.kind()? {
            SpikeKind::Excitatory if source == self.others.gate => self.answer(payload, ctx),
            SpikeKind::Excitatory if source == self.others.membrane => self.trigger(ctx),
            SpikeKind::Excitatory => self.hear(spike, payload, ctx),
            SpikeKind::Inhibitory => self.inhibited(spike, payload, ctx),
            SpikeKind::Modulatory => Ok(()),
        }
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let now = ctx.tick().0;
        if self.state.again_at.take_if(|at| *at <= now).is_some() && self.state.current.is_none() {
            return self.ask(ctx);
        }
        let Some(current) = &mut self.state.current else { return Ok(()) };
        if current.deadline.is_some_and(|at| at <= now) {
            let Some(current) = self.state.current.take() else { return Ok(()) };
            self.cancel(current.number, "its deadline has passed", ctx);
            return self.stop(current, Ending::Timeout, ctx);
        }
        if current.look_again.take_if(|at| *at <= now).is_some()
            && let Some(staleness) = self.staleness()
        {
            return self.interrupt(staleness, ctx);
        }
        Ok(())
    }

    fn card(&self) -> AgentCard {
        let model = self.settings.model.as_deref().unwrap_or("the model");
        AgentCard::new(format!("Speaks by {model} behind {}", self.gate)).capability("language")
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, &self.state).expect("the state can be written as JSON");
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        self.state = serde_json::from_slice(bytes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use neuronbus::conformance;
    use neuronbus::event::{Event, EventIds};

    use super::*;
    use crate::agent::{Interruption, PromptTemplate};
    use crate::answer::{Stop, ToolCall};

    /// A voice on a stage where everything comes from one feeder: the first byte says in whose name.
    struct Staged(Voice);

    impl Neuron for Staged {
        fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
            self.0.on_start(atlas)
        }

        fn on_spike(&mut self, spike: &Spike, bytes: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
            match bytes {
                [b'<', answer @ ..] => self.0.answer(answer, ctx),
                [b'!', ..] => self.0.trigger(ctx),
                _ => self.0.on_spike(spike, bytes, ctx),
            }
        }

        fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
            self.0.on_fire(ctx)
        }

        fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
            self.0.on_wake(ctx)
        }

        fn snapshot(&self, out: &mut Vec<u8>) {
            self.0.snapshot(out);
        }

        fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
            self.0.restore(bytes)
        }
    }

    fn payloads() -> Vec<Vec<u8>> {
        let mut payloads = vec![b"!".to_vec(), b"!".to_vec(), b"a fact".to_vec()];
        for (number, state) in ["open", "closed"].into_iter().enumerate() {
            let mut record = Vec::new();
            let event = Event::new("bridge").key("bridge").body(state);
            event.encode(&mut EventIds::new(number as u64), 0, &mut record).unwrap();
            payloads.push(record);
        }
        let usage = Usage { input: 7, cached: 1, output: 3 };
        let finish = Finish { stop: Stop::End, usage, cost: 0.1 + 0.2, model: "m".into() };
        let arguments = "{}".to_owned();
        let call = ToolCall { id: "1".into(), name: "look".into(), arguments };
        for number in 1..40 {
            for piece in [
                Piece::Text("One. Two".to_owned()),
                Piece::Text(" three. ".to_owned()),
                Piece::ToolCall(call.clone()),
                Piece::Finished(finish.clone()),
                Piece::Failed(Failure::new(FailureKind::Server, "it fell over")),
                Piece::Restarted,
            ] {
                let mut answer = b"<".to_vec();
                piece.encode(number, &mut answer);
                payloads.push(answer);
            }
            payloads.push(b"!".to_vec());
            payloads.push(format!("fact {number}").into_bytes());
        }
        payloads
    }

    #[test]
    fn a_voice_keeps_the_contract_of_every_neuron() {
        let make = |interruption: Interruption| {
            let template = PromptTemplate::new("{evidence} {context}").unwrap();
            let mut settings = LlmSettings::with(template).interruption(interruption);
            settings.deadline = Some(Ticks(30).into());
            settings.remembered = 3;
            Staged(Voice::new("subject", "ear", settings).unwrap())
        };
        let payloads = payloads();
        let payloads: Vec<&[u8]> = payloads.iter().map(|bytes| &bytes[..]).collect();
        conformance::neuron(|| make(Interruption::default()), &payloads);
        conformance::neuron(|| make(Interruption::always().debounce(Ticks(3))), &payloads);
    }
}
