//! A connection that is cut at any byte: nothing is lost, and nothing comes twice.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

mod support;

use std::sync::atomic::Ordering;

use neuronbus::transport::Transport;
use neuronbus_relay::{Backend, TcpSettings};
use support::{CuttingProxy, PATIENCE, connecting, converse, listening, settings};

/// Two ends talk both ways through a proxy that cuts.
fn survive(backend: Backend, seed: u64, cuts: u64, most: u64, count: u32) {
    let settings = TcpSettings { seed, ..settings(backend) };
    let (mut here, address) = listening(&settings);
    let proxy = CuttingProxy::new(address, seed, cuts, most);
    let mut there = connecting(&proxy.address, &settings);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            converse(&mut here, 1, 2, count);
            assert_eq!(
                here.close(PATIENCE),
                0,
                "what arrived was not confirmed: {:?}",
                here.notes()
            );
        });
        converse(&mut there, 2, 1, count);
        assert_eq!(there.close(PATIENCE), 0, "what arrived was not confirmed: {:?}", there.notes());
    });
    assert_eq!(proxy.cuts.load(Ordering::Acquire), cuts, "it was not cut as often as it should");
    for end in [&here, &there] {
        let counts = end.counts();
        assert_eq!((counts.sent, counts.received), (u64::from(count), u64::from(count)));
        assert_eq!(counts.confirmed, counts.sent);
        assert_eq!(counts.foreign, 0, "{:?}", end.notes());
    }
}

#[test]
fn nothing_is_lost_or_doubled_when_mio_is_cut_in_the_first_bytes() {
    survive(Backend::Mio, 1, 60, 200, 2000);
}

#[test]
fn nothing_is_lost_or_doubled_when_mio_is_cut_anywhere() {
    for seed in 2..5 {
        survive(Backend::Mio, seed, 40, 40_000, 20_000);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_lost_or_doubled_when_io_uring_is_cut() {
    if support::uring_is_refused() {
        return;
    }
    survive(Backend::Uring, 6, 60, 200, 2000);
    for seed in 7..10 {
        survive(Backend::Uring, seed, 40, 40_000, 20_000);
    }
}
