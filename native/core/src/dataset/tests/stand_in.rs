//! What the stand-ins of services in the tests of destinations share: a machine with a managed identity, and a say over
//! what happens to each request.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::context::Context;
use crate::http::Request;
use crate::testing::{Answer, CLIENT, IDENTITY, Network, START, TENANT, context, jwt, ok, pairs};

type Decide<F> = dyn Fn(&Request, usize) -> F + Send + Sync;

/// What happens to requests to a service, by their number.
pub(in crate::dataset) struct Fates<F>(Mutex<(Box<Decide<F>>, usize)>);

impl<F> Fates<F> {
    pub(in crate::dataset) fn new(decide: impl Fn(&Request, usize) -> F + Send + Sync + 'static) -> Self {
        Fates(Mutex::new((Box::new(decide), 0)))
    }

    /// Decides what happens to requests from now on, by their number from now on.
    pub(in crate::dataset) fn decide(&self, decide: impl Fn(&Request, usize) -> F + Send + Sync + 'static) {
        *self.0.lock().unwrap() = (Box::new(decide), 0);
    }

    /// Requests so far.
    pub(in crate::dataset) fn count(&self) -> usize {
        self.0.lock().unwrap().1
    }

    /// What happens to the next request.
    pub(in crate::dataset) fn of(&self, request: &Request) -> F {
        let (decide, count) = &mut *self.0.lock().unwrap();
        *count += 1;
        decide(request, *count - 1)
    }
}

/// A context whose machine has a managed identity. The service answers all other requests.
pub(in crate::dataset) fn machine(
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> (Context, Arc<Network>) {
    let network = Network::new(move |request, _| {
        if request.url.host_str() == Some("127.0.0.1") { token(request) } else { answer(request) }
    });
    let settings = format!(
        r#"{{"clientId":"{CLIENT}","tenants":["{TENANT}"],
            "credential":{{"type":"managedIdentity","clientId":"{IDENTITY}"}}}}"#
    );
    let environment =
        [("IDENTITY_ENDPOINT", "http://127.0.0.1:41000/msi/token"), ("IDENTITY_HEADER", "fake")];
    (context(&network, &settings, &environment), network)
}

fn token(request: &Request) -> Answer {
    let query = pairs(request.url.query().unwrap_or_default().as_bytes());
    let claims = json!({
        "aud": query["resource"], "oid": IDENTITY, "appid": query.get("client_id"), "tid": TENANT,
        "exp": START + 90_000,
    });
    let ends = (START + 90_000).to_string();
    ok(json!({"access_token": jwt(&claims), "expires_on": ends, "token_type": "Bearer"}).to_string())
}

/// A header of a request.
pub(in crate::dataset) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).and_then(|value| value.to_str().ok())
}
