//! The neuron that has the tasks: it lets the models compete for each, asks the winner, and rewards it by the outcome.

use std::collections::{BTreeMap, VecDeque};

use neuronbus::atlas::Atlas;
use neuronbus::prelude::*;
use serde::{Deserialize, Serialize};

use super::PoolSettings;
use crate::agent::{Ending, Fact, SpokenMessage, draft, event_in};
use crate::answer::{Finish, Piece, Usage};
use crate::failure::{Failure, FailureKind};
use crate::request::Request;

/// After so many looks without a winner, the first that may is taken.
const LOOKS_MOST: u32 = 64;

/// How fast the average reward follows, for one outcome.
const FOLLOW: f32 = 0.05;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Task {
    text: String,
    event: Option<String>,
    record: Vec<u8>,
    /// Models that have failed at it.
    failed: Vec<usize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    task: Task,
    model: usize,
    tick: u64,
    text: String,
}

/// What became of the tasks of one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    chosen: u64,
    failed: u64,
    reward: f64,
    /// It is not asked before this tick.
    rests_until: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    heard: u64,
    requests: u32,
    queue: VecDeque<Task>,
    /// Looks at the first task of the queue.
    looks: Option<u32>,
    /// The tick of the next look; other wakes are left over from tasks that were claimed in the meantime.
    next_look: Option<u64>,
    asked: BTreeMap<u32, Asked>,
    records: Vec<Record>,
    /// The reward that is usual: what counts is what is above it.
    usual: Option<f32>,
}

/// The neuron that has the tasks of a pool.
pub(super) struct Dispatcher {
    path: String,
    /// Names and paths of gates.
    models: Vec<(String, String)>,
    settings: PoolSettings,
    contenders: Vec<NeuronId>,
    gates: Vec<NeuronId>,
    herald: Option<NeuronId>,
    state: State,
}

impl Dispatcher {
    pub(super) fn new(path: &str, models: Vec<(String, String)>, settings: PoolSettings) -> Self {
        let records = vec![Record::default(); models.len()];
        let state = State { records, ..State::default() };
        let (contenders, gates, herald) = (Vec::new(), Vec::new(), None);
        Self { path: path.to_owned(), models, settings, contenders, gates, herald, state }
    }

    /// Whether a model may be asked for the first task.
    fn may(&self, model: usize, now: u64) -> bool {
        let failed = self.state.queue.front().is_some_and(|task| task.failed.contains(&model));
        !failed && self.state.records[model].rests_until <= now
    }

    /// Shows the first task to all that may take it; whoever gathers enough claims it.
    fn look(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        if self.state.queue.is_empty() {
            self.state.looks = None;
            return Ok(());
        }
        let now = ctx.tick().0;
        let looks = self.state.looks.map_or(1, |looks| looks + 1);
        self.state.looks = Some(looks);
        let may: Vec<usize> =
            (0..self.models.len()).filter(|&model| self.may(model, now)).collect();
        let Some(first) = may.first() else { return self.give_up(ctx) };
        if looks > LOOKS_MOST {
            return self.choose(*first, ctx);
        }
        for model in may {
            // A look that finds no room is one look less.
            _ = ctx.fire_to(self.contenders[model], &[]);
        }
        self.look_in(1, ctx);
        Ok(())
    }

    fn look_in(&mut self, ticks: u64, ctx: &mut Context<'_>) {
        self.state.next_look = Some(ctx.tick().0 + ticks);
        ctx.wake_in(Ticks(ticks));
    }

    /// Nobody is left for the first task.
    fn give_up(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        if let Some(task) = self.state.queue.pop_front() {
            let failure =
                Failure::new(FailureKind::BreakerOpen, "no model of the pool can be asked");
            self.tell(task, 0, String::new(), Ending::Failed(failure), None, ctx);
        }
        self.state.looks = None;
        self.look(ctx)
    }

    /// A model has won the first task.
    fn choose(&mut self, model: usize, ctx: &mut Context<'_>) -> NeuronResult {
        let Some(task) = self.state.queue.pop_front() else { return Ok(()) };
        self.state.requests += 1;
        let number = self.state.requests;
        let mut request = Request::of(task.text.as_str());
        (request.number, request.max_tokens) = (number, self.settings.max_tokens);
        let payload = serde_json::to_vec(&request)?;
        self.state.looks = None;
        if ctx.fire_to(self.gates[model], &payload).is_err() {
            self.state.queue.push_front(task);
            self.look_in(10, ctx);
            return Ok(());
        }
        self.state.records[model].chosen += 1;
        let asked = Asked { task, model, tick: ctx.tick().0, text: String::new() };
        self.state.asked.insert(number, asked);
        self.look(ctx)
    }

    fn answer(&mut self, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        // What is no answer answers nothing.
        let Ok((number, piece)) = Piece::decode(payload) else { return Ok(()) };
        let Some(asked) = self.state.asked.get_mut(&number) else { return Ok(()) };
        match piece {
            Piece::Text(text) => asked.text.push_str(&text),
            Piece::Restarted => asked.text.clear(),
            // A pool offers no tools.
            Piece::ToolCall(_) => {}
            Piece::Finished(finish) => {
                let Some(asked) = self.state.asked.remove(&number) else { return Ok(()) };
                let quality = (self.settings.quality)(&asked.task.text, &asked.text);
                let ticks = ctx.tick().0 - asked.tick;
                let seconds = ticks as f32 * ctx.tick_length().as_duration().as_secs_f32();
                let reward = quality
                    - self.settings.per_second * seconds
                    - self.settings.per_cost * finish.cost as f32;
                self.reward(asked.model, reward, ctx);
                let ending = Ending::Complete(finish.stop.clone());
                self.tell(asked.task, number, asked.text, ending, Some(finish), ctx);
            }
            Piece::Failed(_) => {
                let Some(mut asked) = self.state.asked.remove(&number) else { return Ok(()) };
                let pause = ctx.tick_length().ticks(self.settings.rest).0;
                let record = &mut self.state.records[asked.model];
                record.failed += 1;
                record.rests_until = ctx.tick().0 + pause;
                self.reward(asked.model, -1.0, ctx);
                // The others get it at once, and before what came later.
                asked.task.failed.push(asked.model);
                self.state.queue.push_front(asked.task);
                self.state.looks = None;
                return self.look(ctx);
            }
        }
        Ok(())
    }

    /// What an outcome was worth goes to the synapse that led to it, as far as it was more than usual.
    fn reward(&mut self, model: usize, reward: f32, ctx: &mut Context<'_>) {
        let usual = *self.state.usual.get_or_insert(reward);
        self.state.usual = Some(usual + FOLLOW * (reward - usual));
        self.state.records[model].reward += f64::from(reward);
        // Without room nothing is learned from it.
        _ = ctx.modulate(self.contenders[model], reward - usual);
    }

    fn tell(
        &self,
        task: Task,
        number: u32,
        text: String,
        ending: Ending,
        finish: Option<Finish>,
        ctx: &mut Context<'_>,
    ) {
        let (model, usage, cost) =
            finish.map_or_else(Default::default, |f| (f.model, f.usage, f.cost));
        let message = SpokenMessage {
            agent: ctx.atlas().address(ctx.id()),
            request: number,
            text,
            ending,
            model,
            usage: Usage { ..usage },
            cost,
            context_digest: blake3::hash(task.text.as_bytes()).to_hex().to_string(),
            context_sequence: self.state.heard,
            seen_sequence: self.state.heard,
            stale: None,
            evidence: task.event.into_iter().collect(),
            left_out: 0,
            value: None,
            calls: Vec::new(),
            refused_calls: Vec::new(),
        };
        let payload = draft(&task.record, &message);
        // What finds no room is counted by the runtime.
        _ = ctx.send(Firing { target: self.herald, payload: &payload, ..Firing::default() });
    }
}

impl Neuron for Dispatcher {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        self.herald = atlas.neuron(&self.path, "herald");
        self.gates.clear();
        self.contenders.clear();
        for (name, path) in &self.models {
            let gate = atlas.region(path).and_then(|region| atlas.members(region).first());
            let contender = atlas.neuron(&format!("{}/models", self.path), name);
            let (Some(gate), Some(contender)) = (gate, contender) else {
                return Err(Fault::new(format!("there is no gate {path:?} to the model {name}")));
            };
            self.gates.push(*gate);
            self.contenders.push(contender);
        }
        Ok(())
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let source = spike.source()?;
        if self.gates.contains(&source) {
            return self.answer(payload, ctx);
        }
        if let Some(model) = self.contenders.iter().position(|&contender| contender == source) {
            // The first claim counts; others of the same tick come too late.
            let wanted = self.state.looks.is_some() && self.may(model, ctx.tick().0);
            return if wanted { self.choose(model, ctx) } else { Ok(()) };
        }
        self.state.heard += 1;
        let fact = Fact::read(self.state.heard, ctx.tick(), spike, payload, ctx.atlas());
        let record = event_in(payload).map_or(Vec::new(), |event| event.record().to_vec());
        let task = Task { text: fact.text, event: fact.event, record, failed: Vec::new() };
        self.state.queue.push_back(task);
        if self.state.looks.is_none() { self.look(ctx) } else { Ok(()) }
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        let now = ctx.tick().0;
        let due = self.state.next_look.take_if(|at| *at <= now).is_some();
        if due { self.look(ctx) } else { Ok(()) }
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, &self.state).expect("the state can be written as JSON");
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let state: State = serde_json::from_slice(bytes)?;
        if state.records.len() != self.models.len() {
            let (was, is) = (state.records.len(), self.models.len());
            return Err(Fault::new(format!("the state is of {was} models, and there are {is}")));
        }
        self.state = state;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use neuronbus::conformance;

    use super::super::contender::Contender;
    use super::*;
    use crate::answer::Stop;

    /// A dispatcher on a stage where everything comes from one feeder: the first byte says in whose name. All it sends
    /// goes to the one ear that is there.
    struct Staged(Dispatcher);

    impl Neuron for Staged {
        fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
            let ear = atlas.neuron("ear", "ear").ok_or_else(|| Fault::new("nobody hears"))?;
            (self.0.gates, self.0.contenders) = (vec![ear; 2], vec![ear; 2]);
            Ok(())
        }

        fn on_spike(&mut self, spike: &Spike, bytes: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
            match bytes {
                [b'<', answer @ ..] => self.0.answer(answer, ctx),
                [claim @ b'0'..=b'1'] => {
                    let model = usize::from(claim - b'0');
                    let may = self.0.state.looks.is_some() && self.0.may(model, ctx.tick().0);
                    if may { self.0.choose(model, ctx) } else { Ok(()) }
                }
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

    #[test]
    fn a_dispatcher_and_its_models_keep_the_contract_of_every_neuron() {
        let make = || {
            let models = ["a", "b"].map(|name| (name.to_owned(), "ear".to_owned())).to_vec();
            Staged(Dispatcher::new("subject", models, PoolSettings::default()))
        };
        let mut payloads = vec![b"0".to_vec(), b"1".to_vec(), b"a task".to_vec()];
        let usage = Usage { input: 7, cached: 1, output: 3 };
        let finish = Finish { stop: Stop::End, usage, cost: 0.1 + 0.2, model: "m".into() };
        for number in 1..20 {
            for piece in [
                Piece::Text("good".into()),
                Piece::Finished(finish.clone()),
                Piece::Failed(Failure::new(FailureKind::Server, "it fell over")),
            ] {
                let mut answer = b"<".to_vec();
                piece.encode(number, &mut answer);
                payloads.push(answer);
            }
            payloads.push(b"another task".to_vec());
        }
        let payloads: Vec<&[u8]> = payloads.iter().map(|bytes| &bytes[..]).collect();
        conformance::neuron(make, &payloads);
        conformance::neuron(|| Contender { noise: 0.3 }, &[b"", b"a look"]);
    }
}
