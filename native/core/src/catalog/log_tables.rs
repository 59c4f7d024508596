//! The tables of Log Analytics that the rows of datasets go to. What sends the rows and what creates the tables both
//! take the names and types from here.

use super::datasets::Dataset;
use crate::batch::ColumnKind;

/// When the rows were true: the time of the snapshot, or when they were read.
pub const TIME_GENERATED: &str = "TimeGenerated";
/// Tells rows apart: a row that was sent twice has the same key.
pub const ROW_KEY: &str = "RowKey";
/// Names that Log Analytics keeps for itself, or that every table has here. In any letter case.
const TAKEN: [&str; 7] = ["TenantId", "Id", "Title", "Type", "UniqueId", TIME_GENERATED, ROW_KEY];
/// What a column begins with instead.
const INSTEAD: &str = "Source";

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogColumn {
    /// Name.
    pub name: String,
    /// Type, as streams and tables call it.
    pub kind: &'static str,
}

/// The name of a file's column in a table: that of the property, unless Log Analytics keeps it for itself.
pub fn log_column(name: &str) -> String {
    let name = pascal(name);
    let is_taken = TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(&name));
    if is_taken { format!("{INSTEAD}{name}") } else { name }
}

/// The name of a dataset's table, without `_CL`.
pub fn log_table(dataset: &str) -> String {
    format!("Fdx{}", pascal(dataset))
}

/// The stream of a data collection rule that takes the rows of a dataset.
pub fn log_stream(dataset: &str) -> String {
    format!("Custom-{}", log_table(dataset))
}

/// The columns of a dataset's table.
pub fn log_columns(dataset: &Dataset) -> Vec<LogColumn> {
    let mut columns = vec![
        LogColumn { name: TIME_GENERATED.to_owned(), kind: "datetime" },
        LogColumn { name: ROW_KEY.to_owned(), kind: "string" },
        LogColumn { name: log_column("tenantId"), kind: "string" },
    ];
    let of_rows = dataset.resource.columns.iter().filter(|column| !column.from_request);
    columns
        .extend(of_rows.map(|column| LogColumn { name: log_column(column.name), kind: kind(column.kind) }));
    columns
}

fn kind(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text | ColumnKind::Dictionary => "string",
        ColumnKind::Int => "long",
        ColumnKind::Float => "real",
        ColumnKind::Bool => "boolean",
        ColumnKind::Time => "datetime",
        ColumnKind::TextList | ColumnKind::Variant => "dynamic",
    }
}

fn pascal(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::datasets::stored_datasets;
    use super::*;

    #[test]
    fn every_table_is_one_that_log_analytics_takes() {
        for dataset in stored_datasets() {
            let columns = log_columns(dataset);
            assert!(columns.len() <= 500);
            let mut names = HashSet::new();
            for LogColumn { name, .. } in &columns {
                assert!(names.insert(name.to_ascii_lowercase()), "{}: {name} twice", dataset.name);
                assert!(name.len() <= 45 && name.starts_with(|c: char| c.is_ascii_alphabetic()), "{name}");
                assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{name}");
                let reserved =
                    ["tenantid", "type", "id", "title", "uniqueid", "_resourceid", "_subscriptionid"];
                assert!(!reserved.contains(&name.to_ascii_lowercase().as_str()), "{}: {name}", dataset.name);
            }
            let table = log_table(dataset.name);
            assert!(table.bytes().all(|b| b.is_ascii_alphanumeric()) && table.len() <= 42, "{table}");
        }
    }
}
