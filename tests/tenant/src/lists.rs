//! Lists of Microsoft Graph: what each takes, and sample rows that are repeated until there are enough of them.

use std::cmp::Reverse;

use jiff::{Span, Timestamp};
use serde_json::{Value, json};

use crate::filter::{Field, Filter, Kind, time};
use crate::http::{Answer, Call, json_answer};
use crate::state::State;
use crate::world::Customer;

/// Days between a sample row and its next copy.
const DAYS_BETWEEN_COPIES: i64 = 7;

/// One list, and its items below it.
pub(crate) struct List {
    path: &'static str,
    context: &'static str,
    /// Permissions, any of which is enough.
    pub(crate) roles: &'static [&'static str],
    /// Fields that `$filter` takes.
    fields: &'static [Field],
    /// Times that `$orderby` takes. Without it, the first one decides: newest first.
    orders: &'static [&'static str],
    /// Rows of a page without `$top`.
    page: usize,
    /// A larger `$top` is cut to this one.
    max_top: usize,
    /// A larger `$skip` is refused.
    max_skip: usize,
    sample: &'static str,
    /// How many rows a tenant has.
    rows: fn(&Customer) -> usize,
}

const LISTS: &[List] = &[
    // <https://learn.microsoft.com/graph/api/security-list-alerts_v2>
    List {
        path: "/v1.0/security/alerts_v2",
        context: "security/alerts_v2",
        roles: &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
        fields: &[
            ("assignedTo", Kind::Text),
            ("classification", Kind::Text),
            ("createdDateTime", Kind::Time),
            ("determination", Kind::Text),
            ("lastUpdateDateTime", Kind::Time),
            ("serviceSource", Kind::Text),
            ("severity", Kind::Text),
            ("status", Kind::Text),
        ],
        orders: &["createdDateTime", "lastUpdateDateTime"],
        page: 10,
        max_top: 1_000,
        max_skip: 500,
        sample: include_str!("../samples/alerts_v2.json"),
        rows: |customer| customer.alerts,
    },
];

/// Why a list is not sent: status, code, message.
pub(crate) type Refusal = (u16, &'static str, String);

/// The list of this path, and the id of the item if the path is that of one.
pub(crate) fn find(path: &str) -> Option<(&'static List, Option<&str>)> {
    LISTS.iter().find_map(|list| match path.strip_prefix(list.path)? {
        "" => Some((list, None)),
        rest => Some((list, Some(rest.strip_prefix('/').filter(|id| !id.contains('/'))?))),
    })
}

/// Why a query is refused. Graph leaves the code of such an error empty.
fn bad_query(text: &str) -> Refusal {
    (400, "", format!("The query specified in the URI is not valid. {text}"))
}

impl List {
    fn rows(&self, customer: &Customer) -> Vec<Value> {
        let samples: Vec<Value> = serde_json::from_str(self.sample).unwrap_or_default();
        let count = if samples.is_empty() { 0 } else { (self.rows)(customer) };
        let copies = (0..).flat_map(|copy| samples.iter().map(move |sample| (copy, sample)));
        let rows = copies.take(count).enumerate().map(|(number, (copy, sample))| {
            let mut row = sample.clone();
            if let Some(id) = sample["id"].as_str() {
                row["id"] = format!("{id}_{number}").into();
            }
            if row.get("tenantId").is_some() {
                row["tenantId"] = customer.tenant_id.as_str().into();
            }
            for name in self.orders {
                if let Some(earlier) = time(&row[*name]).and_then(|time| earlier(time, copy)) {
                    row[*name] = earlier.to_string().into();
                }
            }
            row
        });
        rows.collect()
    }

    /// One item.
    pub(crate) fn item(
        &self,
        state: &State,
        call: &Call,
        customer: &Customer,
        id: &str,
    ) -> Result<Answer, Refusal> {
        self.only(state, call, &[])?;
        let row = self.rows(customer).into_iter().find(|row| row["id"] == id);
        row.map(|row| json_answer(200, &row))
            .ok_or_else(|| (404, "ResourceNotFound", format!("The item {id} was not found.")))
    }

    /// One page.
    pub(crate) fn page(&self, state: &State, call: &Call, customer: &Customer) -> Result<Answer, Refusal> {
        self.only(state, call, &["$count", "$filter", "$orderby", "$skip", "$top"])?;
        let filter = call.query.get("$filter").map(|text| Filter::parse(text, self.fields)).transpose();
        let filter = filter.map_err(|text| bad_query(&text))?;
        let (top, skip) = (number(call, "$top")?, number(call, "$skip")?.unwrap_or(0));
        if skip > self.max_skip {
            return Err(bad_query(&format!(
                "The limit of '{}' for Skip query has been exceeded. The value from the incoming request is \
                 '{skip}'.",
                self.max_skip
            )));
        }
        let fits = |row: &Value| filter.as_ref().is_none_or(|filter| filter.fits(row));
        let mut all: Vec<Value> = self.rows(customer).into_iter().filter(fits).collect();
        self.sort(call, &mut all)?;
        let from = skip.min(all.len());
        let to = all.len().min(from + top.unwrap_or(self.page).min(self.max_top));
        let mut body = json!({
            "@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#{}", self.context),
            "value": &all[from..to],
        });
        if call.query.get("$count").is_some_and(|count| count == "true") {
            body["@odata.count"] = all.len().into();
        }
        // As seen live: with $top there is no link, however much is left.
        if top.is_none() && to < all.len() && !state.is_without_links(self.path) {
            body["@odata.nextLink"] = self.link(state, call, to).into();
        }
        state.count("pages");
        Ok(json_answer(200, &body))
    }

    /// The same request from row `skip` on.
    fn link(&self, state: &State, call: &Call, skip: usize) -> String {
        let kept = call.query.iter().filter(|(name, _)| *name != "$skip");
        let kept = kept.map(|(name, value)| {
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{name}={value}&")
        });
        format!("{}{}?{}$skip={skip}", state.address("graph"), self.path, kept.collect::<String>())
    }

    fn sort(&self, call: &Call, rows: &mut [Value]) -> Result<(), Refusal> {
        let Some(order) = call.query.get("$orderby") else {
            if let Some(field) = self.orders.first() {
                rows.sort_by_key(|row| Reverse(time(&row[*field])));
            }
            return Ok(());
        };
        let (field, direction) = order.split_once(' ').unwrap_or((order, "asc"));
        if !self.orders.contains(&field) || !["asc", "desc"].contains(&direction) {
            return Err(bad_query(&format!("The list cannot be ordered by '{order}'.")));
        }
        rows.sort_by_key(|row| time(&row[field]));
        if direction == "desc" {
            rows.reverse();
        }
        Ok(())
    }

    fn only(&self, state: &State, call: &Call, known: &[&str]) -> Result<(), Refusal> {
        let unknown = call.query.keys().find(|name| !known.contains(&name.as_str()));
        match unknown.or(call.repeated.first()) {
            None => Ok(()),
            Some(name) => {
                state.violation(format!("graph: {} does not know the parameter {name}", self.path));
                Err((400, "BadRequest", format!("The query parameter '{name}' is not supported.")))
            }
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
