//! Two sessions of one process, joined over TCP loopback: prints the figures that the benchmark asks for.

use std::sync::mpsc::channel;
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

fn pair() -> Result<(Session, Session), Failure> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let here = session("listen/endpoints", port)?;
    Ok((here, session("connect/endpoints", port)?))
}

/// One message there and one back.
fn round_trip(rounds: u64) -> Result<(), Failure> {
    let (here, there) = pair()?;
    let back = there.declare_publisher("wires/back").express(true).wait()?;
    let echo = there.declare_subscriber("wires/there").callback(move |sample| {
        let bytes = sample.payload().to_bytes().into_owned();
        back.put(bytes).wait().expect("both sessions are open");
    });
    let _echo = echo.wait()?;
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
            times.saturating_record(began.elapsed().as_nanos() as u64);
        }
    }
    let at = |quantile| times.value_at_quantile(quantile);
    println!("{} {} {}", at(0.5), at(0.99), at(0.999));
    Ok(())
}

/// As many as go one way; batched by Zenoh itself.
fn one_way(messages: u64) -> Result<(), Failure> {
    let (here, there) = pair()?;
    let ((opened, open), (heard, done)) = (channel(), channel());
    let mut count = 0u64;
    let listen = there.declare_subscriber("wires/there").callback_mut(move |sample| {
        if sample.payload().len() == 1 {
            _ = opened.send(());
            return;
        }
        count += 1;
        if count == messages {
            _ = heard.send(());
        }
    });
    let _listen = listen.wait()?;
    let publisher = here.declare_publisher("wires/there");
    let publisher = publisher.congestion_control(CongestionControl::Block).wait()?;
    while publisher.put(vec![0u8; 1]).wait().is_ok()
        && open.recv_timeout(std::time::Duration::from_millis(100)).is_err()
    {}
    let began = Instant::now();
    for _ in 0..messages {
        publisher.put(vec![7u8; 64]).wait()?;
    }
    done.recv_timeout(std::time::Duration::from_secs(60))?;
    println!("{}", messages as f64 * 1e-6 / began.elapsed().as_secs_f64());
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, count] if what == "round-trip" => round_trip(count.parse()?),
        [what, count] if what == "one-way" => one_way(count.parse()?),
        _ => Err("usage: zenoh-wires round-trip|one-way COUNT".into()),
    }
}
