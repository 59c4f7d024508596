//! The types of a file's columns, and how they are encoded.

use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{ColumnPath, SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use crate::batch::ColumnKind;
use crate::dataset::format::columns::{FileColumns, TENANT_COLUMN};

/// What wrote a file: the version of its layout, not of this library, because equal rows make equal files. Readers
/// trust the statistics of a file only if they can read the version in this text.
const CREATED_BY: &str = "FedXdr version 1.0.0";

/// Rows of a page at most: what is not compressed yet waits in memory, for every column.
const PAGE_ROWS: usize = 2_048;

/// The columns of a file.
fn columns(columns: &FileColumns) -> impl Iterator<Item = (&str, ColumnKind)> {
    let columns = columns.columns.iter().map(|column| (column.name.as_ref(), column.kind));
    std::iter::once((TENANT_COLUMN, ColumnKind::Dictionary)).chain(columns)
}

/// Only types that every reader takes: no lists and structures, no nanoseconds, nothing unsigned. Every column may be
/// null, because what is never null today may be tomorrow.
pub(super) fn of(file: &FileColumns) -> Result<(TypePtr, SchemaDescPtr)> {
    let fields = columns(file).map(|(name, kind)| {
        let (physical, logical) = match kind {
            ColumnKind::Bool => (PhysicalType::BOOLEAN, None),
            ColumnKind::Int => (PhysicalType::INT64, None),
            ColumnKind::Float => (PhysicalType::DOUBLE, None),
            ColumnKind::Time => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
            // Lists and nested values are JSON.
            ColumnKind::Text | ColumnKind::Dictionary | ColumnKind::TextList | ColumnKind::Variant => {
                (PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
            }
        };
        let field = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        field.build().map(Arc::new)
    });
    let fields = fields.collect::<Result<_>>()?;
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
    let descriptor = Arc::new(SchemaDescriptor::new(Arc::clone(&schema)));
    Ok((schema, descriptor))
}

pub(super) fn properties(file: &FileColumns) -> WriterPropertiesPtr {
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(Compression::SNAPPY)
        .set_data_page_row_count_limit(PAGE_ROWS)
        // Of groups, not of pages: a group has few pages.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    let of_own_text = columns(file)
        .filter(|(_, kind)| matches!(kind, ColumnKind::Text | ColumnKind::TextList | ColumnKind::Variant));
    // Texts that are mostly different would fill a dictionary in vain.
    let properties = of_own_text.fold(properties, |properties, (name, _)| {
        properties.set_column_dictionary_enabled(ColumnPath::from(name), false)
    });
    Arc::new(properties.build())
}
