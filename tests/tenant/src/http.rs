//! Requests and answers of all services.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::faults::{Fault, Name};
use crate::state::{Open, Seen, State, now};

/// An answer.
pub(crate) type Answer = Response<Body>;

/// A request, read whole.
pub(crate) struct Call {
    /// Method.
    pub method: String,
    /// Path, without a slash at its end: the services' routers ignore it.
    pub path: String,
    /// Query, as it was sent.
    pub query_text: String,
    /// Query, decoded. A name that is there twice is in `repeated`.
    pub query: HashMap<String, String>,
    /// Names that are there more than once.
    pub repeated: Vec<String>,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Call {
    /// Whether the header that guards instance metadata is there, in any case.
    pub(crate) fn has_metadata_header(&self) -> bool {
        self.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether the body is a form.
    pub(crate) fn is_form(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    async fn read(request: Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        let query_text = head.uri.query().unwrap_or_default().to_owned();
        let (query, repeated) = pairs(query_text.as_bytes());
        Call {
            method: head.method.to_string(),
            path: head.uri.path().trim_end_matches('/').to_owned(),
            query_text,
            query,
            repeated,
            headers: head.headers,
            body: axum::body::to_bytes(body, 16 << 20).await.unwrap_or_default(),
        }
    }
}

/// Decodes `a=b&c=d`. Names that are there more than once are also returned by themselves.
pub(crate) fn pairs(text: &[u8]) -> (HashMap<String, String>, Vec<String>) {
    let (mut map, mut repeated) = (HashMap::new(), Vec::new());
    for (name, value) in url::form_urlencoded::parse(text) {
        if map.insert(name.clone().into_owned(), value.into_owned()).is_some() {
            repeated.push(name.into_owned());
        }
    }
    (map, repeated)
}

/// A JSON answer.
pub(crate) fn json_answer(status: u16, body: &Value) -> Answer {
    answer(status, "application/json; charset=utf-8", body.to_string())
}

/// An answer with a body.
pub(crate) fn answer(status: u16, content_type: &'static str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    answer
}

/// Adds a header.
pub(crate) fn with_header(mut answer: Answer, name: &str, value: &str) -> Answer {
    if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), value.parse()) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// What a service does with a call. `open` must be held until the answer's body is sent.
pub(crate) trait Service: Send + Sync + 'static {
    /// Name of the listener.
    const NAME: &'static str;
    /// Tenant of the call, for faults that strike only one tenant.
    fn tenant(_state: &Arc<State>, _call: &Call) -> Option<String> {
        None
    }
    /// Answers.
    fn answer(state: Arc<State>, call: Call, open: Open) -> impl Future<Output = Answer> + Send;
}

/// Applies the general faults to a request, gives it to its service, and adds it to the report.
pub(crate) async fn serve<S: Service>(state: Arc<State>, request: Request<Body>) -> Answer {
    let open = state.open();
    let call = Call::read(request).await;
    let tenant = S::tenant(&state, &call);
    let mut seen = Seen {
        service: S::NAME,
        method: call.method.clone(),
        path: call.path.clone(),
        query: call.query_text.clone(),
        status: 0,
        tenant: tenant.clone(),
    };
    let slow = state.strike(S::NAME, &call.path, tenant.as_deref(), |name| name == Name::Slow);
    if let Some(slow) = &slow {
        tokio::time::sleep(Duration::from_millis(slow.delay_ms)).await;
    }
    let fault = state.strike(S::NAME, &call.path, tenant.as_deref(), Name::is_general);
    let mut answer = match fault {
        Some(fault) => general(&state, &fault, &mut seen, open).await,
        None => S::answer(Arc::clone(&state), call, open).await,
    };
    seen.status = answer.status().as_u16();
    state.seen(seen);
    if let Some(slow) = slow.filter(|slow| slow.chunk_delay_ms > 0) {
        let (head, body) = answer.into_parts();
        answer = Response::from_parts(head, slowly(body, Duration::from_millis(slow.chunk_delay_ms)));
    }
    answer
}

fn slowly(body: Body, pause: Duration) -> Body {
    use futures_util::StreamExt;
    Body::from_stream(body.into_data_stream().then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        chunk
    }))
}

async fn general(state: &State, fault: &Fault, seen: &mut Seen, _open: Open) -> Answer {
    match fault.name {
        Name::Status => {
            let code = fault.code.unwrap_or(500);
            let made = match &fault.body {
                Some(Value::String(text)) => answer(code, "text/html", text.clone()),
                Some(body) => json_answer(code, body),
                None => {
                    let error = json!({"code": "Fault", "message": "a fault", "target": state.guid()});
                    json_answer(code, &json!({"error": error}))
                }
            };
            let made = match &fault.location {
                Some(value) => with_header(made, "location", value),
                None => made,
            };
            match fault.retry_after.as_ref().map(retry_after) {
                Some(value) => with_header(made, "retry-after", &value),
                None => made,
            }
        }
        Name::NotJson => answer(200, "text/html", "<html><body>Sign in to the proxy</body></html>"),
        Name::Reset => {
            state.seen(seen.clone());
            // Ends the connection's task silently, so that the client sees the connection close.
            std::panic::resume_unwind(Box::new("reset"));
        }
        _ => {
            state.seen(seen.clone());
            std::future::pending().await
        }
    }
}

/// `30`, `"date:+30"` or any other text.
fn retry_after(value: &Value) -> String {
    let Some(text) = value.as_str() else { return value.to_string() };
    match text.strip_prefix("date:+").and_then(|seconds| seconds.parse::<u64>().ok()) {
        Some(seconds) => http_date(now() + seconds),
        None => text.to_owned(),
    }
}

/// A time as HTTP writes it (RFC 9110 §5.6.7).
pub(crate) fn http_date(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(0);
    jiff::Timestamp::from_second(seconds)
        .map(|t| t.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
