//! The manifests of a tenant's dataset, and which of them is wanted.

use serde::Deserialize;

use crate::dataset::destination::{Destination, Folder};
use crate::dataset::manifest::{self, MANIFEST, Manifest, SCHEMA_VERSION, TENANT_KEY};
use crate::errors::{DATASET_DAMAGED, DATASET_FORMAT, DATASET_MISSING, Error, Result};

/// Which days are read back.
#[derive(Debug)]
pub(super) enum Days {
    Newest,
    /// This UTC day.
    One(String),
    /// Every day, the oldest first.
    All,
}

/// The tenants whose dataset is in a folder, in the order of their ids.
pub(super) fn tenants(folder: &Folder, dataset: &str) -> Result<Vec<String>> {
    let mut tenants = Vec::new();
    for name in folder.folders(&manifest::tenants(dataset))? {
        if let Some(tenant) = name.strip_prefix(TENANT_KEY)
            && !Manifests::of(folder, dataset, tenant)?.days.is_empty()
        {
            tenants.push(tenant.to_owned());
        }
    }
    tenants.sort();
    Ok(tenants)
}

/// The error of something that is not in the folder. `there`: what could be, and is.
pub(super) fn missing(folder: &Folder, what: &str, kind: &str, there: &[String]) -> Error {
    let folder = folder.full_name("");
    let available = if there.is_empty() {
        format!("{kind} that another folder has")
    } else {
        format!("{kind} {}", there.join(", "))
    };
    DATASET_MISSING.error(format!("there is {what} in {folder}")).fill("available", available)
}

/// What every version of a manifest says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: u32,
}

/// The manifests of one tenant's dataset.
pub(super) struct Manifests<'a> {
    folder: &'a Folder,
    /// Name of their folder.
    own: String,
    what: String,
    /// Days that are whole, the oldest first.
    days: Vec<String>,
}

impl<'a> Manifests<'a> {
    pub(super) fn of(folder: &'a Folder, dataset: &str, tenant: &str) -> Result<Self> {
        let own = manifest::manifests(dataset, tenant);
        let is_day = |name: &&str| name.len() == 10 && name.parse::<jiff::civil::Date>().is_ok();
        let names = folder.list(&own)?;
        let days = names.iter().filter_map(|name| name.strip_suffix(MANIFEST).filter(is_day));
        let mut days: Vec<String> = days.map(str::to_owned).collect();
        days.sort();
        Ok(Manifests { folder, own, what: format!("{dataset} of tenant {tenant}"), days })
    }

    /// The days that are wanted; they are there.
    pub(super) fn wanted(&self, days: &Days) -> Result<Vec<String>> {
        let day = match days {
            Days::All => return Ok(self.days.clone()),
            Days::Newest => None,
            Days::One(day) => Some(day),
        };
        let found = self.days.iter().rfind(|known| day.is_none_or(|day| day == *known));
        found.map(|found| vec![found.clone()]).ok_or_else(|| {
            let what = format!("no dataset {} of {}", self.what, day.map_or("any day", String::as_str));
            missing(self.folder, &what, "the days", &self.days)
        })
    }

    /// The manifest of a day.
    pub(super) fn read(&self, day: &str) -> Result<Manifest> {
        let name = format!("{}/{day}{MANIFEST}", self.own);
        let full = self.folder.full_name(&name);
        let damaged = || DATASET_DAMAGED.error(format!("the manifest {full} cannot be read"));
        let content = self.folder.read(&name)?.ok_or_else(damaged)?;
        let Version { schema_version } = serde_json::from_slice(&content).map_err(|_| damaged())?;
        if schema_version > SCHEMA_VERSION {
            let message = format!("the manifest {full} has the version {schema_version}");
            return Err(DATASET_FORMAT.error(message));
        }
        serde_json::from_slice(&content).map_err(|_| damaged())
    }
}
