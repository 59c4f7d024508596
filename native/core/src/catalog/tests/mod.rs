//! Holds the entries to the rules that the code and the generated files rely on.

mod samples;

use std::collections::HashSet;

use super::{
    ADDITIONAL, ColumnKind, Filter, Method, Paging, ParameterKind, RESOURCES, Resource, Since, TENANT_WIDTH,
    WithoutLink, dataset_of,
};
use crate::cloud::Family;

fn typed() -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().filter(|resource| !resource.class.is_empty())
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
    // Test-FdxConnection takes nouns and families.
    let nouns: HashSet<_> = typed().filter_map(|resource| Some(resource.cmdlet?.noun)).collect();
    assert_unique("the noun", nouns.into_iter().chain(Family::ALL.map(Family::name)));
}

#[test]
fn entries_of_a_class_have_the_same_columns_and_table() {
    let text = |resource: &Resource| format!("{:?} {:?}", resource.columns, resource.table);
    for resource in typed() {
        for other in typed().filter(|other| other.class == resource.class) {
            assert!(text(resource) == text(other), "{} and {}", resource.name, other.name);
        }
    }
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
        let query: String = resource.query.iter().map(|(_, value)| *value).collect();
        let body = if let Method::Post(body) = resource.method { body } else { "" };
        let outside = query.matches("{id}").count() + body.matches("\"{id}\"").count();
        let paths = [(resource.list_path, 0), (resource.parent_path, 1 - outside), (resource.item_path, 1)];
        for (path, ids) in paths.into_iter().filter_map(|(path, ids)| Some((path?, ids))) {
            assert_eq!(path.matches("{id}").count(), ids, "{name}: {path}");
            let has_time = resource.options().iter().any(|option| option.kind == ParameterKind::Time);
            assert_eq!(path.contains("{time}"), has_time, "{name}: {path}");
            let places = ids + usize::from(has_time);
            assert_eq!(path.matches(['{', '?', '#', '\\', ' ']).count(), places, "{name}: {path}");
            assert!(path.starts_with('/') && !path.starts_with("//"), "{name}: {path}");
        }
        assert!(
            resource.list_path.or(resource.parent_path).or(resource.item_path).is_some(),
            "{name} has no path"
        );
        assert!(
            resource.probe.is_none() || resource.list_path.is_some(),
            "{name}: only a list can be probed"
        );
        let cmdlet = resource.cmdlet.unwrap();
        assert_eq!(
            cmdlet.id.is_some(),
            resource.item_path.is_some(),
            "{name}: an item path is what the id parameter needs"
        );
        assert_eq!(
            cmdlet.parent.is_some(),
            resource.parent_path.is_some(),
            "{name}: parent path and parameter"
        );
        if let Some(parents) = resource.parents {
            let from = super::resource(parents.resource).unwrap();
            assert!(from.list_path.is_some() && resource.parent_path.is_some(), "{name}");
        }
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
        if let Since::Field(field) = resource.since {
            let is_time = resource.columns.iter().any(|c| c.name == field && c.kind == ColumnKind::Time);
            assert!(is_time && resource.filter.fields().contains(&field), "{name}: {field}");
            assert!(resource.list_path.is_some(), "{name}: only a list has -Since");
        }
        let is_query = matches!(resource.since, Since::Query { .. });
        assert_eq!(is_query, resource.cmdlet.is_some_and(|cmdlet| cmdlet.by_since), "{name}");
        assert!(!(resource.nested && resource.single), "{name}");
        assert!(
            resource.list_path.is_some() || resource.filter == Filter::None,
            "{name}: only a list is filtered"
        );
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
        assert_eq!(resource.class.is_empty(), resource.cmdlet.is_none(), "{name}");
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
        let others = columns.iter().flat_map(|column| column.also).map(|name| name.to_ascii_lowercase());
        let all: Vec<_> = columns.iter().map(member).chain(others).collect();
        let members: HashSet<_> = all.iter().collect();
        assert_eq!(members.len(), all.len(), "{name}: two columns are read from one member");
        for column in columns {
            let first = column.name.chars().next().unwrap();
            assert!(first.is_ascii_lowercase(), "{name}: {}", column.name);
            assert!(!column.name.eq_ignore_ascii_case(resource.class), "{name}: C# has no such property");
            assert!(column.name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}: {}", column.name);
            assert!(!column.doc.is_empty() && !column.doc.ends_with('.'), "{name}: {}", column.name);
            let has_parent = |other: &Resource| other.class == resource.class && other.is_from_parent(column);
            assert!(!column.from_request || RESOURCES.iter().any(has_parent), "{name}: {}", column.name);
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
fn parameters_of_a_cmdlet_select_one_entry_each() {
    let nouns: HashSet<_> = typed().filter_map(|resource| Some(resource.cmdlet?.noun)).collect();
    for noun in nouns {
        let entries: Vec<_> =
            typed().filter(|r| r.cmdlet.is_some_and(|cmdlet| cmdlet.noun == noun)).collect();
        let cmdlets: Vec<_> = entries.iter().filter_map(|entry| entry.cmdlet).collect();
        let parents: Vec<_> = cmdlets.iter().filter_map(|cmdlet| cmdlet.parent).collect();
        assert_unique("the parameter", parents.iter().map(|parent| parent.name).chain(["Id"]));
        let choices: Vec<_> = cmdlets.iter().filter_map(|cmdlet| cmdlet.choice).collect();
        assert_unique("the value", choices.iter().map(|choice| choice.value));
        assert!(choices.iter().all(|choice| choice.parameter == choices[0].parameter), "{noun}");
        assert!(choices.is_empty() || cmdlets[0].choice.is_some(), "{noun}: the first entry is the default");
        assert!(cmdlets.iter().filter(|cmdlet| cmdlet.by_since).count() <= 1, "{noun}");
        let lists = entries.iter().zip(&cmdlets).filter(|(entry, cmdlet)| {
            (entry.list_path.is_some() || entry.parents.is_some()) && !cmdlet.by_since
        });
        let lists = lists.count();
        assert!(lists <= 1 || choices.len() == lists, "{noun}: {lists} lists and no parameter for each");
        // A piped object must mean one thing: the first parameter that finds an id takes it.
        let ids = cmdlets.iter().filter_map(|cmdlet| cmdlet.id).take(1).chain(parents);
        let properties = ids.flat_map(|id| id.properties.iter().copied());
        assert_unique(&format!("Get-Fdx{noun}: the property"), properties);
    }
}

#[test]
fn bulk_export_is_a_parameter_of_what_has_files() {
    for resource in RESOURCES {
        let has_files = dataset_of(resource).is_some_and(|dataset| dataset.files.is_some());
        let has_switch = resource.options().iter().any(|option| option.kind == ParameterKind::Files);
        assert_eq!(has_switch, has_files, "{}", resource.name);
    }
}

#[test]
fn ids_come_from_rows_of_classes_that_exist() {
    for resource in typed() {
        let cmdlet = resource.cmdlet.unwrap();
        for id in [cmdlet.id, cmdlet.parent].into_iter().flatten() {
            assert!(!id.doc.is_empty() && id.doc.ends_with('.'), "{}: {}", resource.name, id.name);
            for (class, property) in id.properties.iter().filter_map(|name| name.split_once('.')) {
                let entry = typed().find(|entry| entry.class == class).unwrap_or_else(|| panic!("{class}"));
                let known = entry.columns.iter().any(|column| column.name.eq_ignore_ascii_case(property));
                assert!(known, "{class}.{property}");
            }
        }
        for option in cmdlet.options {
            assert!(option.doc.ends_with('.'), "{}: {}", resource.name, option.name);
        }
    }
}
