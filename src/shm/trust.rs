//! The promise that lets memory of other processes be looked at in place.

#![allow(unsafe_code, reason = "only a promise of the caller keeps such memory still")]

/// A promise about everybody who may write into a file: that they keep to the rules of this library.
///
/// Memory that processes share is copied before anybody looks at it, because its writers are another trust domain. A
/// payload of a megabyte takes longer to copy than to hand over, so that whoever trusts the writers may look at it
/// where it lies.
///
/// What is trusted: every process that can write the file keeps a block still until each reader that holds it back has
/// passed it, as this library does by itself. The modes of the files say who they are; with 0600 it is what runs under
/// one user.
///
/// What a process can do that breaks this: change the bytes while they are looked at. The generation is checked before
/// and after, so that what came of a look at a block that was given on is thrown away; bytes that were altered in
/// place go unnoticed, and the code that looks may meet text that is no longer valid, a length that no longer fits, or
/// whatever else the compiler was allowed to exclude. What it cannot do: lead the look out of the block, or end the
/// process by cutting the file short, which reads as zeros.
#[derive(Debug, Clone, Copy)]
pub struct TrustedWriters(());

impl TrustedWriters {
    /// Gives the promise.
    ///
    /// # Safety
    /// While something is looked at under this promise, nobody changes its bytes: neither another process nor this one
    /// through a second mapping of the file.
    #[must_use]
    pub const unsafe fn promised() -> Self {
        Self(())
    }
}
