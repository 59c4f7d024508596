//! What reading costs per row and per byte. Run by hand in a release build (CONTRIBUTING.md says how); no test run is
//! timed.
#![allow(clippy::print_stdout, clippy::cast_precision_loss)] // a measurement talks

use crate::batch::{BatchBuilder, ColumnBuilder};
use crate::catalog::resource;
use crate::read::decode::row::RowDecoder;
use crate::read::splitter::{Envelope, RowState, Shape, Splitter};
use std::fmt::Write as _;

const ROWS: usize = 20_000;
const CHUNKS: [usize; 3] = [8 << 10, 32 << 10, 256 << 10];

/// A page of rows of about 970 bytes, as the export of vulnerabilities has them.
fn page(rows: usize) -> String {
    let mut page = String::from(r#"{"@odata.context":"https://api.example.net/api/$metadata","value":["#);
    for row in 0..rows {
        let (machine, product) = (row / 200, row % 40);
        let id = format!("{machine:040x}");
        let separator = if row == 0 { "" } else { "," };
        page.push_str(separator);
        write!(
            page,
            r#"{{"id":"{id}_edge_chromium-based_{product}_10.0.1637.{product}_CVE-2024-{row:05}_-""#
        )
        .unwrap();
        write!(page, r#","deviceId":"{id}","rbacGroupId":140,"rbacGroupName":"Workstations""#).unwrap();
        write!(page, r#","deviceName":"host-{machine:06}.corp.net","osPlatform":"Windows11""#).unwrap();
        write!(page, r#","osVersion":"10.0.22631.4317","osArchitecture":"x64","softwareVendor":"microsoft""#)
            .unwrap();
        write!(page, r#","softwareName":"edge_{product}","softwareVersion":"10.0.1637.{product}""#).unwrap();
        write!(page, r#","cveId":"CVE-2024-{row:05}","cvssScore":7.5,"vulnerabilitySeverityLevel":"High""#)
            .unwrap();
        write!(page, r#","recommendedSecurityUpdate":"November 2026 Security Updates""#).unwrap();
        write!(page, r#","recommendedSecurityUpdateId":"5030{product:03}""#).unwrap();
        write!(page, r#","recommendedSecurityUpdateUrl":"https://catalog.example.net/?q=KB{product:03}""#)
            .unwrap();
        write!(page, r#","diskPaths":["C:\\Program Files\\Bin\\edge_{product}\\10.0.1637\\app.exe"]"#)
            .unwrap();
        write!(page, r#","registryPaths":["SOFTWARE\\microsoft\\edge_{product}"]"#).unwrap();
        write!(page, r#","firstSeenTimestamp":"2026-0{}-1{} 11:07:15""#, 1 + row % 9, row % 10).unwrap();
        write!(page, r#","lastSeenTimestamp":"2026-11-2{} 14:17:26""#, row % 3).unwrap();
        write!(page, r#","exploitabilityLevel":"NoExploit","securityUpdateAvailable":true"#).unwrap();
        write!(page, r#","recommendationReference":"va-_-microsoft-_-edge_{product}"}}"#).unwrap();
    }
    page.push_str("]}");
    page
}

/// CPU time of this thread so far, so that a busy machine counts less.
fn cpu_ns() -> u64 {
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Runs `work` some times, and says how long it took per unit.
fn measure(what: &str, units: usize, unit: &str, mut work: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..15)
        .map(|_| {
            let begun = cpu_ns();
            work();
            (cpu_ns() - begun) as f64 / units as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what}: {:.1} ns per {unit} (at best {:.1})", rounds[7], rounds[0]);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// As the pager does it: decoded from the window, scanned only where a row is cut.
    Attempt,
    /// Scanned to the end of each row, then decoded.
    ScanFirst,
    /// Scanned only.
    Scan,
}

/// Reads a page, and says how many rows it had.
fn read(
    shape: Shape,
    page: &str,
    chunk: usize,
    how: How,
    decoder: &mut RowDecoder,
    builder: &mut BatchBuilder,
) -> usize {
    let mut splitter =
        Splitter::new(Envelope { shape, list: "value", link: Some("@odata.nextLink"), truncated: None });
    let mut rows = 0;
    for chunk in page.as_bytes().chunks(chunk) {
        splitter.feed(chunk);
        loop {
            let attempt =
                |text: &str| (how == How::Attempt).then(|| decoder.attempt(text, None, builder)).flatten();
            let Some(row) = splitter.next_row(attempt).unwrap() else { break };
            rows += 1;
            if how == How::Scan {
                continue;
            }
            if row.state == RowState::Unread {
                decoder.decode(splitter.text(row), None, builder).unwrap();
            }
            builder.end_row();
            if builder.is_full() {
                builder.take().unwrap();
            }
        }
    }
    assert!(splitter.finish().is_ok());
    rows
}

type Layout = (&'static str, fn() -> (RowDecoder, Vec<ColumnBuilder>));

const LAYOUTS: [Layout; 3] = [
    ("typed", || RowDecoder::typed(resource("softwareVulnerabilitiesByMachine").unwrap())),
    ("dynamic", RowDecoder::dynamic),
    ("raw", RowDecoder::raw),
];

#[test]
#[ignore = "a measurement"]
fn a_list_per_row() {
    let page = page(ROWS);
    println!("{} bytes per row", page.len() / ROWS);
    for chunk in CHUNKS {
        for (layout, make) in LAYOUTS {
            let (mut decoder, columns) = make();
            let mut builder = BatchBuilder::new(0, "t", columns);
            for how in [How::Attempt, How::ScanFirst, How::Scan] {
                measure(&format!("{layout}, {how:?}, chunks of {} KB", chunk >> 10), ROWS, "row", || {
                    assert_eq!(read(Shape::List, &page, chunk, how, &mut decoder, &mut builder), ROWS);
                });
            }
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn a_document_per_byte() {
    let page = page(ROWS).replacen("value", "Results", 1);
    for chunk in CHUNKS {
        for (layout, make) in LAYOUTS.into_iter().skip(1) {
            let (mut decoder, columns) = make();
            let mut builder = BatchBuilder::new(0, "t", columns);
            measure(&format!("{layout} document, chunks of {} KB", chunk >> 10), page.len(), "byte", || {
                assert_eq!(read(Shape::Any, &page, chunk, How::Attempt, &mut decoder, &mut builder), 1);
            });
        }
    }
}
