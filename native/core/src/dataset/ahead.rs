//! The next files of an export are requested while the present one is read, so that nobody waits for their beginnings.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use url::Url;

use crate::context::Context;
use crate::errors::Error;
use crate::http::{Class, Method, Request, Response, TransportError, limits};

/// Files that are requested before their time.
pub(super) const FILES: usize = 3;
/// Bytes of each that wait in memory, besides the last part.
const BEGINNING: usize = 512 * 1024;

/// What became of a request.
pub(super) type Sent = Result<Response, TransportError>;

/// Files that were requested before their time, in their order. The requests end when this is dropped.
#[derive(Default)]
pub(super) struct Ahead(VecDeque<Begun>);

struct Begun {
    of: Url,
    sent: oneshot::Receiver<Sent>,
    task: AbortHandle,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ahead {
    /// Requests a file, unless that was done.
    pub(super) fn begin(&mut self, context: &Context, class: Arc<Class>, url: &Url) {
        if self.0.iter().any(|begun| begun.of == *url) {
            return;
        }
        let (context, address) = (context.clone(), url.clone());
        let (told, sent) = oneshot::channel();
        let task = tokio::spawn(async move {
            let place = class.place(&context.clock, context.caller, |_| Ok::<_, Error>(())).await;
            // The reader sends the request again.
            let Ok(mut place) = place else { return };
            let _ = told.send(match context.send(request(address), limits::ANSWER, &mut place).await {
                Ok(response) => Ok(begin(response).await),
                failed => failed,
            });
        });
        self.0.push_back(Begun { of: url.clone(), sent, task: task.abort_handle() });
    }

    /// What became of the request for this file. `None` if it was not begun.
    pub(super) async fn take(&mut self, url: &Url) -> Option<Sent> {
        let number = self.0.iter().position(|begun| begun.of == *url)?;
        // Those before it have other addresses by now.
        let begun = self.0.drain(..=number).next_back();
        (&mut begun?.sent).await.ok()
    }
}

/// Nothing but the address: a token would give a stranger the customer's data.
pub(super) fn request(url: Url) -> Request {
    Request::new(Method::GET, url)
}

/// Receives the beginning of a body. While it waits for its turn, others may use its connection's place.
async fn begin(mut response: Response) -> Response {
    let (mut parts, mut bytes, mut has_more) = (Vec::new(), 0, true);
    while response.status == 200 && has_more && bytes < BEGINNING {
        let part = response.chunk().await.transpose();
        has_more = matches!(part, Some(Ok(_)));
        bytes += part.as_ref().map_or(0, |part| part.as_ref().map_or(0, Bytes::len));
        parts.extend(part);
    }
    response.release_slot();
    response.begun_with(parts, has_more)
}
