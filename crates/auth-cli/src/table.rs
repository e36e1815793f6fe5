//! Tables for people, and the colours in them. The stream they are written to takes colours out where nobody wants them.

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table as Layout};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const RED: Style = AnsiColor::Red.on_default();

/// One line for each row, in a style of its own.
pub(crate) struct Table {
    layout: Layout,
    styles: Vec<Style>,
}

impl Table {
    pub(crate) fn new<const N: usize>(headers: [&str; N]) -> Self {
        let mut layout = Layout::new();
        layout.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(headers);
        Self { layout, styles: Vec::new() }
    }

    pub(crate) fn row<const N: usize>(&mut self, style: Style, cells: [String; N]) {
        self.layout.add_row(cells.map(|cell| printable(&cell)));
        self.styles.push(style);
    }

    pub(crate) fn text(&self) -> String {
        let styles = std::iter::once(&BOLD).chain(&self.styles);
        let lines = self.layout.lines().zip(styles);
        lines.map(|(line, style)| format!("{style}{}{style:#}\n", line.trim())).collect()
    }
}

/// A list of names and values.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    pairs.iter().map(|(name, value)| format!("{BOLD}{name:<width$}{BOLD:#}  {}\n", printable(value))).collect()
}

/// What others wrote must not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// JSON that says the same: what would steer a terminal is in strings alone, and can be escaped there.
pub(crate) fn printable_json(json: &str) -> String {
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if steers(c) && c != '\n' {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
        text
    })
}

/// Whether it begins a sequence of a terminal, or turns the order of what is read (UAX 9).
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(crate) const fn yes_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
