//! An axon in a file, written by one process and read by another.

#![allow(clippy::unwrap_used, reason = "a test that cannot start its peer has failed")]

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use neuronbus::axon::{Axon, AxonError, AxonHub, AxonTap, Tapped, WaitStrategy};
use neuronbus::id::NeuronId;
use neuronbus::spike::{Spike, SpikeKind};

const PATH: &str = "NEURONBUS_TEST_AXON";
const SPIKES: u32 = 100_000;

fn spike(number: u32) -> Spike {
    let spike = Spike::new(NeuronId::new(3).unwrap(), SpikeKind::Excitatory).stamped(0, number);
    spike.with_inline(&number.to_le_bytes().repeat(11)).unwrap()
}

/// The test binary is its own peer: the same test, told where the file is.
fn peer(test: &str, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", test]).env(PATH, path).stdout(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn a_reader_gets_what_another_process_publishes() {
    if let Ok(path) = std::env::var(PATH) {
        let mut axon = Axon::open(path).unwrap();
        for number in 0..SPIKES {
            while axon.publish(&spike(number)).is_err() {
                axon.ring();
                std::thread::yield_now();
            }
            axon.ring();
        }
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.axon");
    drop(Axon::create(&path, 1024).unwrap());
    let mut reader = AxonHub::open(&path).unwrap().reader().unwrap();
    let mut peer = peer("a_reader_gets_what_another_process_publishes", &path);
    let mut next = 0;
    while next < SPIKES {
        reader.drain(usize::MAX, |found| {
            assert_eq!(*found, spike(next));
            next += 1;
        });
        let waits = next < SPIKES;
        let more = !waits || reader.wait(WaitStrategy::YieldThenPark, Duration::from_secs(30));
        assert!(more, "the peer stopped after {next}");
    }
    assert!(peer.wait().unwrap().success());
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives_and_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.axon");
    let mut first = Axon::create(&path, 8).unwrap();
    let mut reader = AxonHub::open(&path).unwrap().reader().unwrap();
    let mut tap = AxonTap::open(&path).unwrap();
    first.publish(&spike(0)).unwrap();
    let pid = std::process::id();
    assert_eq!(Axon::open(&path).err(), Some(AxonError::Written { pid }));
    drop(first);
    let mut second = Axon::open(&path).unwrap();
    second.publish(&spike(1)).unwrap();
    assert_eq!((reader.try_read(), reader.try_read()), (Some(spike(0)), Some(spike(1))));
    tap.rewind();
    assert_eq!(tap.poll(), Tapped::Spike(spike(0)));
    assert_eq!(tap.poll(), Tapped::Spike(spike(1)));
}

#[test]
fn what_a_dead_writer_left_half_published_is_seen_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.axon");
    let mut first = Axon::create(&path, 8).unwrap();
    let mut reader = AxonHub::open(&path).unwrap().reader().unwrap();
    first.publish(&spike(0)).unwrap();
    drop(first);
    // As a writer leaves it that has claimed four places and dies after it has filled the third of them.
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&5u64.to_ne_bytes(), 4096).unwrap();
    let slots = std::fs::metadata(&path).unwrap().len() - 8 * 64;
    file.write_all_at(&(1u64 << 63).to_ne_bytes(), slots + 3 * 64).unwrap();
    assert_eq!(reader.try_read(), Some(spike(0)));
    assert_eq!(reader.try_read(), None, "the first of the batch is not there, so none is");
    let mut second = Axon::open(&path).unwrap();
    second.publish(&spike(5)).unwrap();
    for _ in 1..5 {
        assert!(reader.try_read().unwrap().check().is_err(), "what stands there is refused");
    }
    assert_eq!(reader.try_read(), Some(spike(5)));
}

#[test]
fn what_is_no_axon_is_refused_with_what_was_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.axon");
    drop(Axon::create(&path, 8).unwrap());
    let whole = std::fs::read(&path).unwrap();
    let attempt = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        match AxonHub::open(&path) {
            Err(AxonError::Foreign { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    };
    let changed = |at: usize, bytes: &[u8]| {
        let mut copy = whole.clone();
        copy[at..at + bytes.len()].copy_from_slice(bytes);
        copy
    };
    assert_eq!(attempt(&changed(0, b"NBARENA\n")), "magic");
    assert_eq!(attempt(&changed(8, &2u64.to_ne_bytes())), "version");
    assert_eq!(attempt(&changed(8, &1u64.swap_bytes().to_ne_bytes())), "byte order");
    assert_eq!(attempt(&changed(16, &[0])), "layout hash");
    assert_eq!(attempt(&whole[..whole.len() - 64]), "size in bytes");
    assert_eq!(attempt(&changed(32, &16u64.to_ne_bytes())), "size of the ring");
    assert_eq!(std::fs::read(&path).unwrap().len(), whole.len(), "opening changes no length");
}

#[test]
fn a_file_that_is_cut_short_ends_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.axon");
    let mut axon = Axon::create(&path, 1024).unwrap();
    let mut reader = AxonHub::open(&path).unwrap().reader().unwrap();
    axon.publish(&spike(0)).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    // Whatever they find now, they find it alive.
    for number in 0..5000 {
        let _ = axon.publish(&spike(number));
        let _ = reader.try_read();
    }
    let _ = axon.account();
}
