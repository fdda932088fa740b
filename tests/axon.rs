//! Axons from the outside: order, loss, accounting and waiting.
#![allow(clippy::unwrap_used, reason = "a test ends where something else than expected is found")]

use std::sync::Arc;
use std::time::Duration;

use neuronbus::axon::{
    Axon, AxonError, AxonFull, AxonHub, AxonReader, AxonTap, Doorbell, EndKind, Outcome, Overflow,
    READERS, Tapped, WaitStrategy,
};
use neuronbus::id::NeuronId;
use neuronbus::spike::{Spike, SpikeKind};

const FOREVER: Duration = Duration::from_secs(600);

fn spike(number: u64) -> Spike {
    let source = NeuronId::new((number % 1000) as u16).unwrap();
    let bytes: Vec<u8> = number.to_le_bytes().repeat(5);
    let spike = Spike::new(source, SpikeKind::Inhibitory).with_inline(&bytes).unwrap();
    spike.stamped(number, number as u32)
}

fn number(spike: &Spike) -> u64 {
    assert_eq!(*spike, self::spike(spike.time_ns()), "torn");
    spike.time_ns()
}

#[test]
fn a_reader_gets_what_was_published_in_order() {
    let mut axon = Axon::anonymous(8).unwrap();
    let mut reader = axon.reader().unwrap();
    assert_eq!(reader.try_read(), None);
    for round in 0..100 {
        for n in round * 5..round * 5 + 5 {
            axon.publish(&spike(n)).unwrap();
        }
        for n in round * 5..round * 5 + 5 {
            assert_eq!(reader.try_read(), Some(spike(n)));
        }
        assert_eq!(reader.try_read(), None);
    }
}

#[test]
fn the_writer_never_passes_a_reader() {
    let mut axon = Axon::anonymous(8).unwrap();
    let mut fast = axon.reader().unwrap();
    let mut slow = axon.reader().unwrap();
    let fitted = (0..100).take_while(|n| axon.publish(&spike(*n)).is_ok()).count();
    assert_eq!(fitted, 8);
    assert_eq!(fast.drain(100, |_| ()), 8);
    assert_eq!(axon.publish(&spike(8)), Err(AxonFull));
    assert_eq!(number(&slow.try_read().unwrap()), 0);
    axon.publish(&spike(8)).unwrap();
    assert_eq!(axon.publish(&spike(9)), Err(AxonFull));
    assert_eq!(axon.account().deferred, 3);
}

#[test]
fn a_dropped_reader_lets_the_writer_go() {
    let mut axon = Axon::anonymous(2).unwrap();
    let reader = axon.reader().unwrap();
    assert_eq!(axon.publish_batch(&[spike(0), spike(1), spike(2)]), 2);
    assert_eq!(axon.publish(&spike(2)), Err(AxonFull));
    drop(reader);
    axon.publish(&spike(2)).unwrap();
    assert!(axon.account().ends.is_empty());
}

#[test]
fn a_ring_of_one_slot_works() {
    let mut axon = Axon::anonymous(1).unwrap();
    let (mut reader, mut tap) = (axon.reader().unwrap(), axon.tap());
    for n in 0..10 {
        axon.publish(&spike(n)).unwrap();
        assert_eq!(axon.publish(&spike(99)), Err(AxonFull));
        assert_eq!(tap.poll(), Tapped::Spike(spike(n)));
        assert_eq!(reader.try_read(), Some(spike(n)));
    }
}

#[test]
fn a_batch_fits_up_to_the_slowest_reader() {
    let mut axon = Axon::anonymous(16).unwrap();
    let mut reader = axon.reader().unwrap();
    let spikes: Vec<_> = (0..40).map(spike).collect();
    assert_eq!(axon.publish_batch(&spikes), 16);
    let mut got = vec![spike(0); 10];
    assert_eq!(reader.read_batch(&mut got), 10);
    assert_eq!(got, spikes[..10]);
    assert_eq!(axon.room(), 10);
    assert_eq!(axon.publish_batch(&spikes[16..]), 10);
    let mut got = Vec::new();
    assert_eq!(reader.drain(100, |spike| got.push(*spike)), 16);
    assert_eq!(got, spikes[10..26]);
    assert_eq!(axon.publish_batch(&[]), 0);
}

#[test]
fn a_batch_whose_making_panics_is_published_as_far_as_it_was_made() {
    let mut axon = Axon::anonymous(8).unwrap();
    let mut reader = axon.reader().unwrap();
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        axon.publish_batch_with(6, |index| {
            assert!(index < 3, "on purpose");
            spike(index as u64)
        })
    }));
    assert!(broken.is_err());
    assert_eq!((axon.account().published, reader.lag()), (3, 3));
    axon.publish(&spike(3)).unwrap();
    let mut numbers = Vec::new();
    reader.drain(8, |spike| numbers.push(number(spike)));
    assert_eq!(numbers, [0, 1, 2, 3]);
}

#[test]
fn a_clone_starts_where_the_reader_is() {
    let mut axon = Axon::anonymous(8).unwrap();
    let mut reader = axon.reader().unwrap();
    axon.publish_batch(&[spike(0), spike(1), spike(2)]);
    assert_eq!(reader.try_read(), Some(spike(0)));
    let mut clone = reader.try_clone().unwrap();
    assert_eq!(reader.drain(9, |_| ()), 2);
    assert_eq!(clone.try_read(), Some(spike(1)));
    assert_eq!(clone.lag(), 1);
    let rest = (3..100).take_while(|n| axon.publish(&spike(*n)).is_ok()).count();
    assert_eq!(rest, 7, "the clone holds the writer by itself");
}

#[test]
fn a_late_end_gets_what_is_published_from_then_on() {
    let mut axon = Axon::anonymous(4).unwrap();
    for n in 0..7 {
        axon.publish(&spike(n)).unwrap();
    }
    let (mut reader, mut tap) = (axon.reader().unwrap(), axon.tap());
    assert_eq!((reader.try_read(), tap.poll()), (None, Tapped::Empty));
    axon.publish(&spike(7)).unwrap();
    assert_eq!((reader.try_read(), tap.poll()), (Some(spike(7)), Tapped::Spike(spike(7))));
}

#[test]
fn readers_are_limited_and_their_places_are_used_again() {
    let axon = Axon::anonymous(2).unwrap();
    let mut readers: Vec<_> = (0..READERS).map(|_| axon.reader().unwrap()).collect();
    let taken = AxonError::ReadersTaken { readers: READERS };
    assert_eq!(axon.reader().unwrap_err(), taken);
    assert_eq!(readers[0].try_clone().unwrap_err(), taken);
    readers.pop();
    axon.hub().reader().unwrap();
}

#[test]
fn sizes_that_are_no_power_of_two_are_refused() {
    for slots in [0, 3, 6, 1 << 27, usize::MAX] {
        assert_eq!(Axon::anonymous(slots).unwrap_err(), AxonError::Slots { slots });
    }
    assert_eq!(
        AxonError::Slots { slots: 6 }.to_string(),
        "an axon of 6 slots is refused: it takes a power of two up to 67108864"
    );
}

#[test]
fn a_tap_reports_exactly_what_it_lost() {
    let mut axon = Axon::anonymous(8).unwrap();
    let mut tap = axon.tap();
    for n in 0..21 {
        axon.publish(&spike(n)).unwrap();
    }
    assert_eq!(tap.poll(), Tapped::Lost(13));
    for n in 13..21 {
        assert_eq!(tap.poll(), Tapped::Spike(spike(n)));
    }
    assert_eq!(tap.poll(), Tapped::Empty);
    assert_eq!((tap.lost(), tap.lag(), tap.position()), (13, 0, 21));
}

#[test]
fn a_tap_lapped_by_an_even_number_of_rings_notices() {
    let mut axon = Axon::anonymous(4).unwrap();
    let mut tap = axon.tap();
    for n in 0..9 {
        axon.publish(&spike(n)).unwrap();
    }
    assert_eq!(tap.poll(), Tapped::Lost(5));
    assert_eq!(tap.poll(), Tapped::Spike(spike(5)));
}

#[test]
fn what_is_shed_is_counted_and_the_rest_is_whole() {
    let mut axon = Axon::anonymous(4).unwrap();
    let mut slow = axon.reader().unwrap();
    let mut fast = axon.reader().unwrap();
    for n in 0..4 {
        axon.publish(&spike(n)).unwrap();
        assert_eq!(fast.try_read(), Some(spike(n)));
    }
    for n in 4..13 {
        assert_eq!(axon.publish_with(&spike(n), Overflow::ShedOldest), Ok(Outcome::Shed));
        assert_eq!(fast.try_read(), Some(spike(n)));
    }
    let account = axon.account();
    assert!(account.ends.iter().all(|end| end.balances()));
    assert_eq!(account.ends[0].shed, 9, "seen before the reader itself looks");
    assert_eq!(slow.try_read(), Some(spike(9)));
    assert_eq!((slow.shed(), fast.shed()), (9, 0));
    assert_eq!(slow.drain(9, |_| ()), 3);
    assert_eq!(axon.publish_with(&spike(13), Overflow::ShedOldest), Ok(Outcome::Published));
}

#[test]
fn what_is_dropped_is_counted() {
    let mut axon = Axon::anonymous(2).unwrap();
    let mut reader = axon.reader().unwrap();
    let mut outcomes = (0..5).map(|n| axon.publish_with(&spike(n), Overflow::DropNewest).unwrap());
    assert_eq!(outcomes.by_ref().take(2).collect::<Vec<_>>(), [Outcome::Published; 2]);
    assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Dropped; 3]);
    assert_eq!(reader.drain(9, |_| ()), 2);
    let account = axon.account();
    assert_eq!((account.published, account.dropped), (5, 3));
    assert_eq!((account.ends[0].delivered, account.ends[0].dropped), (2, 3));
    assert_eq!(axon.publish_with(&spike(5), Overflow::Defer), Ok(Outcome::Published));
}

#[test]
fn an_account_can_be_written_and_read_back() {
    let mut axon = Axon::anonymous(2).unwrap();
    let (_reader, _tap) = (axon.reader().unwrap(), axon.tap());
    axon.publish(&spike(0)).unwrap();
    let account = axon.account();
    assert_eq!(
        account.ends.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [EndKind::Reader, EndKind::Tap]
    );
    let text = serde_json::to_string(&account).unwrap();
    assert_eq!(serde_json::from_str::<neuronbus::axon::AxonAccount>(&text).unwrap(), account);
}

#[test]
fn two_threads_lose_nothing() {
    const COUNT: u64 = if cfg!(miri) { 100 } else { 300_000 };
    let mut axon = Axon::anonymous(64).unwrap();
    let mut reader = axon.reader().unwrap();
    let reading = std::thread::spawn(move || {
        let mut next = 0;
        while next < COUNT {
            assert!(reader.wait(WaitStrategy::Adaptive, FOREVER));
            reader.drain(64, |spike| {
                assert_eq!(number(spike), next);
                next += 1;
            });
        }
    });
    let mut n = 0;
    while n < COUNT {
        let end = (n + n % 7 + 1).min(COUNT);
        let batch: Vec<_> = (n..end).map(spike).collect();
        let fitted = axon.publish_batch(&batch) as u64;
        n += fitted;
        axon.ring();
        if fitted == 0 {
            std::thread::yield_now();
        }
    }
    reading.join().unwrap();
}

#[test]
fn a_tap_beside_a_racing_writer_accounts_for_every_spike() {
    const COUNT: u64 = if cfg!(miri) { 100 } else { 300_000 };
    let mut axon = Axon::anonymous(16).unwrap();
    let mut tap = axon.tap();
    let tapping = std::thread::spawn(move || {
        let (mut next, mut lost) = (0, 0);
        while next < COUNT {
            match tap.poll() {
                Tapped::Empty => std::thread::yield_now(),
                Tapped::Lost(count) => {
                    lost += count;
                    next += count;
                }
                Tapped::Spike(spike) => {
                    assert_eq!(number(&spike), next);
                    next += 1;
                }
            }
        }
        assert_eq!(lost, tap.lost());
    });
    for n in 0..COUNT {
        axon.publish(&spike(n)).unwrap();
    }
    tapping.join().unwrap();
}

#[test]
fn a_shed_reader_beside_a_racing_writer_accounts_for_every_spike() {
    const COUNT: u64 = if cfg!(miri) { 100 } else { 300_000 };
    let mut axon = Axon::anonymous(16).unwrap();
    let mut reader = axon.reader().unwrap();
    let hub = axon.hub();
    let reading = std::thread::spawn(move || {
        let mut delivered = 0;
        while delivered + reader.shed() < COUNT {
            match reader.try_read() {
                Some(spike) => {
                    assert_eq!(number(&spike) + 1, reader.position());
                    delivered += 1;
                }
                None => std::thread::yield_now(),
            }
        }
        // A reader reports how far it is when it finds nothing more.
        assert_eq!(reader.try_read(), None);
        let end = hub.account().ends[0];
        assert_eq!((end.delivered, end.shed, end.waiting), (delivered, reader.shed(), 0));
    });
    for n in 0..COUNT {
        axon.publish_with(&spike(n), Overflow::ShedOldest).unwrap();
    }
    reading.join().unwrap();
}

#[test]
fn an_account_read_beside_a_running_axon_balances() {
    const COUNT: u64 = 100_000;
    let mut axon = Axon::anonymous(16).unwrap();
    let (mut reader, mut tap) = (axon.reader().unwrap(), axon.tap());
    let hub = axon.hub();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while reader.position() < COUNT {
                if reader.try_read().is_none() {
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(move || {
            while tap.position() < COUNT {
                if tap.poll() == Tapped::Empty {
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(move || {
            let mut published = 0;
            while published < COUNT {
                let account = hub.account();
                assert!(account.ends.iter().all(|end| end.balances()), "{account:?}");
                assert!(account.published >= published, "counts do not run backwards");
                published = account.published;
                std::thread::yield_now();
            }
        });
        for n in 0..COUNT {
            axon.publish_with(&spike(n), Overflow::ShedOldest).unwrap();
        }
    });
}

#[test]
fn a_parked_reader_is_woken_by_the_bell() {
    for strategy in [WaitStrategy::YieldThenPark, WaitStrategy::Adaptive] {
        let mut axon = Axon::anonymous(2).unwrap();
        let mut reader = axon.reader().unwrap();
        let waiting = std::thread::spawn(move || reader.wait(strategy, FOREVER));
        axon.publish(&spike(0)).unwrap();
        axon.ring();
        assert!(waiting.join().unwrap());
    }
}

#[test]
fn a_wait_ends_with_its_time() {
    let axon = Axon::anonymous(2).unwrap();
    let mut reader = axon.reader().unwrap();
    let mut tap = axon.tap();
    use WaitStrategy::{Adaptive, BusySpin, SpinLoopHint, YieldThenPark};
    for strategy in [BusySpin, SpinLoopHint, YieldThenPark, Adaptive] {
        for timeout in [Duration::ZERO, Duration::from_millis(2)] {
            assert!(!reader.wait(strategy, timeout));
            assert!(!tap.wait(strategy, timeout));
            assert_eq!(axon.hub().doorbell().wait(0, strategy, Some(timeout)), 0);
        }
    }
}

#[test]
fn two_threads_converse_whatever_way_they_wait() {
    use WaitStrategy::{Adaptive, BusySpin, SpinLoopHint, YieldThenPark};
    // One who spins keeps the other waiting where cores are few.
    for (strategy, rounds) in [(BusySpin, 1), (SpinLoopHint, 1), (YieldThenPark, 3), (Adaptive, 3)]
    {
        let (mut ping, mut pong) = (Axon::anonymous(2).unwrap(), Axon::anonymous(2).unwrap());
        let (mut ping_end, mut pong_end) = (ping.reader().unwrap(), pong.reader().unwrap());
        let answering = std::thread::spawn(move || {
            for n in 0..rounds {
                assert!(ping_end.wait(strategy, FOREVER));
                assert_eq!(ping_end.try_read().map(|spike| number(&spike)), Some(n));
                pong.publish(&spike(n)).unwrap();
                pong.ring();
            }
        });
        for n in 0..rounds {
            ping.publish(&spike(n)).unwrap();
            ping.ring();
            assert!(pong_end.wait(strategy, FOREVER));
            assert_eq!(pong_end.try_read().map(|spike| number(&spike)), Some(n));
        }
        answering.join().unwrap();
    }
}

/// How long the calling thread has had a core, as the scheduler counts it.
#[cfg(target_os = "linux")]
fn time_on_a_core() -> Duration {
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(counts.split(' ').next().unwrap().parse().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
#[cfg(not(miri))]
fn who_waits_adaptively_leaves_the_core_to_others() {
    let axon = Axon::anonymous(2).unwrap();
    let mut reader = axon.reader().unwrap();
    for strategy in [WaitStrategy::Adaptive, WaitStrategy::YieldThenPark] {
        let (wait, before) = (Duration::from_millis(100), time_on_a_core());
        assert!(!reader.wait(strategy, wait));
        assert!(time_on_a_core() - before < wait / 4, "{strategy:?} kept the core");
    }
}

#[test]
fn a_wait_for_what_is_there_returns_at_once() {
    let mut axon = Axon::anonymous(2).unwrap();
    let (mut reader, mut tap) = (axon.reader().unwrap(), axon.tap());
    axon.publish(&spike(0)).unwrap();
    assert!(reader.wait(WaitStrategy::Adaptive, Duration::MAX));
    assert!(tap.wait(WaitStrategy::BusySpin, Duration::MAX));
}

#[test]
fn a_doorbell_wakes_everybody() {
    let bell = Arc::new(Doorbell::new());
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let bell = Arc::clone(&bell);
            std::thread::spawn(move || bell.wait(0, WaitStrategy::YieldThenPark, None))
        })
        .collect();
    bell.ring();
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), 1);
    }
    assert_eq!(bell.count(), 1);
}

trait IsNotSync<Marker> {
    fn holds() {}
}
impl<T: ?Sized> IsNotSync<()> for T {}
impl<T: ?Sized + Sync> IsNotSync<u8> for T {}

#[test]
fn the_ends_may_move_between_threads_but_not_be_shared() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Axon>();
    send::<AxonReader>();
    send::<AxonTap>();
    send::<AxonHub>();
    sync::<AxonHub>();
    sync::<Doorbell>();
    // Ambiguous, and no longer compiled, as soon as one of them becomes `Sync`.
    <Axon as IsNotSync<_>>::holds();
    <AxonReader as IsNotSync<_>>::holds();
    <AxonTap as IsNotSync<_>>::holds();
}
