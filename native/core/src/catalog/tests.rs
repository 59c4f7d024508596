//! Holds the entries to the rules that the code and the generated files rely on.

use std::collections::HashSet;

use super::{
    ADDITIONAL, Cmdlet, ColumnKind, IdParameter, Method, Paging, RESOURCES, Resource, TENANT_WIDTH,
    WithoutLink,
};
use crate::cloud::Family;

fn typed() -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().filter(|resource| !resource.class.is_empty())
}

fn parent(resource: &Resource) -> Option<IdParameter> {
    match resource.cmdlet {
        Cmdlet::Get { parent, .. } => parent,
        Cmdlet::PartOf { parent, .. } => Some(parent),
        Cmdlet::None => None,
    }
}

fn assert_unique(what: &str, names: impl Iterator<Item = &'static str>) {
    let mut seen = HashSet::new();
    for name in names {
        assert!(seen.insert(name.to_ascii_lowercase()), "{what} '{name}' is there twice");
    }
}

#[test]
fn names_classes_and_nouns_are_unique() {
    assert_unique("the name", RESOURCES.iter().map(|resource| resource.name));
    assert_unique("the class", typed().map(|resource| resource.class));
    let nouns = RESOURCES.iter().filter_map(|resource| match resource.cmdlet {
        Cmdlet::Get { noun, .. } => Some(noun),
        _ => None,
    });
    // Test-FdxConnection takes both.
    assert_unique("the noun", nouns.chain(Family::ALL.map(Family::name)));
}

#[test]
fn every_family_has_a_resource_that_a_check_can_request() {
    for family in Family::ALL {
        assert!(RESOURCES.iter().any(|r| r.family == family && r.probe.is_some()), "{}", family.name());
    }
}

#[test]
fn paths_have_an_id_exactly_where_one_is_given() {
    for resource in RESOURCES {
        let name = resource.name;
        let paths = [(resource.list_path, 0), (resource.parent_path, 1), (resource.item_path, 1)];
        for (path, ids) in paths.into_iter().filter_map(|(path, ids)| Some((path?, ids))) {
            assert_eq!(path.matches("{id}").count(), ids, "{name}: {path}");
            assert_eq!(path.matches(['{', '?', '#', '\\', ' ']).count(), ids, "{name}: {path}");
            assert!(path.starts_with('/') && !path.starts_with("//"), "{name}: {path}");
        }
        assert!(resource.list_path.or(resource.parent_path).is_some(), "{name} has no list");
        assert_eq!(
            resource.probe.is_some(),
            resource.list_path.is_some(),
            "{name}: only a list can be probed"
        );
        let has_id = matches!(resource.cmdlet, Cmdlet::Get { id: Some(_), .. });
        assert_eq!(
            has_id,
            resource.item_path.is_some(),
            "{name}: an item path is what the id parameter needs"
        );
        assert_eq!(
            parent(resource).is_some(),
            resource.parent_path.is_some(),
            "{name}: parent path and parameter"
        );
    }
}

#[test]
fn queries_are_in_their_fields() {
    for resource in RESOURCES {
        let name = resource.name;
        let words = resource.query.iter().chain(resource.headers).chain(resource.probe.unwrap_or_default());
        for (key, value) in words {
            assert!(!key.is_empty() && !value.is_empty(), "{name}: {key}={value}");
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || "$-".contains(c)), "{name}: {key}");
        }
        for (header, _) in resource.headers {
            assert_eq!(*header, header.to_ascii_lowercase(), "{name}: header names are in lower case");
        }
        if let Method::Post(body) = resource.method {
            assert!(serde_json::from_str::<serde_json::Value>(body).is_ok(), "{name}: the body is not JSON");
        }
        match resource.paging {
            Paging::NextLink { page_size: Some(size), .. } => {
                assert!(size.default <= size.max && !size.parameter.is_empty(), "{name}");
            }
            Paging::Skip { top } => {
                assert!(resource.max_top.is_some_and(|max| (1..=max).contains(&top)), "{name}: $top {top}");
            }
            Paging::SkipToken => {
                assert!(matches!(resource.method, Method::Post(_)), "{name}: the token goes into a body");
            }
            _ => {}
        }
        if let WithoutLink::TimeWindow(field) = resource.without_link {
            let is_time = resource.columns.iter().any(|c| c.name == field && c.kind == ColumnKind::Time);
            assert!(is_time && resource.filter.fields().contains(&field), "{name}: {field}");
        }
        let has_rule = resource.without_link != WithoutLink::Unknown;
        let has_links = matches!(resource.paging, Paging::NextLink { .. }) && resource.max_top.is_some();
        assert!(
            has_links || !has_rule,
            "{name}: only a list with links and a largest page can go on without one"
        );
        assert!(!resource.list_member.is_empty(), "{name}");
    }
}

#[test]
fn permissions_are_known_except_where_azure_roles_decide() {
    for resource in RESOURCES {
        assert_eq!(resource.permissions.is_empty(), resource.family == Family::Arm, "{}", resource.name);
        for permission in resource.permissions {
            let parts = permission.split('.').count();
            assert!(permission.is_ascii() && (2..=3).contains(&parts), "{}: {permission}", resource.name);
        }
    }
}

#[test]
fn filter_fields_are_members_of_the_rows() {
    for resource in typed() {
        let fields = resource.filter.fields();
        assert!(fields.is_sorted(), "{}: the fields are not sorted", resource.name);
        assert_unique("the field", fields.iter().copied());
        for field in fields {
            let known = resource.columns.iter().any(|c| c.path.first().unwrap_or(&c.name) == field);
            assert!(known && *field != ADDITIONAL, "{}: there is no column {field}", resource.name);
        }
    }
}

#[test]
fn columns_can_be_properties_and_the_additional_one_is_the_last() {
    for resource in RESOURCES {
        let name = resource.name;
        assert_eq!(resource.class.is_empty(), matches!(resource.cmdlet, Cmdlet::None), "{name}");
        assert_eq!(resource.class.is_empty(), resource.columns.is_empty(), "{name}");
        assert_eq!(resource.class.is_empty(), resource.table.is_empty(), "{name}");
        let Some((last, columns)) = resource.columns.split_last() else { continue };
        assert_eq!((last.name, last.kind), (ADDITIONAL, ColumnKind::Variant), "{name}");
        // The module adds TenantId and TenantName to every row.
        let names = columns.iter().map(|column| column.name);
        assert_unique("the column", names.chain(["tenantId", "tenantName", ADDITIONAL]));
        let member = |column: &super::Column| match column.path {
            [] => column.name.to_ascii_lowercase(),
            path => path.join("\n").to_ascii_lowercase(),
        };
        let members: HashSet<_> = columns.iter().map(member).collect();
        assert_eq!(members.len(), columns.len(), "{name}: two columns are read from one member");
        for column in columns {
            let first = column.name.chars().next().unwrap();
            assert!(first.is_ascii_lowercase(), "{name}: {}", column.name);
            assert!(column.name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}: {}", column.name);
            assert!(!column.doc.is_empty() && !column.doc.ends_with('.'), "{name}: {}", column.name);
            assert!(!column.from_request || resource.parent_path.is_some(), "{name}: {}", column.name);
        }
    }
}

#[test]
fn tables_show_columns_that_exist_and_are_readable_at_80_columns() {
    for resource in typed() {
        let name = resource.name;
        for shown in resource.table {
            assert!(resource.columns.iter().any(|c| c.name == shown.name), "{name}: {}", shown.name);
            let heading = u32::try_from(shown.heading.len()).unwrap();
            assert!(shown.width == 0 || heading <= shown.width, "{name}: {}", shown.heading);
        }
        let flexible = resource.table.iter().filter(|shown| shown.width == 0).count();
        let separators = resource.table.len();
        let fixed = TENANT_WIDTH + resource.table.iter().map(|shown| shown.width).sum::<u32>();
        let left = 80_u32.saturating_sub(fixed + u32::try_from(separators).unwrap());
        assert!(flexible > 0, "{name}: no column takes what the others leave");
        let each = left / u32::try_from(flexible).unwrap();
        assert!(each >= 20, "{name}: {flexible} columns of {each} characters");
    }
}

#[test]
fn a_cmdlet_has_one_entry_of_its_own_and_one_parameter_for_parents() {
    for resource in RESOURCES {
        let Cmdlet::PartOf { noun: wanted, .. } = resource.cmdlet else { continue };
        let of_noun = RESOURCES.iter().filter(|other| match other.cmdlet {
            Cmdlet::Get { noun, parent, .. } => noun == wanted && parent.is_none(),
            _ => false,
        });
        assert_eq!(of_noun.count(), 1, "{}: Get-Fdx{wanted}", resource.name);
        let parts =
            RESOURCES.iter().filter(|r| matches!(r.cmdlet, Cmdlet::PartOf { noun, .. } if noun == wanted));
        assert_eq!(parts.count(), 1, "Get-Fdx{wanted}");
    }
}
