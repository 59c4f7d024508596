//! The manifests of a tenant's dataset.

use serde::Deserialize;

use crate::dataset::destination::Destination;
use crate::dataset::manifest::{self, MANIFEST, Manifest, SCHEMA_VERSION, TENANT_KEY};
use crate::errors::{DATASET_DAMAGED, DATASET_FORMAT, Result};

/// Characters of a day.
const DAY: usize = 10;

/// Which days are read back.
#[derive(Debug)]
pub(super) enum Days {
    Newest,
    /// This UTC day.
    One(String),
    /// Every day, the oldest first.
    All,
}

/// Those of the wanted tenants whose dataset is there, in the order of their ids; of all tenants if none is named.
pub(super) fn tenants(source: &dyn Destination, dataset: &str, wanted: &[String]) -> Result<Vec<String>> {
    let is_wanted =
        |id: &str| wanted.is_empty() || wanted.iter().any(|tenant| tenant.eq_ignore_ascii_case(id));
    let mut tenants = Vec::new();
    for name in source.folders(&manifest::tenants(dataset))? {
        if let Some(tenant) = name.strip_prefix(TENANT_KEY)
            && is_wanted(tenant)
            && !Manifests::of(source, dataset, tenant)?.names.is_empty()
        {
            tenants.push(tenant.to_owned());
        }
    }
    tenants.sort();
    Ok(tenants)
}

/// What every version of a manifest says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: u32,
}

/// The manifests of one tenant's dataset.
pub(in crate::dataset) struct Manifests<'a> {
    destination: &'a dyn Destination,
    /// Name of their folder.
    own: String,
    /// Their names, the oldest first: a day, and of changes a number.
    names: Vec<String>,
}

impl<'a> Manifests<'a> {
    pub(in crate::dataset) fn of(
        destination: &'a dyn Destination,
        dataset: &str,
        tenant: &str,
    ) -> Result<Self> {
        let own = manifest::manifests(dataset, tenant);
        let files = destination.list(&own)?;
        let names = files.iter().filter_map(|name| name.strip_suffix(MANIFEST).filter(|name| is_name(name)));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        Ok(Manifests { destination, own, names })
    }

    /// The days that there is something of, each once.
    pub(in crate::dataset) fn days(&self) -> Vec<String> {
        let mut days: Vec<_> = self.names.iter().map(|name| name[..DAY].to_owned()).collect();
        days.dedup();
        days
    }

    /// How many there are of a day.
    pub(in crate::dataset) fn of_day(&self, day: &str) -> impl Iterator<Item = &str> {
        self.names.iter().filter(move |name| name[..DAY] == *day).map(String::as_str)
    }

    /// The newest one up to the end of a day, or of all.
    pub(in crate::dataset) fn newest(&self, day: Option<&str>) -> Result<Option<Manifest>> {
        let newest = self.names.iter().rfind(|name| day.is_none_or(|day| name[..DAY] <= *day));
        newest.map(|name| self.read(name)).transpose()
    }

    /// Those from one day to the end of another one, or of all.
    pub(in crate::dataset) fn between(
        &self,
        from: &str,
        day: Option<&str>,
    ) -> impl Iterator<Item = Result<Manifest>> {
        let is_wanted =
            move |name: &&String| name[..DAY] >= *from && day.is_none_or(|day| name[..DAY] <= *day);
        self.names.iter().filter(is_wanted).map(|name| self.read(name))
    }

    fn read(&self, name: &str) -> Result<Manifest> {
        let name = format!("{}/{name}{MANIFEST}", self.own);
        let full = self.destination.full_name(&name);
        let damaged = || DATASET_DAMAGED.error(format!("the manifest {full} cannot be read"));
        let content = self.destination.read(&name)?.ok_or_else(damaged)?;
        let Version { schema_version } = serde_json::from_slice(&content).map_err(|_| damaged())?;
        if schema_version > SCHEMA_VERSION {
            let message = format!("the manifest {full} has the version {schema_version}");
            return Err(DATASET_FORMAT.error(message));
        }
        serde_json::from_slice(&content).map_err(|_| damaged())
    }
}

fn is_name(name: &str) -> bool {
    let day = name.get(..DAY).is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok());
    let number = name.get(DAY..).and_then(|rest| rest.strip_prefix('-'));
    day && (name.len() == DAY
        || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())))
}
