//! Charts as SVG within the page. Each says in words what it shows; the numbers are in a table too.

use std::fmt::{self, Write as _};

use super::html::{escape, grouped};
use super::summary::Day;
use super::tally::{SEVERITIES, Severities};

/// Size of the chart of days, in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 260.0;
/// Room for the numbers at the left and the days below.
const LEFT: f64 = 64.0;
const BELOW: f64 = 28.0;
const ABOVE: f64 = 12.0;
/// Days that have a label at most.
const LABELS: usize = 10;

/// CSS class of a severity.
pub(super) fn class(severity: usize) -> String {
    SEVERITIES.get(severity).unwrap_or(&"Unknown").to_ascii_lowercase()
}

/// What a severity's numbers are called, such as "3 critical, 14 high".
pub(super) fn words(severities: &Severities) -> String {
    let counted = SEVERITIES.iter().zip(severities).filter(|(_, count)| **count > 0);
    let words: Vec<_> =
        counted.map(|(name, count)| format!("{} {}", grouped(*count), name.to_ascii_lowercase())).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// A bar of severities in a line of a table; `most` is the sum that fills it.
pub(super) fn bar(out: &mut String, severities: &Severities, most: u64) -> fmt::Result {
    write!(
        out,
        "<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        words(severities)
    )?;
    let mut x = 0.0;
    for (severity, count) in severities.iter().enumerate().filter(|(_, count)| **count > 0) {
        let width = share(*count, most) * 100.0;
        write!(
            out,
            "<rect class=\"{}\" x=\"{x:.2}\" y=\"0\" width=\"{width:.2}\" height=\"10\"/>",
            class(severity)
        )?;
        x += width;
    }
    out.push_str("</svg>");
    Ok(())
}

/// Columns of severities, one per day.
pub(super) fn days(out: &mut String, days: &[Day]) -> fmt::Result {
    let most = days.iter().map(|day| day.severities.iter().sum()).max().unwrap_or(0);
    let top = round_up(most);
    let (plot_width, plot_height) = (WIDTH - LEFT, HEIGHT - ABOVE - BELOW);
    let step = plot_width / whole(days.len().max(1) as u64);
    writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"days-title\">\
         <title id=\"days-title\">{}</title>",
        description(days)
    )?;
    for quarter in 0..=4_u64 {
        let y = ABOVE + plot_height * (1.0 - whole(quarter) / 4.0);
        write!(out, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>")?;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            grouped(top / 4 * quarter)
        )?;
    }
    let between = days.len().div_ceil(LABELS).max(1);
    for (index, day) in days.iter().enumerate() {
        let x = LEFT + step * whole(index as u64);
        column(out, day, (x + step * 0.15, step * 0.7), (plot_height, top))?;
        if index % between == 0 {
            writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x + step / 2.0,
                HEIGHT - 8.0,
                escape(&day.date)
            )?;
        }
    }
    out.push_str("</svg>\n");
    Ok(())
}

fn column(out: &mut String, day: &Day, (x, width): (f64, f64), (height, top): (f64, u64)) -> fmt::Result {
    write!(out, "<g><title>{}: {}</title>", escape(&day.date), words(&day.severities))?;
    let mut y = ABOVE + height;
    for (severity, count) in day.severities.iter().enumerate().filter(|(_, count)| **count > 0) {
        let part = share(*count, top) * height;
        y -= part;
        write!(
            out,
            "<rect class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{part:.1}\"/>",
            class(severity)
        )?;
    }
    out.push_str("</g>\n");
    Ok(())
}

fn description(days: &[Day]) -> String {
    match days {
        [] => "No snapshots".to_owned(),
        [day] => format!("Vulnerabilities on {}: {}", escape(&day.date), words(&day.severities)),
        [first, .., last] => format!(
            "Vulnerabilities per day: {} on {}, {} on {}",
            words(&first.severities),
            escape(&first.date),
            words(&last.severities),
            escape(&last.date)
        ),
    }
}

/// The end of an axis: a round number that four steps divide.
fn round_up(most: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [1, 2, 3, 5] {
            let top = step.saturating_mul(factor).saturating_mul(4);
            if top >= most || top == u64::MAX {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

fn share(count: u64, most: u64) -> f64 {
    if most == 0 { 0.0 } else { whole(count) / whole(most) }
}

#[expect(clippy::cast_precision_loss, reason = "a chart needs no more than three digits")]
fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_that_holds_all() {
        for (most, top) in [(0, 4), (4, 4), (5, 8), (9, 12), (21, 40), (1999, 2000), (2001, 4000)] {
            assert_eq!(round_up(most), top, "{most}");
        }
        assert!(round_up(u64::MAX) >= u64::MAX / 2);
    }
}
