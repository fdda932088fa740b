//! Two sessions of one process or of two, joined over TCP loopback: prints the figures that the benchmark asks for.

use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use zenoh::qos::CongestionControl;
use zenoh::{Config, Session, Wait};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn session(role: &str, port: u16) -> Result<Session, Failure> {
    let mut config = Config::default();
    config.insert_json5("mode", "\"peer\"")?;
    config.insert_json5("scouting/multicast/enabled", "false")?;
    config.insert_json5(role, &format!("[\"tcp/127.0.0.1:{port}\"]"))?;
    Ok(zenoh::open(config).wait()?)
}

fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn pair() -> Result<(Session, Session), Failure> {
    let port = free_port()?;
    let here = session("listen/endpoints", port)?;
    Ok((here, session("connect/endpoints", port)?))
}

/// The other process: the same program, told what it is; ended when dropped.
struct Other(std::process::Child);

impl Other {
    fn start(what: &str, count: u64, port: u16) -> Result<Self, Failure> {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        let command = command.args([what, &count.to_string(), &port.to_string()]);
        Ok(Self(command.spawn()?))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // One that has ended is ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends back what comes, until the session ends.
fn echo(there: &Session) -> Result<impl Sized, Failure> {
    let back = there.declare_publisher("wires/back").express(true).wait()?;
    let echo = there.declare_subscriber("wires/there").callback(move |sample| {
        let bytes = sample.payload().to_bytes().into_owned();
        back.put(bytes).wait().expect("both sessions are open");
    });
    Ok(echo.wait()?)
}

/// One message there and one back.
fn round_trip(rounds: u64) -> Result<(), Failure> {
    let (here, there) = pair()?;
    let _echo = echo(&there)?;
    there_and_back(&here, rounds, 1)
}

/// The same between two processes; one way.
fn processes_latency(rounds: u64) -> Result<(), Failure> {
    let port = free_port()?;
    let here = session("listen/endpoints", port)?;
    let _other = Other::start("echo", rounds, port)?;
    there_and_back(&here, rounds, 2)
}

fn there_and_back(here: &Session, rounds: u64, parts: u64) -> Result<(), Failure> {
    let (answered, answers) = channel();
    let listen = here.declare_subscriber("wires/back").callback(move |_| _ = answered.send(()));
    let _listen = listen.wait()?;
    let publisher = here.declare_publisher("wires/there").express(true).wait()?;
    // Declarations travel in their own time.
    while publisher.put(vec![7u8; 64]).wait().is_ok()
        && answers.recv_timeout(std::time::Duration::from_millis(100)).is_err()
    {}
    // What the attempts have set off has come back before the clock starts.
    while answers.recv_timeout(std::time::Duration::from_millis(200)).is_ok() {}
    let mut times = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
    let warm_up = rounds / 10 + 10;
    for round in 0..rounds + warm_up {
        let began = Instant::now();
        publisher.put(vec![7u8; 64]).wait()?;
        answers.recv()?;
        if round >= warm_up {
            times.saturating_record(began.elapsed().as_nanos() as u64 / parts);
        }
    }
    let at = |quantile| times.value_at_quantile(quantile);
    println!("{} {} {}", at(0.5), at(0.99), at(0.999));
    Ok(())
}

/// Says so when the way is open, and when so many have come.
fn count(
    there: &Session,
    messages: u64,
    mut say: impl FnMut(bool) + Send + Sync + 'static,
) -> Result<impl Sized, Failure> {
    let mut count = 0u64;
    let listen = there.declare_subscriber("wires/there").callback_mut(move |sample| {
        if sample.payload().len() == 1 {
            say(false);
            return;
        }
        count += 1;
        if count == messages {
            say(true);
        }
    });
    Ok(listen.wait()?)
}

/// As many as go one way; batched by Zenoh itself.
fn one_way(messages: u64) -> Result<(), Failure> {
    let (here, there) = pair()?;
    let (say, said) = channel();
    let _listen = count(&there, messages, move |all| _ = say.send(all))?;
    send_all(&here, messages, &said)
}

/// The same between two processes.
fn processes_rate(messages: u64) -> Result<(), Failure> {
    let port = free_port()?;
    let here = session("listen/endpoints", port)?;
    let (say, said) = channel();
    let listen = here.declare_subscriber("wires/back");
    let listen = listen.callback(move |sample| _ = say.send(sample.payload().len() == 2));
    let _listen = listen.wait()?;
    let _other = Other::start("take", messages, port)?;
    send_all(&here, messages, &said)
}

fn send_all(here: &Session, messages: u64, said: &Receiver<bool>) -> Result<(), Failure> {
    let publisher = here.declare_publisher("wires/there");
    let publisher = publisher.congestion_control(CongestionControl::Block).wait()?;
    while publisher.put(vec![0u8; 1]).wait().is_ok()
        && said.recv_timeout(std::time::Duration::from_millis(100)).is_err()
    {}
    let began = Instant::now();
    for _ in 0..messages {
        publisher.put(vec![7u8; 64]).wait()?;
    }
    // Answers to more than one attempt may have come first.
    while !said.recv_timeout(std::time::Duration::from_secs(60))? {}
    println!("{}", messages as f64 * 1e-6 / began.elapsed().as_secs_f64());
    Ok(())
}

/// The other process, which is ended by the one that started it.
fn other(what: &str, messages: u64, port: u16) -> Result<(), Failure> {
    let there = session("connect/endpoints", port)?;
    let back = there.declare_publisher("wires/back").express(true).wait()?;
    let say =
        move |all: bool| back.put(vec![0u8; 1 + usize::from(all)]).wait().expect("it is open");
    let (_echo, _listen) = match what {
        "echo" => (Some(echo(&there)?), None),
        _ => (None, Some(count(&there, messages, say)?)),
    };
    loop {
        std::thread::park();
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, count] if what == "round-trip" => round_trip(count.parse()?),
        [what, count] if what == "one-way" => one_way(count.parse()?),
        [what, count] if what == "processes-latency" => processes_latency(count.parse()?),
        [what, count] if what == "processes-rate" => processes_rate(count.parse()?),
        [what, count, port] => other(what, count.parse()?, port.parse()?),
        _ => {
            Err("usage: zenoh-wires round-trip|one-way|processes-latency|processes-rate COUNT"
                .into())
        }
    }
}
