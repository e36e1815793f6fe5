use super::*;
use crate::size::Size;

impl Report {
    /// A row of each kind, with a name that no format may take for its own.
    pub(crate) fn example() -> Self {
        let spread = |median| Some(Spread { low: median - 0.1, median, high: median + 0.1, samples: 9 });
        let row = |group, owner, name, ratio| Row::measured(group, owner, name, "bare".into(), spread(ratio), None);
        let conditions =
            Conditions { size: Size::Full, cores: 2, load_before: Some(0.4), load_after: Some(2.0), release: true };
        let mut rows = vec![
            row(Group::Guards, Owner::Us, "ours 1.0", 0.9),
            row(Group::Guards, Owner::Peer, "a <peer> & \"another\" | 2.0", 0.6),
            row(Group::Rotations, Owner::Us, "rotations", 4.25),
            Row::not_run(Group::Refreshes, "refreshes", "pgbench", NotRun::because("pgbench is missing".into())),
        ];
        for row in &mut rows[2..] {
            row.per_second = spread(12_345.6);
        }
        Self { conditions, rows }
    }
}

#[test]
fn one_table_has_a_line_for_each_row_below_that_of_its_group() {
    let table = markdown::table(&Report::example());
    let lines: Vec<_> = table.lines().filter(|line| line.starts_with('|')).collect();
    // A head of two lines, three groups, four rows.
    assert_eq!(lines.len(), 2 + 3 + 4, "{table}");
    assert!(lines.iter().all(|line| line.replace("\\|", "").matches('|').count() == 6), "{table}");
    assert!(lines.contains(&"| ours 1.0 | bare | **0.90** | 0.80 to 1.00 |  |"), "{table}");
    assert!(lines.contains(&"| rotations | bare | **4.25** | 4.15 to 4.35 | 12,346 |"), "{table}");
    assert!(table.ends_with("2 cores, load 0.4 before the run.\n"), "{table}");
}

#[test]
fn what_was_not_run_says_so_in_the_place_of_a_figure() {
    let table = markdown::table(&Report::example());
    assert!(table.contains("| refreshes | pgbench | not run: pgbench is missing | | 12,346 |"), "{table}");
    let json = serde_json::to_value(Report::example()).unwrap();
    assert_eq!(json["rows"][3]["ratio"]["not_run"], "pgbench is missing");
}

#[test]
fn no_name_breaks_a_table() {
    let table = markdown::table(&Report::example());
    assert!(table.contains(r#"| a <peer> & "another" \| 2.0 | bare |"#), "{table}");
}

#[test]
fn the_chart_is_well_formed_and_says_every_figure_as_text() {
    let chart = svg::chart(&Report::example());
    let texts = texts(&chart);
    for text in ["ours 1.0", "a <peer> & \"another\" | 2.0", "0.90", "0.60", "4.25", "not run: pgbench is missing"] {
        assert!(texts.iter().any(|found| found == text), "{text} is not in {texts:?}");
    }
    assert!(chart.contains("prefers-color-scheme: dark"), "it is to be read on both");
    assert!(chart.len() < 12_000, "{} bytes", chart.len());
}

#[test]
fn bars_stay_inside_the_chart() {
    let chart = svg::chart(&Report::example());
    let attribute = |element: &str, name: &str| -> f64 {
        let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    };
    let bars: Vec<_> = chart.split('<').filter(|element| element.starts_with("rect")).collect();
    assert_eq!(bars.len(), 3);
    for bar in bars {
        assert!(attribute(bar, "width") > 0.0, "{bar}");
        assert!(attribute(bar, "x") + attribute(bar, "width") <= svg::WIDTH, "{bar}");
    }
}

/// What stands in its text elements, once every tag was closed and every character was one that XML allows.
fn texts(svg: &str) -> Vec<String> {
    let (mut open, mut texts) = (Vec::new(), Vec::new());
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(tag.matches('"').count() % 2 == 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in another order");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        for reference in text.split('&').skip(1) {
            assert!(["lt;", "gt;", "amp;", "quot;"].iter().any(|known| reference.starts_with(known)), "{text}");
        }
        if name == "text" && !tag.starts_with('/') {
            let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
            texts.push(plain);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    texts
}
