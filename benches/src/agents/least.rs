//! The least that a ring of agents has to do, by hand and for this one shape: what a spike that is heard and fired
//! again costs at the bottom.
//!
//! What every agent is promised is there: a spike of 64 bytes with time, source and sequence, heard in the order of its
//! source one tick later; a membrane with leak, threshold and pause; both callbacks behind a table of functions, each
//! of which can fail; a limit of spikes under way; counters. What only some need is not: other delays, filters, rules,
//! gates, crowds, populations, evidence, timers, large payloads, faults that silence, recording, several workers, and
//! a topology that changes.

use neuronbus::pace::Stamp;

use crate::harness::{Sample, pin};

/// A spike, as it is laid out.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Message {
    time_ns: u64,
    sequence: u32,
    source: u16,
    target: u16,
    tag: u8,
    priority: u8,
    payload: [u8; 46],
}

/// A membrane and what else is known of an agent.
#[derive(Default)]
struct Soma {
    updated: u64,
    ready: u64,
    potential: f32,
    input: f32,
    sequence: u32,
}

#[repr(align(64))]
struct Cell {
    soma: Soma,
    agent: Box<dyn Agent>,
}

type Outcome = Result<(), String>;

struct Call<'a> {
    now: u64,
    id: u16,
    soma: &'a mut Soma,
    sent: &'a mut Vec<Message>,
    room: &'a mut usize,
}

trait Agent {
    fn on_spike(&mut self, spike: &Message, payload: &[u8], call: &mut Call<'_>) -> Outcome {
        let _ = (spike.time_ns, spike.target, spike.priority, payload, call);
        Ok(())
    }

    fn on_fire(&mut self, call: &mut Call<'_>) -> Outcome;
}

struct Passer;

impl Agent for Passer {
    fn on_fire(&mut self, call: &mut Call<'_>) -> Outcome {
        call.fire(&[])
    }
}

impl Call<'_> {
    #[inline(always)]
    fn fire(&mut self, bytes: &[u8]) -> Outcome {
        *self.room = self.room.checked_sub(1).ok_or("too many are under way")?;
        let mut payload = [0; 46];
        payload[..bytes.len()].copy_from_slice(bytes);
        self.sent.push(Message {
            time_ns: self.now * 1_000_000,
            sequence: self.soma.sequence,
            source: self.id,
            target: u16::MAX,
            tag: (bytes.len() as u8) << 2,
            priority: 0,
            payload,
        });
        self.soma.sequence += 1;
        Ok(())
    }
}

struct Ring {
    cells: Vec<Cell>,
    targets: Vec<u16>,
    weights: Vec<f32>,
    decay: Vec<f32>,
    touched: Vec<u64>,
    sent: Vec<Message>,
    landing: Vec<Message>,
    room: usize,
    now: u64,
    delivered: u64,
}

impl Ring {
    fn new(agents: usize) -> Self {
        let agent = || Box::new(std::hint::black_box(Passer)) as Box<dyn Agent>;
        let cell = |_| Cell { soma: Soma::default(), agent: agent() };
        let mut ring = Self {
            cells: (0..agents).map(cell).collect(),
            targets: (0..agents).map(|n| ((n + 1) % agents) as u16).collect(),
            weights: vec![1.0; agents],
            decay: (0..4096).map(|k| 0.95f32.powi(k)).collect(),
            touched: vec![0; agents.div_ceil(64)],
            sent: Vec::new(),
            landing: Vec::new(),
            room: 1 << 20,
            now: 0,
            delivered: 0,
        };
        ring.touched.fill(u64::MAX);
        if !agents.is_multiple_of(64) {
            ring.touched[agents / 64] = (1 << (agents % 64)) - 1;
        }
        ring.cells.iter_mut().for_each(|cell| cell.soma.input = 1.0);
        ring.fire();
        ring
    }

    fn tick(&mut self) {
        self.now += 1;
        std::mem::swap(&mut self.sent, &mut self.landing);
        if !self.landing.is_sorted_by_key(|spike| spike.source) {
            self.landing.sort_by_key(|spike| spike.source);
        }
        self.hear();
        self.fire();
    }

    fn hear(&mut self) {
        let Self { cells, targets, weights, touched, sent, landing, room, now, delivered, .. } =
            self;
        for spike in landing.iter() {
            // A row of one synapse.
            let row = usize::from(spike.source)..usize::from(spike.source) + 1;
            let sign = if spike.tag & 0b11 == 1 { -1.0 } else { 1.0 };
            let payload = &spike.payload[..usize::from(spike.tag >> 2).min(46)];
            for (&target, &weight) in targets[row.clone()].iter().zip(&weights[row]) {
                let Cell { soma, agent } = &mut cells[usize::from(target)];
                if *now < soma.ready {
                    continue;
                }
                soma.input += sign * weight;
                touched[usize::from(target / 64)] |= 1 << (target % 64);
                let mut call = Call { now: *now, id: target, soma, sent, room };
                agent.on_spike(spike, payload, &mut call).expect("it never fails");
                *delivered += 1;
            }
            *room += 1;
        }
        landing.clear();
    }

    fn fire(&mut self) {
        let Self { cells, decay, touched, sent, room, now, .. } = self;
        for (word, bits) in touched.iter_mut().enumerate() {
            let mut bits = std::mem::take(bits);
            while bits != 0 {
                let id = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let Cell { soma, agent } = &mut cells[id];
                let mut potential = soma.potential;
                if potential != 0.0 {
                    potential *= decay[(*now - soma.updated) as usize & 4095];
                }
                potential += soma.input;
                (soma.input, soma.updated, soma.potential) = (0.0, *now, potential);
                if potential < 1.0 {
                    continue;
                }
                (soma.potential, soma.ready) = (0.0, *now + 1);
                let mut call = Call { now: *now, id: id as u16, soma, sent, room };
                agent.on_fire(&mut call).expect("it never fails");
            }
        }
    }
}

/// As many spikes going round as there are agents, in million hops a second.
pub(super) fn ring(agents: usize, hops: u64) -> impl FnMut() -> Sample {
    let mut ring = None;
    move || {
        pin(0);
        let ring = ring.get_or_insert_with(|| Ring::new(agents));
        let (before, began) = (ring.delivered, Stamp::now());
        (0..hops / agents as u64).for_each(|_| ring.tick());
        let ns = Stamp::now().ns_since(began) as f64;
        Sample::from((ring.delivered - before) as f64 * 1000.0 / ns)
    }
}
