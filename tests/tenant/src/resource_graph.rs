//! Azure Resource Graph: one query of one principal, a page at a time.
//! <https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::apis::Arm;
use crate::data;
use crate::http::{Answer, Call, json_answer, with_header};
use crate::state::State;
use crate::world::Customer;

const VERSIONS: [&str; 3] = ["2021-03-01", "2022-10-01", "2024-04-01"];
const TABLES: [&str; 3] = ["resources", "resourcecontainers", "securityresources"];
/// Rows of a page without `$top`, and at most.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;

/// Answers a query.
pub(crate) fn answer(
    state: &State,
    call: &Call,
    version: &str,
    customer: Option<&Customer>,
    claims: &Value,
) -> Answer {
    if !VERSIONS.contains(&version) {
        let text = format!(
            "No registered resource provider found for location '' and API version '{version}' for type \
             'resources'. The supported api-versions are '{}'.",
            VERSIONS.join(", ")
        );
        return Arm::refuse(400, "NoRegisteredProviderFound", &text);
    }
    let quota = state.world().resource_graph_quota.clone();
    let principal = claims["oid"].as_str().unwrap_or_default();
    let (left, resets) = state.take(&format!("arg {principal}"), quota.limit, quota.window_seconds);
    let made = match left {
        Some(_) => run(state, call, customer).unwrap_or_else(|fault| refuse(state, 400, &fault)),
        None => refuse(state, 429, &Fault("RateLimiting", "Please retry after the quota resets.".to_owned())),
    };
    let resets = format!("{:02}:{:02}:{:02}", resets / 3600, resets / 60 % 60, resets % 60);
    let made = with_header(made, "x-ms-user-quota-remaining", &left.unwrap_or(0).to_string());
    with_header(made, "x-ms-user-quota-resets-after", &resets)
}

/// Code and text of an error's detail.
struct Fault(&'static str, String);

fn refuse(state: &State, status: u16, Fault(code, text): &Fault) -> Answer {
    let id = state.guid();
    let message = format!("Please provide below info when asking for support: correlationId = {id}.");
    let code_of_all = if status == 429 { code } else { "BadRequest" };
    let details = json!([{"code": code, "message": text}]);
    json_answer(status, &json!({"error": {"code": code_of_all, "message": message, "details": details}}))
}

fn run(state: &State, call: &Call, customer: Option<&Customer>) -> Result<Answer, Fault> {
    let is_json = call.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let body =
        is_json.starts_with("application/json").then(|| serde_json::from_slice::<Value>(&call.body).ok());
    let Some(Value::Object(body)) = body.flatten() else {
        return Err(Fault("InvalidRequestBody", "The request body is not a JSON object.".to_owned()));
    };
    let known = ["facets", "managementGroups", "options", "query", "subscriptions"];
    for name in body.keys().filter(|name| !known.contains(&name.as_str())) {
        state.violation(format!("arm: Resource Graph does not know the member {name}"));
    }
    let text = body.get("query").and_then(Value::as_str).unwrap_or_default();
    let query = Query::parse(text)?;
    let empty = json!({});
    let options = Options::read(state, text, body.get("options").unwrap_or(&empty))?;
    let rows = query.rows(customer);
    let total = rows.len();
    let from = if query.limited { 0 } else { options.skip.min(total) };
    let to = total.min(from + options.top);
    let page = &rows[from..to];
    let mut answer = json!({
        "totalRecords": total, "count": page.len(), "facets": [], "resultTruncated": "false",
        "data": if options.table { table(page) } else { json!(page) },
    });
    if to < total {
        if query.can_be_paged() {
            let token = json!({"skip": to, "query": text}).to_string();
            answer["$skipToken"] = STANDARD.encode(token).into();
        } else {
            answer["resultTruncated"] = "true".into();
        }
    }
    state.count("pages");
    Ok(json_answer(200, &answer))
}

fn table(rows: &[Value]) -> Value {
    let names: Vec<&String> =
        rows.first().and_then(Value::as_object).map(Map::keys).into_iter().flatten().collect();
    let kind = |name: &str| if rows[0][name].is_object() { "object" } else { "string" };
    let columns: Vec<_> = names.iter().map(|name| json!({"name": name, "type": kind(name)})).collect();
    let cells = |row: &Value| names.iter().map(|name| row[name.as_str()].clone()).collect::<Vec<_>>();
    json!({"columns": columns, "rows": rows.iter().map(cells).collect::<Vec<_>>()})
}

/// The options of a request.
struct Options {
    top: usize,
    skip: usize,
    table: bool,
}

impl Options {
    fn read(state: &State, query: &str, options: &Value) -> Result<Self, Fault> {
        let bad = |text: String| Fault("InvalidOptions", text);
        let known = ["$skip", "$skipToken", "$top", "allowPartialScopes", "authorizationScopeFilter"];
        let names = options.as_object().into_iter().flat_map(Map::keys);
        for name in names.filter(|name| !known.contains(&name.as_str()) && *name != "resultFormat") {
            state.violation(format!("arm: Resource Graph does not know the option {name}"));
        }
        let number = |name: &str| match &options[name] {
            Value::Null => Ok(None),
            value => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| bad(format!("The option {name} is not a number."))),
        };
        let top = number("$top")?.unwrap_or(PAGE);
        if !(1..=LARGEST_PAGE).contains(&top) {
            return Err(bad(format!("The option $top must be between 1 and {LARGEST_PAGE}.")));
        }
        let skip = match options["$skipToken"].as_str() {
            None => number("$skip")?.unwrap_or(0),
            Some(token) => position(token, query).ok_or_else(|| {
                bad("The option $skipToken is not valid, or is for another query.".to_owned())
            })?,
        };
        let table = match options["resultFormat"].as_str() {
            None | Some("objectArray") => false,
            Some("table") => true,
            Some(other) => return Err(bad(format!("The option resultFormat '{other}' is not valid."))),
        };
        Ok(Options { top, skip, table })
    }
}

/// Where the previous page ended.
fn position(token: &str, query: &str) -> Option<usize> {
    let token: Value = serde_json::from_slice(&STANDARD.decode(token).ok()?).ok()?;
    (token["query"] == query).then(|| usize::try_from(token["skip"].as_u64()?).ok())?
}

/// The part of the query language that is understood: a table, then `where` of one equality, `order by`, `project`,
/// `limit` and `distinct`.
#[derive(Default)]
struct Query {
    table: String,
    wanted: Vec<Equality>,
    /// Column and whether it is descending.
    order: Option<(String, bool)>,
    columns: Option<Vec<String>>,
    limit: Option<usize>,
    limited: bool,
    distinct: bool,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Fault> {
        let invalid = |at: &str| {
            let text =
                format!("Query is invalid: syntax error at '{at}'. Please refer to the documentation.");
            Fault("InvalidQuery", text)
        };
        let mut steps = text.split('|').map(str::trim);
        let table = steps.next().unwrap_or_default().to_ascii_lowercase();
        if !TABLES.contains(&table.as_str()) {
            return Err(invalid(&table));
        }
        let mut query = Query { table, ..Query::default() };
        for step in steps {
            let (operator, rest) = step.split_once(char::is_whitespace).unwrap_or((step, ""));
            match operator {
                "where" => query.wanted.push(Equality::parse(rest).ok_or_else(|| invalid(step))?),
                "order" | "sort" => {
                    let rest = rest.trim_start().strip_prefix("by ").ok_or_else(|| invalid(step))?;
                    let mut words = rest.split_whitespace();
                    let column = words.next().ok_or_else(|| invalid(step))?;
                    // Descending is the default of the language.
                    query.order = Some((column.to_owned(), words.next() != Some("asc")));
                }
                "project" | "distinct" => {
                    query.columns = Some(rest.split(',').map(|name| name.trim().to_owned()).collect());
                    query.distinct |= operator == "distinct";
                }
                "limit" | "take" => {
                    query.limit = Some(rest.trim().parse().map_err(|_| invalid(step))?);
                    query.limited = true;
                }
                _ => return Err(invalid(step)),
            }
        }
        Ok(query)
    }

    /// Without an id, the service cannot tell the rows of two pages apart.
    fn can_be_paged(&self) -> bool {
        let has_id = self.columns.as_ref().is_none_or(|columns| columns.iter().any(|name| name == "id"));
        has_id && !self.limited && !self.distinct
    }

    fn rows(&self, customer: Option<&Customer>) -> Vec<Value> {
        let count = customer.map_or(0, |customer| customer.resources);
        let tenant = customer.map_or("", |customer| &customer.tenant_id);
        let all = (0..count).map(|number| data::resource(&self.table, tenant, number));
        let fits = |row: &Value| self.wanted.iter().all(|equality| equality.holds(row));
        let mut rows: Vec<Value> = all.filter(fits).collect();
        if let Some((column, descending)) = &self.order {
            rows.sort_by_key(|row| row[column].as_str().unwrap_or_default().to_owned());
            if *descending {
                rows.reverse();
            }
        }
        if let Some(columns) = &self.columns {
            for row in &mut rows {
                *row = columns
                    .iter()
                    .map(|name| (name.clone(), row[name].clone()))
                    .collect::<Map<_, _>>()
                    .into();
            }
        }
        if self.distinct {
            rows.sort_by_key(Value::to_string);
            rows.dedup();
        }
        rows.truncate(self.limit.unwrap_or(usize::MAX));
        rows
    }
}

/// `name == 'text'`, or `=~` without case.
struct Equality {
    name: String,
    wanted: String,
    without_case: bool,
}

impl Equality {
    fn parse(text: &str) -> Option<Self> {
        let exact = text.split_once("==").map(|parts| (parts, false));
        let ((name, wanted), without_case) = exact.or(text.split_once("=~").map(|parts| (parts, true)))?;
        let wanted = wanted.trim();
        let inner = |quote: char| wanted.strip_prefix(quote)?.strip_suffix(quote);
        let wanted = inner('\'').or_else(|| inner('"'))?.to_owned();
        Some(Equality { name: name.trim().to_owned(), wanted, without_case })
    }

    fn holds(&self, row: &Value) -> bool {
        let text = row[&self.name].as_str().unwrap_or_default();
        if self.without_case { text.eq_ignore_ascii_case(&self.wanted) } else { text == self.wanted }
    }
}
