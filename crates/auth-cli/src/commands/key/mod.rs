//! `authctl key`: the file that `SIGNING_KEYS=file:…` names. The first key in it signs, the others verify.

mod file;

use std::path::PathBuf;

use auth_core::{KeyAlgorithm, KeyRing, TokenKey};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::open::not_started;
use crate::shell::Shell;
use crate::table::{DIM, GREEN, Table};
use file::{Block, KeyFile};
pub(crate) use file::{Overwrite, write_new};

#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a file with a new private key, which only its owner may read
    Generate {
        #[command(flatten)]
        file: FileArg,
        #[arg(long, default_value = "eddsa")]
        algorithm: Algorithm,
        /// Also over a file that is there: its keys are lost, and tokens signed with them count no more
        #[arg(long)]
        force: bool,
    },
    /// The keys of a file: which one signs, which ones verify
    List {
        #[command(flatten)]
        file: FileArg,
    },
    /// Adds the next key, which verifies; later, with --promote, lets it sign. The old one goes on verifying
    Rotate {
        #[command(flatten)]
        file: FileArg,
        #[arg(long, default_value = "eddsa", conflicts_with = "promote")]
        algorithm: Algorithm,
        /// Lets this key sign from now on
        #[arg(long, value_name = "KID", allow_hyphen_values = true)]
        promote: Option<String>,
    },
    /// Removes a key that only verifies: tokens signed with it count no more
    Retire {
        /// The name of the key
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        file: FileArg,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Algorithm {
    /// Ed25519
    Eddsa,
    /// P-256
    Es256,
}

impl Algorithm {
    pub(crate) fn generate(self) -> Result<auth_core::KeyPem, Failure> {
        let algorithm = match self {
            Self::Eddsa => KeyAlgorithm::EdDsa,
            Self::Es256 => KeyAlgorithm::Es256,
        };
        TokenKey::generate_pem(algorithm).map_err(|error| not_started("no key can be made").because(error))
    }
}

#[derive(Debug, Args)]
struct FileArg {
    /// The file, instead of the one that SIGNING_KEYS=file:… names
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl FileArg {
    fn path(self, shell: &Shell<'_>) -> Result<PathBuf, Failure> {
        let named = || {
            let text = shell.var("SIGNING_KEYS")?;
            let mut files = text.split(',').filter_map(|entry| entry.trim().strip_prefix("file:"));
            files.next().filter(|_| files.next().is_none()).map(PathBuf::from)
        };
        self.file.or_else(named).ok_or_else(|| {
            not_started("which file is not said: name it with --file, or set SIGNING_KEYS to file: and its path")
        })
    }
}

impl Keys {
    pub(crate) fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        match self.command {
            Command::Generate { file, algorithm, force } => {
                let path = file.path(shell)?;
                let pem = algorithm.generate()?;
                let overwrite = if force { Overwrite::Yes } else { Overwrite::No };
                write_new(&path, pem.expose_secret(), overwrite)?;
                let kid = Block::parse(pem.expose_secret())?.kid();
                let text = format!(
                    "{GREEN}made{GREEN:#}  {kid}\n{DIM}SIGNING_KEYS=file:{} lets a server sign with it{DIM:#}",
                    path.display()
                );
                shell.answer(&json!({ "kid": kid, "file": path }), &text)?;
            }
            Command::List { file } => list(&file.path(shell)?, shell)?,
            Command::Rotate { file, algorithm, promote: None } => add_next(&file.path(shell)?, algorithm, shell)?,
            Command::Rotate { file, promote: Some(kid), .. } => promote(&file.path(shell)?, &kid, shell)?,
            Command::Retire { kid, file } => retire(&file.path(shell)?, &kid, shell)?,
        }
        Ok(Exit::Done)
    }
}

fn list(path: &std::path::Path, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let text = file::read(path)?;
    let ring = KeyRing::parse(&text).map_err(|error| not_started(format!("{}: {error}", path.display())))?;
    let signing = ring.signing().and_then(TokenKey::kid);
    let mut table = Table::new(["kid", "algorithm", "use"]);
    let mut json: Vec<Value> = Vec::new();
    for key in ring.keys() {
        let signs = signing.is_some() && key.kid() == signing;
        let (style, purpose) = if signs { (GREEN, "signs") } else { (anstyle::Style::new(), "verifies") };
        let kid = key.kid().unwrap_or("-");
        table.row(style, [kid.to_owned(), key.algorithm().name().to_owned(), purpose.to_owned()]);
        json.push(json!({ "kid": key.kid(), "algorithm": key.algorithm().name(), "signs": signs }));
    }
    shell.answer(&json!({ "keys": json }), &table.text())
}

fn add_next(path: &std::path::Path, algorithm: Algorithm, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let mut file = KeyFile::open(path)?;
    let next = Block::parse(algorithm.generate()?.expose_secret())?;
    let kid = next.kid();
    // After the first one, which goes on signing.
    file.blocks.insert(1.min(file.blocks.len()), next);
    file.save()?;
    let text = format!(
        "{GREEN}added{GREEN:#}  {kid}: it verifies\n{DIM}1. Let every server read the file again, and wait an hour for those \
         who fetch the keys.\n2. authctl key rotate --promote {kid}\n3. When the last token of the old key has expired: \
         authctl key retire{DIM:#}"
    );
    shell.answer(&json!({ "kid": kid, "signs": false }), &text)
}

fn promote(path: &std::path::Path, kid: &str, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let mut file = KeyFile::open(path)?;
    let place = file.place_of(kid)?;
    let old = file.blocks.first().map(Block::kid).unwrap_or_default();
    if place == 0 {
        return Err(not_started("this key signs already: nothing to do"));
    }
    let key = file.blocks.remove(place);
    if !key.key.can_sign() {
        return Err(not_started(
            "this is a public key, which cannot sign: promote one that `authctl key rotate` added",
        ));
    }
    if let Some(first) = file.blocks.first_mut() {
        first.drop_private()?;
    }
    file.blocks.insert(0, key);
    file.save()?;
    let text = format!(
        "{GREEN}signs{GREEN:#}  {kid}\n{DIM}Let every server read the file again. {old} goes on verifying: when its last \
         token has expired, authctl key retire {old}{DIM:#}"
    );
    shell.answer(&json!({ "kid": kid, "signs": true, "before": old }), &text)
}

fn retire(path: &std::path::Path, kid: &str, shell: &mut Shell<'_>) -> Result<(), Failure> {
    let mut file = KeyFile::open(path)?;
    let place = file.place_of(kid)?;
    if place == 0 {
        return Err(not_started(
            "this key signs, or would be the first: add the next one with `authctl key rotate`, and promote that before",
        ));
    }
    file.blocks.remove(place);
    file.save()?;
    shell.answer(&json!({ "kid": kid, "retired": true }), &format!("{GREEN}removed{GREEN:#}  {kid}"))
}
