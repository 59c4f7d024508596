//! Microsoft Graph and Azure Resource Manager: their lists, and the answers that a test has set.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cloud::Resource;
use crate::customers;
use crate::data;
use crate::endpoints::{self, Endpoint, Own, Parameter, Shape};
use crate::http::{Answer, Call, Service, answer, json_answer, with_header};
use crate::hunting;
use crate::lists;
use crate::resource_graph;
use crate::state::{Open, State, now};
use crate::world::Customer;

/// The claims of the call's token, if this world signed it and it is still valid.
pub(crate) fn claims(state: &State, call: &Call) -> Option<Value> {
    let token = call.header("authorization")?.strip_prefix("Bearer ")?;
    let claims = state.signer.verify(token).ok()?;
    (claims["exp"].as_u64().unwrap_or(0) > now() && !state.is_revoked(token)).then_some(claims)
}

pub(crate) fn is_for(state: &State, resource: Resource, claims: &Value) -> bool {
    let cloud = state.world().cloud;
    cloud.is_audience(resource, claims["aud"].as_str().unwrap_or_default())
}

fn tenant(state: &State, call: &Call) -> Option<String> {
    claims(state, call)?["tid"].as_str().map(str::to_owned)
}

/// The customer of a token. The home tenant has the data of the first customer.
fn customer(state: &State, claims: &Value) -> Option<Customer> {
    let world = state.world();
    let tenant = claims["tid"].as_str()?;
    let home = || world.tenants.first().filter(|_| tenant == world.home_tenant_id);
    world.tenant(tenant).or_else(home).cloned()
}

/// The answer that a test has set for this path.
fn extra(state: &State, call: &Call) -> Option<Answer> {
    let extra = state.world().extra_responses.get(&format!("{} {}", call.method, call.path)).cloned()?;
    let made = answer(extra.status, "application/json", extra.body.to_string());
    Some(extra.headers.iter().fold(made, |made, (name, value)| with_header(made, name, value)))
}

/// Microsoft Graph.
pub(crate) struct Graph;

impl Graph {
    fn refuse(state: &State, call: &Call, status: u16, code: &str, message: &str) -> Answer {
        let id = state.guid();
        let client = call.header("client-request-id").unwrap_or(&id);
        let at = jiff::Timestamp::from_second(i64::try_from(now()).unwrap_or(0)).unwrap_or_default();
        let at = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let inner = json!({"date": at, "request-id": id, "client-request-id": client});
        let body = json!({"error": {"code": code, "message": message, "innerError": inner}});
        with_header(with_header(json_answer(status, &body), "request-id", &id), "client-request-id", client)
    }

    /// The customer of a token that has one of these roles.
    fn authorize(state: &State, claims: &Value, wanted: &[&str]) -> Result<Customer, lists::Refusal> {
        let roles: Vec<_> =
            claims["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !roles.iter().any(|role| wanted.contains(role)) {
            let (needed, roles) = (wanted.join(","), roles.join(","));
            let text = format!(
                "Missing application roles. API required roles: {needed}, application roles: {roles}."
            );
            return Err((403, "Forbidden", text));
        }
        let unknown =
            || (401, "InvalidAuthenticationToken", "The tenant of the token is not known.".to_owned());
        customer(state, claims).ok_or_else(unknown)
    }

    fn hunting(state: &State, call: &Call, claims: &Value) -> Result<Answer, hunting::Refusal> {
        let engine = hunting::Engine::Graph;
        let customer = Graph::authorize(state, claims, &[engine.role()])?;
        hunting::respond(state, call, &customer, engine)
    }

    fn read(
        state: &State,
        call: &Call,
        claims: &Value,
        endpoint: &Endpoint,
        ids: &[String],
    ) -> Result<Answer, lists::Refusal> {
        let customer = Graph::authorize(state, claims, endpoint.roles)?;
        let missing = || (404, "ResourceNotFound", "The item was not found.".to_owned());
        let id = ids.first().map_or("", String::as_str);
        if let Shape::Graph(list) = endpoint.shape {
            return list.page(endpoint, state, call, &customer);
        }
        if matches!(endpoint.shape, Shape::Own(Own::Customers)) {
            return customers::page(endpoint, state, call, &customer);
        }
        let own: Vec<_> = endpoint.parameters.iter().map(Parameter::name).collect();
        lists::only(state, call, &own)?;
        let mut row = match endpoint.shape {
            Shape::Item(path) => {
                let endpoint = endpoints::list(path).ok_or_else(missing)?;
                let Shape::Graph(list) = endpoint.shape else { return Err(missing()) };
                list.item(endpoint, &customer, id)?
            }
            Shape::Single(_) => {
                let found = endpoint.samples().into_iter().find(|row| row["id"] == id);
                found.ok_or_else(missing)?
            }
            _ => return Err(missing()),
        };
        if lists::expands(call) {
            lists::expand(&mut row);
        }
        Ok(json_answer(200, &row))
    }
}

impl Service for Graph {
    const NAME: &'static str = "graph";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        tenant(state, call)
    }

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let claims = claims(&state, &call).filter(|claims| is_for(&state, Resource::Graph, claims));
        let Some(claims) = claims else {
            let text = "Access token validation failure. Invalid audience.";
            return Graph::refuse(&state, &call, 401, "InvalidAuthenticationToken", text);
        };
        if let Some(extra) = extra(&state, &call) {
            return extra;
        }
        if call.method == "POST" && call.path.eq_ignore_ascii_case(hunting::GRAPH_PATH) {
            return Graph::hunting(&state, &call, &claims).unwrap_or_else(|(status, code, message)| {
                Graph::refuse(&state, &call, status, code, &message)
            });
        }
        if let Some((endpoint, ids)) = endpoints::find(Resource::Graph, &call.method, &call.path) {
            return Graph::read(&state, &call, &claims, endpoint, &ids).unwrap_or_else(
                |(status, code, message)| Graph::refuse(&state, &call, status, code, &message),
            );
        }
        state.violation(format!("graph: {} {} was not expected", call.method, call.path));
        Graph::refuse(&state, &call, 404, "UnknownError", "")
    }
}

/// Azure Resource Manager.
pub(crate) struct Arm;

impl Arm {
    /// The body of an error.
    pub(crate) fn refuse(status: u16, code: &str, message: &str) -> Answer {
        json_answer(status, &json!({"error": {"code": code, "message": message}}))
    }

    /// One page of subscriptions, with a link if there are more.
    fn subscriptions(state: &State, call: &Call, version: &str, customer: Option<&Customer>) -> Answer {
        let size = state.world().arm_page_size;
        let mut all = customer.map_or_else(Vec::new, |customer| {
            (0..customer.subscriptions)
                .map(|number| data::subscription(&customer.tenant_id, number))
                .collect()
        });
        all.extend(customer.map_or_else(Vec::new, |customer| delegated(state, customer)));
        let count = all.len();
        let from = match call.query.get("$skiptoken").map(|token| token.parse::<usize>()) {
            None => 0,
            Some(Ok(from)) if from <= count => from,
            Some(_) => return Arm::refuse(400, "InvalidSkipToken", "The skip token is not valid."),
        };
        let to = count.min(from + size);
        let mut body = json!({"value": &all[from..to], "count": {"type": "Total", "value": count}});
        if to < count {
            let (arm, path) = (state.address("arm"), &call.path);
            body["nextLink"] = format!("{arm}{path}?api-version={version}&%24skiptoken={to}").into();
        }
        json_answer(200, &body)
    }

    /// One page of a list of Defender for Cloud.
    fn cloud(
        state: &State,
        call: &Call,
        (endpoint, versions): (&Endpoint, &[&str]),
        version: &str,
        customer: Option<&Customer>,
        ids: &[String],
    ) -> Answer {
        if !versions.contains(&version) {
            let text =
                format!("The api-version '{version}' is not supported; these are: {}.", versions.join(", "));
            return Arm::refuse(400, "InvalidApiVersionParameter", &text);
        }
        let id = ids.first().map_or("", String::as_str);
        let own = |customer: &&Customer| {
            (0..customer.subscriptions).any(|number| data::subscription("", number)["subscriptionId"] == id)
        };
        let Some(customer) = customer.filter(own) else {
            let text = format!("The subscription '{id}' could not be found.");
            return Arm::refuse(404, "SubscriptionNotFound", &text);
        };
        let rows = endpoint.all(customer);
        let size = state.world().arm_page_size;
        let from = call.query.get("$skiptoken").and_then(|token| token.parse::<usize>().ok()).unwrap_or(0);
        let (from, to) = (from.min(rows.len()), rows.len().min(from.saturating_add(size)));
        let mut body = json!({"value": &rows[from..to]});
        if to < rows.len() {
            let (arm, path) = (state.address("arm"), &call.path);
            body["nextLink"] = format!("{arm}{path}?api-version={version}&%24skiptoken={to}").into();
        }
        state.count("pages");
        json_answer(200, &body)
    }

    /// The version of a request that has one, or code and text of the refusal.
    fn version<'a>(state: &State, call: &'a Call) -> Result<&'a str, (&'static str, String)> {
        let known = ["$skiptoken", "api-version"];
        let names = call.query.keys().chain(&call.repeated);
        for name in names.filter(|name| !known.contains(&name.as_str())) {
            state.violation(format!("arm: the parameter {name} means nothing here"));
        }
        let version = call.query.get("api-version").map_or("", String::as_str);
        if version.is_empty() {
            let text = "The api-version query parameter (?api-version=) is required for all requests.";
            return Err(("MissingApiVersionParameter", text.to_owned()));
        }
        let date = version.strip_suffix("-preview").unwrap_or(version);
        if date.parse::<jiff::civil::Date>().is_err() {
            let text = format!("The api-version '{version}' is invalid.");
            return Err(("InvalidApiVersionParameter", text));
        }
        Ok(version)
    }
}

/// Subscriptions that other tenants delegate to this one: theirs in turn.
/// <https://learn.microsoft.com/azure/lighthouse/concepts/cross-tenant-management-experience>
fn delegated(state: &State, customer: &Customer) -> Vec<Value> {
    let world = state.world();
    let others = || world.tenants.iter().filter(|other| other.tenant_id != customer.tenant_id);
    if others().next().is_none() {
        return Vec::new();
    }
    let owners = others().cycle().take(customer.delegated_subscriptions).enumerate();
    owners
        .map(|(number, owner)| {
            let mut row = data::subscription(&owner.tenant_id, 1_000 + number);
            row["managedByTenants"] = json!([{"tenantId": customer.tenant_id}]);
            row
        })
        .collect()
}

impl Service for Arm {
    const NAME: &'static str = "arm";

    fn tenant(state: &Arc<State>, call: &Call) -> Option<String> {
        tenant(state, call)
    }

    async fn answer(state: Arc<State>, call: Call, _open: Open) -> Answer {
        let Some(claims) = claims(&state, &call) else {
            let text =
                "Authentication failed. The 'Authorization' header is missing or its token is invalid.";
            return Arm::refuse(401, "AuthenticationFailed", text);
        };
        if !is_for(&state, Resource::Arm, &claims) {
            let text = "The access token has been obtained for wrong audience or resource.";
            return Arm::refuse(401, "InvalidAuthenticationTokenAudience", text);
        }
        if let Some(extra) = extra(&state, &call) {
            return extra;
        }
        let Some((endpoint, ids)) = endpoints::find(Resource::Arm, &call.method, &call.path) else {
            state.violation(format!("arm: {} {} was not expected", call.method, call.path));
            return Arm::refuse(404, "NotFound", "No resource is there.");
        };
        let version = match Arm::version(&state, &call) {
            Ok(version) => version,
            Err((code, text)) => return Arm::refuse(400, code, &text),
        };
        let customer = customer(&state, &claims);
        let made = match endpoint.shape {
            Shape::Own(Own::Subscriptions) => Arm::subscriptions(&state, &call, version, customer.as_ref()),
            Shape::Arm(versions) => {
                Arm::cloud(&state, &call, (endpoint, versions), version, customer.as_ref(), &ids)
            }
            _ => return resource_graph::answer(&state, &call, version, customer.as_ref(), &claims),
        };
        with_header(made, "x-ms-ratelimit-remaining-tenant-reads", "249")
    }
}
