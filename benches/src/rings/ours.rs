//! The axon.

use neuronbus::axon::{Axon, AxonReader};

use super::{BATCH, Fan, Receiver, Ring, Sender, check, message};

/// Ours.
#[derive(Debug)]
pub struct OurAxon;

impl Ring for OurAxon {
    const NAME: &'static str = "axon";
    type Sender = Axon;
    type Receiver = AxonReader;

    fn of(slots: usize) -> (Axon, AxonReader) {
        let axon = Axon::anonymous(slots).expect("a power of two");
        let reader = axon.reader().expect("the first reader");
        (axon, reader)
    }
}

impl Sender for Axon {
    #[inline(always)]
    fn send(&mut self, number: u64) -> bool {
        self.publish(&message(number)).is_ok()
    }

    #[inline(always)]
    fn send_batch(&mut self, from: u64) -> u64 {
        self.publish_batch_with(BATCH, |index| message(from + index as u64)) as u64
    }
}

impl Receiver for AxonReader {
    #[inline(always)]
    fn receive(&mut self, number: u64) -> bool {
        self.try_read().inspect(|spike| check(spike, number)).is_some()
    }

    #[inline(always)]
    fn receive_batch(&mut self, from: u64) -> u64 {
        let mut number = from;
        self.drain(BATCH, |spike| {
            check(spike, number);
            number += 1;
        });
        number - from
    }
}

impl Fan for OurAxon {
    type FanSender = Axon;
    type FanReceiver = AxonReader;

    fn fan_of(slots: usize) -> (Axon, [AxonReader; 2]) {
        let axon = Axon::anonymous(slots).expect("a power of two");
        let readers = [(); 2].map(|()| axon.reader().expect("one of the first readers"));
        (axon, readers)
    }
}
