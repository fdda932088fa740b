//! What producers send: a payload that shows whether it is whole.

/// Which spike of which producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Message {
    /// The how manieth producer.
    pub(crate) producer: u64,
    /// The how manieth of its spikes.
    pub(crate) number: u64,
}

/// Bytes in front: producer, number, length, sum.
const HEAD: usize = 32;

fn byte(message: Message, at: usize) -> u8 {
    let mixed = message.producer.wrapping_mul(31).wrapping_add(message.number * 7);
    (mixed.wrapping_add(at as u64 * 13) >> 2) as u8
}

fn sum(bytes: &[u8]) -> u64 {
    // FNV-1a, 64 bits.
    let step = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Message {
    /// Its payload: short ones travel in the spike, every seventh in the arena.
    pub(crate) fn to_bytes(self, into: &mut Vec<u8>) {
        let extra = if self.number.is_multiple_of(7) { 200 + self.number % 2000 } else { 8 };
        into.clear();
        for word in [self.producer, self.number, extra, 0] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        into.extend((0..extra as usize).map(|at| byte(self, at)));
        let sum = sum(into);
        into[24..HEAD].copy_from_slice(&sum.to_le_bytes());
    }

    /// What a payload says, if every byte of it is as it was sent.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let message = Self { producer: word(0)?, number: word(8)? };
        let mut expected = Vec::new();
        if message.number > u64::MAX / 16 {
            return None;
        }
        message.to_bytes(&mut expected);
        (expected == bytes).then_some(message)
    }
}
