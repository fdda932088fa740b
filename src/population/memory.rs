//! Whether there is room, asked before anything is made.

/// Whether the machine would give so many bytes at once. It is asked for them and gets them back untouched.
pub(crate) fn is_room_for(bytes: u64) -> bool {
    let Ok(bytes) = usize::try_from(bytes) else { return false };
    let mut asked = Vec::<u8>::new();
    let given = asked.try_reserve_exact(bytes).is_ok();
    // Memory that nobody looks at need not be asked for, says the optimiser.
    std::hint::black_box(&mut asked);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_a_little_and_not_for_everything() {
        assert!(is_room_for(0));
        assert!(is_room_for(1 << 20));
        assert!(!is_room_for(1 << 60));
        assert!(!is_room_for(u64::MAX));
    }
}
