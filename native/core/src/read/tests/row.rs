use serde_json::json;

use crate::batch::{BatchBuilder, ColumnBuilder};
use crate::batch_reader::{BatchReader, Row};
use crate::catalog::{ADDITIONAL, Column, ColumnKind, Resource, resource};
use crate::read::decode::row::{RowDecoder, Unreadable};
use crate::read::splitter::{Envelope, RowState, Shape, Splitter};

type Make<'a> = &'a dyn Fn() -> (RowDecoder, Vec<ColumnBuilder>);

/// A batch read back by the description of the format only.
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
        assert_eq!(decoder.decode(bad, None, &mut builder), Err(Unreadable::NotAnObject));
    }
}

const fn column(name: &'static str, path: &'static [&'static str], kind: ColumnKind) -> Column {
    Column { name, path, also: &[], kind, from_request: false, scale: None, doc: "" }
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

/// Reads a page that comes in chunks as the pager does it, and gives its batches.
fn batches(make: Make<'_>, body: &str, chunk: usize) -> Vec<Vec<u8>> {
    let (mut decoder, columns) = make();
    let mut builder = BatchBuilder::new(0, "t", columns);
    let mut splitter =
        Splitter::new(Envelope { shape: Shape::List, list: "value", link: None, truncated: None });
    let mut batches = Vec::new();
    for (number, chunk) in body.as_bytes().chunks(chunk).enumerate() {
        splitter.feed(chunk);
        while let Some(row) = splitter.next_row(|text| decoder.attempt(text, None, &mut builder)).unwrap() {
            if row.state == RowState::Unread {
                decoder.decode(splitter.text(row), None, &mut builder).unwrap();
            }
            builder.end_row();
        }
        // A consumer may get a batch at any time, so also when only a part of a row has come.
        if chunk.len() == body.len() || number % 7 == 3 {
            batches.extend(builder.take().map(|batch| batch.bytes().to_vec()));
        }
    }
    splitter.finish().unwrap();
    batches.extend(builder.take().map(|batch| batch.bytes().to_vec()));
    batches
}

#[test]
fn the_rows_are_the_same_however_the_page_is_cut() {
    let body = r#"{"value":[
        {"id":"a","osPlatform":"Windows11","osBuild":22631,"lastSeen":"2026-11-24T10:00:00.1234567Z",
         "new":{"a":[1,null]},"machineTags":["x","y"],"isAadJoined":true,
         "ipAddresses":[{"ipAddress":"10.0.0.1"}],"vmMetadata":null},
        {"osPlatform":"Ubuntu","id":"b","ID":"twice","machineTags":[],"osBuild":"no number","new":1.5e3,
         "neuer":"\u00fc😀"},
        {"id":"c","osPlatform":"Windows11","machineTags":["y","z",null,7,true,[1]],"lastSeen":"0001-01-01T00:00:00Z"},
        {}
    ]}"#;
    let typed = || RowDecoder::typed(resource("machines").unwrap());
    for make in [&typed as Make<'_>, &RowDecoder::dynamic, &RowDecoder::raw] {
        let read = |chunk| {
            let mut reader = BatchReader::default();
            let batches = batches(make, body, chunk);
            batches.iter().flat_map(|batch| reader.read(batch).unwrap().rows).collect::<Vec<_>>()
        };
        let whole = read(body.len());
        assert_eq!(whole.len(), 4);
        // A row has the columns that were known when its batch went out.
        let filled = |rows: Vec<Row>| {
            let mut rows = rows;
            for row in &mut rows {
                row.retain(|_, value| !value.is_null());
            }
            rows
        };
        let whole = filled(whole);
        for chunk in 1..body.len() {
            assert_eq!(filled(read(chunk)), whole, "chunks of {chunk}");
        }
    }
}

#[test]
fn a_damaged_row_leaves_nothing_behind() {
    let good = r#"{"id":"a","new":1,"machineTags":["x"],"osPlatform":"Ubuntu"}"#;
    let many = (0..5000).fold(String::new(), |many, n| many + &format!(r#","n{n}":1"#));
    for bad in [
        r#"{"id":"b","new":2,"machineTags":["y","half"#.to_owned(),
        r#"{"id":"b","osPlatform":"new","other":"\ud83d","machineTags":["y"],"last":1e999}"#.to_owned(),
        r#"{"id":"b","osPlatform":"new","other":1e999}"#.to_owned(),
        format!(r#"{{"osPlatform":"new"{many},"id":1e999}}"#),
    ] {
        let typed = || RowDecoder::typed(resource("machines").unwrap());
        for make in [&typed as Make<'_>, &RowDecoder::dynamic] {
            let read = |bad: Option<&str>| {
                let (mut decoder, columns) = make();
                let mut builder = BatchBuilder::new(0, "t", columns);
                for _ in 0..2 {
                    if let Some(bad) = bad {
                        assert!(decoder.decode(bad, None, &mut builder).is_err());
                        assert_eq!(decoder.attempt(bad, None, &mut builder), None);
                    }
                    decoder.decode(good, None, &mut builder).unwrap();
                    builder.end_row();
                }
                builder.take().unwrap().bytes().to_vec()
            };
            assert_eq!(read(Some(&bad)), read(None), "{}", &bad[..bad.len().min(60)]);
        }
    }
}

#[test]
fn members_of_the_same_name_are_all_kept() {
    let dynamic = |rows: &[&str]| {
        let (mut decoder, columns) = RowDecoder::dynamic();
        let mut builder = BatchBuilder::new(0, "t", columns);
        for row in rows {
            decoder.decode(row, None, &mut builder).unwrap();
            builder.end_row();
        }
        BatchReader::default().read(builder.take().unwrap().bytes()).unwrap().rows
    };
    let rows = dynamic(&[r#"{"a":1,"a":2,"a#2":3,"a":4,"b":5}"#, r#"{"a":6,"a":7}"#]);
    assert_eq!(serde_json::to_value(&rows[0]).unwrap(), json!({"a":1,"a#2":2,"a#2#2":3,"a#3":4,"b":5}));
    assert_eq!(
        serde_json::to_value(&rows[1]).unwrap(),
        json!({"a":6,"a#2":7,"a#2#2":null,"a#3":null,"b":null})
    );
    let equal = format!("{{{}}}", vec![r#""a":1"#; 4000].join(","));
    let rows = dynamic(&[&equal, &equal]);
    assert_eq!((rows[0].len(), rows[1].len()), (4000, 4000));
    // Names stay short: what 4,000 equal names cost is their number and not its cube.
    assert!(rows[0].keys().all(|name| name.len() <= "a#4000".len()));
}

#[test]
fn numbers_fit_the_column_or_are_kept_beside_it() {
    let read = |row: &str| {
        let (mut decoder, columns) = RowDecoder::typed(resource("softwareVulnerabilitiesByMachine").unwrap());
        let mut builder = BatchBuilder::new(0, "t", columns);
        decoder.decode(row, None, &mut builder).unwrap();
        builder.end_row();
        BatchReader::default().read(builder.take().unwrap().bytes()).unwrap().rows.remove(0)
    };
    for (row, column, value, additional) in [
        (r#"{"id":12}"#, "id", json!("12"), json!(null)),
        (r#"{"id":-7.25}"#, "id", json!("-7.25"), json!(null)),
        (r#"{"id":18446744073709551615}"#, "id", json!("18446744073709551615"), json!(null)),
        (r#"{"osVersion":10}"#, "osVersion", json!("10"), json!(null)),
        (r#"{"diskPaths":[1,2.5,"x"]}"#, "diskPaths", json!(["1", "2.5", "x"]), json!(null)),
        (r#"{"rbacGroupId":140.0}"#, "rbacGroupId", json!(140), json!(null)),
        (r#"{"rbacGroupId":1.5}"#, "rbacGroupId", json!(null), json!({"rbacGroupId": 1.5})),
        (
            r#"{"rbacGroupId":18446744073709551615}"#,
            "rbacGroupId",
            json!(null),
            json!({"rbacGroupId": 18_446_744_073_709_551_615_u64}),
        ),
        (r#"{"cvssScore":7}"#, "cvssScore", json!(7.0), json!(null)),
        (
            r#"{"securityUpdateAvailable":1}"#,
            "securityUpdateAvailable",
            json!(null),
            json!({"securityUpdateAvailable": 1}),
        ),
    ] {
        let found = read(row);
        assert_eq!((&found[column], &found["additionalProperties"]), (&value, &additional), "{row}");
    }
}
