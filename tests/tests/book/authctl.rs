//! The chapter on the command line: it has every command with every option, and its examples run. So do the commands of
//! the pages about leaving Directus.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use auth_tests::databases::Kind;
use auth_tests::directus::DirectusFixture;
use tempfile::TempDir;

use super::{Page, root};

/// Every command has these, and the chapter says so once.
const COMMON: [&str; 4] = ["--json", "--directus", "--database", "--help"];

async fn help(command: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["authctl"].into_iter().chain(command.split_whitespace()).chain(["--help"]);
    let exit = auth_cli::run(args.map(OsString::from), &|_| None, &mut out, &mut err).await;
    assert_eq!(exit, auth_cli::Exit::Done, "{command}");
    String::from_utf8(out).expect("text")
}

/// The commands that do something, as the program lists them: `user add`, not `user`.
async fn commands() -> BTreeSet<String> {
    let (mut leaves, mut open) = (BTreeSet::new(), vec![String::new()]);
    while let Some(command) = open.pop() {
        let help = help(&command).await;
        let Some((_, list)) = help.split_once("Commands:\n") else {
            leaves.insert(command.trim().to_owned());
            continue;
        };
        // Names stand further left than the rest of what is said about them.
        let lines = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
        let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        open.extend(names.map(|name| format!("{command} {name}")));
    }
    leaves
}

/// What begins with two hyphens, wherever it stands.
fn options(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).collect()
}

struct Section<'a> {
    command: &'a str,
    text: &'a str,
}

impl<'a> Section<'a> {
    fn all(page: &'a Page) -> Vec<Self> {
        let sections = page.text.split("\n## ").skip(1).map(|section| section.split_once('\n').expect("a section"));
        sections.map(|(command, text)| Self { command, text }).collect()
    }

    /// The lines in its blocks of this kind.
    fn blocks(&self, kind: &str) -> Vec<&'a str> {
        let start = format!("```{kind}\n");
        self.text.split(start.as_str()).skip(1).map(|rest| rest.split("\n```").next().expect("a block")).collect()
    }
}

#[tokio::test]
async fn the_chapter_has_every_command_and_every_option() {
    let page = Page::named("authctl.md");
    let sections = Section::all(&page);
    let described: BTreeSet<_> = sections.iter().map(|section| section.command.to_owned()).collect();
    assert_eq!(described, commands().await);
    assert_eq!(described.len(), sections.len(), "one is there twice");
    for Section { command, text } in &sections {
        let help = help(command).await;
        let (known, named) = (options(&help), options(text));
        let known: BTreeSet<_> = known.into_iter().filter(|option| !COMMON.contains(option)).collect();
        let named: BTreeSet<_> = named.into_iter().filter(|option| !COMMON.contains(option)).collect();
        assert_eq!(named, known, "{command}");
        let codes = text.lines().filter(|line| line.starts_with("Exit codes: ")).count();
        assert_eq!(codes, 1, "{command} has one line with its exit codes");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    use auth_cli::Exit;
    let page = Page::named("authctl.md");
    let rows = page.text.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u8>().ok());
    let all = [Exit::Done, Exit::SomeFailed, Exit::Usage, Exit::Differences, Exit::NotStarted, Exit::Interrupted];
    assert_eq!(rows.collect::<Vec<_>>(), all.map(Exit::code));
}

/// Somebody with a folder, `authctl` on the path, and a Directus.
struct Reader {
    folder: TempDir,
    directus: DirectusFixture,
}

impl Reader {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_ctl"), bin.join("authctl")).expect("a link");
        Self { folder, directus: DirectusFixture::on(Kind::Sqlite).await.expect("always there") }
    }

    fn shell(&self, script: &str) -> Command {
        let path = format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display());
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(self.folder.path());
        shell.env_clear().env("PATH", path).env("DIRECTUS_DATABASE_URL", self.directus.database.url());
        shell
    }
}

/// From the first to the last, in one folder, as a reader would.
#[tokio::test]
async fn the_examples_run_and_end_as_they_say() {
    let reader = Reader::new().await;
    let page = Page::named("authctl.md");
    for section in Section::all(&page) {
        let blocks = section.blocks("sh");
        // It depends on how busy the machine is.
        let is_elsewhere = section.command == "bench hash";
        assert_eq!(blocks.is_empty(), is_elsewhere, "{} has no example that runs", section.command);
        assert!(!is_elsewhere || !section.blocks("text").is_empty(), "{} has no example", section.command);
        for block in blocks {
            assert!(block.contains(&format!("authctl {}", section.command)), "{}: {block}", section.command);
            let wanted =
                block.split_once(" # ").and_then(|(_, rest)| rest.split(':').next()?.parse().ok()).unwrap_or(0);
            let script = format!("set -a; if [ -f auth.env ]; then . ./auth.env; fi; set +a\n{block}");
            let output = reader.shell(&script).output().expect("bash");
            assert_eq!(output.status.code(), Some(wanted), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// The last command is the doctor, who says whether a server with the settings of the page signs them in. Lines with a
/// `…` have what is the reader's own.
#[tokio::test]
async fn users_leave_directus_as_both_pages_say() {
    for page in ["docs/src/from-directus.md", "crates/auth-cli/README.md"] {
        let text = fs::read_to_string(root().join(page)).expect(page);
        let mut blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next());
        let block = blocks.find(|block| block.contains("authctl import directus")).expect("the commands");
        let lines: Vec<_> = block.lines().filter(|line| !line.contains('…')).collect();
        assert!(lines.last().is_some_and(|line| line.starts_with("authctl doctor ")), "{page}: {block}");
        let reader = Reader::new().await;
        let mut shell = reader.shell(&lines.join("\n"));
        let output = shell.env("SECRET", "k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7").output().expect("bash");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&said));
    }
}
