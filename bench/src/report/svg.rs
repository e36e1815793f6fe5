//! The chart: a bar for each ratio, a whisker from quartile to quartile. Text stays text, and the colours follow the
//! reader's.

use std::fmt::Write as _;

use super::{Group, Owner, Report, Row};

pub(crate) const WIDTH: f64 = 860.0;
const BARS_FROM: f64 = 400.0;
const BARS_TO: f64 = 800.0;
const VALUES_TO: f64 = 852.0;
const LINE: f64 = 24.0;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}\
.title{font-weight:600}.beside{fill:#59636e}.value{font-variant-numeric:tabular-nums;text-anchor:end}\
.us{fill:#2f6fde}.peer{fill:#9aa4b0}.one,.whisker{stroke:#1f2328}.one{stroke-dasharray:2 3}\
@media (prefers-color-scheme: dark){text{fill:#e6edf3}.beside{fill:#9198a1}.us{fill:#4c8dff}.peer{fill:#6e7781}\
.one,.whisker{stroke:#e6edf3}}";

pub(crate) fn chart(report: &Report) -> String {
    let (mut body, mut y) = (String::new(), LINE);
    for group in Group::ALL {
        let rows: Vec<_> = report.rows.iter().filter(|row| row.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(body, r#"<text class="title" x="8" y="{y}">{}</text>"#, escaped(group.title()));
        let scale = (BARS_TO - BARS_FROM) / top(&rows);
        let (from, to) = (y + 8.0, y + 8.0 + LINE * rows.len() as f64);
        for row in rows {
            y += LINE;
            draw(&mut body, row, y, scale);
        }
        let one = BARS_FROM + scale;
        let _ = writeln!(body, r#"<line class="one" x1="{one:.1}" x2="{one:.1}" y1="{from}" y2="{to}"/>"#);
        y += LINE * 1.5;
    }
    for note in report.conditions.notes() {
        let _ = writeln!(body, r#"<text class="beside" x="8" y="{y}">{}</text>"#, escaped(&note));
        y += LINE;
    }
    let height = y - LINE / 2.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"Ratios of auth-bench\">\n<style>{STYLE}</style>\n{body}</svg>\n"
    )
}

/// Where the scale of a group ends: at its largest quartile, and never before 1.
fn top(rows: &[&Row]) -> f64 {
    rows.iter().filter_map(|row| row.ratio.as_ref().ok()).fold(1.0, |top: f64, ratio| top.max(ratio.high))
}

fn draw(body: &mut String, row: &Row, y: f64, scale: f64) {
    let _ = write!(body, r#"<text x="8" y="{y}">{}</text>"#, escaped(&row.name));
    match &row.ratio {
        Ok(ratio) => {
            let class = if row.owner == Owner::Us { "us" } else { "peer" };
            let [low, median, high] = [ratio.low, ratio.median, ratio.high].map(|value| value * scale);
            let (top, middle) = (y - 13.0, y - 4.5);
            let _ = write!(
                body,
                r#"<rect class="{class}" x="{BARS_FROM}" y="{top}" width="{median:.1}" height="17" rx="2"/>"#
            );
            let _ = write!(
                body,
                r#"<line class="whisker" x1="{:.1}" x2="{:.1}" y1="{middle}" y2="{middle}"/>"#,
                BARS_FROM + low,
                BARS_FROM + high
            );
            let _ = writeln!(body, r#"<text class="value" x="{VALUES_TO}" y="{y}">{:.2}</text>"#, ratio.median);
        }
        Err(why) => {
            let why = escaped(&format!("not run: {}", why.not_run));
            let _ = writeln!(body, r#"<text class="beside" x="{BARS_FROM}" y="{y}">{why}</text>"#);
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
