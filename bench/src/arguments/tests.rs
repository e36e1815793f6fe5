use super::*;

fn parsed(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split(' '))
}

#[test]
fn a_run_is_full_with_peers_unless_told_otherwise() {
    let full = parsed("auth-bench").unwrap();
    assert_eq!((full.size(), full.peers()), (Size::Full, Peers::Run));
    let quick = parsed("auth-bench --quick --no-peers --svg chart.svg").unwrap();
    assert_eq!((quick.size(), quick.peers()), (Size::Quick, Peers::Skip));
    assert_eq!(parsed("auth-bench --smoke").unwrap().size(), Size::Smoke);
}

#[test]
fn mistakes_are_named() {
    for (line, named) in [
        ("auth-bench --fast", "--fast"),
        ("auth-bench --quick --smoke", "--smoke"),
        ("auth-bench --json", "--json <FILE>"),
        ("auth-bench serve nginx", "nginx"),
        ("auth-bench serve", "<SERVER>"),
        ("auth-bench --quick serve axum-bare", "--quick"),
    ] {
        let error = parsed(line).unwrap_err().to_string();
        assert!(error.contains(named), "{line}: {error}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let outputs = Outputs { json: None, markdown: Some("/nowhere/table.md".into()), svg: None };
    let error = outputs.write(&Report::example()).unwrap_err();
    assert!(error.with_sources().starts_with("/nowhere/table.md: "), "{}", error.with_sources());
}
