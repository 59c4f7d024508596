use crate::batch::BatchBuilder;
use crate::catalog::{ADDITIONAL, Column, ColumnKind, Resource, resource};
use crate::read::decode::row::RowDecoder;

/// A batch read back by the format's description alone.
fn decode_rows(rows: &[&str]) -> String {
    let (mut decoder, columns) = RowDecoder::typed(resource("softwareVulnerabilitiesByMachine").unwrap());
    let mut builder = BatchBuilder::new(0, "t", columns);
    for row in rows {
        decoder.decode(row, None, &mut builder).unwrap();
        builder.end_row();
    }
    format!("{:?}", builder.take().unwrap().bytes())
}

#[test]
fn order_case_and_quotes_make_no_difference() {
    let plain =
        decode_rows(&[r#"{"id":"x","rbacGroupId":140,"cvssScore":7.5,"securityUpdateAvailable":true,
            "firstSeenTimestamp":"2020-12-30 14:17:26"}"#]);
    for same in [
        r#"{"FirstSeenTimestamp":"2020-12-30T14:17:26Z","SecurityUpdateAvailable":"True",
            "CvssScore":"7.5","RbacGroupId":"140","Id":"x"}"#,
        r#"{"rbacgroupid":140.0,"ID":"x","cvssScore":7.50,"cveId":null,
            "firstSeenTimestamp":"2020-12-30T14:17:26.0000000Z","securityUpdateAvailable":true}"#,
    ] {
        assert_eq!(decode_rows(&[same]), plain, "{same}");
    }
}

#[test]
fn a_row_that_is_no_object_is_refused() {
    let (mut decoder, columns) = RowDecoder::typed(resource("machines").unwrap());
    let mut builder = BatchBuilder::new(0, "t", columns);
    for bad in ["1", "[]", "null", "\"x\""] {
        assert_eq!(decoder.decode(bad, None, &mut builder).unwrap_err().id, "Fdx.Protocol.UnexpectedShape");
    }
}

const fn column(name: &'static str, path: &'static [&'static str], kind: ColumnKind) -> Column {
    Column { name, path, kind, from_request: false, doc: "" }
}

const ADDITIONAL_COLUMN: Column = column(ADDITIONAL, &[], ColumnKind::Variant);

static FLAT: Resource = Resource {
    columns: &[
        column("id", &[], ColumnKind::Text),
        column("score", &[], ColumnKind::Float),
        column("display", &[], ColumnKind::Text),
        ADDITIONAL_COLUMN,
    ],
    ..Resource::DEFAULT
};

static NESTED: Resource = Resource {
    columns: &[
        column("id", &["name"], ColumnKind::Text),
        column("score", &["properties", "score", "current"], ColumnKind::Float),
        column("display", &["properties", "displayName"], ColumnKind::Text),
        ADDITIONAL_COLUMN,
    ],
    ..Resource::DEFAULT
};

fn decode(resource: &'static Resource, row: &str) -> String {
    let (mut decoder, columns) = RowDecoder::typed(resource);
    let mut builder = BatchBuilder::new(0, "t", columns);
    // Twice, so that nothing of one row is left for the next.
    for _ in 0..2 {
        decoder.decode(row, None, &mut builder).unwrap();
        builder.end_row();
    }
    format!("{:?}", builder.take().unwrap().bytes())
}

#[test]
fn columns_are_read_from_inside_of_members_and_what_no_column_takes_is_kept() {
    for (nested, flat) in [
        (
            r#"{"name":"a","properties":{"displayName":"x","score":{"current":7.5}}}"#,
            r#"{"id":"a","display":"x","score":7.5}"#,
        ),
        (
            r#"{"Properties":{"Score":{"Current":"7.5","max":39},"weight":[1]},"name":"a"}"#,
            r#"{"id":"a","score":7.5,"Properties.Score.max":39,"Properties.weight":[1]}"#,
        ),
        (r#"{"name":"a","properties":null}"#, r#"{"id":"a"}"#),
        (r#"{"name":"a","properties":"none","id":"b"}"#, r#"{"id":"a","properties":"none","id":"b"}"#),
        (
            r#"{"properties":{"score":{"current":{"a":1}},"displayName":null},"":1}"#,
            r#"{"properties.score.current":{"a":1},"":1}"#,
        ),
    ] {
        assert_eq!(decode(&NESTED, nested), decode(&FLAT, flat), "{nested}");
    }
}
