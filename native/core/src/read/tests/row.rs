use crate::batch::BatchBuilder;
use crate::catalog::resource;
use crate::read::decode::row::RowDecoder;

/// A batch read back by the format's description alone.
fn decode_rows(rows: &[&str]) -> String {
    let (mut decoder, columns) = RowDecoder::typed(resource("softwareVulnerabilitiesByMachine").unwrap());
    let mut builder = BatchBuilder::new(0, "t", columns);
    for row in rows {
        decoder.decode(row, None, &mut builder).unwrap();
    }
    format!("{:?}", builder.take().unwrap().bytes())
}

#[test]
fn order_case_and_quotes_make_no_difference() {
    let plain = decode_rows(&[
        r#"{"id":"x","rbacGroupId":140,"cvssScore":7.5,"securityUpdateAvailable":true,"firstSeenTimestamp":"2020-12-30 14:17:26"}"#,
    ]);
    for same in [
        r#"{"FirstSeenTimestamp":"2020-12-30T14:17:26Z","SecurityUpdateAvailable":"True","CvssScore":"7.5","RbacGroupId":"140","Id":"x"}"#,
        r#"{"rbacgroupid":140.0,"ID":"x","cvssScore":7.50,"cveId":null,"firstSeenTimestamp":"2020-12-30T14:17:26.0000000Z","securityUpdateAvailable":true}"#,
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
