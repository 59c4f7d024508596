//! The answers of the endpoints that have no code of their own: sample rows, repeated until there are enough of them.
//! The same tenant and number always give the same row.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::data;
use crate::defender::{Refusal, filter, no, only, parameter};
use crate::endpoints::{self, Endpoint, Parameter, Parent, Shape};
use crate::files;
use crate::filter::time;
use crate::http::{Answer, Call, json_answer};
use crate::pages;
use crate::state::{State, now};
use crate::world::Customer;

/// Members that name a row, the first one that there is.
const KEYS: [&str; 4] = ["id", "incidentId", "fileName", "key"];
/// Members that hold the id of a machine, and its name.
const MACHINE_IDS: [&str; 3] = ["machineId", "deviceId", "DeviceId"];
const MACHINE_NAMES: [&str; 3] = ["computerDnsName", "deviceName", "DeviceName"];
const TENANTS: [&str; 3] = ["aadTenantId", "azureTenantId", "tenantId"];
/// Largest page of an export, and its size without `pageSize`.
const LARGEST_EXPORT_PAGE: u64 = 200_000;
const EXPORT_PAGE: u64 = 50_000;
/// Changes are told by periods of so many seconds, and the sample's are as old as if it were this time.
const PERIOD: i64 = 6 * 3600;
const SAMPLE_TIME: i64 = 1_795_348_800;

impl Endpoint {
    /// The rows of the sample.
    pub(crate) fn samples(&self) -> Vec<Value> {
        serde_json::from_str(self.rows).unwrap_or_default()
    }

    /// Row number `number` of a tenant. The first ones are the samples themselves.
    pub(crate) fn row(samples: &[Value], customer: &Customer, number: usize) -> Value {
        let mut row = samples.get(number % samples.len().max(1)).cloned().unwrap_or_default();
        let added = number / samples.len().max(1) * samples.len();
        let Some(members) = row.as_object_mut() else { return row };
        if let Some(key) = KEYS.into_iter().find(|key| members.contains_key(*key)) {
            vary(&mut members[key], added);
        }
        of_machine(members, customer, number);
        for name in TENANTS {
            if let Some(value) = members.get_mut(name) {
                *value = customer.tenant_id.as_str().into();
            }
        }
        row
    }

    /// All rows of a tenant.
    pub(crate) fn all(&self, customer: &Customer) -> Vec<Value> {
        let samples = self.samples();
        (0..endpoints::count(customer, samples.len())).map(|n| Endpoint::row(&samples, customer, n)).collect()
    }

    /// The row with this id.
    pub(crate) fn item(&self, customer: &Customer, id: &str) -> Option<Value> {
        let is_it = |row: &Value| {
            let key = KEYS.into_iter().find_map(|key| row.get(key))?;
            Some(key.as_str() == Some(id) || key.as_u64().is_some_and(|key| key.to_string() == id))
        };
        self.all(customer).into_iter().find(|row| is_it(row) == Some(true))
    }

    /// Refuses the parameters that the endpoint does not know, and values that it does not take.
    fn check(&self, state: &State, call: &Call, odata: &[&'static str]) -> Result<(), Refusal> {
        let mut known = odata.to_vec();
        known.extend(self.parameters.iter().map(Parameter::name));
        only(state, call, &known)?;
        let bad = |name: &str| no(400, "BadRequest", format!("The value of {name} is not valid."));
        for known in self.parameters {
            let name = known.name();
            let given = call.query.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
            let given = given.map(|(_, value)| value.as_str());
            let fits = match (known, given) {
                (Parameter::Text(..) | Parameter::Number(..), None) => true,
                (Parameter::Needed(_) | Parameter::Since(..), None) => {
                    return Err(no(
                        400,
                        "MissingRequiredParameter",
                        format!("The parameter {name} is needed."),
                    ));
                }
                (Parameter::Text(_, texts), Some(given)) => texts.contains(&given),
                (Parameter::Number(_, most), Some(given)) => {
                    given.parse().is_ok_and(|n| (1..=*most).contains(&n))
                }
                (Parameter::Needed(_), Some(given)) => !given.is_empty(),
                (Parameter::Since(_, days), Some(given)) => time(&given.into()).is_some_and(|since| {
                    let age = i64::try_from(now()).unwrap_or(0) - since.as_second();
                    // A clock of the client may be a little behind.
                    age <= days * 24 * 3600 + 60
                }),
            };
            if !fits {
                return Err(bad(name));
            }
        }
        Ok(())
    }

    /// The tenant has what the path or the body names.
    pub(crate) fn check_parent(
        &self,
        state: &State,
        call: &Call,
        customer: &Customer,
        ids: &[String],
    ) -> Result<(), Refusal> {
        let id = ids.first().map_or("", String::as_str);
        let missing = || no(404, "ResourceNotFound", format!("{id} was not found"));
        match self.parent {
            Parent::Any | Parent::Subscription => Ok(()),
            Parent::Machine => crate::defender::machine_number(customer, id).map(|_| ()),
            Parent::Row(path) => {
                let list = endpoints::list(path).ok_or_else(missing)?;
                list.item(customer, id).map(|_| ()).ok_or_else(missing)
            }
            Parent::InBody(name) => {
                let is_json =
                    call.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
                let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                let ids = body.get(name).and_then(Value::as_array).filter(|ids| is_json && !ids.is_empty());
                if ids.is_none() {
                    state.violation(format!("defender: {} without {name}", call.path));
                    return Err(no(400, "InvalidRequestBody", "Request body is incorrect"));
                }
                Ok(())
            }
        }
    }

    /// The answer of an endpoint of the Defender APIs.
    pub(crate) fn answer(
        &self,
        state: &Arc<State>,
        call: &Call,
        customer: &Customer,
        ids: &[String],
    ) -> Result<Answer, Refusal> {
        let id = ids.first().map_or("", String::as_str);
        let missing = || no(404, "ResourceNotFound", format!("{id} was not found"));
        let samples = self.samples();
        match self.shape {
            Shape::List { page, max_top } => {
                self.check(state, call, &["$filter", "$top", "$skip"])?;
                let filter = filter(call, self.fields)?;
                let rows = self.all(customer).into_iter();
                let rows: Vec<_> =
                    rows.filter(|row| filter.as_ref().is_none_or(|filter| filter.fits(row))).collect();
                let row = |number: usize| rows[number].to_string();
                page_of(state, call, customer, self.sample, (rows.len(), &row), (page, max_top))
            }
            Shape::All | Shape::Nested => {
                self.check(state, call, &[])?;
                let rows = (0..samples.len()).map(|number| Endpoint::row(&samples, customer, number));
                let rows: Vec<_> = match self.shape {
                    Shape::Nested => vec![json!({"value": rows.collect::<Vec<_>>()})],
                    _ => rows.collect(),
                };
                let rows = rows.iter().map(|row| row.to_string().into_bytes()).collect();
                Ok(pages::list(state, call, customer, self.sample, rows, None))
            }
            Shape::Single(number) => {
                self.check(state, call, &[])?;
                Ok(entity(self.sample, Endpoint::row(&samples, customer, number)))
            }
            Shape::Item(list) | Shape::ItemInList(list) => {
                self.check(state, call, &[])?;
                let list = endpoints::list(list).ok_or_else(missing)?;
                let row = list.item(customer, id).ok_or_else(missing)?;
                Ok(match self.shape {
                    Shape::Item(_) => entity(self.sample, row),
                    _ => json_answer(200, &json!({"@odata.context": context(self.sample), "value": [row]})),
                })
            }
            Shape::Export | Shape::Changes => self.export(state, call, customer, &samples),
            Shape::Files(pages) => files::list(state, call, customer, pages),
            Shape::Own(_) | Shape::Graph(_) | Shape::Arm(_) => Err(missing()),
        }
    }

    /// A page of an export assessment, with a link that names the snapshot and the line.
    fn export(
        &self,
        state: &Arc<State>,
        call: &Call,
        customer: &Customer,
        samples: &[Value],
    ) -> Result<Answer, Refusal> {
        let is_changes = matches!(self.shape, Shape::Changes);
        if call.query.contains_key("$skiptoken") {
            only(
                state,
                call,
                if is_changes {
                    &["pageSize", "$skiptoken", "sinceTime"]
                } else {
                    &["pageSize", "$skiptoken"]
                },
            )?;
        } else {
            self.check(state, call, &["pageSize", "$top"])?;
        }
        let asked = parameter(call, "pageSize", LARGEST_EXPORT_PAGE)?.unwrap_or(EXPORT_PAGE);
        let size = asked.min(state.world().export_page_size).max(1);
        let top = parameter(call, "$top", LARGEST_EXPORT_PAGE)?;
        let of_machines = (customer.machines * samples.len()) as u64;
        // The service sends changes of the first period again.
        let again = if is_changes { of_machines.min(3) } else { 0 };
        // All changes of the period that the time falls into, and later ones.
        let since = call.query.iter().find(|(name, _)| name.eq_ignore_ascii_case("sinceTime"));
        let from_time = since
            .and_then(|(_, since)| time(&since.as_str().into()))
            .map_or(i64::MIN, |since| since.as_second().div_euclid(PERIOD) * PERIOD);
        let is_told = |number: &u64| {
            let row = Self::export_row(samples, customer, *number);
            !is_changes || time(&row["eventTimestamp"]).is_some_and(|time| time.as_second() >= from_time)
        };
        let numbers: Vec<u64> = (0..of_machines + again).filter(is_told).collect();
        let total = numbers.len() as u64;
        let from = pages::position(call, total)?;
        let to = from.saturating_add(top.unwrap_or(size)).min(total);
        let row = |at: u64| {
            let number = usize::try_from(at).ok().and_then(|at| numbers.get(at)).copied().unwrap_or_default();
            Self::export_row(samples, customer, number).to_string().into_bytes()
        };
        let next = (top.is_none() && to < total).then(|| {
            let definition = json!({"TimePath": files::time_path(&state.world().snapshot)});
            let token = json!({"ExportDefinition": definition, "ExportFileIndex": 0, "LineStoppedAt": to});
            let token = STANDARD.encode(token.to_string());
            let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            let since = since.map_or_else(String::new, |(_, since)| {
                let since: String = url::form_urlencoded::byte_serialize(since.as_bytes()).collect();
                format!("sincetime={since}&")
            });
            format!("{}{}?{since}pagesize={size}&$skiptoken={token}", state.address("defender"), call.path)
        });
        Ok(pages::list(state, call, customer, self.sample, (from..to).map(row).collect(), next))
    }
}

impl Endpoint {
    /// A row of an export assessment.
    pub(crate) fn export_row(samples: &[Value], customer: &Customer, number: u64) -> Value {
        let of_machines = (customer.machines * samples.len()) as u64;
        let number = usize::try_from(number % of_machines.max(1)).unwrap_or(0);
        let machine = number / samples.len().max(1);
        let mut row = samples.get(number % samples.len().max(1)).cloned().unwrap_or_default();
        if let Some(members) = row.as_object_mut() {
            of_machine(members, customer, machine);
            if let Some(event) = members.get_mut("eventTimestamp") {
                *event = lately(event).into();
            }
            if let Some(Value::String(id)) = members.get_mut("id") {
                let machine = String::from_utf8_lossy(&id_of(customer, machine)).into_owned();
                *id = id.replacen(&id.get(..40).unwrap_or_default().to_owned(), &machine, 1);
            }
        }
        row
    }
}

/// One page of so many rows that a filter has let through, with `$top` and `$skip`. Only its own rows are made.
pub(crate) fn page_of(
    state: &Arc<State>,
    call: &Call,
    customer: &Customer,
    context: &str,
    (count, row): (usize, &dyn Fn(usize) -> String),
    (page, max_top): (usize, u64),
) -> Result<Answer, Refusal> {
    let (top, skip) = (parameter(call, "$top", max_top)?, parameter(call, "$skip", u64::MAX)?.unwrap_or(0));
    let size = top.and_then(|top| usize::try_from(top).ok()).unwrap_or(page);
    let from = usize::try_from(skip).unwrap_or(usize::MAX).min(count);
    let to = from.saturating_add(size).min(count);
    // The documented trap: with $top there is no link, however much is left.
    let linked = top.is_none() && !state.is_without_links(&call.path);
    let next = (linked && to < count).then(|| {
        let kept = ["$filter", "$expand"].into_iter().filter_map(|name| {
            let value: String =
                url::form_urlencoded::byte_serialize(call.query.get(name)?.as_bytes()).collect();
            Some(format!("&{name}={value}"))
        });
        format!("{}{}?$skip={to}{}", state.address("defender"), call.path, kept.collect::<String>())
    });
    let rows = (from..to).map(|number| row(number).into_bytes()).collect();
    Ok(pages::list(state, call, customer, context, rows, next))
}

fn context(name: &str) -> String {
    format!("https://api.security.microsoft.com/api/$metadata#{name}")
}

/// One object.
pub(crate) fn entity(name: &str, mut row: Value) -> Answer {
    row["@odata.context"] = format!("{}/$entity", context(name)).into();
    json_answer(200, &row)
}

/// Makes another id of an id. One that ends with a number gets a larger one.
fn vary(id: &mut Value, added: usize) {
    if added == 0 {
        return;
    }
    if let Some(number) = id.as_u64() {
        *id = (number + added as u64).into();
    } else if let Some(text) = id.as_str() {
        let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (head, tail) = text.split_at(text.len() - digits.min(9));
        *id = match tail.parse::<usize>() {
            Ok(number) => format!("{head}{:0width$}", number + added, width = tail.len()).into(),
            Err(_) => format!("{text}_{added}").into(),
        };
    }
}

/// The time of a change, in its form: as long ago as it is in the sample.
fn lately(event: &Value) -> String {
    let now = i64::try_from(now()).unwrap_or(0).div_euclid(PERIOD) * PERIOD;
    let shifted = time(event)
        .and_then(|time| time.checked_add(jiff::SignedDuration::from_secs(now - SAMPLE_TIME)).ok());
    let form = if event.as_str().is_some_and(|text| text.contains('T')) {
        "%Y-%m-%dT%H:%M:%S.%3fZ"
    } else {
        "%Y-%m-%d %H:%M:%S.%7f"
    };
    shifted.map_or_else(String::new, |time| time.strftime(form).to_string())
}

fn id_of(customer: &Customer, machine: usize) -> [u8; 40] {
    data::machine_id(data::seed(&customer.tenant_id), machine as u64)
}

/// Puts a machine of the tenant into a row.
fn of_machine(members: &mut Map<String, Value>, customer: &Customer, number: usize) {
    let machine = number % customer.machines.max(1);
    let has_machine = MACHINE_IDS.into_iter().find(|name| members.contains_key(*name));
    let Some(id) = has_machine else { return };
    members[id] = String::from_utf8_lossy(&id_of(customer, machine)).into_owned().into();
    for name in MACHINE_NAMES {
        if let Some(value) = members.get_mut(name) {
            *value = format!("host-{machine:06}.corp.net").into();
        }
    }
}
