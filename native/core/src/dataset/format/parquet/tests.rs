//! Files are read back by the reader of the crate that writes them; `tests/clients` reads them by another one.

use bytes::Bytes;
use parquet::basic::{ConvertedType, Encoding, Type as PhysicalType};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;

use super::*;
use crate::batch::{BatchBuilder, ColumnKind};
use crate::catalog;
use crate::dataset::format::file_columns;
use crate::read::decode::row::RowDecoder;
use crate::testing::TENANT;

/// A file of rows, in batches of so many.
fn file(rows: &[String], rows_of_batch: usize) -> Bytes {
    let resource = catalog::dataset("vulnerabilities").unwrap().resource;
    let (mut decoder, columns) = RowDecoder::typed(resource);
    let mut builder = BatchBuilder::new(0, TENANT, columns);
    let mut writer = ParquetWriter::new(&FileColumns::of(resource), TENANT).unwrap();
    let mut out = Vec::new();
    writer.begin(&mut out).unwrap();
    for batch in rows.chunks(rows_of_batch) {
        for row in batch {
            decoder.decode(row, None, &mut builder).unwrap();
            builder.end_row();
        }
        let batch = builder.take().unwrap();
        assert_eq!(writer.write(&batch, &mut out).unwrap(), u64::from(batch_rows(&batch)));
    }
    writer.end(&mut out).unwrap();
    Bytes::from(out)
}

fn batch_rows(batch: &Batch) -> u32 {
    u32::from_le_bytes(*batch.bytes()[12..].first_chunk().unwrap())
}

fn reader(file: &Bytes) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(file.clone()).unwrap()
}

/// The cells of the rows that are not null.
fn cells(file: &Bytes) -> Vec<Vec<(String, Field)>> {
    let reader = reader(file);
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let cells = row.unwrap().into_columns().into_iter();
        cells.filter(|(_, cell)| *cell != Field::Null).collect()
    });
    rows.collect()
}

fn text(text: &str) -> Field {
    Field::Str(text.to_owned())
}

#[test]
fn every_kind_of_value_has_a_type_of_its_own_and_can_be_null() {
    let full = r#"{"id":"1","deviceId":"d1","rbacGroupId":-3,"cvssScore":7.5,"diskPaths":["c:\\\"x\"",null,"é"],
        "registryPaths":[],"firstSeenTimestamp":"2026-11-03T10:13:34.8476885Z",
        "lastSeenTimestamp":"1969-12-31T23:59:59.9999999Z","isOnboarded":false,"later":{"a":[1,null]}}"#;
    let file = file(&[full.to_owned(), "{}".to_owned(), r#"{"id":"","isOnboarded":true}"#.to_owned()], 2);
    let rows = cells(&file);
    let cell = |name: &str, value| (name.to_owned(), value);
    let tenant = || cell("tenantId", text(TENANT));
    let expected = [
        tenant(),
        cell("additionalProperties", text(r#"{"later":{"a":[1,null]}}"#)),
        cell("id", text("1")),
        cell("deviceId", text("d1")),
        cell("rbacGroupId", Field::Long(-3)),
        cell("cvssScore", Field::Double(7.5)),
        cell("diskPaths", text(r#"["c:\\\"x\"",null,"é"]"#)),
        cell("registryPaths", text("[]")),
        cell("firstSeenTimestamp", Field::TimestampMicros(1_793_700_814_847_688)),
        cell("lastSeenTimestamp", Field::TimestampMicros(-1)),
        cell("isOnboarded", Field::Bool(false)),
    ];
    assert_eq!(rows[0], expected);
    assert_eq!(rows[1], [tenant()]);
    assert_eq!(rows[2], [tenant(), cell("id", text("")), cell("isOnboarded", Field::Bool(true))]);
    assert_eq!(rows.len(), 3);
}

/// A table with these columns takes the rows of every file.
#[test]
fn the_types_of_columns_come_from_the_catalog() {
    for dataset in catalog::DATASETS {
        let (_, schema) = schema::of(&FileColumns::of(dataset.resource)).unwrap();
        let wanted = file_columns(dataset.resource);
        assert_eq!(schema.num_columns(), wanted.len() + 1);
        for (column, (_, wanted)) in schema.columns().iter().skip(1).zip(wanted) {
            let expected = match wanted.kind {
                ColumnKind::Bool => (PhysicalType::BOOLEAN, ConvertedType::NONE),
                ColumnKind::Int => (PhysicalType::INT64, ConvertedType::NONE),
                ColumnKind::Float => (PhysicalType::DOUBLE, ConvertedType::NONE),
                ColumnKind::Time => (PhysicalType::INT64, ConvertedType::TIMESTAMP_MICROS),
                _ => (PhysicalType::BYTE_ARRAY, ConvertedType::UTF8),
            };
            assert_eq!((column.physical_type(), column.converted_type()), expected, "{}", column.name());
            assert_eq!((column.name(), column.max_def_level()), (wanted.name, 1));
            assert_eq!(column.max_rep_level(), 0);
        }
    }
}

fn row(number: usize, path: &str) -> String {
    format!(
        r#"{{"id":"{number}","deviceId":"d{}","cvssScore":{}.5,"diskPaths":["{path}"]}}"#,
        number / 7,
        number % 10
    )
}

#[test]
fn rows_make_groups_and_the_same_file_in_whatever_batches_they_come() {
    let rows: Vec<String> = (0..20_100).map(|number| row(number, "c")).collect();
    let whole = file(&rows, 1024);
    let rows_of_groups = |file: &Bytes| -> Vec<i64> {
        reader(file).metadata().row_groups().iter().map(RowGroupMetaData::num_rows).collect()
    };
    assert_eq!(rows_of_groups(&whole), [20_000, 100]);
    assert!(whole == file(&rows, 331));
    let read = cells(&whole);
    assert_eq!(read.len(), rows.len());
    for (number, row) in read.iter().enumerate() {
        assert_eq!(row[1].1, text(&number.to_string()));
        assert_eq!(row[2].1, text(&format!("d{}", number / 7)));
    }

    // Large rows end a group sooner.
    let rows: Vec<String> = (0..100).map(|number| row(number, &"x".repeat(300_000))).collect();
    let whole = file(&rows, 64);
    assert_eq!(rows_of_groups(&whole), [28, 28, 28, 16]);
    assert!(whole == file(&rows, 1));
    assert_eq!(cells(&whole)[99][1].1, text("99"));
}

#[test]
fn columns_with_few_values_are_dictionaries_and_the_file_names_what_wrote_it() {
    let rows: Vec<String> = (0..3000).map(|number| row(number, "c")).collect();
    let file = file(&rows, 1000);
    let metadata = reader(&file).metadata().clone();
    assert_eq!(metadata.file_metadata().created_by(), Some("FedXdr version 1.0.0"));
    for column in metadata.row_group(0).columns() {
        let path = column.column_path().string();
        let is_dictionary = column.encodings().any(|encoding| encoding == Encoding::RLE_DICTIONARY);
        let wanted = !["id", "diskPaths", "registryPaths", "additionalProperties"].contains(&path.as_str());
        assert_eq!(
            is_dictionary,
            wanted && path != "securityUpdateAvailable" && path != "isOnboarded",
            "{path}"
        );
        assert_eq!(column.compression(), parquet::basic::Compression::SNAPPY, "{path}");
    }
}
