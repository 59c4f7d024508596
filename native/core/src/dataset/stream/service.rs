//! What the two services want of requests, and what their answers mean.

use url::Url;

use crate::cloud::{Cloud, EVENT_HUBS_SCOPE};
use crate::dataset::destination::Kind;
use crate::dataset::destination::remote::{Answer, Api, request_id};
use crate::errors::{
    Error, INGESTION_FAILED, INGESTION_MISSING, INGESTION_REFUSED, INGESTION_ROLE, INGESTION_TOKEN,
    KnownError, excerpt,
};
use crate::http::{Limit, Received};

/// 2 GB per minute and rule, in requests of at most 1 MB. That is less than the 12,000 requests that it takes besides.
/// <https://learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits#logs-ingestion-api>
const RULE: &[Limit] = &[Limit::per_minute(2000)];

impl Kind {
    /// Scope of its tokens.
    pub(super) fn scope(self, cloud: Cloud) -> &'static str {
        match self {
            Kind::LogAnalytics => cloud.ingestion().1,
            Kind::EventHubs => EVENT_HUBS_SCOPE,
        }
    }

    /// What it takes per minute, as far as that is published.
    pub(super) fn limits(self) -> &'static [Limit] {
        match self {
            Kind::LogAnalytics => RULE,
            // It depends on the throughput units.
            Kind::EventHubs => &[],
        }
    }

    fn role(self) -> &'static str {
        match self {
            Kind::LogAnalytics => "Monitoring Metrics Publisher",
            Kind::EventHubs => "Azure Event Hubs Data Sender",
        }
    }
}

/// A rule or an event hub.
pub(super) struct Service {
    pub(super) kind: Kind,
    pub(super) url: Url,
}

impl Service {
    fn error(&self, entry: &'static KnownError, message: String) -> Error {
        entry.error(message).fill("resource", self.url.as_str()).fill("role", self.kind.role())
    }
}

/// Whether an answer says that the request is too large.
pub(super) fn is_too_large(answer: &Answer) -> bool {
    // Some front ends of Event Hubs answer 400.
    answer.status() == 413
        || (answer.status() == 400 && answer.text().to_ascii_lowercase().contains("too large"))
}

impl Api for Service {
    fn refused(&self, what: &str, answer: &Received) -> Error {
        let entry = match answer.status {
            401 => &INGESTION_TOKEN,
            403 => &INGESTION_ROLE,
            404 => &INGESTION_MISSING,
            408 | 429 | 500.. => &INGESTION_FAILED,
            _ => &INGESTION_REFUSED,
        };
        let said = excerpt(&String::from_utf8_lossy(&answer.body), 300);
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let message = format!("{what} was answered with HTTP {}{}{said}", answer.status, request_id(answer));
        self.error(entry, message)
    }

    fn unreachable(&self, message: String) -> Error {
        self.error(&INGESTION_FAILED, message)
    }
}
