//! The customers of a Microsoft partner: every other tenant of the world.
//! <https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers>

use serde_json::json;

use crate::endpoints::Endpoint;
use crate::http::{Answer, Call, json_answer};
use crate::lists::{self, Refusal};
use crate::state::State;
use crate::world::Customer;

/// Customers of a page without `$top`.
const PAGE: usize = 100;
/// The largest `$top`.
const MAX_TOP: usize = 300;

/// One page, with a link if there are more.
pub(crate) fn page(
    endpoint: &Endpoint,
    state: &State,
    call: &Call,
    partner: &Customer,
) -> Result<Answer, Refusal> {
    lists::only(state, call, &["$count", "$skiptoken", "$top"])?;
    let bad = |text: &str| (400, "BadRequest", text.to_owned());
    let number = |name: &str| call.query.get(name).map(|text| text.parse::<usize>()).transpose();
    let top = number("$top").map_err(|_| bad("$top is not a number."))?;
    let from = number("$skiptoken").map_err(|_| bad("The skip token is not valid."))?.unwrap_or(0);
    if top.is_some_and(|top| top == 0 || top > MAX_TOP) {
        return Err(bad("$top is not in the range 1 to 300."));
    }
    let customers: Vec<_> = state
        .world()
        .tenants
        .iter()
        .filter(|tenant| tenant.tenant_id != partner.tenant_id)
        .map(|tenant| {
            json!({
                "@odata.etag": "W/\"JyIwMDAwIic=\"", "id": tenant.tenant_id, "tenantId": tenant.tenant_id,
                "displayName": tenant.name,
            })
        })
        .collect();
    let from = from.min(customers.len());
    let to = customers.len().min(from + top.unwrap_or(PAGE));
    let mut body = json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/tenantRelationships/$metadata#delegatedAdminCustomers",
        "value": &customers[from..to],
    });
    if call.query.get("$count").is_some_and(|count| count == "true") {
        body["@odata.count"] = customers.len().into();
    }
    if to < customers.len() {
        let top = top.map(|top| format!("$top={top}&")).unwrap_or_default();
        let link = format!("{}{}?{top}$skiptoken={to}", state.address("graph"), endpoint.path);
        body["@odata.nextLink"] = link.into();
    }
    state.count("pages");
    Ok(json_answer(200, &body))
}
