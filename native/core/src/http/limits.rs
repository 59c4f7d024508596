//! Time limits: each phase of a request has one, so that no host, dead or alive, is waited for without end. The help
//! (`about_FedXdr_MultiTenant`, Time limits) documents these numbers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::error::{TransportError, TransportErrorKind};
use crate::clock::{Clock, within};

/// Longest time to make a connection, with TLS.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for the head of an API's answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(120);
/// As above, for a request that is sent only once. Hunting queries take up to three minutes.
pub(crate) const ONLY_ANSWER: Duration = Duration::from_secs(200);
/// Longest wait for the whole answer of a token endpoint.
pub(crate) const TOKEN: Duration = Duration::from_secs(30);
/// Largest answer of a token endpoint. A token has a few KB.
pub(crate) const TOKEN_SIZE: usize = 1 << 20;
/// A body must deliver this many bytes each time this long has been waited for it.
const LEAST_BYTES: usize = 6_000;
const SPEED_WINDOW: Duration = Duration::from_secs(60);
/// How much of an error's text is read, and for how long.
pub(super) const ERROR_TEXT_SIZE: usize = 64 * 1024;
pub(crate) const ERROR_TEXT_TIME: Duration = Duration::from_secs(10);
/// After so much silence in all attempts of one request there is no other attempt. With the last attempt this is less
/// than the five minutes that a function has on the Consumption plan.
pub(crate) const SILENCE: Duration = Duration::from_secs(180);

/// The least speed of a body. Only the time that is spent waiting for the body counts, not the consumer's.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    waited: Duration,
    bytes: usize,
}

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Pace { clock, waited: Duration::ZERO, bytes: 0 }
    }

    /// The next part of the body, or `None` at its end.
    pub(crate) async fn next(
        &mut self,
        body: &mut BoxStream<'static, Result<Bytes, TransportError>>,
    ) -> Result<Option<Bytes>, TransportError> {
        let begun = self.clock.now();
        let left = SPEED_WINDOW.saturating_sub(self.waited);
        let Some(next) = within(self.clock.as_ref(), left, body.next()).await else {
            let cause = format!("{} bytes in {} s", self.bytes, SPEED_WINDOW.as_secs());
            return Err(TransportError { kind: TransportErrorKind::TooSlow, causes: vec![cause] });
        };
        let chunk = next.transpose()?;
        self.waited += self.clock.now().saturating_sub(begun);
        self.bytes += chunk.as_ref().map_or(0, Bytes::len);
        if self.bytes >= LEAST_BYTES {
            (self.waited, self.bytes) = (Duration::ZERO, 0);
        }
        Ok(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_has_these_numbers() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../module/docs/en-US/about_FedXdr_MultiTenant.md");
        let help = std::fs::read_to_string(path).unwrap();
        for line in [
            format!("| making a connection, with TLS | {} s |", CONNECT.as_secs()),
            format!(
                "| until an API answers | {} s; {} s for a request",
                ANSWER.as_secs(),
                ONLY_ANSWER.as_secs()
            ),
            format!("at least 6,000 bytes in each {} s of waiting", SPEED_WINDOW.as_secs()),
            format!("| the text of an error | {} s;", ERROR_TEXT_TIME.as_secs()),
            format!("or a token endpoint | {} s |", TOKEN.as_secs()),
            format!("after {} s in silence", SILENCE.as_secs()),
        ] {
            assert!(help.contains(&line), "{line}");
        }
        assert_eq!(LEAST_BYTES, 6_000);
    }
}
