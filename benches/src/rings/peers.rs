//! The peers, each used as its own documentation shows.

use crossbeam_channel as crossbeam;
use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, SingleConsumerBarrier, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};
use neuronbus::spike::Spike;

use super::{BATCH, Fan, Receiver, Ring, Sender, Slicing, check, message};

/// rtrb, a single-producer single-consumer queue.
#[derive(Debug)]
pub struct Rtrb;

impl Ring for Rtrb {
    const NAME: &'static str = "rtrb";
    type Sender = Slicing<rtrb::Producer<Spike>>;
    type Receiver = rtrb::Consumer<Spike>;

    fn of(slots: usize) -> (Self::Sender, Self::Receiver) {
        let (producer, consumer) = rtrb::RingBuffer::new(slots);
        (Slicing::new(producer), consumer)
    }
}

impl Sender for Slicing<rtrb::Producer<Spike>> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.sender.push(message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        self.fill(from);
        let (_, left) = self.sender.push_partial_slice(&self.batch);
        (BATCH - left.len()) as u64
    }
}

impl Receiver for rtrb::Consumer<Spike> {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.pop().inspect(|spike| check(spike, number)).is_ok()
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        let waiting = self.slots().min(BATCH);
        let Ok(chunk) = self.read_chunk(waiting) else { return 0 };
        let (one, two) = chunk.as_slices();
        for (number, spike) in (from..).zip(one.iter().chain(two)) {
            check(spike, number);
        }
        chunk.commit_all();
        waiting as u64
    }
}

/// Two of rtrb, because one has one consumer: every message is pushed twice.
impl Fan for Rtrb {
    type FanSender = Both<Slicing<rtrb::Producer<Spike>>>;
    type FanReceiver = rtrb::Consumer<Spike>;

    fn fan_of(slots: usize) -> (Self::FanSender, [Self::FanReceiver; 2]) {
        let [(first, one), (second, two)] = [(); 2].map(|()| Self::of(slots));
        (Both([first, second]), [one, two])
    }
}

/// A sender to two rings.
#[derive(Debug)]
pub struct Both<S>([S; 2]);

impl<S: Sender> Sender for Both<S> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        let [first, second] = &mut self.0;
        let sent = first.send(number);
        while sent && !second.send(number) {}
        sent
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        let [first, second] = &mut self.0;
        let sent = first.send_batch(from);
        let mut number = from;
        while number < from + sent {
            number += u64::from(second.send(number));
        }
        sent
    }
}

/// disruptor with a poller.
#[derive(Debug)]
pub struct Disruptor;

/// The sending end of [`Disruptor`].
pub struct DisruptorSender<P>(P);

impl<P> std::fmt::Debug for DisruptorSender<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DisruptorSender").finish_non_exhaustive()
    }
}

/// The receiving end of [`Disruptor`].
pub struct DisruptorReceiver(EventPoller<Spike, SingleProducerBarrier>);

impl std::fmt::Debug for DisruptorReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DisruptorReceiver").finish_non_exhaustive()
    }
}

impl Ring for Disruptor {
    const NAME: &'static str = "disruptor, poller";
    type Sender = DisruptorSender<SingleProducer<Spike, SingleConsumerBarrier>>;
    type Receiver = DisruptorReceiver;

    fn of(slots: usize) -> (Self::Sender, Self::Receiver) {
        let builder = build_single_producer(slots, || message(0), BusySpin);
        let (poller, builder) = builder.new_event_poller();
        (DisruptorSender(builder.build()), DisruptorReceiver(poller))
    }
}

impl Fan for Disruptor {
    type FanSender = DisruptorSender<SingleProducer<Spike, MultiConsumerBarrier>>;
    type FanReceiver = DisruptorReceiver;

    fn fan_of(slots: usize) -> (Self::FanSender, [DisruptorReceiver; 2]) {
        let builder = build_single_producer(slots, || message(0), BusySpin);
        let (first, builder) = builder.new_event_poller();
        let (second, builder) = builder.new_event_poller();
        (DisruptorSender(builder.build()), [first, second].map(DisruptorReceiver))
    }
}

impl<P: disruptor::Producer<Spike> + Send> Sender for DisruptorSender<P> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.0.try_publish(|slot| *slot = message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        let sent = self.0.try_batch_publish(BATCH, |slots| {
            for (number, slot) in (from..).zip(slots) {
                *slot = message(number);
            }
        });
        if sent.is_ok() { BATCH as u64 } else { 0 }
    }
}

impl DisruptorReceiver {
    #[inline(always)]
    fn take(&mut self, from: u64, limit: u64) -> u64 {
        let mut number = from;
        if let Ok(mut spikes) = self.0.take(limit) {
            for spike in &mut spikes {
                check(spike, number);
                number += 1;
            }
        }
        number - from
    }
}

impl Receiver for DisruptorReceiver {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.take(number, 1) == 1
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        self.take(from, BATCH as u64)
    }
}

/// crossbeam-channel, bounded; it has no batches.
#[derive(Debug)]
pub struct Crossbeam;

impl Ring for Crossbeam {
    const NAME: &'static str = "crossbeam-channel";
    type Sender = crossbeam::Sender<Spike>;
    type Receiver = crossbeam::Receiver<Spike>;

    fn of(slots: usize) -> (Self::Sender, Self::Receiver) {
        crossbeam::bounded(slots)
    }
}

impl Sender for crossbeam::Sender<Spike> {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.try_send(message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        (from..from + BATCH as u64)
            .take_while(|number| self.try_send(message(*number)).is_ok())
            .count() as u64
    }
}

impl Receiver for crossbeam::Receiver<Spike> {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.try_recv().inspect(|spike| check(spike, number)).is_ok()
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        let spikes = self.try_iter().take(BATCH).zip(from..);
        spikes.inspect(|(spike, number)| check(spike, *number)).count() as u64
    }
}
