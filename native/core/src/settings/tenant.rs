//! The tenants that a document names.

use std::collections::HashMap;

use serde::Deserialize;

use super::check_tenant;
use crate::errors::Result;

/// A tenant that a document names: its id or domain, or an object that says what people call it too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Entry")]
pub struct Tenant {
    /// Id or domain; empty for the home tenant of an identity.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Id(String),
    Named(Named),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
    name: Option<String>,
}

impl From<Entry> for Tenant {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Id(id) => Tenant { id, name: None },
            Entry::Named(Named { id, name }) => {
                let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
                Tenant { id, name }
            }
        }
    }
}

impl Tenant {
    /// The home tenant of an identity, which need not be named.
    pub(crate) fn home() -> Self {
        Tenant { id: String::new(), name: None }
    }

    /// Checks the id or domain, and makes it lower case.
    pub(crate) fn checked(&self) -> Result<Self> {
        Ok(Tenant { id: check_tenant(&self.id)?, name: self.name.clone() })
    }
}

/// The tenants, each once, with the first name that it was given.
pub(crate) fn each_once(tenants: Vec<Tenant>) -> Vec<Tenant> {
    let mut places = HashMap::new();
    let mut once: Vec<Tenant> = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        if let Some(&place) = places.get(&tenant.id) {
            let known: &mut Tenant = &mut once[place];
            known.name = known.name.take().or(tenant.name);
        } else {
            places.insert(tenant.id.clone(), once.len());
            once.push(tenant);
        }
    }
    once
}
