//! How many lines a second: reading alone, and all the way through a cortex that learns between forty topics.
//!
//! ```text
//! taskset -c 0 cargo run --release -p neuronbus-host --example line_rate
//! ```

use std::error::Error;
use std::fmt::Write;
use std::io::Cursor;
use std::time::Instant;

use neuronbus::id::RegionId;
use neuronbus::plasticity::Stdp;
use neuronbus::prelude::*;
use neuronbus_host::line_record::Fields;
use neuronbus_host::roster::roster;
use neuronbus_host::{LineFormat, LineIntake, LineSettings, LineSource, lines};

const LINES: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut json = String::new();
    let mut text = String::new();
    for n in 0..LINES {
        let number = (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as u8 % 40;
        // Letters: in text, digits would be masked and leave one topic.
        let [a, b] = [number / 8, number % 8].map(|digit| char::from(b'a' + digit));
        let level = if n % 50 == 0 { "error" } else { "info" };
        let ms = n % 90;
        write!(json, r#"{{"ts":{n},"topic":"service.{a}{b}","level":"{level}","#)?;
        writeln!(json, r#""ms":{ms}.5,"msg":"a few words"}}"#)?;
        write!(text, "2024-01-02T03:04:05.678Z host-7 service-{a}{b}[{n}]: ")?;
        writeln!(text, "{level}: took {ms}ms")?;
    }
    for (name, stream) in [("jsonl", json), ("text", text)] {
        report(&format!("{name}, reading alone"), || read(stream.as_bytes()))?;
        report(&format!("{name}, through a cortex"), || run(stream.clone()))?;
    }
    Ok(())
}

fn read(stream: &[u8]) -> Result<u64, Box<dyn Error>> {
    let (names, _reader) = roster(RegionId::new(0)?, 4096);
    let fields = Fields { numbers: vec!["ms".into()], ..Fields::default() };
    let mut intake = LineIntake::new(fields, LineFormat::Auto, 1 << 20, names);
    let mut taken = 0;
    for chunk in stream.chunks(256 << 10) {
        intake.feed(chunk, |_| taken += 1);
    }
    intake.finish(|_| taken += 1);
    Ok(taken)
}

fn run(stream: String) -> Result<u64, Box<dyn Error>> {
    let source = LineSource::Reader(Box::new(Cursor::new(stream)));
    let settings = LineSettings { source, numbers: vec!["ms".into()], ..LineSettings::default() };
    let mut builder = Cortex::builder();
    let region = lines(&mut builder, "senses/lines", settings);
    let learning = Projection::all_to_all().weight(0.5).silent().plasticity(Stdp::default());
    builder.project(region.topics, region.topics, learning).pace(Pace::Free);
    let mut cortex = builder.build()?;
    cortex.run()?;
    Ok(cortex.counts().admitted)
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch")]
fn report(
    what: &str,
    work: impl FnOnce() -> Result<u64, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let lines = work()?;
    let seconds = began.elapsed().as_secs_f64();
    let rate = lines as f64 / seconds;
    println!("{what}: {rate:.0} lines/s, {:.0} ns a line", 1e9 / rate);
    assert_eq!(lines, LINES);
    Ok(())
}
