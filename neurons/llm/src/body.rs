//! The body of an answer, read piece by piece and given up when nothing comes.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::failure::{Failure, FailureKind};

/// What follows the end of an answer on the wire is waited for so long, so that the connection can be used again.
const DRAIN: Duration = Duration::from_secs(1);

/// A body, and how long the next piece of it is waited for.
pub(crate) struct Body {
    incoming: Incoming,
    patience: Duration,
    /// When the last piece came.
    heard: Instant,
    /// Set for a whole body and not for each piece, of which there are many: what has come in the meantime is seen when
    /// it rings.
    alarm: Pin<Box<Sleep>>,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, patience: Duration) -> Self {
        let alarm = Box::pin(tokio::time::sleep(patience));
        Self { incoming, patience, heard: Instant::now(), alarm }
    }

    /// The next bytes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = tokio::select! {
                biased;
                frame = self.incoming.frame() => frame,
                () = &mut self.alarm => {
                    let due = self.heard + self.patience;
                    if Instant::now() < due {
                        self.alarm.as_mut().reset(due);
                        continue;
                    }
                    let limit = self.patience;
                    let message = format!("nothing came for {limit:?} in the middle of an answer");
                    return Err(Failure::new(FailureKind::Timeout, message));
                }
            };
            self.heard = Instant::now();
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => return Ok(Some(piece)),
                    // Trailers say nothing here.
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    let message = format!("the answer broke off: {}", causes(&error));
                    return Err(Failure::new(FailureKind::Truncated, message));
                }
            }
        }
    }

    /// Reads what follows the end of an answer, so that its connection can be used again.
    pub(crate) async fn drain(self) {
        let mut incoming = self.incoming;
        let rest = async { while let Some(Ok(_)) = incoming.frame().await {} };
        // A server that never ends its body loses the connection.
        _ = tokio::time::timeout(DRAIN, rest).await;
    }
}

/// An error with all that caused it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
