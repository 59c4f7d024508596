use serde_json::json;

use super::*;
use crate::catalog::RESOURCES;

const TENANT: &str = "11111111-1111-1111-1111-111111111111";

fn settings() -> Settings {
    let document = json!({
        "clientId": "22222222-2222-2222-2222-222222222222",
        "tenants": [TENANT],
        "credential": {"type": "managedIdentity"},
    });
    Settings::parse(&document.to_string()).unwrap()
}

fn parse(document: &Value) -> Result<QueryRequest> {
    QueryRequest::parse(&document.to_string(), &settings(), &settings())
}

/// Every member that each kind may have.
fn full() -> Vec<Value> {
    let mut documents = vec![
        json!({"kind": "rows", "throttleLimit": 2, "first": 3, "raw": true,
            "resource": "softwareVulnerabilitiesByMachine", "filter": "id eq 'x'", "pageSize": 10}),
        json!({"kind": "request", "throttleLimit": 2, "first": 3, "raw": true, "family": "Graph", "method": "post",
            "path": "/v1.0/x", "body": "{}", "paging": false}),
        json!({"kind": "token", "throttleLimit": 2, "resource": "Graph", "force": true}),
        json!({"kind": "tokens"}),
        json!({"kind": "check", "throttleLimit": 2, "resources": ["Machine"]}),
        json!({"kind": "explain", "text": "AADSTS700213"}),
        json!({"kind": "consent", "redirectUri": "https://app.example", "state": "s"}),
    ];
    for document in &mut documents {
        document["environment"] = json!({"MSI_ENDPOINT": "http://127.0.0.1"});
        document["tenants"] = json!([TENANT]);
    }
    documents
}

#[test]
fn each_kind_takes_its_own_members_and_no_member_of_another_kind() {
    let documents = full();
    // What rows of other resources have.
    let by_id = json!({
        "id": "x", "parentIds": ["x"], "since": "2026-11-20T00:00:00Z", "options": {"x": true}, "colour": 1
    });
    let members = documents.iter().chain([&by_id]).flat_map(|document| document.as_object().unwrap().clone());
    let members: Vec<_> = members.collect();
    for document in &documents {
        parse(document).unwrap_or_else(|e| panic!("{document}: {e}"));
        let mut refused = 0;
        for (name, value) in &members {
            let mut with = document.clone();
            if with.get(name).is_some() {
                continue;
            }
            with[name] = value.clone();
            let error = parse(&with).unwrap_err();
            let ids = ["Fdx.Settings.InvalidArgument", "Fdx.Settings.ParameterMisfit"];
            assert!(ids.contains(&error.id), "{with}: {error}");
            // Of the options, the first one is named.
            let quoted = [format!("`{name}`"), format!("'{}'", if name == "options" { "x" } else { name })];
            assert!(quoted.iter().any(|name| error.message.contains(name)), "{error}");
            refused += 1;
        }
        assert!(refused >= 8, "{document}: {refused}");
    }
}

#[test]
fn each_resource_takes_the_members_that_mean_something_to_it_and_no_other() {
    let values = [
        ("filter", json!("id eq 'x'")),
        ("id", json!("x")),
        ("parentIds", json!(["x"])),
        ("pageSize", json!(10)),
        ("since", json!("2026-11-20T00:00:00Z")),
    ];
    for resource in RESOURCES.iter().filter(|resource| !resource.columns.is_empty()) {
        for given in 0..1 << values.len() {
            let mut document = json!({"kind": "rows", "resource": resource.name});
            let given = values.iter().enumerate().filter(|(index, _)| given & (1 << index) != 0);
            let names: Vec<_> = given
                .map(|(_, (name, value))| {
                    document[*name] = match (*name, resource.filter.fields()) {
                        ("filter", [field, ..]) => json!(format!("{field} ne null")),
                        _ => value.clone(),
                    };
                    *name
                })
                .collect();
            let has = |name: &str| names.contains(&name);
            let applies = |name: &&&str| match **name {
                "filter" => !resource.filter.fields().is_empty() && !has("id"),
                "id" => resource.item_path.is_some(),
                "parentIds" => resource.parent_path.is_some() && !has("id"),
                "since" => resource.since != Since::None && !has("id"),
                _ => matches!(resource.paging, Paging::NextLink { page_size: Some(_), .. }) && !has("id"),
            };
            let has_list = resource.list_path.is_some() || resource.parents.is_some();
            let needs_since = matches!(resource.since, Since::Query { .. });
            let good = names.iter().filter(applies).count() == names.len()
                && (has_list || has("parentIds") || has("id"))
                && (has("since") || !needs_since);
            match parse(&document) {
                Ok(_) => assert!(good, "{document} was taken"),
                Err(error) => {
                    assert!(!good, "{document}: {error}");
                    let ids = ["Fdx.Settings.InvalidArgument", "Fdx.Settings.ParameterMisfit"];
                    assert!(ids.contains(&error.id), "{document}: {error}");
                    let blamed =
                        values.iter().filter(|(name, _)| error.message.contains(&format!("'{name}'")));
                    assert!(blamed.count() > 0, "{document}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_list_of_a_machine_needs_the_machine() {
    for ids in [None, Some(json!([]))] {
        let mut document = json!({"kind": "rows", "resource": "machineVulnerabilities"});
        if let Some(ids) = ids {
            document["parentIds"] = ids;
        }
        let error = parse(&document).unwrap_err();
        assert!(error.message.contains("'parentIds'"), "{error}");
    }
}

#[test]
fn what_is_missing_doubled_or_of_another_type_is_told() {
    for (document, says) in [
        ("", "not JSON"),
        ("[]", "wrong type"),
        ("{}", "missing field `kind`"),
        (r#"{"kind":"dance"}"#, "unknown variant `dance`"),
        (r#"{"kind":"rows"}"#, "missing field `resource`"),
        (r#"{"kind":"request"}"#, "missing field `path`"),
        (r#"{"kind":"check"}"#, "missing field `resources`"),
        (r#"{"kind":"explain"}"#, "missing field `text`"),
        (r#"{"kind":"rows","resource":"machines","first":-1}"#, "wrong type"),
        (r#"{"kind":"rows","resource":"machines","resource":"machines"}"#, "duplicate field `resource`"),
        (r#"{"kind":"tokens","kind":"tokens"}"#, "duplicate field `kind`"),
        (r#"{"kind":"rows","resource":"unicorn"}"#, "'unicorn'"),
    ] {
        let error = QueryRequest::parse(document, &settings(), &settings()).unwrap_err();
        assert_eq!(error.id, "Fdx.Settings.InvalidArgument", "{document}");
        assert!(error.message.contains(says), "{document}: {error}");
    }
}
