use super::RowFilter;

const FIELDS: &[&str] =
    &["cveId", "cvssScore", "deviceName", "lastSeen", "tags", "paths", "available", "id", "groupId"];

const ROW: &str = r#"{"id":"fd2e4d29-7072-4195-aaa5-1af139b78028","cveId":"CVE-2024-1234","cvssScore":7.5,
    "deviceName":"PC-O'Brien.contoso.com","lastSeen":"2024-05-02T10:00:00.1234567Z","tags":["red","blue"],
    "paths":[],"available":"True","groupId":null,"other":1e999}"#;

fn matches(filter: &str, row: &str) -> bool {
    RowFilter::parse(filter, FIELDS).unwrap_or_else(|e| panic!("{filter}: {e}")).matches(row).unwrap()
}

#[test]
fn a_row_passes_as_odata_says() {
    for (filter, expected) in [
        ("cveId eq 'CVE-2024-1234'", true),
        ("cveId eq 'cve-2024-1234'", true),
        ("CVEID eq 'CVE-2024-1234'", true),
        ("cveId ne 'CVE-2024-1234'", false),
        ("cvssScore ge 7.5", true),
        ("cvssScore gt 7.5", false),
        ("cvssScore gt -1", true),
        ("cvssScore lt 1e1", true),
        ("7 lt cvssScore", true),
        ("lastSeen ge 2024-05-02T10:00:00Z", true),
        ("lastSeen gt 2024-05-02T10:00:00.1234567Z", false),
        ("lastSeen gt 2024-05-01Z", true),
        ("lastSeen lt 2024-05-02", false),
        ("lastSeen gt 2024-05-02T12:00:00+01:00", false),
        ("id eq fd2e4d29-7072-4195-aaa5-1af139b78028", true),
        ("deviceName eq 'pc-o''brien.contoso.com'", true),
        ("startswith(deviceName,'pc-')", true),
        ("endswith(deviceName, '.com') and contains(deviceName,'brien')", true),
        ("not contains(deviceName,'x')", true),
        ("tolower(deviceName) eq 'pc-o''brien.contoso.com'", true),
        ("cveId in ('CVE-1', 'CVE-2024-1234')", true),
        ("cveId in ('CVE-1')", false),
        ("tags/any(tag: tag eq 'Blue')", true),
        ("tags/any(t:t eq 'green')", false),
        ("tags/all(t: startswith(t,'b'))", false),
        ("paths/any(p: p ne 'x')", false),
        ("paths/all(p: p eq 'x')", true),
        ("available eq true", true),
        ("available", true),
        ("not available", false),
        ("groupId eq null", true),
        ("groupId ne 'x'", true),
        ("groupId gt 1", false),
        ("not (groupId gt 1)", true),
        ("cveId eq null", false),
        // `and` is stronger than `or`, and `not` than both.
        ("cveId eq 'x' and cveId eq 'x' or cvssScore eq 7.5", true),
        ("cvssScore eq 7.5 or cveId eq 'x' and cveId eq 'x'", true),
        ("not cveId eq 'x' and cvssScore eq 7.5", true),
        ("(cvssScore eq 7.5 or cveId eq 'x') and cveId eq 'x'", false),
        ("cvssScore eq 'x'", false),
        ("cvssScore ne 'x'", true),
    ] {
        assert_eq!(matches(filter, ROW), expected, "{filter}");
    }
}

#[test]
fn a_time_that_never_was_is_null() {
    assert!(matches("lastSeen eq null", r#"{"lastSeen":"0001-01-01T00:00:00Z"}"#));
    assert!(!matches("lastSeen lt 2024-01-01Z", r#"{"lastSeen":"0001-01-01T00:00:00Z"}"#));
}

#[test]
fn half_a_surrogate_pair_does_not_hide_a_row() {
    assert!(matches("contains(deviceName,'pc')", r#"{"deviceName":"pc\ud83d"}"#));
}

#[test]
fn what_is_wrong_with_a_filter_is_said() {
    for (filter, says) in [
        ("", "ends where a field"),
        ("cveId eq", "ends where a field"),
        ("cveId eq 'x", "quote that is not closed"),
        ("unknown eq 'x'", "'unknown'"),
        ("(cveId eq 'x'", "')'"),
        ("cveId eq 'x')", "')' where it should end"),
        ("cveId eq 'x' cvssScore", "'cvssScore' where it should end"),
        ("cveId equals 'x'", "'equals' where it should end"),
        ("startswith(cveId)", "instead of ','"),
        ("tags/any(tag eq 'x')", "instead of ':'"),
        ("tags/any()", "a name and a colon"),
        ("cveId in 'x'", "instead of '('"),
        (", eq 1", "',' where a field"),
    ] {
        let error = RowFilter::parse(filter, FIELDS).unwrap_err();
        assert!(error.contains(says), "{filter}: {error}");
    }
    let deep = format!("{}available{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(RowFilter::parse(&deep, FIELDS).unwrap_err().contains("brackets"));
}
