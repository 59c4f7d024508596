//! The page of a report: one HTML file that needs nothing else, no script among it.

use std::fmt::{self, Write as _};

use super::chart;
use super::html::{escape, grouped};
use super::summary::Summary;
use super::tally::{Findings, SEVERITIES, Severities};

const STYLE: &str = include_str!("page.css");

/// Where the rows came from, and when.
pub(super) struct About<'a> {
    pub(super) title: &'a str,
    /// UTC, to the second.
    pub(super) written: &'a str,
    /// The folder, or the service.
    pub(super) source: &'a str,
}

/// The sections, as the navigation shows them.
const SECTIONS: &[(&str, &str)] = &[
    ("failures", "Customers that could not be read"),
    ("customers", "Customers"),
    ("days", "Over time"),
    ("cves", "Fix first"),
    ("software", "Software"),
    ("machines", "Machines"),
    ("fixed", "Fixed"),
];

pub(super) fn page(about: &About, summary: &Summary) -> Result<String, fmt::Error> {
    let mut out = String::with_capacity(128 * 1024);
    let title = escape(about.title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the numbers</a>\n<header>\n<h1>{title}</h1>\n\
         <p class=\"quiet\">Written {} from {} by FedXdr {}.</p>\n",
        escape(about.written),
        escape(about.source),
        env!("CARGO_PKG_VERSION")
    )?;
    navigation(&mut out, summary)?;
    out.push_str("</header>\n<main id=\"main\">\n");
    numbers(&mut out, summary)?;
    failures(&mut out, summary)?;
    customers(&mut out, summary)?;
    days(&mut out, summary)?;
    cves(&mut out, summary)?;
    software(&mut out, summary)?;
    machines(&mut out, summary)?;
    fixed(&mut out, summary)?;
    out.push_str("</main>\n</body>\n</html>\n");
    Ok(out)
}

/// Whether a section has something to show.
fn has(section: &str, summary: &Summary) -> bool {
    match section {
        "failures" => !summary.failures.is_empty(),
        "days" | "fixed" => summary.days.len() > 1,
        _ => true,
    }
}

fn navigation(out: &mut String, summary: &Summary) -> fmt::Result {
    out.push_str("<nav aria-label=\"Sections\"><ul>");
    for (id, name) in SECTIONS.iter().filter(|(id, _)| has(id, summary)) {
        write!(out, "<li><a href=\"#{id}\">{name}</a></li>")?;
    }
    out.push_str("</ul></nav>\n");
    Ok(())
}

fn heading(out: &mut String, section: &str) -> fmt::Result {
    let name = SECTIONS.iter().find(|(id, _)| *id == section).map_or("", |(_, name)| name);
    writeln!(
        out,
        "<section id=\"{section}\" aria-labelledby=\"{section}-h\">\n<h2 id=\"{section}-h\">{name}</h2>"
    )
}

fn numbers(out: &mut String, summary: &Summary) -> fmt::Result {
    let severities = summary.severities();
    let [critical, high, ..] = severities;
    out.push_str("<dl class=\"numbers\">\n");
    for (name, number) in [
        ("Vulnerabilities", severities.iter().sum()),
        ("Critical", critical),
        ("High", high),
        ("With an exploit", summary.exploitable()),
        ("Machines affected", summary.affected_machines()),
        ("CVEs", summary.cves() as u64),
        ("Customers", summary.customers.len() as u64),
        ("Not read", summary.failures.len() as u64),
    ] {
        writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", grouped(number))?;
    }
    out.push_str(
        "</dl>\n<p class=\"quiet\">A vulnerability is one CVE of one version of a software on one machine, \
         as Defender lists it.",
    );
    if summary.unreadable > 0 {
        write!(out, " {} rows could not be read and are not counted.", grouped(summary.unreadable))?;
    }
    out.push_str("</p>\n");
    Ok(())
}

fn failures(out: &mut String, summary: &Summary) -> fmt::Result {
    if summary.failures.is_empty() {
        return Ok(());
    }
    heading(out, "failures")?;
    out.push_str("<p class=\"failed\">The numbers below are without these customers.</p>\n");
    table(out, "What went wrong, and what to do", &["Customer", "Error", "What to do"])?;
    for failure in &summary.failures {
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}<br><code>{}</code></td><td>{}</td></tr>",
            escape(&failure.tenant),
            escape(&failure.error),
            escape(failure.id),
            escape(&failure.advice)
        )?;
    }
    end_table(out);
    Ok(())
}

fn customers(out: &mut String, summary: &Summary) -> fmt::Result {
    heading(out, "customers")?;
    legend(out)?;
    let sums = summary.customers.iter().map(|customer| customer.newest.severities.iter().sum());
    let most = sums.max().unwrap_or(0);
    let mut heads = vec!["Customer", "Severities", "#Total"];
    heads.extend(["#Critical", "#High", "#Medium", "#Low", "#With an exploit", "#Machines", "#Snapshot"]);
    table(out, "The customers with the worst vulnerabilities come first", &heads)?;
    for customer in &summary.customers {
        let newest = &customer.newest;
        write!(out, "<tr><th scope=\"row\">{}</th><td class=\"bar\">", escape(customer.shown()))?;
        chart::bar(out, &newest.severities, most)?;
        out.push_str("</td>");
        number(out, newest.severities.iter().sum())?;
        for count in &newest.severities[..4] {
            number(out, *count)?;
        }
        number(out, newest.exploitable)?;
        number(out, customer.machines)?;
        writeln!(out, "<td class=\"number\">{}</td></tr>", escape(&newest.day))?;
    }
    end_table(out);
    Ok(())
}

fn legend(out: &mut String) -> fmt::Result {
    out.push_str("<ul class=\"legend\" aria-hidden=\"true\">");
    for (severity, name) in SEVERITIES.iter().enumerate() {
        let class = chart::class(severity);
        write!(
            out,
            "<li><svg viewBox=\"0 0 1 1\"><rect class=\"{class}\" width=\"1\" height=\"1\"/></svg> {name}</li>"
        )?;
    }
    out.push_str("</ul>\n");
    Ok(())
}

fn days(out: &mut String, summary: &Summary) -> fmt::Result {
    let days = &summary.days;
    if days.len() < 2 {
        return Ok(());
    }
    heading(out, "days")?;
    out.push_str("<figure>\n");
    chart::days(out, days)?;
    out.push_str("<figcaption>Vulnerabilities per day and severity. A customer without a snapshot of a day counts \
                  with its last one.</figcaption>\n</figure>\n<details><summary>The numbers of each day</summary>\n");
    table(
        out,
        "Vulnerabilities per day",
        &["Day", "#Critical", "#High", "#Medium", "#Low", "#Unknown", "#Fixed"],
    )?;
    for day in days.iter().rev() {
        write!(out, "<tr><th scope=\"row\">{}</th>", escape(&day.date))?;
        for count in day.severities {
            number(out, count)?;
        }
        number(out, day.fixed)?;
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n</details>\n</section>\n");
    Ok(())
}

fn cves(out: &mut String, summary: &Summary) -> fmt::Result {
    heading(out, "cves")?;
    let heads = ["CVE", "Severity", "#CVSS", "Exploit", "#Machines", "#Customers"];
    table(out, "CVEs with an exploit first, then by severity, score and machines", &heads)?;
    for found in summary.first_cves() {
        write!(out, "<tr><th scope=\"row\">{}</th>", escape(&found.name))?;
        level(out, found.severity)?;
        let score = found.cvss.map_or_else(String::new, |score| format!("{score:.1}"));
        write!(out, "<td class=\"number\">{score}</td><td>{}</td>", found.exploit_name())?;
        number(out, found.machines)?;
        number(out, found.tenants)?;
        out.push_str("</tr>\n");
    }
    end_table(out);
    Ok(())
}

fn software(out: &mut String, summary: &Summary) -> fmt::Result {
    heading(out, "software")?;
    let heads =
        ["Software", "#With an exploit", "#Critical", "#High", "#Medium", "#Low", "#Machines", "#Customers"];
    table(out, "Software with the most that is exploitable, then the most that is critical", &heads)?;
    for found in summary.first_software() {
        write!(out, "<tr><th scope=\"row\">{}</th>", escape(&found.name))?;
        place(out, found)?;
        number(out, found.machines)?;
        number(out, found.tenants)?;
        out.push_str("</tr>\n");
    }
    end_table(out);
    Ok(())
}

fn machines(out: &mut String, summary: &Summary) -> fmt::Result {
    heading(out, "machines")?;
    let heads = ["Machine", "Customer", "#With an exploit", "#Critical", "#High", "#Medium", "#Low"];
    table(out, "The most exposed machines", &heads)?;
    for machine in summary.first_machines() {
        let (name, tenant) = (escape(&machine.found.name), escape(&machine.tenant));
        write!(out, "<tr><th scope=\"row\">{name}</th><td>{tenant}</td>")?;
        place(out, &machine.found)?;
        out.push_str("</tr>\n");
    }
    end_table(out);
    Ok(())
}

fn fixed(out: &mut String, summary: &Summary) -> fmt::Result {
    if summary.days.len() < 2 {
        return Ok(());
    }
    heading(out, "fixed")?;
    let total = grouped(summary.fixed_rows());
    writeln!(out, "<p>{total} vulnerabilities of the snapshots before the newest ones are gone.</p>")?;
    if total == "0" {
        out.push_str("</section>\n");
        return Ok(());
    }
    table(out, "CVEs with the most that is gone", &["CVE", "#Gone", "Left"])?;
    for (cve, rows, is_left) in summary.fixed() {
        write!(out, "<tr><th scope=\"row\">{}</th>", escape(cve))?;
        number(out, rows)?;
        let left = if is_left { "on other machines" } else { "<span class=\"good\">none</span>" };
        writeln!(out, "<td>{left}</td></tr>")?;
    }
    end_table(out);
    Ok(())
}

/// The cells that say how bad a software or a machine is.
fn place(out: &mut String, found: &Findings) -> fmt::Result {
    number(out, found.exploitable)?;
    let severities: &Severities = &found.severities;
    severities[..4].iter().try_for_each(|count| number(out, *count))
}

/// Begins a table. The heading of a column of numbers begins with `#`.
fn table(out: &mut String, caption: &str, heads: &[&str]) -> fmt::Result {
    writeln!(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table>")?;
    write!(out, "<caption>{caption}</caption>\n<thead><tr>")?;
    for head in heads {
        match head.strip_prefix('#') {
            Some(head) => write!(out, "<th scope=\"col\" class=\"number\">{head}</th>")?,
            None => write!(out, "<th scope=\"col\">{head}</th>")?,
        }
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    Ok(())
}

fn end_table(out: &mut String) {
    out.push_str("</tbody></table></div>\n</section>\n");
}

fn number(out: &mut String, number: u64) -> fmt::Result {
    write!(out, "<td class=\"number\">{}</td>", grouped(number))
}

fn level(out: &mut String, severity: usize) -> fmt::Result {
    let name = SEVERITIES.get(severity).unwrap_or(&"Unknown");
    write!(out, "<td><span class=\"level level-{}\">{name}</span></td>", chart::class(severity))
}
