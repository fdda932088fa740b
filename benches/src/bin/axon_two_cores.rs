//! Between two cores: ping-pong latency and throughput of 64-byte messages, each beside the distance of the cores at
//! that moment.
//!
//! Figures of different placements (tens or hundreds of ns in the probe) must not be compared with each other.

use std::sync::atomic::{AtomicBool, Ordering};

use hdrhistogram::Histogram;
use neuronbus::pace::Stamp;
use neuronbus_benches::rings::{Disruptor, OurAxon, RawSlot, Receiver, Ring, Rtrb, Sender};
use neuronbus_benches::{Options, Table, histogram, median, pin, placement_probe};

const SLOTS: usize = 1024;

/// Half of each round trip, in ns; the first tenth is warm-up.
fn ping_pong<R: Ring>(rounds: u64) -> Histogram<u64>
where
    R::Sender: 'static,
    R::Receiver: 'static,
{
    let (mut ping, mut ping_end) = R::of(SLOTS);
    let (mut pong, mut pong_end) = R::of(SLOTS);
    let answering = std::thread::spawn(move || {
        pin(1);
        for number in 0..rounds {
            while !ping_end.receive(number) {}
            while !pong.send(number) {}
        }
    });
    pin(0);
    let mut times = histogram();
    for number in 0..rounds {
        let began = Stamp::now();
        while !ping.send(number) {}
        while !pong_end.receive(number) {}
        if number >= rounds / 10 {
            times.saturating_record((Stamp::now().ns_since(began) / 2).max(1));
        }
    }
    answering.join().expect("the other end checks what it gets");
    times
}

/// Million messages a second from the first sent to the last checked, one at a time or in batches.
fn throughput<R: Ring>(messages: u64, batch: bool) -> f64
where
    R::Sender: 'static,
    R::Receiver: 'static,
{
    static READY: AtomicBool = AtomicBool::new(false);
    READY.store(false, Ordering::Relaxed);
    let (mut sender, mut receiver) = R::of(SLOTS);
    let receiving = std::thread::spawn(move || {
        pin(1);
        READY.store(true, Ordering::Release);
        let mut number = 0;
        while number < messages {
            number += if batch {
                receiver.receive_batch(number)
            } else {
                u64::from(receiver.receive(number))
            };
        }
    });
    pin(0);
    while !READY.load(Ordering::Acquire) {
        std::hint::spin_loop();
    }
    let began = Stamp::now();
    let mut number = 0;
    while number < messages {
        number += if batch { sender.send_batch(number) } else { u64::from(sender.send(number)) };
    }
    receiving.join().expect("the other end checks what it gets");
    messages as f64 * 1000.0 / Stamp::now().ns_since(began) as f64
}

/// A contestant in both disciplines; the raw slot cannot hold more than one message and has no throughput.
struct Contestant {
    name: &'static str,
    ping_pong: fn(u64) -> Histogram<u64>,
    throughput: Option<fn(u64, bool) -> f64>,
}

fn contestants() -> [Contestant; 4] {
    fn ring<R: Ring>() -> Contestant
    where
        R::Sender: 'static,
        R::Receiver: 'static,
    {
        Contestant { name: R::NAME, ping_pong: ping_pong::<R>, throughput: Some(throughput::<R>) }
    }
    [
        Contestant { throughput: None, ..ring::<RawSlot>() },
        ring::<OurAxon>(),
        ring::<Rtrb>(),
        ring::<Disruptor>(),
    ]
}

fn latency(options: Options) -> Table {
    let (repeats, rounds) = if options.smoke { (1, 20_000) } else { (5, 500_000) };
    let heads = ["ring", "probe, ns one way", "p50 ns", "p99 ns", "p99.9 ns", "max ns"];
    let mut table = Table::new(&heads);
    for _ in 0..repeats {
        for contestant in contestants() {
            let probe = placement_probe();
            let times = (contestant.ping_pong)(rounds);
            let at = |quantile| times.value_at_quantile(quantile).to_string();
            let row = [contestant.name.to_owned(), format!("{probe:.0}"), at(0.5), at(0.99)];
            table.row(&[&row[..], &[at(0.999), times.max().to_string()]].concat());
        }
    }
    table
}

fn rates(options: Options) -> Table {
    let (repeats, messages) = if options.smoke { (1, 640_000) } else { (7, 19_200_000) };
    let heads = ["ring", "use", "probes, ns one way", "M/s, median", "range"];
    let mut table = Table::new(&heads);
    let mut figures = vec![[(Vec::new(), Vec::new()), (Vec::new(), Vec::new())]; 4];
    for _ in 0..repeats {
        for (figures, contestant) in figures.iter_mut().zip(contestants()) {
            let Some(run) = contestant.throughput else { continue };
            for ((rates, probes), batch) in figures.iter_mut().zip([false, true]) {
                probes.push(placement_probe());
                rates.push(run(messages, batch));
            }
        }
    }
    for (figures, contestant) in figures.iter_mut().zip(contestants()) {
        if contestant.throughput.is_none() {
            continue;
        }
        for ((rates, probes), usage) in figures.iter_mut().zip(["one at a time", "batches of 64"]) {
            let probes: Vec<_> = probes.iter().map(|probe| format!("{probe:.0}")).collect();
            let middle = format!("{:.0}", median(rates));
            let range = format!("{:.0}-{:.0}", rates[0], rates[rates.len() - 1]);
            let row = [contestant.name.to_owned(), usage.to_owned(), probes.join(" ")];
            table.row(&[&row[..], &[middle, range]].concat());
        }
    }
    table
}

fn main() {
    let options = Options::from_args();
    options.print("Ping-pong of 64 bytes between two cores, one way", &latency(options));
    options.print("Throughput of 64 bytes between two cores", &rates(options));
}
