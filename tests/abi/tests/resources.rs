//! The catalog, the fake tenant and the list of documented endpoints agree: each entry has an endpoint with the same
//! permissions and a sample, and each documented endpoint has an entry or a reason.
#![allow(clippy::expect_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use fedxdr_abi_tests::{read, root};
use fedxdr_core::catalog::{Method, RESOURCES, Resource};
use fedxdr_tenant::{Description, endpoints};

/// `Family METHOD /path`.
type Endpoint = String;

/// The endpoints of the list, and the entries that read them; none if there is a reason.
fn documented() -> BTreeMap<Endpoint, Vec<String>> {
    let text = read("tests/tenant/documented.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut found = BTreeMap::new();
    for line in lines {
        let (endpoint, entries) = if let Some((endpoint, entries)) = line.split_once(" = ") {
            (endpoint, entries.split(", ").map(str::to_owned).collect())
        } else {
            let (endpoint, reason) = line.split_once(" - ").expect("entries or a reason");
            assert!(reason.len() > 3, "{line}: no reason");
            (endpoint, Vec::new())
        };
        assert!(found.insert(endpoint.to_owned(), entries).is_none(), "{line} twice");
    }
    found
}

/// The endpoints that an entry requests.
fn requested(resource: &Resource) -> Vec<Endpoint> {
    let method = if matches!(resource.method, Method::Post(_)) { "POST" } else { "GET" };
    let lists = [resource.list_path, resource.parent_path].into_iter().flatten().map(|path| (method, path));
    let items = resource.item_path.map(|path| ("GET", path));
    lists.chain(items).map(|(method, path)| format!("{} {method} {path}", resource.family.name())).collect()
}

fn name(endpoint: &Description) -> Endpoint {
    format!("{} {} {}", endpoint.api, endpoint.method, endpoint.path)
}

#[test]
fn every_documented_endpoint_has_an_entry_or_a_reason_and_every_entry_a_documented_endpoint() {
    let documented = documented();
    assert!(documented.len() > 90, "the list was not understood: {} endpoints", documented.len());
    let mut requested_by: BTreeMap<Endpoint, BTreeSet<String>> = BTreeMap::new();
    for resource in RESOURCES {
        for endpoint in requested(resource) {
            requested_by.entry(endpoint).or_default().insert(resource.name.to_owned());
        }
    }
    for (endpoint, entries) in &documented {
        let own: BTreeSet<_> = entries.iter().cloned().collect();
        assert_eq!(requested_by.get(endpoint).cloned().unwrap_or_default(), own, "{endpoint}");
    }
    for endpoint in requested_by.keys() {
        assert!(documented.contains_key(endpoint), "{endpoint} is not in the list");
    }
}

#[test]
fn every_entry_has_an_endpoint_of_the_fake_tenant_with_its_permissions_and_a_sample_of_its_class() {
    let endpoints: BTreeMap<Endpoint, Description> = endpoints().into_iter().map(|e| (name(&e), e)).collect();
    for resource in RESOURCES {
        for requested in requested(resource) {
            assert!(endpoints.contains_key(&requested), "{requested} has no endpoint");
            let endpoint = &endpoints[&requested];
            assert_eq!(endpoint.roles, resource.permissions, "{requested}");
            assert_eq!(endpoint.sample, resource.class, "{requested}");
        }
        let sample = root().join(format!("tests/tenant/samples/{}.json", resource.class));
        assert!(sample.is_file(), "{} has no sample", resource.class);
    }
}

#[test]
fn every_endpoint_of_the_fake_tenant_is_documented() {
    let documented = documented();
    for endpoint in endpoints() {
        assert!(documented.contains_key(&name(&endpoint)), "{} is not in the list", name(&endpoint));
    }
}
