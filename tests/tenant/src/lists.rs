//! Lists of Microsoft Graph: how each is read. Sample rows are repeated until there are enough of them.

use std::cmp::Reverse;

use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use crate::endpoints::{Endpoint, Parameter};
use crate::filter::{Field, Filter, Kind, read_time, time};
use crate::http::{Answer, Call, json_answer};
use crate::state::State;
use crate::world::Customer;

/// Days between a sample row and its next copy.
const DAYS_BETWEEN_COPIES: i64 = 7;

/// How a list is read.
pub(crate) struct List {
    /// Times that `$orderby` takes. Without it, the first one decides: newest first.
    orders: &'static [&'static str],
    /// Rows of a page without `$top`.
    page: usize,
    /// The largest `$top`.
    max_top: usize,
    /// Whether a larger one is refused; otherwise it is cut.
    refuses_top: bool,
    /// A larger `$skip` is refused.
    max_skip: usize,
    /// How many rows a tenant has.
    rows: fn(&Customer) -> usize,
}

/// <https://learn.microsoft.com/graph/api/security-list-alerts_v2>
pub(crate) const ALERTS: List = List {
    orders: &["createdDateTime", "lastUpdateDateTime"],
    page: 10,
    max_top: 1_000,
    refuses_top: false,
    max_skip: 500,
    rows: |customer| customer.alerts,
};

/// Fields of alerts that `$filter` takes.
pub(crate) const ALERT_FIELDS: &[Field] = &[
    ("assignedTo", Kind::Text),
    ("classification", Kind::Text),
    ("createdDateTime", Kind::Time),
    ("determination", Kind::Text),
    ("lastUpdateDateTime", Kind::Time),
    ("serviceSource", Kind::Text),
    ("severity", Kind::Text),
    ("status", Kind::Text),
];

/// <https://learn.microsoft.com/graph/api/security-list-incidents>
pub(crate) const INCIDENTS: List =
    List { page: 50, max_top: 50, refuses_top: true, rows: |customer| customer.list_rows, ..ALERTS };

/// <https://learn.microsoft.com/graph/api/security-list-securescores>
pub(crate) const SCORES: List = List { orders: &["createdDateTime"], ..OTHERS };

/// Lists without a documented limit.
pub(crate) const OTHERS: List = List {
    orders: &[],
    page: 100,
    max_top: 999,
    refuses_top: false,
    max_skip: usize::MAX,
    rows: |customer| customer.list_rows,
};

/// <https://learn.microsoft.com/graph/api/security-rulesroot-list-detectionrules>
pub(crate) const RULES: List = List { orders: &["createdDateTime"], ..OTHERS };

/// Why a list is not sent: status, code, message.
pub(crate) type Refusal = (u16, &'static str, String);

/// Why a query is refused. Graph leaves the code of such an error empty.
fn bad_query(text: &str) -> Refusal {
    (400, "", format!("The query specified in the URI is not valid. {text}"))
}

impl List {
    /// Rows made of these samples, or of parts of them.
    fn rows<'a>(
        &'a self,
        samples: &'a [Value],
        customer: &'a Customer,
    ) -> impl ExactSizeIterator<Item = Value> + 'a {
        let count = if samples.is_empty() { 0 } else { (self.rows)(customer) };
        (0..count).map(|number| self.row(samples, customer, number))
    }

    fn row(&self, samples: &[Value], customer: &Customer, number: usize) -> Value {
        let mut row = samples[number % samples.len()].clone();
        if let Some(id) = row["id"].as_str() {
            row["id"] = format!("{id}_{number}").into();
        }
        if row.get("tenantId").is_some() {
            row["tenantId"] = customer.tenant_id.as_str().into();
        }
        for name in self.orders {
            let copy = i64::try_from(number / samples.len()).unwrap_or(i64::MAX);
            if let Some(earlier) = time(&row[*name]).and_then(|time| earlier(time, copy)) {
                row[*name] = earlier.to_string().into();
            }
        }
        row
    }

    /// One item.
    pub(crate) fn item(&self, endpoint: &Endpoint, customer: &Customer, id: &str) -> Result<Value, Refusal> {
        let row = self.rows(&endpoint.samples(), customer).find(|row| row["id"] == id);
        row.ok_or_else(|| (404, "ResourceNotFound", format!("The item {id} was not found.")))
    }

    /// One page.
    pub(crate) fn page(
        &self,
        endpoint: &Endpoint,
        state: &State,
        call: &Call,
        customer: &Customer,
    ) -> Result<Answer, Refusal> {
        let odata = ["$count", "$orderby", "$skip", "$top"];
        let filter = (!endpoint.fields.is_empty()).then_some("$filter");
        let own = endpoint.parameters.iter().map(Parameter::name);
        only(state, call, &odata.into_iter().chain(filter).chain(own).collect::<Vec<_>>())?;
        let filter = call.query.get("$filter").map(|text| Filter::parse(text, endpoint.fields)).transpose();
        let filter = filter.map_err(|text| bad_query(&text))?;
        let (top, skip) = (number(call, "$top")?, number(call, "$skip")?.unwrap_or(0));
        if skip > self.max_skip {
            return Err(bad_query(&format!(
                "The limit of '{}' for Skip query has been exceeded. The value from the incoming request is \
                 '{skip}'.",
                self.max_skip
            )));
        }
        if let Some(top) = top.filter(|top| self.refuses_top && *top > self.max_top) {
            return Err(bad_query(&format!(
                "The limit of '{}' for Top query has been exceeded. The value from the incoming request is '{top}'.",
                self.max_top
            )));
        }
        let samples = endpoint.samples();
        // Only the rows of the page are made whole.
        let parts: Vec<Value> = samples.iter().map(|sample| self.part(endpoint, sample)).collect();
        let rows = self.rows(&parts, customer);
        let times = endpoint.fields.iter().filter(|(_, kind)| *kind == Kind::Time).map(|(name, _)| *name);
        let times: Vec<&str> = times.chain(self.orders.iter().copied()).collect();
        let keys = state.keys_of_rows(endpoint.path, &customer.tenant_id, rows.len(), || {
            let mut keys: Vec<Value> = rows.collect();
            for key in &mut keys {
                for name in &times {
                    if let Some(value) = key.get_mut(*name) {
                        read_time(value);
                    }
                }
            }
            keys
        });
        let fits = |number: &usize| filter.as_ref().is_none_or(|filter| filter.fits(&keys[*number]));
        let mut all: Vec<_> = (0..keys.len()).filter(fits).collect();
        self.sort(call, &keys, &mut all)?;
        let from = skip.min(all.len());
        let to = all.len().min(from + top.unwrap_or(self.page).min(self.max_top));
        let mut rows: Vec<_> =
            all[from..to].iter().map(|number| self.row(&samples, customer, *number)).collect();
        if expands(call) {
            rows.iter_mut().for_each(expand);
        }
        let context = endpoint.path.trim_start_matches("/v1.0/");
        let mut body = json!({
            "@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#{context}"),
            "value": rows,
        });
        if call.query.get("$count").is_some_and(|count| count == "true") {
            body["@odata.count"] = all.len().into();
        }
        // As seen live: with $top there is no link, however much is left.
        if top.is_none() && to < all.len() && !state.is_without_links(endpoint.path) {
            body["@odata.nextLink"] = link(endpoint, state, call, to).into();
        }
        state.count("pages");
        Ok(json_answer(200, &body))
    }

    /// The members of a row that filters and orders look at.
    fn part(&self, endpoint: &Endpoint, row: &Value) -> Value {
        let fields = endpoint.fields.iter().map(|(name, _)| *name).chain(self.orders.iter().copied());
        fields.filter_map(|name| Some((name.to_owned(), row.get(name)?.clone()))).collect()
    }

    /// Puts the numbers of rows with these keys in order.
    fn sort(&self, call: &Call, keys: &[Value], rows: &mut [usize]) -> Result<(), Refusal> {
        let Some(order) = call.query.get("$orderby") else {
            if let Some(field) = self.orders.first() {
                rows.sort_by_cached_key(|number| Reverse(time(&keys[*number][*field])));
            }
            return Ok(());
        };
        let (field, direction) = order.split_once(' ').unwrap_or((order, "asc"));
        if !self.orders.contains(&field) || !["asc", "desc"].contains(&direction) {
            return Err(bad_query(&format!("The list cannot be ordered by '{order}'.")));
        }
        rows.sort_by_cached_key(|number| time(&keys[*number][field]));
        if direction == "desc" {
            rows.reverse();
        }
        Ok(())
    }
}

/// Whether the alerts are wanted too.
pub(crate) fn expands(call: &Call) -> bool {
    call.query.get("$expand").is_some_and(|wanted| wanted == "alerts")
}

/// Adds alerts to an incident.
pub(crate) fn expand(incident: &mut Value) {
    let alerts: Vec<Value> = crate::endpoints::list("/v1.0/security/alerts_v2")
        .map(|alerts| alerts.samples().into_iter().take(1).collect())
        .unwrap_or_default();
    incident["alerts"] = alerts.into();
}

/// The same request from row `skip` on.
fn link(endpoint: &Endpoint, state: &State, call: &Call, skip: usize) -> String {
    let kept = call.query.iter().filter(|(name, _)| *name != "$skip");
    let kept = kept.map(|(name, value)| {
        let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        format!("{name}={value}&")
    });
    format!("{}{}?{}$skip={skip}", state.address("graph"), endpoint.path, kept.collect::<String>())
}

/// Refuses parameters that the API does not know.
pub(crate) fn only(state: &State, call: &Call, known: &[&str]) -> Result<(), Refusal> {
    let unknown = call.query.keys().find(|name| !known.contains(&name.as_str()));
    match unknown.or(call.repeated.first()) {
        None => Ok(()),
        Some(name) => {
            state.violation(format!("graph: {} does not know the parameter {name}", call.path));
            Err((400, "BadRequest", format!("The query parameter '{name}' is not supported.")))
        }
    }
}

/// The time of copy number `copy` of a row.
fn earlier(time: Timestamp, copy: i64) -> Option<Timestamp> {
    time.checked_sub(Span::new().try_hours(copy.checked_mul(DAYS_BETWEEN_COPIES * 24)?).ok()?).ok()
}

fn number(call: &Call, name: &str) -> Result<Option<usize>, Refusal> {
    let bad = |text: &String| bad_query(&format!("Invalid value '{text}' for {name}."));
    call.query.get(name).map(|text| text.parse().map_err(|_| bad(text))).transpose()
}
