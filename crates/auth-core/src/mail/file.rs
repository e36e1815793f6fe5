//! Mails as files, for development.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::{MailError, MailErrorKind, Mailbox, Mailer, Message, mime};
use crate::clock::{Clock as _, SystemClock};
use crate::config::ConfigError;
use crate::date;
use crate::rng::{self, SystemRandom};

/// Writes each mail into a folder as an `.eml` file, which mail programs and editors open. For development: the files
/// hold tokens that work, so folder and files are readable by their owner alone.
#[derive(Debug, Clone)]
pub struct FileMailer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    from: Mailbox,
    random: SystemRandom,
    count: AtomicU64,
}

impl FileMailer {
    /// A mailer that writes into `folder`, and makes it if need be.
    ///
    /// # Errors
    /// [`ConfigError`] when the folder cannot be made.
    pub fn new(folder: impl Into<PathBuf>, from: Mailbox) -> Result<Self, ConfigError> {
        let folder = folder.into();
        let made = make_private(&folder);
        made.map_err(|error| ConfigError::new("MAIL_DIR", format!("`{}` cannot be made: {error}", folder.display())))?;
        Ok(Self(Arc::new(Inner { folder, from, random: SystemRandom::new(), count: AtomicU64::new(0) })))
    }

    /// Where the files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let transient = |error: io::Error| MailError::new(MailErrorKind::Transient, error);
        let inner = Arc::clone(&self.0);
        let id = rng::bytes(&inner.random).map_err(|error| MailError::new(MailErrorKind::Transient, error))?;
        let stamp = mime::Stamp { at: SystemClock.now(), id };
        let bytes = mime::write(message, &inner.from, &stamp);
        let path = inner.folder.join(inner.name(&stamp));
        let written = tokio::task::spawn_blocking(move || write_whole(&path, &bytes).map(|()| path));
        let path = written.await.map_err(|error| transient(error.into()))?.map_err(transient)?;
        tracing::info!(target: "auth::mail", file = %path.display(), "a mail was written");
        Ok(())
    }
}

impl Inner {
    /// By time, and different for each mail, also of other processes that write into the same folder.
    fn name(&self, stamp: &mime::Stamp) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let random: String = stamp.hex().chars().take(8).collect();
        format!("{}-{count:04}-{random}.eml", date::compact(stamp.at))
    }
}

/// Whoever watches the folder sees whole files alone.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let written =
        create_private(&part).and_then(|mut file| file.write_all(bytes)).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // It may not be there.
        let _ = fs::remove_file(&part);
    }
    written
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
