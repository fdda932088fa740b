//! The neuron that holds the hooks: it hears events, asks, and hands what handlers make of the answers to the herald.

use std::collections::BTreeMap;

use neuronbus::atlas::Atlas;
use neuronbus::event::EventView;
use neuronbus::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hook::{Hook, HookEvent, HookStatistics, Reasoning};
use crate::agent::{Fact, Sections, event_in, instructions};
use crate::answer::Piece;
use crate::request::{Message, Request, Role, Sampling};

/// Where the chain of hooks stands in the context of an event, which what it causes inherits.
pub(super) const CHAIN: &str = "hook_chain";

/// Events kept for the traces of later ones.
const REMEMBERED: usize = 64;

/// An order to the registry, as JSON: `{"hook": "errors", "do": "disable"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookOrder {
    /// Which hook.
    pub hook: String,
    /// What to do with it.
    #[serde(rename = "do")]
    pub action: HookAction,
}

/// What can be done with a hook while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookAction {
    /// Lets it run again.
    Enable,
    /// Lets it run no more until it is enabled. What it has asked is still answered.
    Disable,
    /// Takes it away for good, and stops what it has asked.
    Remove,
    /// Publishes its statistics, as `hook.statistics`.
    Statistics,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    hook: usize,
    record: Vec<u8>,
    text: String,
    tick: u64,
}

/// An event that was heard, for traces.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    fact: Fact,
    parent: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Switch {
    Enabled,
    Disabled,
    Removed,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    heard: u64,
    requests: u32,
    switches: Vec<(Switch, HookStatistics)>,
    asked: BTreeMap<u32, Asked>,
    known: Vec<Known>,
    refused_orders: u64,
}

/// The neuron that holds hooks.
pub(super) struct Registry {
    pub(super) path: String,
    pub(super) gate: String,
    hooks: Vec<Hook>,
    state: State,
    gate_id: Option<NeuronId>,
    herald: Option<NeuronId>,
    control: Option<NeuronId>,
}

impl Registry {
    pub(super) fn new(path: &str, gate: &str, hooks: Vec<Hook>) -> Self {
        let switches = vec![(Switch::Enabled, HookStatistics::default()); hooks.len()];
        let state = State { switches, ..State::default() };
        let (path, gate) = (path.to_owned(), gate.to_owned());
        Self { path, gate, hooks, state, gate_id: None, herald: None, control: None }
    }

    fn hear(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) {
        // What is no event triggers nothing.
        let Some(event) = event_in(payload) else { return };
        let payload = event.record();
        self.state.heard += 1;
        let fact = Fact::read(self.state.heard, ctx.tick(), spike, payload, ctx.atlas());
        let parent = event.parent().map(|parent| parent.to_string());
        let known = &mut self.state.known;
        if known.len() == REMEMBERED {
            known.remove(0);
        }
        known.push(Known { fact: fact.clone(), parent });
        let chain = chain_of(&event);
        for index in 0..self.hooks.len() {
            let hook = &self.hooks[index];
            let (switch, statistics) = &mut self.state.switches[index];
            if *switch != Switch::Enabled || !hook.trigger.matches(spike, &event) {
                continue;
            }
            statistics.matched += 1;
            let passed = chain.iter().filter(|name| **name == hook.name).count();
            if passed >= hook.depth as usize {
                statistics.loops += 1;
                continue;
            }
            self.ask(index, &fact, payload, ctx);
        }
    }

    /// Those who led to an event, oldest first.
    fn trace(&self, of: &Fact) -> Vec<Fact> {
        let by_id =
            |id: &str| self.state.known.iter().find(|k| k.fact.event.as_deref() == Some(id));
        let mut trace = Vec::new();
        let mut next = of.event.as_deref().and_then(by_id);
        while let Some(parent) = next.and_then(|known| known.parent.as_deref()).and_then(by_id) {
            trace.push(parent.fact.clone());
            next = Some(parent);
            if trace.len() == REMEMBERED {
                break;
            }
        }
        trace.reverse();
        trace
    }

    fn ask(&mut self, index: usize, fact: &Fact, record: &[u8], ctx: &mut Context<'_>) {
        let hook = &self.hooks[index];
        let trace = self.trace(fact);
        let sections = Sections {
            evidence: std::slice::from_ref(fact),
            event_trace: &trace,
            ..Sections::default()
        };
        let statistics = &mut self.state.switches[index].1;
        let Ok(prompt) = hook.prompt.render(sections, hook.prompt_tokens) else {
            statistics.failed += 1;
            return;
        };
        self.state.requests += 1;
        let request = Request {
            number: self.state.requests,
            agent: String::new(),
            model: hook.model.clone(),
            messages: vec![
                Message { role: Role::System, content: instructions("") },
                Message { role: Role::User, content: prompt.text },
            ],
            max_tokens: hook.max_tokens,
            sampling: Sampling::default(),
            tools: Vec::new(),
            shape: None,
        };
        let payload = serde_json::to_vec(&request).expect("a request can be written as JSON");
        let firing = Firing { target: self.gate_id, payload: &payload, ..Firing::default() };
        if ctx.send(firing).is_err() {
            statistics.failed += 1;
            return;
        }
        statistics.asked += 1;
        let asked =
            Asked { hook: index, record: record.to_vec(), text: String::new(), tick: ctx.tick().0 };
        self.state.asked.insert(request.number, asked);
    }

    fn answer(&mut self, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        // What is no answer answers nothing.
        let Ok((number, piece)) = Piece::decode(payload) else { return Ok(()) };
        let Some(asked) = self.state.asked.get_mut(&number) else { return Ok(()) };
        match piece {
            Piece::Text(text) => {
                asked.text.push_str(&text);
                return Ok(());
            }
            Piece::Restarted => {
                asked.text.clear();
                return Ok(());
            }
            // A hook offers no tools, so that a call is a mistake of the model's.
            Piece::ToolCall(_) => return Ok(()),
            Piece::Finished(_) | Piece::Failed(_) => {}
        }
        let Some(asked) = self.state.asked.remove(&number) else { return Ok(()) };
        let statistics = &mut self.state.switches[asked.hook].1;
        let Piece::Finished(finish) = piece else {
            statistics.failed += 1;
            return Ok(());
        };
        statistics.answered += 1;
        statistics.usage += finish.usage;
        statistics.cost += finish.cost;
        statistics.ticks += ctx.tick().0 - asked.tick;
        let event = EventView::parse(&asked.record)?;
        let hook = &self.hooks[asked.hook];
        let reasoning = Reasoning { text: asked.text, finish };
        if let Some(made) = (hook.handler)(&event, &reasoning) {
            self.publish(Some(&hook.name.clone()), &asked.record, &made, ctx);
            self.state.switches[asked.hook].1.published += 1;
        }
        Ok(())
    }

    /// Hands an event to the herald: the length of the cause's record, the record, the rest as JSON.
    fn publish(&self, hook: Option<&str>, cause: &[u8], made: &HookEvent, ctx: &mut Context<'_>) {
        let mut draft = (cause.len() as u32).to_le_bytes().to_vec();
        draft.extend_from_slice(cause);
        let json = serde_json::to_vec(&(hook, made)).expect("an event can be written as JSON");
        draft.extend_from_slice(&json);
        // What finds no room is counted by the runtime.
        _ = ctx.send(Firing { target: self.herald, payload: &draft, ..Firing::default() });
    }

    fn obey(&mut self, payload: &[u8], ctx: &mut Context<'_>) {
        let order = serde_json::from_slice::<HookOrder>(payload).ok();
        let found = order.and_then(|order| {
            let index = self.hooks.iter().position(|hook| hook.name == order.hook)?;
            Some((index, order.action))
        });
        let Some((index, action)) = found else {
            self.state.refused_orders += 1;
            return;
        };
        let (switch, statistics) = &mut self.state.switches[index];
        match action {
            _ if *switch == Switch::Removed => self.state.refused_orders += 1,
            HookAction::Enable => *switch = Switch::Enabled,
            HookAction::Disable => *switch = Switch::Disabled,
            HookAction::Remove => {
                *switch = Switch::Removed;
                self.forget(index, ctx);
            }
            HookAction::Statistics => {
                let body = serde_json::json!({
                    "hook": self.hooks[index].name, "statistics": statistics
                });
                self.publish(None, &[], &HookEvent::new("hook.statistics", body), ctx);
            }
        }
    }

    /// Stops what a hook has asked.
    fn forget(&mut self, index: usize, ctx: &mut Context<'_>) {
        let of_hook = |asked: &(&u32, &Asked)| asked.1.hook == index;
        let numbers: Vec<u32> = self.state.asked.iter().filter(of_hook).map(|(n, _)| *n).collect();
        for number in numbers {
            self.state.asked.remove(&number);
            let cancel = crate::request::Cancel { number, reason: "its hook was removed".into() };
            let payload = serde_json::to_vec(&cancel).expect("two fields can be written as JSON");
            let kind = SpikeKind::Inhibitory;
            let firing =
                Firing { kind, target: self.gate_id, payload: &payload, ..Firing::default() };
            // Without room the request runs to its end, and nobody waits for it.
            _ = ctx.send(firing);
        }
    }
}

/// The names of the hooks that led to an event, oldest first.
pub(super) fn chain_of(event: &EventView<'_>) -> Vec<String> {
    let context = event.context().read::<Map<String, Value>>().unwrap_or_default();
    let chain = context.get(CHAIN).cloned().unwrap_or_default();
    serde_json::from_value(chain).unwrap_or_default()
}

impl Neuron for Registry {
    fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
        let gate = atlas.region(&self.gate).and_then(|region| atlas.members(region).first());
        if gate.is_none() {
            return Err(Fault::new(format!("there is no gate {:?} to a model", self.gate)));
        }
        self.gate_id = gate.copied();
        self.herald = atlas.neuron(&self.path, "herald");
        self.control = atlas.neuron(&self.path, "control");
        Ok(())
    }

    fn on_spike(&mut self, spike: &Spike, payload: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
        let source = spike.source().ok();
        if source == self.gate_id {
            return self.answer(payload, ctx);
        }
        if source == self.control {
            self.obey(payload, ctx);
        } else {
            self.hear(spike, payload, ctx);
        }
        Ok(())
    }

    fn on_fire(&mut self, _: &mut Context<'_>) -> NeuronResult {
        Ok(())
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(out, &self.state).expect("the state can be written as JSON");
    }

    fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
        let state: State = serde_json::from_slice(bytes)?;
        if state.switches.len() != self.hooks.len() {
            let (was, is) = (state.switches.len(), self.hooks.len());
            return Err(Fault::new(format!("the state is of {was} hooks, and there are {is}")));
        }
        self.state = state;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use neuronbus::conformance;
    use neuronbus::event::{Event, EventIds};

    use super::super::Trigger;
    use super::*;
    use crate::agent::PromptTemplate;
    use crate::answer::{Finish, Stop, Usage};

    /// A registry on a stage where everything comes from one feeder: the first byte says in whose name.
    struct Staged(Registry);

    impl Neuron for Staged {
        fn on_start(&mut self, atlas: &Atlas) -> NeuronResult {
            self.0.on_start(atlas)
        }

        fn on_spike(&mut self, spike: &Spike, bytes: &[u8], ctx: &mut Context<'_>) -> NeuronResult {
            match bytes {
                [b'<', answer @ ..] => self.0.answer(answer, ctx),
                [b'{', ..] => {
                    self.0.obey(bytes, ctx);
                    Ok(())
                }
                _ => self.0.on_spike(spike, bytes, ctx),
            }
        }

        fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
            self.0.on_fire(ctx)
        }

        fn snapshot(&self, out: &mut Vec<u8>) {
            self.0.snapshot(out);
        }

        fn restore(&mut self, bytes: &[u8]) -> NeuronResult {
            self.0.restore(bytes)
        }
    }

    #[test]
    fn a_registry_of_hooks_keeps_the_contract_of_every_neuron() {
        let hook = |name, pattern| {
            let prompt = PromptTemplate::new("{evidence} {event_trace}").unwrap();
            Hook::new(name, Trigger::topic(pattern).unwrap(), prompt, |event, reasoning| {
                Some(HookEvent::new(format!("{}.done", event.topic()), reasoning.text.as_str()))
            })
        };
        let make = || {
            let hooks = vec![hook("errors", "system.error"), hook("all", "#")];
            Staged(Registry::new("subject", "ear", hooks))
        };
        let mut payloads = Vec::new();
        for (number, topic) in ["system.error", "disk.full", "system.error"].into_iter().enumerate()
        {
            let mut record = Vec::new();
            let event = Event::new(topic).body("so it is");
            event.encode(&mut EventIds::new(number as u64), 0, &mut record).unwrap();
            payloads.push(record);
        }
        for order in ["disable", "enable", "statistics", "remove"] {
            payloads.push(format!("{{\"hook\":\"errors\",\"do\":\"{order}\"}}").into_bytes());
        }
        let usage = Usage { input: 7, cached: 1, output: 3 };
        let finish = Finish { stop: Stop::End, usage, cost: 0.1 + 0.2, model: "m".into() };
        for number in 1..6 {
            for piece in [Piece::Text("why".into()), Piece::Finished(finish.clone())] {
                let mut answer = b"<".to_vec();
                piece.encode(number, &mut answer);
                payloads.push(answer);
            }
        }
        let payloads: Vec<&[u8]> = payloads.iter().map(|bytes| &bytes[..]).collect();
        conformance::neuron(make, &payloads);
    }
}
