//! What the managed identity endpoints share, and the endpoint of App Service and Functions.
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::cloud::Resource;
use crate::faults::{Fault, Name};
use crate::http::{Answer, Call, Service, answer, json_answer, pairs};
use crate::state::{IDENTITY_HEADER, Open, State, now};
use crate::world::{Identity, World};

/// The application that Entra's exchange audience belongs to.
pub(crate) const EXCHANGE_APP: &str = "fb60f99c-7a34-4190-8149-302f77469936";
/// How long an identity's token lives, in seconds.
pub(crate) const LIFETIME: u64 = 24 * 3600;

/// Name and value of the parameter that chooses an identity.
pub(crate) type Selector<'a> = (&'a str, &'a str);

/// The same, of a request that is no longer there.
pub(crate) type OwnedSelector = (String, String);

/// Why an identity endpoint gives no token.
pub(crate) enum Denial {
    /// The identity is not assigned.
    UnknownIdentity,
    /// The resource is not known.
    UnknownResource,
}

/// The identity with this selector.
pub(crate) fn find<'a>(world: &'a World, selector: Option<Selector<'_>>) -> Option<&'a Identity> {
    let same = |a: &str, b: &str| !a.is_empty() && a.eq_ignore_ascii_case(b);
    world.identities.iter().find(|identity| match selector {
        None => identity.system_assigned,
        Some(("client_id", id)) => same(&identity.client_id, id),
        Some(("object_id" | "principal_id", id)) => same(&identity.object_id, id),
        Some((_, id)) => same(&identity.resource_id, id),
    })
}

/// A token of the identity for `resource`, with the claims that Entra puts into it.
pub(crate) fn token(
    state: &State,
    selector: Option<Selector<'_>>,
    resource: &str,
    fault: Option<&Fault>,
) -> Result<Value, Denial> {
    let world = state.world().clone();
    let mut identity = find(&world, selector).ok_or(Denial::UnknownIdentity)?;
    let kind = world.cloud.identity_resource(resource).ok_or(Denial::UnknownResource)?;
    if fault.is_some_and(|fault| fault.name == Name::IdentityMismatch)
        && let Some(other) = world.identities.iter().find(|other| other.client_id != identity.client_id)
    {
        identity = other;
    }
    let ends = now() + LIFETIME;
    let claims = claims(state, &world, identity, (resource, kind), ends);
    let token = state.signer.sign(&claims).map_err(|_| Denial::UnknownResource)?;
    state.keep_secret(&token);
    Ok(json!({
        "access_token": if fault.is_some_and(|f| f.name == Name::EmptyToken) { "" } else { &token },
        "expires_on": expires_on(&world.expires_on_format, ends),
        "resource": resource, "token_type": "Bearer", "client_id": identity.client_id,
    }))
}

fn claims(
    state: &State,
    world: &World,
    identity: &Identity,
    (resource, kind): (&str, Resource),
    ends: u64,
) -> Value {
    let home = &world.home_tenant_id;
    let exchange = kind == Resource::Exchange;
    let mut claims = json!({
        "aud": if exchange { EXCHANGE_APP } else { resource },
        "iss": if exchange { world.cloud.issuer(home) } else { world.cloud.v1_issuer(home) },
        "iat": now(), "nbf": now(), "exp": ends,
        "sub": identity.object_id, "oid": identity.object_id, "tid": home, "idtyp": "app",
        "ver": if exchange { "2.0" } else { "1.0" }, "uti": state.guid(),
    });
    claims[if exchange { "azp" } else { "appid" }] = json!(identity.client_id);
    if !identity.resource_id.is_empty() {
        claims["xms_mirid"] = json!(identity.resource_id);
    }
    match kind {
        Resource::Defender => claims["roles"] = json!(["Machine.Read.All", "Vulnerability.Read.All"]),
        Resource::Xdr => claims["roles"] = json!(["Incident.Read.All"]),
        Resource::Graph => claims["roles"] = json!(["SecurityAlert.Read.All"]),
        Resource::Exchange | Resource::Arm | Resource::Ingestion | Resource::EventHubs | Resource::Other => {}
    }
    claims
}

/// The forms that endpoints are known to use.
pub(crate) fn expires_on(format: &str, seconds: u64) -> Value {
    let at = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or(0)).unwrap_or_default();
    match format {
        "number" => json!(seconds),
        "iso" => json!(at.strftime("%Y-%m-%dT%H:%M:%S.0000000+00:00").to_string()),
        "us" => json!(at.strftime("%-m/%-d/%Y %-I:%M:%S %p +00:00").to_string()),
        "us24" => json!(at.strftime("%m/%d/%Y %H:%M:%S +00:00").to_string()),
        "us24-without-zone" => json!(at.strftime("%m/%d/%Y %H:%M:%S").to_string()),
        "hybrid" => json!(at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
        "hybrid-without-zone" => json!(at.strftime("%Y-%m-%d %H:%M:%S").to_string()),
        _ => json!(seconds.to_string()),
    }
}

/// The endpoints of App Service (version of 2019), of Azure Automation, which also wants the metadata header, and of
/// Azure Machine Learning (version of 2017).
pub(crate) struct AppService;

/// Paths of the three.
pub(crate) const APP_SERVICE_PATH: &str = "/msi/token";
pub(crate) const AUTOMATION_PATH: &str = "/automation/oauth2/token";
pub(crate) const MACHINE_LEARNING_PATH: &str = "/ml/msi/token";

/// What one of them wants.
struct Place {
    version: &'static str,
    /// Whether a request without a version is served.
    version_optional: bool,
    secret_header: &'static str,
    wants_metadata: bool,
    takes_post: bool,
    selectors: &'static [&'static str],
    /// Form of `expires_on` in a world that does not say another one than usual.
    expires_on: Option<&'static str>,
}

const APP_SERVICE: Place = Place {
    version: "2019-08-01",
    version_optional: false,
    secret_header: "x-identity-header",
    wants_metadata: false,
    takes_post: false,
    selectors: &["client_id", "principal_id", "object_id", "mi_res_id"],
    expires_on: None,
};
/// <https://learn.microsoft.com/azure/automation/enable-managed-identity-for-automation>
const AUTOMATION: Place = Place {
    version_optional: true,
    wants_metadata: true,
    takes_post: true,
    selectors: &["client_id"],
    ..APP_SERVICE
};
/// The version of 2017: other names, and a date instead of a number.
const MACHINE_LEARNING: Place = Place {
    version: "2017-09-01",
    secret_header: "secret",
    selectors: &["clientid"],
    expires_on: Some("us"),
    ..APP_SERVICE
};

impl Service for AppService {
    const NAME: &'static str = "identity";

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let place = match call.path.as_str() {
            APP_SERVICE_PATH => &APP_SERVICE,
            AUTOMATION_PATH => &AUTOMATION,
            MACHINE_LEARNING_PATH => &MACHINE_LEARNING,
            _ => {
                state.violation(format!("identity: {} {} is not the endpoint", call.method, call.path));
                return answer(404, "text/plain", "");
            }
        };
        place.answer(&state, &call)
    }
}

impl Place {
    fn answer(&self, state: &State, call: &Call) -> Answer {
        let refuse = |status: u16, message: &str| {
            let id = state.guid();
            json_answer(status, &json!({"StatusCode": status, "Message": message, "CorrelationId": id}))
        };
        if call.header(self.secret_header) != Some(IDENTITY_HEADER) {
            return refuse(401, "Unauthorized");
        }
        let (resource, selector) = match self.read(state, call) {
            Ok(read) => read,
            Err(why) => {
                state.violation(format!("identity: {why} ({})", call.query_text));
                return refuse(400, why);
            }
        };
        let selector = selector
            .as_ref()
            .map(|(name, id)| (if name == "clientid" { "client_id" } else { name.as_str() }, id.as_str()));
        let fault = state
            .strike("identity", &call.path, None, |n| matches!(n, Name::IdentityMismatch | Name::EmptyToken));
        match token(state, selector, &resource, fault.as_ref()) {
            Ok(mut body) => {
                if let Some(form) = self.expires_on.filter(|_| state.world().expires_on_format == "unix") {
                    body["expires_on"] = expires_on(form, now() + LIFETIME);
                }
                json_answer(200, &body)
            }
            Err(Denial::UnknownIdentity) => refuse(400, "No MSI found for specified ClientId/ResourceId."),
            // The real endpoint is as vague.
            Err(Denial::UnknownResource) => {
                let (text, id) = ("An unexpected error occurred.", state.guid());
                json_answer(500, &json!({"statusCode": 500, "message": text, "correlationId": id}))
            }
        }
    }

    /// Resource and selector of a request that is in order.
    fn read(&self, state: &State, call: &Call) -> Result<(String, Option<OwnedSelector>), &'static str> {
        let (parameters, repeated): (Cow<'_, HashMap<_, _>>, _) = match call.method.as_str() {
            "GET" => (Cow::Borrowed(&call.query), call.repeated.clone()),
            "POST" if self.takes_post && call.is_form() => {
                let (mut form, repeated) = pairs(&call.body);
                form.extend(call.query.clone());
                (Cow::Owned(form), repeated)
            }
            _ => return Err("The method is not supported."),
        };
        if self.wants_metadata && !call.has_metadata_header() {
            return Err("Required metadata header not specified");
        }
        match parameters.get("api-version") {
            Some(version) if version == self.version => {}
            None if self.version_optional => {}
            _ => return Err("The api-version is not supported."),
        }
        if !repeated.is_empty() {
            return Err("A parameter is there more than once.");
        }
        let known = |name: &str| matches!(name, "api-version" | "resource") || self.selectors.contains(&name);
        for name in parameters.keys().filter(|name| !known(name)) {
            // The real endpoint ignores it and answers for the system-assigned identity.
            state.violation(format!("identity: the parameter {name} means nothing here"));
        }
        let mut selectors = parameters.iter().filter(|(name, _)| self.selectors.contains(&name.as_str()));
        let selector = selectors.next().map(|(name, id)| (name.clone(), id.clone()));
        if selectors.next().is_some() {
            return Err("The identity parameters are mutually exclusive.");
        }
        let resource = parameters.get("resource").cloned().ok_or("The resource is missing.")?;
        Ok((resource, selector))
    }
}
