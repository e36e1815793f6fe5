//! The table, as Markdown: one, with a line for each group, since each divides something else.

use super::{Group, Report, Row};

pub(crate) fn table(report: &Report) -> String {
    let mut lines =
        vec!["| | beside | ratio | quartiles | per second |".to_owned(), "|---|---|--:|---|--:|".to_owned()];
    for group in Group::ALL {
        let rows = report.rows.iter().filter(|row| row.group == group);
        let mut rows = rows.map(line).peekable();
        if rows.peek().is_some() {
            lines.push(format!("| **{}** | | | | |", group.title()));
            lines.extend(rows);
        }
    }
    format!("{}\n\n{}\n", lines.join("\n"), report.conditions.notes().join(" "))
}

fn line(row: &Row) -> String {
    let (name, beside) = (cell(&row.name), cell(&row.beside));
    let ratio = match &row.ratio {
        Ok(ratio) => format!("**{:.2}** | {:.2} to {:.2}", ratio.median, ratio.low, ratio.high),
        Err(why) => format!("not run: {} |", cell(&why.not_run)),
    };
    let rate = row.per_second.map(|rate| grouped(rate.median)).unwrap_or_default();
    format!("| {name} | {beside} | {ratio} | {rate} |")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// Whole, with a comma before each three digits.
fn grouped(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
