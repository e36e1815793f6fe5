//! `authctl init`: a configuration to begin with.

use std::fs;
use std::path::{Path, PathBuf};

use auth_core::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::key::{Algorithm, Overwrite, write_new};
use crate::exit::{Exit, Failure};
use crate::open::not_started;
use crate::shell::Shell;
use crate::table::{DIM, GREEN};

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder for auth.env and keys.pem
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// What signs access tokens
    #[arg(long, default_value = "eddsa")]
    algorithm: Algorithm,
    /// Signs access tokens with SECRET, in place of a key pair
    #[arg(long, conflicts_with = "algorithm")]
    no_keys: bool,
}

impl Init {
    pub(crate) fn run(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let folder = fs::canonicalize(&self.folder).map_err(|error| {
            not_started(format!("{} is no folder: make it first", self.folder.display())).because(error)
        })?;
        let (settings, keys) = (folder.join("auth.env"), folder.join("keys.pem"));
        let named = keys.to_str().filter(|path| path.chars().all(|c| c.is_alphanumeric() || "/\\:._-+@".contains(c)));
        let named = named.ok_or_else(|| {
            not_started("the path of the folder has spaces or signs that settings cannot have: choose another folder")
        })?;
        for file in [&settings, &keys] {
            // Also when it is a link to nowhere.
            if file.symlink_metadata().is_ok() {
                return Err(not_started(format!("{} is there already: nothing was written", file.display())));
            }
        }
        let signing = if self.no_keys { "# SIGNING_KEYS=".to_owned() } else { format!("SIGNING_KEYS=file:{named}") };
        let text = Zeroizing::new(
            TEMPLATE
                .replace("@SECRET@", &random(48)?)
                .replace("@MFA_KEY@", &random(32)?)
                .replace("@SIGNING_KEYS@", &signing)
                .replace("@DATABASE@", &folder.join("app.db").display().to_string()),
        );
        if !self.no_keys {
            write_new(&keys, self.algorithm.generate()?.expose_secret(), Overwrite::No)?;
        }
        if let Err(failure) = write_new(&settings, &text, Overwrite::No) {
            if !self.no_keys {
                let _ = fs::remove_file(&keys);
            }
            return Err(failure);
        }
        self.answer(&settings, &keys, shell)
    }

    fn answer(&self, settings: &Path, keys: &Path, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        let keys = (!self.no_keys).then_some(keys);
        let mut text = format!("{GREEN}written{GREEN:#}  {}\n", settings.display());
        if let Some(keys) = keys {
            text += &format!("{GREEN}written{GREEN:#}  {}\n", keys.display());
        }
        text += &format!(
            "{DIM}Both are for their owner alone, and belong in no repository. Then:\n  set -a; . {}; set +a\n  authctl migrate\n  \
             authctl user add --admin you@example.com\n  authctl doctor{DIM:#}",
            settings.display()
        );
        shell.answer(&json!({ "settings": settings, "keys": keys }), &text)?;
        Ok(Exit::Done)
    }
}

fn random(bytes: usize) -> Result<Zeroizing<String>, Failure> {
    let mut buffer = Zeroizing::new(vec![0; bytes]);
    SystemRandom::new().fill(&mut buffer).map_err(|error| not_started("there are no random bytes").because(error))?;
    Ok(Zeroizing::new(STANDARD.encode(&*buffer)))
}

const TEMPLATE: &str = include_str!("init.env");
