use super::*;
use crate::errors::NO_TENANT_ID;
use crate::settings::Settings;

fn row(machine: &str, cve: &str, severity: &str, exploit: &str) -> String {
    format!(
        r#"{{"id":"{machine}_{cve}","deviceId":"{machine}","deviceName":"{machine}.contoso.example",
        "softwareVendor":"contoso","softwareName":"mail_client","softwareVersion":"1.0","cveId":"{cve}",
        "cvssScore":7.5,"vulnerabilitySeverityLevel":"{severity}","exploitabilityLevel":"{exploit}"}}"#
    )
}

fn counter(days: &[(&str, Vec<String>)]) -> Counter {
    let counter = Counter::new();
    for (day, rows) in days {
        counter.begin(day);
        for row in rows {
            counter.row(row);
        }
    }
    counter
}

fn page(tenants: &[(&str, Counter)]) -> String {
    let mut summary = Summary::default();
    for (id, counter) in tenants {
        let mut tally = std::mem::replace(&mut *counter.tally(), Tally::new());
        tally.end();
        summary.add(id, None, tally);
    }
    summary.complete();
    let about = About { title: "Contoso & others", written: "2026-11-24T06:00:00Z", source: "a folder" };
    page::page(&about, &summary).unwrap()
}

/// The cells of the line of a table that begins with this text.
fn line(page: &str, section: &str, first: &str) -> Vec<String> {
    let section = page.split(&format!("<section id=\"{section}\"")).nth(1).expect("a section");
    let section = section.split("</section>").next().unwrap();
    let line = section.split("<tr>").find(|line| line.contains(&format!(">{first}</th>"))).expect("a line");
    let text = |cell: &str| {
        let cell = cell.split("</td>").next().unwrap().split_once('>').unwrap().1;
        cell.split('<').map(|part| part.rsplit('>').next().unwrap()).collect::<String>()
    };
    line.split("<td").skip(1).map(text).collect()
}

#[test]
fn what_has_an_exploit_comes_first_in_every_table() {
    let rows = vec![
        row("m1", "CVE-2026-0001", "Critical", "NoExploit"),
        row("m1", "CVE-2026-0002", "Medium", "ExploitIsInKit"),
        row("m2", "CVE-2026-0002", "Medium", "ExploitIsInKit"),
        row("m2", "CVE-2026-0003", "High", "ExploitIsPublic"),
    ];
    let page = page(&[("t1", counter(&[("2026-11-24", rows)]))]);
    let place = |cve: &str| page.find(&format!("<th scope=\"row\">{cve}</th>")).unwrap();
    assert!(place("CVE-2026-0002") < place("CVE-2026-0003"));
    assert!(place("CVE-2026-0003") < place("CVE-2026-0001"));
    assert_eq!(line(&page, "cves", "CVE-2026-0002")[1..], ["7.5", "in an exploit kit", "2", "1"]);
    assert_eq!(line(&page, "machines", "m2.contoso.example"), ["t1", "2", "0", "1", "1", "0"]);
    assert_eq!(line(&page, "software", "contoso mail client"), ["3", "1", "1", "2", "0", "2", "1"]);
    assert!(!page.contains("id=\"days\""), "one snapshot has no history");
}

#[test]
fn tenants_are_added_up_and_the_worst_comes_first() {
    let first = counter(&[("2026-11-24", vec![row("m1", "CVE-2026-0001", "High", "NoExploit")])]);
    let second = counter(&[(
        "2026-11-24",
        vec![
            row("m1", "CVE-2026-0001", "High", "NoExploit"),
            row("m1", "CVE-2026-0009", "Critical", "NoExploit"),
        ],
    )]);
    let page = page(&[("tenant-a", first), ("tenant-b", second)]);
    assert_eq!(line(&page, "cves", "CVE-2026-0001")[3..], ["2", "2"]);
    assert_eq!(line(&page, "customers", "tenant-b")[1..5], ["2", "1", "1", "0"]);
    let customers = page.split("<section id=\"customers\"").nth(1).unwrap();
    assert!(customers.find("tenant-b").unwrap() < customers.find("tenant-a").unwrap());
}

#[test]
fn what_the_newest_snapshot_does_not_have_was_fixed() {
    let old = vec![
        row("m1", "CVE-2026-0001", "High", "NoExploit"),
        row("m2", "CVE-2026-0001", "High", "NoExploit"),
        row("m1", "CVE-2026-0002", "Low", "NoExploit"),
    ];
    let new = vec![
        row("m2", "CVE-2026-0001", "High", "NoExploit"),
        row("m1", "CVE-2026-0003", "Critical", "NoExploit"),
    ];
    let page = page(&[("t1", counter(&[("2026-11-23", old), ("2026-11-24", new)]))]);
    assert_eq!(line(&page, "fixed", "CVE-2026-0001"), ["1", "on other machines"]);
    assert_eq!(line(&page, "fixed", "CVE-2026-0002"), ["1", "none"]);
    assert_eq!(line(&page, "days", "2026-11-24"), ["1", "1", "0", "0", "0", "2"]);
    assert_eq!(line(&page, "days", "2026-11-23"), ["0", "2", "0", "1", "0", "0"]);
    assert_eq!(line(&page, "customers", "t1")[1..], ["2", "1", "1", "0", "0", "0", "2", "2026-11-24"]);
}

#[test]
fn a_day_without_a_snapshot_counts_the_last_one() {
    let one = |cve| vec![row("m1", cve, "High", "NoExploit")];
    let page = page(&[
        ("t1", counter(&[("2026-11-22", one("CVE-2026-0001")), ("2026-11-24", one("CVE-2026-0001"))])),
        ("t2", counter(&[("2026-11-23", one("CVE-2026-0002"))])),
    ]);
    assert_eq!(line(&page, "days", "2026-11-22")[1], "1");
    assert_eq!(line(&page, "days", "2026-11-23")[1], "2");
    assert_eq!(line(&page, "days", "2026-11-24")[1], "2");
}

#[test]
fn a_row_without_a_cve_is_no_vulnerability_and_an_unreadable_one_is_said() {
    let rows = vec![
        row("m1", "CVE-2026-0001", "High", "NoExploit"),
        r#"{"id":"m1_x","deviceId":"m1","cveId":null,"vulnerabilitySeverityLevel":null}"#.to_owned(),
        r#"{"id":"m1_y","deviceId":7}"#.to_owned(),
        row("m3", "CVE-2026-0004", "Severe", "Other").replace("7.5", "\"9.1\""),
    ];
    let page = page(&[("t1", counter(&[("2026-11-24", rows)]))]);
    assert!(page.contains("1 rows could not be read"));
    assert_eq!(line(&page, "customers", "t1")[1..], ["2", "0", "1", "0", "0", "0", "2", "2026-11-24"]);
    assert_eq!(line(&page, "cves", "CVE-2026-0004")[..2], ["Unknown", "9.1"]);
}

#[test]
fn no_value_becomes_markup() {
    let rows = vec![row("<script>alert(1)</script>", "CVE-<b>", "High", "NoExploit")];
    let page = page(&[("<img src=x>", counter(&[("2026-11-24", rows)]))]);
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"));
    assert!(page.contains("Contoso &amp; others"));
}

#[test]
fn a_tenant_that_was_not_read_is_named_with_its_advice() {
    let mut summary = Summary::default();
    summary.add_failure("fabrikam.example", &NO_TENANT_ID.error("no consent"));
    summary.complete();
    let about = About { title: "x", written: "now", source: "the service" };
    let page = page::page(&about, &summary).unwrap();
    let failures = page.split("<section id=\"failures\"").nth(1).unwrap();
    assert!(failures.contains("fabrikam.example") && failures.contains(NO_TENANT_ID.id), "{failures}");
}

#[test]
fn a_path_must_be_that_of_a_file() {
    let settings = Settings::parse(r#"{"credential":{"type":"default"}}"#).unwrap();
    for path in ["report.html", "https://example.com/report.html", "/"] {
        let document =
            ReportDocument { throttle_limit: None, path: path.to_owned(), title: None, dataset_path: None };
        assert_eq!(Report::of(&document, &settings).unwrap_err().id, "Fdx.Report.InvalidPath", "{path}");
    }
}
