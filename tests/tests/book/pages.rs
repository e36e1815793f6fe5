//! Chapters, links and names.

use super::{Page, root};

/// The targets of the links in `text`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).map(|rest| rest.split_once(')').map_or(rest, |(target, _)| target))
}

/// The anchor that mdBook makes of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

#[test]
fn every_chapter_is_in_the_summary_once() {
    let summary = Page::named("SUMMARY.md");
    let mut listed: Vec<_> = links(&summary.text).map(str::to_owned).collect();
    let mut there: Vec<_> = Page::all().into_iter().map(|page| page.name).filter(|name| name != "SUMMARY.md").collect();
    listed.sort();
    there.sort();
    assert_eq!(listed, there);
}

#[test]
fn every_link_leads_to_a_page_or_a_heading() {
    let mut count = 0;
    for page in Page::all() {
        for target in page.prose().flat_map(links) {
            count += 1;
            assert!(!target.contains("://"), "{}: {target} needs the network", page.name);
            let (name, wanted) = target.split_once('#').unwrap_or((target, ""));
            let name = if name.is_empty() { &page.name } else { name };
            assert!(root().join("docs/src").join(name).is_file(), "{}: no page {target}", page.name);
            let other = Page::named(name);
            let headings: Vec<_> = other.prose().filter_map(|line| line.strip_prefix('#')).map(str::to_owned).collect();
            let found = headings.iter().any(|heading| anchor(heading.trim_start_matches('#')) == wanted);
            assert!(wanted.is_empty() || found, "{}: no heading {target}", page.name);
        }
    }
    assert!(count > 20, "the links are not found any more");
}

/// Files outside of the book are named, not linked: the rendered book may be read anywhere.
#[test]
fn every_file_that_is_named_exists() {
    let mut count = 0;
    for page in Page::all() {
        let files = page.literals().filter(|text| {
            ["crates/", "examples/", "templates/", "tests/"].iter().any(|folder| text.starts_with(folder))
                || *text == "CHANGELOG.md"
        });
        for file in files {
            count += 1;
            assert!(root().join(file).exists(), "{}: there is no {file}", page.name);
        }
    }
    assert!(count > 5, "the files are not found any more");
}

/// `SESSION_COOKIE_TTL`, `PERSONAL_TOKENS=1`: whatever looks like a variable.
#[test]
fn every_variable_that_is_named_is_in_a_table_of_settings() {
    let settings = Page::named("settings.md");
    let known: Vec<_> = settings.literals().collect();
    for page in Page::all() {
        for text in page.literals() {
            let name = text.split('=').next().unwrap_or_default();
            let looks_like_one =
                name.contains('_') && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            assert!(!looks_like_one || known.contains(&name), "{}: nothing reads {text}", page.name);
        }
    }
}
