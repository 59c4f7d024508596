//! Reads the samples of the fake tenant, and where they are there the answers of Microsoft's documentation, through the
//! entries: every member has a column, and nothing is dropped.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::batch::BatchBuilder;
use crate::batch_reader::{BatchReader, Row};
use crate::catalog::{ADDITIONAL, Column, ColumnKind, Resource, resource};
use crate::read::decode::row::RowDecoder;
use crate::read::decode::time::{ParsedTime, parse_time};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How many of a row's values are columns: its members that are not null, and those of objects that are taken apart.
fn members(resource: &Resource, row: &Value) -> usize {
    let nested = |name: &str| {
        resource.columns.iter().any(|c| c.path.len() > 1 && c.path[0].eq_ignore_ascii_case(name))
    };
    let row = row.as_object().expect("a row is an object");
    let named = row.iter().filter(|(name, value)| !name.contains("@odata.") && !is_nothing(value));
    named
        .map(|(name, value)| if nested(name) { leaves(resource, &mut vec![name.clone()], value) } else { 1 })
        .sum()
}

fn leaves(resource: &Resource, path: &mut Vec<String>, value: &Value) -> usize {
    let is_column = |path: &[String]| {
        let same = |column: &[&str]| column.iter().zip(path).all(|(a, b)| a.eq_ignore_ascii_case(b));
        resource.columns.iter().any(|c| c.path.len() == path.len() && same(c.path))
    };
    match value {
        Value::Object(members) if !is_column(path) => members
            .iter()
            .map(|(name, value)| {
                path.push(name.clone());
                let count = leaves(resource, path, value);
                path.pop();
                count
            })
            .sum(),
        value => usize::from(!is_nothing(value)),
    }
}

/// Null, and the time that means never.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.starts_with("0001-01-01"))
}

/// Reads the rows, and compares how many values came with how many there were.
fn check(resource: &'static Resource, rows: &[Value], what: &str) {
    assert!(!rows.is_empty(), "{what} has no rows");
    for row in rows {
        let (mut decoder, columns) = RowDecoder::typed(resource);
        let mut builder = BatchBuilder::new(0, "t", columns);
        decoder.decode(&row.to_string(), None, &mut builder).unwrap();
        builder.end_row();
        let batch = builder.take().unwrap();
        let mut reader = BatchReader::default();
        let read = &reader.read(batch.bytes()).unwrap().rows[0];
        assert_eq!(read.get(ADDITIONAL), Some(&Value::Null), "{what}");
        let came = read.values().filter(|value| !value.is_null()).count();
        assert_eq!(came, members(resource, row), "{what}: {row}");
        check_values(resource, row, read, what);
    }
}

/// Each member that is not taken apart has its own value in its own column.
fn check_values(resource: &Resource, row: &Value, read: &Row, what: &str) {
    for (name, value) in row.as_object().unwrap() {
        let is_named = |name: &str, column: &Column| {
            let own = column.path.first().copied().unwrap_or(column.name);
            [own].iter().chain(column.also).any(|known| known.eq_ignore_ascii_case(name))
        };
        let column = resource.columns.iter().find(|column| column.path.len() < 2 && is_named(name, column));
        if let Some(column) = column.filter(|_| !is_nothing(value)) {
            let came = &read[column.name];
            assert!(is_same(value, came, column.kind), "{what}: {name} is {value}, and came as {came}");
        }
    }
}

/// Whether a value of a column is what the service sent.
fn is_same(sent: &Value, came: &Value, kind: ColumnKind) -> bool {
    let text = sent.as_str().map_or_else(|| sent.to_string(), str::to_owned);
    match kind {
        ColumnKind::Text | ColumnKind::Dictionary => came.as_str() == Some(text.as_str()),
        ColumnKind::Int | ColumnKind::Float => came.as_f64() == text.parse().ok(),
        ColumnKind::Bool => came.as_bool() == text.to_ascii_lowercase().parse().ok(),
        ColumnKind::Time => match parse_time(&text) {
            ParsedTime::Ticks(ticks) => came.as_i64() == Some(ticks),
            ParsedTime::Never | ParsedTime::Unreadable => false,
        },
        ColumnKind::TextList => {
            let texts = |list: &Vec<Value>| -> Vec<Value> {
                list.iter()
                    .map(|item| item.as_str().map_or_else(|| item.to_string().into(), Value::from))
                    .collect()
            };
            sent.as_array().map(texts) == came.as_array().cloned()
        }
        ColumnKind::Variant => came == sent,
    }
}

/// The rows of an answer: a list, a list of lists, or the answer itself.
fn rows(answer: &Value, resource: &Resource) -> Vec<Value> {
    let list = |value: &Value| value.get(resource.list_member).and_then(Value::as_array).cloned();
    let Some(rows) = list(answer) else { return vec![answer.clone()] };
    if !resource.nested {
        return rows;
    }
    rows.into_iter().flat_map(|row| list(&row).unwrap_or_else(|| vec![row])).collect()
}

fn parsed(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn every_sample_of_a_class_is_read_and_every_member_of_it_has_a_column() {
    for resource in super::typed() {
        let path = root().join(format!("tests/tenant/samples/{}.json", resource.class));
        let Value::Array(mut rows) = parsed(&path) else { panic!("{} is no list", path.display()) };
        if resource.class == "Alert" {
            // It has a member that nobody documents, for another test.
            rows.iter_mut().filter_map(Value::as_object_mut).for_each(|row| _ = row.remove("newMember"));
        }
        check(resource, &rows, resource.class);
    }
}

/// The answers of the documentation, and the entries that read them.
const DOCUMENTED: &[(&str, &str)] = &[
    ("arm-assessments-list", "cloudAssessments"),
    ("arm-secureScores-list", "cloudSecureScores"),
    ("graph-alerts_v2-list", "alerts"),
    ("graph-incidents-list", "incidents"),
    ("graph-secureScores-list", "secureScores"),
    ("mde-alerts-list-expand-evidence", "defenderAlerts"),
    ("mde-alerts-list", "machineAlerts"),
    ("mde-baselineProfiles-list", "baselineProfiles"),
    ("mde-browserextensions-permissionsinfo", "browserExtensionPermissions"),
    ("mde-configurationScore", "configurationScore"),
    ("mde-deviceavinfo-list", "antivirusHealth"),
    ("mde-export-baselineCompliance-byMachine", "baselineComplianceByMachine"),
    ("mde-export-browserExtensions-byMachine", "browserExtensionsByMachine"),
    ("mde-export-certificates-byMachine", "certificatesByMachine"),
    ("mde-export-hardwareFirmware-byMachine", "hardwareFirmwareByMachine"),
    ("mde-export-nonCpeSoftware-byMachine", "nonCpeSoftwareByMachine"),
    ("mde-export-secureConfig-byMachine", "secureConfigurationsByMachine"),
    ("mde-export-softwareInventory-byMachine", "softwareInventoryByMachine"),
    ("mde-export-softwareVulnerabilities-byMachine", "softwareVulnerabilitiesByMachine"),
    ("mde-export-softwareVulnerabilities-byMachine-2025", "softwareVulnerabilitiesByMachine"),
    ("mde-export-softwareVulnerabilities-delta", "softwareVulnerabilityChanges"),
    ("mde-export-softwareVulnerabilities-delta-2025", "softwareVulnerabilityChanges"),
    ("mde-exposureScore-byMachineGroups", "exposureScoreByGroup"),
    ("mde-exposureScore", "exposureScore"),
    ("mde-file-get", "files"),
    ("mde-file-stats", "fileStatistics"),
    ("mde-indicators-list", "indicators"),
    ("mde-investigations-list", "investigations"),
    ("mde-libraryfiles-list", "libraryFiles"),
    ("mde-liveResponse-run-created", "machineActions"),
    ("mde-machine-discovered-vulnerabilities", "machineVulnerabilities"),
    ("mde-machine-get", "machines"),
    ("mde-machine-logonusers", "machineUsers"),
    ("mde-machine-missing-kbs", "machineMissingKbs"),
    ("mde-machine-recommendations", "machineRecommendations"),
    ("mde-machine-software", "machineSoftware"),
    ("mde-machineaction-get", "machineActions"),
    ("mde-machineactions-list", "machineActions"),
    ("mde-machines-list", "machines"),
    ("mde-machinesVulnerabilities-list", "machineCves"),
    ("mde-recommendation-get", "recommendations"),
    ("mde-recommendations-list", "recommendations"),
    ("mde-remediationTasks-list", "remediationTasks"),
    ("mde-software-distributions", "softwareVersions"),
    ("mde-software-get", "software"),
    ("mde-software-list", "software"),
    ("mde-vulnerabilities-list", "cves"),
    ("mde-vulnerability-get", "cves"),
    ("mde-vulnerability-machineReferences", "cveMachines"),
    ("xdr-incidents-list", "xdrIncidents"),
    ("synthetic/mde-machine-live-shape", "machines"),
];

/// Answers that no entry reads: errors, links, files, hunting, and what writes.
const OTHERS: &[&str] = &[
    "arg-",
    "arm-subAssessments",
    "error-",
    "graph-runHuntingQuery",
    "mde-advancedqueries",
    "mde-indicators-import",
    "mde-machineaction-liveResponseResultLink",
    "mde-machineaction-packageUri",
    "xdr-advancedhunting",
];

#[test]
fn every_documented_answer_is_read_and_every_member_of_it_has_a_column() {
    // Microsoft's texts are not part of the repository.
    let folder = root().join("../shared/samples");
    let folder = if folder.is_dir() { folder } else { root().join("../../shared/samples") };
    if !folder.is_dir() {
        return;
    }
    for (file, entry) in DOCUMENTED {
        let resource = resource(entry).unwrap();
        check(resource, &rows(&parsed(&folder.join(format!("{file}.json"))), resource), file);
    }
    for file in fs::read_dir(&folder).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json").filter(|stem| !stem.ends_with("-files")) else {
            continue;
        };
        let is_known = DOCUMENTED.iter().any(|(file, _)| *file == stem);
        assert!(is_known || OTHERS.iter().any(|other| stem.starts_with(other)), "{name} is not read");
    }
    let lines = folder.join("synthetic/export-softwareVulnerabilities-file-lines.jsonl");
    let lines = fs::read_to_string(lines).unwrap();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    check(resource("softwareVulnerabilityChanges").unwrap(), &rows, "lines of a file");
}
