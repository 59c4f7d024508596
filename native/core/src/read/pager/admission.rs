//! What a request waits for before it is sent: a place in the quota of the service, and the query's own turn.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use crate::context::Context;
use crate::errors::{API_THROTTLED, Result};
use crate::http::retry::span;
use crate::http::{Class, Key, Place, Response, Turn};
use crate::read::plan::Plan;
use crate::read::sink::Sink;
use crate::settings::is_loopback;
use crate::token::AccessToken;

/// How long Azure Resource Manager gets no request when its answer says that nothing is left. It adds 25 requests per
/// second.
const REFILL: Duration = Duration::from_secs(1);
/// Headers of Azure Resource Manager with the number of requests that are left.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>
const LEFT: [&str; 3] = [
    "x-ms-ratelimit-remaining-subscription-reads",
    "x-ms-ratelimit-remaining-tenant-reads",
    "x-ms-ratelimit-remaining-tenant-resource-requests",
];

/// What a request may be sent with.
pub(super) struct Admission {
    pub(super) place: Place,
    class: Arc<Class>,
    /// One of the requests that the query has at a time.
    _request: Option<OwnedSemaphorePermit>,
}

/// What the service counts a request with, by the app and the tenant of the token.
pub(super) fn class(
    context: &Context,
    tenant: &str,
    plan: &Plan,
    url: &Url,
    token: &AccessToken,
) -> Arc<Class> {
    let claims = token.claims();
    let app = claims.client_id().map(str::to_owned).or_else(|| context.settings.client_id.clone());
    let key = Key {
        app: app.unwrap_or_default(),
        tenant: claims.tid.as_deref().unwrap_or(tenant).to_ascii_lowercase(),
        family: plan.family,
        quota: plan.quota as u8,
    };
    // What is on this machine is not the service, and has the limits that its own refusals name.
    let (published, at_once) =
        if is_loopback(url) { (&[][..], None) } else { (plan.quota.limits(), plan.quota.at_once()) };
    context.governor.class(key, published, at_once, context.clock.now())
}

/// Waits until a request may be sent. `told`: until when the user knows of the wait.
pub(super) async fn admit(
    context: &Context,
    class: &Arc<Class>,
    what: &str,
    told: Duration,
    sink: &Sink,
) -> Result<Admission> {
    loop {
        let wait = |turn| {
            // Others need not wait with this tenant.
            sink.opening.end();
            wait(context, what, told, turn)
        };
        let place = class.place(&context.clock, context.caller, wait).await?;
        if let Some(request) = sink.request().now_or_never() {
            return Ok(Admission { place, class: Arc::clone(class), _request: request });
        }
        // A stalled pipeline may hold up all requests of the query: a place must not wait with them.
        drop(place);
        let request = sink.request().await;
        if let Some(place) = class.try_place(&context.clock) {
            return Ok(Admission { place, class: Arc::clone(class), _request: request });
        }
    }
}

/// Tells of a wait, or refuses it if all waits of the command would then be longer than its limit.
fn wait(context: &Context, what: &str, told: Duration, turn: Turn) -> Result<()> {
    let now = context.clock.now();
    let pause = turn.at.saturating_sub(now);
    if !context.waits.begin(now, pause) {
        let quota = turn.limit.map_or_else(String::new, |limit| format!(" ({limit})"));
        let message = format!("the API's quota for this app in this tenant{quota} is used up before {what}");
        return Err(context.too_long(API_THROTTLED.error(message), pause));
    }
    if turn.at > told {
        context.reporter.quota(what, turn.limit, pause);
    }
    Ok(())
}

impl Admission {
    /// Reads what an answer says of the quota.
    pub(super) fn read(&self, response: &Response, now: Duration) {
        let number = |name| response.header(name).and_then(|text| text.trim().parse::<usize>().ok());
        if let Some(left) = number("x-ms-user-quota-remaining") {
            let resets = response.header("x-ms-user-quota-resets-after");
            if let Some(resets) = resets.and_then(|text| span(&mut text.split_whitespace())) {
                self.class.told(left, now + resets);
            }
        } else if LEFT.iter().any(|name| number(name) == Some(0)) {
            self.class.told(0, now + REFILL);
        }
    }
}
