//! Requests to a storage account.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use url::Url;

use crate::cloud::STORAGE_SCOPE;
use crate::context::Context;
use crate::dataset::destination::remote::{Answer, Api, CODE, Call, Remote, request_id};
use crate::errors::{
    DATASET_CONTAINER, DATASET_STORAGE, DATASET_STORAGE_FIREWALL, DATASET_STORAGE_ROLE,
    DATASET_STORAGE_TOKEN, Error, Result, excerpt,
};
use crate::http::retry::is_transient;
use crate::http::{Method, Received};

/// The newest version that the stand-in of the tests knows too.
const API_VERSION: &str = "2025-11-05";

/// What the service calls the absence of a container.
const NO_CONTAINER: [&str; 2] = ["ContainerNotFound", "FilesystemNotFound"];

/// Whether an answer says that there is no blob of this name. HEAD has no body, and not every proxy passes the header
/// with the code.
pub(super) fn is_absent(answer: &Answer) -> bool {
    answer.status() == 404 && !NO_CONTAINER.contains(&answer.code())
}

/// A storage account, as one identity reaches it.
pub(super) struct Service {
    pub(super) remote: Remote,
    api: Storage,
}

/// What its requests and answers are like.
struct Storage {
    container: Url,
}

impl Service {
    pub(super) fn new(context: Context, container: Url) -> Self {
        Service { remote: Remote::new(context, STORAGE_SCOPE, None), api: Storage { container } }
    }

    /// Sends a request until it has an answer that is not transient.
    pub(super) async fn send(&self, call: Call) -> Result<Answer> {
        self.remote.send(&self.api, call).await
    }

    /// Sends a request whose answer must have one of these statuses.
    pub(super) async fn expect(&self, call: Call, statuses: &[u16]) -> Result<Answer> {
        let answer = self.send(call).await?;
        if statuses.contains(&answer.status()) { Ok(answer) } else { Err(self.refusal(&answer)) }
    }

    /// The error of an answer.
    pub(super) fn refusal(&self, answer: &Answer) -> Error {
        self.remote.refusal(&self.api, answer)
    }
}

impl Api for Storage {
    fn headers(&self, call: &Call, now: Duration) -> Vec<(&'static str, String)> {
        let now = Timestamp::from_second(i64::try_from(now.as_secs()).unwrap_or(0)).unwrap_or_default();
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap_or_default();
        let mut headers = vec![("x-ms-version", API_VERSION.to_owned()), ("x-ms-date", date)];
        // Without a body, reqwest leaves it out, and the service refuses that with 411.
        if call.method == Method::PUT && call.body.is_none() {
            headers.push(("content-length", "0".to_owned()));
        }
        headers
    }

    /// Also if the body did not arrive as it was sent.
    fn is_transient(&self, answer: &Received) -> bool {
        is_transient(answer.status) || (answer.status == 400 && answer.header(CODE) == Some("Md5Mismatch"))
    }

    fn refused(&self, what: &str, answer: &Received) -> Error {
        let code = answer.header(CODE).unwrap_or_default();
        let entry = match (answer.status, code) {
            (403, "AuthorizationPermissionMismatch") => &DATASET_STORAGE_ROLE,
            (403, "AuthorizationFailure") => &DATASET_STORAGE_FIREWALL,
            (401, _) | (403, "AuthenticationFailed" | "InvalidAuthenticationInfo") => &DATASET_STORAGE_TOKEN,
            (404, code) if NO_CONTAINER.contains(&code) => &DATASET_CONTAINER,
            (409, "ContainerBeingDeleted") => &DATASET_CONTAINER,
            _ => &DATASET_STORAGE,
        };
        let code = if code.is_empty() { String::new() } else { format!(" {}", excerpt(code, 80)) };
        let message = format!("{what} was answered with HTTP {}{code}{}", answer.status, request_id(answer));
        entry.error(message).fill("container", self.container.as_str())
    }

    fn unreachable(&self, message: String) -> Error {
        DATASET_STORAGE.error(message).fill("container", self.container.as_str())
    }
}
