//! The file of a ring with a hostile hand over any of its words: opening and using it refuses or goes on.

#![no_main]

#[path = "../src/hostile.rs"]
mod hostile;

use std::path::Path;

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

fn tap(path: &Path) {
    let Ok(mut tap) = AxonTap::open(path) else { return };
    tap.rewind();
    for _ in 0..12 {
        if tap.poll() == Tapped::Empty {
            break;
        }
    }
}

fn read(path: &Path) {
    let Ok(hub) = AxonHub::open(path) else { return };
    std::hint::black_box(hub.account());
    let Ok(mut reader) = hub.reader() else { return };
    for _ in 0..12 {
        if let Some(spike) = reader.try_read() {
            std::hint::black_box(spike.check().is_ok());
        }
    }
    std::hint::black_box((reader.lag(), reader.position(), reader.is_ready()));
}

fn write(path: &Path) {
    let Ok(mut axon) = Axon::open(path) else { return };
    let overflows = [Overflow::Defer, Overflow::ShedOldest, Overflow::DropNewest];
    for (number, overflow) in (0..12).zip(overflows.into_iter().cycle()) {
        let _ = axon.publish_with(&spike(number), overflow);
    }
    std::hint::black_box(axon.account());
}

// Each look maps the file, which takes longer than what is done with it: the first byte says who looks.
fuzz_target!(|bytes: &[u8]| FILE.with(|file| {
    let Some((&who, bytes)) = bytes.split_first() else { return };
    file.overwrite(bytes);
    match who % 4 {
        0 => tap(file.path()),
        1 => read(file.path()),
        2 => write(file.path()),
        _ => {
            write(file.path());
            read(file.path());
        }
    }
}));
