//! The file of a ring with a hostile hand over any of its words: opening and using it refuses or goes on.

#![no_main]

#[path = "../src/hostile.rs"]
mod hostile;

use libfuzzer_sys::fuzz_target;
use neuronbus::axon::{Axon, AxonHub, AxonTap, Overflow, Tapped};
use neuronbus::id::NeuronId;
use neuronbus::spike::{Spike, SpikeKind};

fn spike(number: u32) -> Spike {
    Spike::new(NeuronId::new(3).expect("3 is an id"), SpikeKind::Excitatory).stamped(7, number)
}

thread_local! {
    static FILE: hostile::File = hostile::File::new("axon", |path| {
        let mut axon = Axon::create(path, 8).expect("a new file");
        let reader = axon.reader().expect("the first reader");
        (0..5).for_each(|number| axon.publish(&spike(number)).expect("there is room"));
        drop(reader);
    });
}

fuzz_target!(|bytes: &[u8]| FILE.with(|file| {
    file.overwrite(bytes);
    if let Ok(mut tap) = AxonTap::open(file.path()) {
        tap.rewind();
        for _ in 0..12 {
            if tap.poll() == Tapped::Empty {
                break;
            }
        }
    }
    let Ok(hub) = AxonHub::open(file.path()) else { return };
    std::hint::black_box(hub.account());
    if let Ok(mut reader) = hub.reader() {
        for _ in 0..12 {
            if let Some(spike) = reader.try_read() {
                std::hint::black_box(spike.check().is_ok());
            }
        }
        std::hint::black_box((reader.lag(), reader.position(), reader.is_ready()));
    }
    if let Ok(mut axon) = Axon::open(file.path()) {
        for (number, overflow) in [Overflow::Defer, Overflow::ShedOldest, Overflow::DropNewest]
            .iter()
            .cycle()
            .take(12)
            .enumerate()
        {
            let _ = axon.publish_with(&spike(number as u32), *overflow);
        }
        std::hint::black_box(axon.account());
    }
}));
