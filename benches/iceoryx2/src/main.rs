//! Two processes joined by iceoryx2's publish and subscribe, on cores of their own: prints the figures that the
//! benchmark asks for. The program starts itself again as the other process.

use std::process::{Child, Command};
use std::time::Instant;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory as Ports;

type Failure = Box<dyn std::error::Error>;
type Line = [u64; 8];

const BATCH: u64 = 64;

fn pin(core: usize) {
    core_affinity::set_for_current(core_affinity::CoreId { id: core });
}

fn line(number: u64) -> Line {
    [number, number, number, number, !number, number, number, number.rotate_left(5)]
}

fn check(line: &Line, number: u64) {
    assert!(line[0] == number && line[7] == number.rotate_left(5), "message {number} is not whole");
}

/// What both sides know of each other: names that no other run has.
fn name(what: &str, way: &str, owner: &str) -> Result<ServiceName, Failure> {
    Ok(format!("neuronbus-benches/{owner}/{what}/{way}").as_str().try_into()?)
}

fn lines(
    node: &Node<ipc::Service>,
    name: &ServiceName,
    buffer: usize,
) -> Result<Ports<ipc::Service, Line, ()>, Failure> {
    let service = node.service_builder(name).publish_subscribe::<Line>();
    let service = service.subscriber_max_buffer_size(buffer).enable_safe_overflow(false);
    Ok(service.history_size(0).max_publishers(1).max_subscribers(1).open_or_create()?)
}

fn blocks(
    node: &Node<ipc::Service>,
    name: &ServiceName,
) -> Result<Ports<ipc::Service, [u64], ()>, Failure> {
    let service = node.service_builder(name).publish_subscribe::<[u64]>();
    let service = service.subscriber_max_buffer_size(4).enable_safe_overflow(false);
    Ok(service.history_size(0).max_publishers(1).max_subscribers(1).open_or_create()?)
}

fn publisher(
    service: &Ports<ipc::Service, Line, ()>,
) -> Result<Publisher<ipc::Service, Line, ()>, Failure> {
    let publisher = service.publisher_builder();
    Ok(publisher.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered).create()?)
}

fn send(publisher: &Publisher<ipc::Service, Line, ()>, number: u64) -> Result<(), Failure> {
    publisher.loan_uninit()?.write_payload(line(number)).send()?;
    Ok(())
}

fn receive(subscriber: &Subscriber<ipc::Service, Line, ()>, number: u64) -> Result<(), Failure> {
    loop {
        if let Some(sample) = subscriber.receive()? {
            check(sample.payload(), number);
            return Ok(());
        }
        std::hint::spin_loop();
    }
}

/// The other process: the same program, told what it is.
fn other(what: &str, count: u64, owner: &str) -> Result<Child, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    Ok(command.args([what, &count.to_string(), owner]).spawn()?)
}

/// Waits while something holds.
fn wait_while(holds: impl Fn() -> bool) {
    while holds() {
        std::thread::yield_now();
    }
}

fn latency(rounds: u64, owner: Option<&str>) -> Result<(), Failure> {
    let own = std::process::id().to_string();
    let owner_name = owner.unwrap_or(&own);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let there = lines(&node, &name("latency", "there", owner_name)?, 1)?;
    let back = lines(&node, &name("latency", "back", owner_name)?, 1)?;
    if owner.is_some() {
        pin(1);
        let (ears, mouth) = (there.subscriber_builder().create()?, publisher(&back)?);
        for number in 0..rounds {
            receive(&ears, number)?;
            send(&mouth, number)?;
        }
        // The last answer is taken before this side ends.
        wait_while(|| back.dynamic_config().number_of_subscribers() > 0);
        return Ok(());
    }
    pin(0);
    let (mouth, ears) = (publisher(&there)?, back.subscriber_builder().create()?);
    let mut child = other("latency", rounds, owner_name)?;
    // Until the other side has attached to what was made here.
    wait_while(|| there.dynamic_config().number_of_subscribers() == 0);
    wait_while(|| back.dynamic_config().number_of_publishers() == 0);
    let mut times = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    for number in 0..rounds {
        let began = Instant::now();
        send(&mouth, number)?;
        receive(&ears, number)?;
        if number >= rounds / 10 {
            times.saturating_record((began.elapsed().as_nanos() as u64 / 2).max(1));
        }
    }
    drop((mouth, ears));
    child.wait()?;
    print(&times);
    Ok(())
}

fn print(times: &hdrhistogram::Histogram<u64>) {
    let at = |quantile| times.value_at_quantile(quantile);
    println!("{} {} {}", at(0.5), at(0.99), at(0.999));
}

fn rate(messages: u64, owner: Option<&str>) -> Result<(), Failure> {
    let own = std::process::id().to_string();
    let owner_name = owner.unwrap_or(&own);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let there = lines(&node, &name("rate", "there", owner_name)?, 1024)?;
    let back = lines(&node, &name("rate", "back", owner_name)?, 1)?;
    if owner.is_some() {
        pin(1);
        let (ears, mouth) = (there.subscriber_builder().create()?, publisher(&back)?);
        for number in 0..messages {
            receive(&ears, number)?;
        }
        send(&mouth, 0)?;
        wait_while(|| back.dynamic_config().number_of_subscribers() > 0);
        return Ok(());
    }
    pin(0);
    let (mouth, ears) = (publisher(&there)?, back.subscriber_builder().create()?);
    let mut child = other("rate", messages, owner_name)?;
    // Until the other side has attached to what was made here.
    wait_while(|| there.dynamic_config().number_of_subscribers() == 0);
    wait_while(|| back.dynamic_config().number_of_publishers() == 0);
    let began = Instant::now();
    for number in 0..messages {
        send(&mouth, number)?;
    }
    receive(&ears, 0)?;
    println!("{}", messages as f64 * 1e-6 / began.elapsed().as_secs_f64());
    drop((mouth, ears));
    child.wait()?;
    Ok(())
}

/// A block of 1 MB, written once into loaned memory and read where it lies; the answer says that it was read.
fn megabyte(rounds: u64, owner: Option<&str>) -> Result<(), Failure> {
    const WORDS: usize = 1_000_000 / 8;
    let own = std::process::id().to_string();
    let owner_name = owner.unwrap_or(&own);
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let there = blocks(&node, &name("megabyte", "there", owner_name)?)?;
    let back = lines(&node, &name("megabyte", "back", owner_name)?, 1)?;
    if owner.is_some() {
        pin(1);
        let (ears, mouth) = (there.subscriber_builder().create()?, publisher(&back)?);
        for number in 0..rounds {
            let sum = loop {
                if let Some(sample) = ears.receive()? {
                    let block: &[u64] = sample.payload();
                    break block.iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
                }
                std::hint::spin_loop();
            };
            assert_eq!(sum, number.wrapping_mul(WORDS as u64), "block {number} is not whole");
            send(&mouth, number)?;
        }
        wait_while(|| back.dynamic_config().number_of_subscribers() > 0);
        return Ok(());
    }
    pin(0);
    let mouth = there.publisher_builder().initial_max_slice_len(WORDS);
    let mouth = mouth.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered).create()?;
    let ears = back.subscriber_builder().create()?;
    let mut child = other("megabyte", rounds, owner_name)?;
    // Until the other side has attached to what was made here.
    wait_while(|| there.dynamic_config().number_of_subscribers() == 0);
    wait_while(|| back.dynamic_config().number_of_publishers() == 0);
    let mut times = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let mut block = vec![0u64; WORDS];
    for number in 0..rounds {
        block.fill(number);
        let began = Instant::now();
        mouth.loan_slice_uninit(WORDS)?.write_from_slice(&block).send()?;
        receive(&ears, number)?;
        if number >= rounds / 10 {
            times.saturating_record(began.elapsed().as_nanos() as u64);
        }
    }
    drop((mouth, ears));
    child.wait()?;
    print(&times);
    Ok(())
}

/// Joining with a publisher and a subscriber, and leaving.
fn attach(rounds: u64) -> Result<(), Failure> {
    let own = std::process::id().to_string();
    let keeper = NodeBuilder::new().create::<ipc::Service>()?;
    let (there, back) = (name("attach", "there", &own)?, name("attach", "back", &own)?);
    let _kept = (lines(&keeper, &there, BATCH as usize)?, lines(&keeper, &back, BATCH as usize)?);
    let mut times = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    for _ in 0..rounds {
        let began = Instant::now();
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let (there, back) =
            (lines(&node, &there, BATCH as usize)?, lines(&node, &back, BATCH as usize)?);
        let ends = (publisher(&there)?, back.subscriber_builder().create()?);
        drop(ends);
        drop((there, back, node));
        times.saturating_record(began.elapsed().as_nanos() as u64);
    }
    print(&times);
    Ok(())
}

fn main() -> Result<(), Failure> {
    set_log_level(LogLevel::Error);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, count, rest @ ..] = &arguments[..] else {
        return Err("usage: iceoryx2-processes latency|rate|megabyte|attach COUNT".into());
    };
    let (count, owner) = (count.parse()?, rest.first().map(String::as_str));
    match what.as_str() {
        "latency" => latency(count, owner),
        "rate" => rate(count, owner),
        "megabyte" => megabyte(count, owner),
        "attach" => attach(count),
        _ => Err(format!("there is no {what} to measure").into()),
    }
}
