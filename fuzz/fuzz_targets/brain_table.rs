//! The file `brain` (gates, regions, whose it is, its pulse) with a hostile hand over any of its words.

#![no_main]

#[path = "../src/hostile.rs"]
mod hostile;

use libfuzzer_sys::fuzz_target;
use neuronbus::brain::{Brain, Door};
use neuronbus::prelude::*;

thread_local! {
    static FILE: hostile::File = hostile::File::new("brain", |path| {
        let whole = path.with_file_name("whole");
        let mut builder = Cortex::builder();
        let ear = Door::sensory().slots(8).payloads(4096);
        let ear = builder.region(Region::open_to_others("senses/ear", ear));
        let voice = Door::motor().slots(8).readers(2).payloads(4096);
        let voice = builder.region(Region::open_to_others("motor/voice", voice));
        builder.project(ear, voice, Projection::all_to_all()).directory(&whole);
        drop(builder.build().expect("it is described correctly"));
        std::fs::rename(whole.join("brain"), path).expect("it was made");
        std::fs::remove_dir_all(whole).expect("it was made");
    });
}

// Each look maps the file, which takes longer than what is done with it: the first byte says who looks.
fuzz_target!(|bytes: &[u8]| FILE.with(|file| {
    let Some((&who, bytes)) = bytes.split_first() else { return };
    file.overwrite(bytes);
    let folder = file.path().parent().expect("it lies in one");
    let brain = if who % 2 == 0 { Brain::observe(folder) } else { Brain::attach(folder) };
    let Ok(brain) = brain else { return };
    std::hint::black_box((brain.state(), brain.epoch(), brain.pulse(), brain.check().is_ok()));
    std::hint::black_box(brain.regions().iter().map(String::len).sum::<usize>());
    // The other files are not there: whatever the table says, they are looked for and missed.
    let _ = (brain.tap("*"), brain.census());
    assert!(brain.motor("voice").is_err() && brain.sensory("ear").is_err());
}));
