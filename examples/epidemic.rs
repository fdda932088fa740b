//! A hundred thousand agents of one type behind one endpoint: who meets whom is drawn, and then something goes round.
//!
//! ```text
//! $ cargo run --example epidemic
//! week 0:     13
//! week 1:    109
//! week 2:    841 #
//! week 3:   5695 ###########
//! week 4:  27009 ######################################################
//! week 5:  36338 ########################################################################
//! week 6:   8866 #################
//! week 7:    863 #
//! ```
//! One line a week, one character for 500 people who fell ill in it.

use neuronbus::inlet::Inlet;
use neuronbus::prelude::*;

/// Falls ill when somebody who is ill was met, and meets others a day or two later; then immune.
#[derive(Default)]
struct Person {
    ill_on: Option<u64>,
}

impl Neuron for Person {
    fn on_fire(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        self.ill_on = Some(ctx.tick().0);
        let days = 1 + ctx.random() % 2;
        ctx.wake_in(Ticks(days));
        Ok(())
    }

    fn on_wake(&mut self, ctx: &mut Context<'_>) -> NeuronResult {
        ctx.fire(b"cough")?;
        Ok(())
    }
}

fn main() -> neuronbus::Result<()> {
    let (mut inlet, gate) = Inlet::gate(16)?;
    let mut builder = Cortex::builder();
    builder.region(Region::gated("door", gate));
    let immune = Lif::default().refractory(Ticks(1_000_000));
    let people = Region::crowd("people", 100_000, |_| Person::default()).membrane(immune);
    let people = builder.region(people);
    // Each is in touch with two others on average.
    builder.project(people, people, Projection::random(2.0 / 100_000.0)).seed(4).pace(Pace::Free);
    let mut cortex = builder.build()?;
    inlet.drive_cell(cortex.atlas().members(people)[0], 7, 1.0, 0, b"")?;
    cortex.run_for(Ticks(7 * 8))?;
    let crowd = cortex.crowd::<Person>(people).expect("it is a crowd of people");
    for week in 0..8 {
        let ill = crowd.iter().filter(|person| person.ill_on.is_some_and(|day| day / 7 == week));
        let ill = ill.count();
        println!("week {week}: {ill:>6} {}", "#".repeat(ill / 500));
    }
    Ok(())
}
