//! The template of the tables and the data collection rule that take the rows of datasets.

use std::fmt::{self, Write as _};

use fedxdr_core::catalog::{Dataset, log_columns, log_table, stored_datasets};

use crate::Generated;

/// A rule has at most ten streams. These are created unless the deployment says otherwise.
const DEFAULT: [&str; 10] = [
    "vulnerabilities",
    "vulnerabilityChanges",
    "machines",
    "alerts",
    "incidents",
    "software",
    "recommendations",
    "exposureScore",
    "deviceSecureScore",
    "secureScores",
];

pub(crate) fn template() -> Result<Generated, Box<dyn std::error::Error>> {
    let mut tables = String::new();
    for (index, dataset) in stored_datasets().enumerate() {
        if index > 0 {
            tables.push_str(",\n");
        }
        table(&mut tables, dataset)?;
    }
    let names: Vec<_> = stored_datasets().map(|dataset| dataset.name).collect();
    let default: Vec<_> = DEFAULT.iter().map(|name| format!("\"{name}\"")).collect();
    let text = TEMPLATE
        .replace("<default>", &default.join(", "))
        .replace("<names>", &names.join(", "))
        .replace("<tables>", &tables);
    Ok(("examples/log-analytics/template.json", text))
}

fn table(out: &mut String, dataset: &Dataset) -> fmt::Result {
    writeln!(out, "      \"{}\": {{", dataset.name)?;
    writeln!(out, "        \"name\": \"{}\",", log_table(dataset.name))?;
    let columns = log_columns(dataset);
    let columns = columns.iter().map(|column| {
        format!("          {{ \"name\": \"{}\", \"type\": \"{}\" }}", column.name, column.kind)
    });
    let columns: Vec<_> = columns.collect();
    write!(out, "        \"columns\": [\n{}\n        ]\n      }}", columns.join(",\n"))
}

/// The template without what the catalog knows.
const TEMPLATE: &str = include_str!("log_analytics.json");
