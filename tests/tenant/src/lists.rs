//! Lists of Microsoft Graph: what each takes, and sample rows that are repeated until there are enough of them.

use serde_json::{Value, json};

use crate::filter::Filter;
use crate::http::{Answer, Call, json_answer};
use crate::state::State;

/// Rows of every list that has samples.
const ROWS: usize = 25;

/// One list, and its items below it.
pub(crate) struct List {
    path: &'static str,
    context: &'static str,
    /// Permissions, any of which is enough.
    pub(crate) roles: &'static [&'static str],
    /// Fields that `$filter` takes.
    fields: &'static [&'static str],
    /// Fields that `$orderby` takes.
    orders: &'static [&'static str],
    /// Rows of a page without `$top`.
    page: usize,
    /// A larger `$top` is cut to this one.
    max_top: usize,
    /// A larger `$skip` is refused.
    max_skip: usize,
    sample: &'static str,
}

const LISTS: &[List] = &[
    // <https://learn.microsoft.com/graph/api/security-list-alerts_v2>
    List {
        path: "/v1.0/security/alerts_v2",
        context: "security/alerts_v2",
        roles: &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"],
        fields: &[
            "assignedTo",
            "classification",
            "createdDateTime",
            "determination",
            "lastUpdateDateTime",
            "serviceSource",
            "severity",
            "status",
        ],
        orders: &["createdDateTime", "lastUpdateDateTime"],
        page: 10,
        max_top: 1_000,
        max_skip: 500,
        sample: include_str!("../samples/alerts_v2.json"),
    },
];

/// Why a list is not given: status, code, message.
pub(crate) type Refusal = (u16, &'static str, String);

/// The list of this path, and the id of the item if the path is that of one.
pub(crate) fn find(path: &str) -> Option<(&'static List, Option<&str>)> {
    LISTS.iter().find_map(|list| match path.strip_prefix(list.path)? {
        "" => Some((list, None)),
        rest => Some((list, Some(rest.strip_prefix('/').filter(|id| !id.contains('/'))?))),
    })
}

impl List {
    fn rows(&self, tenant: &str) -> Vec<Value> {
        let samples: Vec<Value> = serde_json::from_str(self.sample).unwrap_or_default();
        let rows = samples.iter().cycle().take(if samples.is_empty() { 0 } else { ROWS });
        rows.enumerate()
            .map(|(number, sample)| {
                let mut row = sample.clone();
                if let Some(id) = sample["id"].as_str() {
                    row["id"] = format!("{id}_{number}").into();
                }
                if row.get("tenantId").is_some() {
                    row["tenantId"] = tenant.into();
                }
                row
            })
            .collect()
    }

    /// One item.
    pub(crate) fn item(&self, state: &State, call: &Call, tenant: &str, id: &str) -> Result<Answer, Refusal> {
        self.only(state, call, &[])?;
        let row = self.rows(tenant).into_iter().find(|row| row["id"] == id);
        row.map(|row| json_answer(200, &row))
            .ok_or_else(|| (404, "ResourceNotFound", format!("The item {id} was not found.")))
    }

    /// One page.
    pub(crate) fn page(&self, state: &State, call: &Call, tenant: &str) -> Result<Answer, Refusal> {
        self.only(state, call, &["$count", "$filter", "$orderby", "$skip", "$top"])?;
        let bad = |text: String| (400, "BadRequest", text);
        let filter = call.query.get("$filter").map(|text| Filter::parse(text, self.fields)).transpose();
        let filter = filter.map_err(bad)?;
        if let Some(order) = call.query.get("$orderby") {
            let (field, direction) = order.split_once(' ').unwrap_or((order, "asc"));
            if !self.orders.contains(&field) || !["asc", "desc"].contains(&direction) {
                return Err(bad(format!("The list cannot be ordered by '{order}'.")));
            }
        }
        let number = |name: &str| {
            let text = call.query.get(name);
            text.map(|text| {
                text.parse::<usize>().map_err(|_| bad(format!("Invalid value of {name}: {text}.")))
            })
            .transpose()
        };
        let (top, skip) = (number("$top")?, number("$skip")?.unwrap_or(0));
        if skip > self.max_skip {
            return Err(bad(format!("The limit of '{}' for Skip query has been exceeded.", self.max_skip)));
        }
        let fits = |row: &Value| filter.as_ref().is_none_or(|filter| filter.fits(row));
        let all: Vec<Value> = self.rows(tenant).into_iter().filter(fits).collect();
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
        if top.is_none() && to < all.len() {
            let kept = call.query.iter().filter(|(name, _)| *name != "$skip");
            let kept: Vec<String> = kept
                .map(|(name, value)| {
                    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                    format!("{name}={value}&")
                })
                .collect();
            let link = format!("{}{}?{}$skip={to}", state.address("graph"), self.path, kept.concat());
            body["@odata.nextLink"] = link.into();
        }
        state.count("pages");
        Ok(json_answer(200, &body))
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
