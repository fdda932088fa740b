//! The conversation of the example `interrupt`, by a script and by whatever model there is.

#[path = "../../examples/parts/bridge.rs"]
mod bridge;

use neuronbus::cortex::{Playback, ReplayOptions};
use neuronbus_llm::{Ending, SpokenMessage};

use bridge::{Heard, Talk};

/// B speaks while A does: A stops, says why, and answers with B's words in its context; C sees the order; and all of it
/// comes again from the journal.
pub(crate) fn a_is_interrupted_and_answers_anew(model: Option<&str>) -> [SpokenMessage; 2] {
    let journal = tempfile::tempdir().unwrap();
    let mut talk = Talk::of(model, Some(journal.path())).unwrap();
    talk.run().unwrap();
    let heard = talk.heard();
    let [Heard::B(open), Heard::B(closed), Heard::A(broken), Heard::A(whole)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!((open.as_str(), closed.as_str()), ("the bridge is open", "the bridge is closed"));
    let Ending::StaleDueTo { staleness, .. } = &broken.ending else { panic!("{broken:?}") };
    let reason = "bridge was \"the bridge is open\" and is now \"the bridge is closed\"";
    assert_eq!(staleness.reason, reason);
    assert_eq!((broken.context_sequence, broken.evidence.len()), (1, 1));
    assert!(!broken.text.is_empty());
    assert!(matches!(whole.ending, Ending::Complete(_)), "{whole:?}");
    assert_eq!((whole.context_sequence, whole.evidence.len()), (2, 2));
    assert_ne!(whole.context_digest, broken.context_digest);

    let mut again = Talk::of(None, None).unwrap();
    let mut playback = Playback::open(journal.path()).unwrap();
    again.cortex.replay(&mut playback, ReplayOptions::default()).unwrap();
    assert_eq!(again.cortex.digest(), talk.cortex.digest());
    assert_eq!(format!("{:?}", again.heard()), format!("{heard:?}"));
    [*broken.clone(), *whole.clone()]
}

#[test]
fn a_script_is_interrupted_and_answers_with_what_is_new() {
    let [broken, whole] = a_is_interrupted_and_answers_anew(None);
    assert_eq!(broken.text, "The bridge is open");
    assert_eq!(whole.text, "I have changed my mind: the bridge is closed, go round.");
}
