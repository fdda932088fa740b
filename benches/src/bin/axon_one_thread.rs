//! One push and one pop on one thread: what an event loop that ticks on one core pays for a spike.
//!
//! The message is built, stored, read back and checked, so a queue's own cost is the difference to the first row.

use std::hint::black_box;

use neuronbus::pace::Stamp;
use neuronbus_benches::rings::{
    BATCH, Deque, Disruptor, OurAxon, Receiver, Ring, Rtrb, Sender, check, message, set_short,
};
use neuronbus_benches::{Options, Table, median, pin};

const SLOTS: usize = 1024;

/// Runs something for so many messages; ns a message.
fn timed(messages: u64, mut run: impl FnMut(u64)) -> f64 {
    let began = Stamp::now();
    let mut number = 0;
    while number < messages {
        run(number);
        number += BATCH as u64;
    }
    Stamp::now().ns_since(began) as f64 / messages as f64
}

/// One at a time and in batches, ns a message.
fn ring<R: Ring>(messages: u64) -> [f64; 2] {
    let (mut sender, mut receiver) = R::of(SLOTS);
    let single = timed(messages, |from| {
        for number in from..from + BATCH as u64 {
            assert!(sender.send(number) && receiver.receive(number));
        }
    });
    let batch = timed(messages, |from| {
        assert_eq!(sender.send_batch(from), BATCH as u64);
        assert_eq!(receiver.receive_batch(from), BATCH as u64);
    });
    [single, batch]
}

fn deque(messages: u64) -> [f64; 2] {
    let mut deque = Deque::of(SLOTS);
    let single = timed(messages, |from| {
        for number in from..from + BATCH as u64 {
            black_box(&mut deque).pass(number, 1);
        }
    });
    [single, timed(messages, |from| black_box(&mut deque).pass(from, BATCH as u64))]
}

fn no_queue(messages: u64) -> [f64; 2] {
    let nothing = || {
        timed(messages, |from| {
            for number in from..from + BATCH as u64 {
                check(black_box(&message(number)), number);
            }
        })
    };
    [nothing(), nothing()]
}

/// A contestant: its name and what it costs for so many messages, one at a time and in batches.
type Contestant = (&'static str, fn(u64) -> [f64; 2]);

fn main() {
    let options = Options::from_args();
    let (rounds, messages) = if options.smoke { (3, 64_000) } else { (15, 6_400_000) };
    pin(0);
    let contestants: [Contestant; 5] = [
        ("no queue", no_queue),
        (OurAxon::NAME, ring::<OurAxon>),
        (Rtrb::NAME, ring::<Rtrb>),
        (Disruptor::NAME, ring::<Disruptor>),
        ("VecDeque", deque),
    ];
    for short in [false, true] {
        set_short(short);
        let payload = if short { 14 } else { 46 };
        let title = format!("One push and one pop on one thread, payloads of {payload} bytes");
        options.print(&title, &compare(&contestants, rounds, messages));
    }
}

/// Runs the contestants in turn, so many times.
fn compare(contestants: &[Contestant], rounds: usize, messages: u64) -> Table {
    let mut figures = vec![[Vec::new(), Vec::new()]; contestants.len()];
    for _ in 0..rounds {
        for (figures, (_, run)) in figures.iter_mut().zip(contestants) {
            for (figures, figure) in figures.iter_mut().zip(run(messages)) {
                figures.push(figure);
            }
        }
    }
    let batch = format!("push {BATCH}, pop {BATCH}: ns each");
    let mut table = Table::new(&["ring", "push 1, pop 1: ns", "range", &batch, "range of it"]);
    for ((name, _), [single, batch]) in contestants.iter().zip(&mut figures) {
        let mut row = vec![(*name).to_owned()];
        for figures in [single, batch] {
            row.push(format!("{:.2}", median(figures)));
            row.push(format!("{:.2}-{:.2}", figures[0], figures[figures.len() - 1]));
        }
        table.row(&row);
    }
    table
}
