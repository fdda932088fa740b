//! Payloads of other processes, looked at where they lie.

use crate::shm::trust::TrustedWriters;
use crate::spike::ArenaRef;
use crate::sync::{fence, order};

use super::{Arena, ArenaError};

impl Arena {
    /// Shows a block where it lies, also in a file, and gives what the look at it gives.
    ///
    /// [`lease`](Self::lease) copies what other processes can reach; this does not, for those who trust them: see
    /// [`TrustedWriters`]. The block is to be kept by its reference or by its writer meanwhile. Place, key and
    /// generation are checked before, and the generation again after the look.
    ///
    /// # Errors
    /// [`ArenaError::Stale`] or [`ArenaError::OutOfRange`] for what is no block, or was given on while it was looked
    /// at; what came of the look is dropped then.
    pub fn look<R>(
        &self,
        place: ArenaRef,
        trust: TrustedWriters,
        look: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ArenaError> {
        let number = self.locate(place)?;
        self.block(place).belongs(self.key, place)?;
        // After the check word, which publishes the bytes: a generation that has passed by now is not looked at.
        if self.segment(number).generation() != place.generation {
            return Err(ArenaError::Stale { place });
        }
        let view = self.memory.view_trusted(place.offset as usize, place.length as usize, trust);
        let seen = look(view);
        // SYNC(segment-anew): if a byte that was seen is of a later generation, the segment is; `start_anew` is the
        // other half.
        fence(order::segment_anew_check());
        if self.segment(number).generation() == place.generation {
            Ok(seen)
        } else {
            Err(ArenaError::Stale { place })
        }
    }
}
