//! A file of keys, changed as a whole or not at all: written beside itself and moved over.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use auth_core::{KeyRing, TokenKey};
use pem::Pem;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::open::not_started;

/// One key, and the block that it was read from.
pub(super) struct Block {
    pub(super) key: TokenKey,
    pem: Zeroizing<String>,
}

impl Block {
    pub(super) fn parse(pem: &str) -> Result<Self, Failure> {
        let key = TokenKey::from_pem(pem).map_err(|error| not_started(format!("a key in the file: {error}")))?;
        Ok(Self { key, pem: Zeroizing::new(pem.trim_end().to_owned() + "\n") })
    }

    pub(super) fn kid(&self) -> String {
        self.key.kid().unwrap_or_default().to_owned()
    }

    /// Leaves the public half.
    pub(super) fn drop_private(&mut self) -> Result<(), Failure> {
        let public = self.key.public_pem().ok_or_else(|| not_started("the key has no public half"))?;
        *self = Self::parse(&public)?;
        Ok(())
    }
}

/// A file with PEM blocks that nobody else changes meanwhile.
pub(super) struct KeyFile {
    pub(super) blocks: Vec<Block>,
    /// Where the file really is: a link to it stays one.
    path: PathBuf,
    locked: File,
}

impl KeyFile {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable =
            |error| not_started(format!("{} cannot be read", path.display())).because(Box::new(error) as Box<_>);
        let path = fs::canonicalize(path).map_err(|error| {
            let remedy = "`authctl key generate` makes one";
            not_started(format!("{} cannot be read: {remedy}", path.display())).because(error)
        })?;
        let locked = File::open(&path).map_err(unreadable)?;
        locked.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => not_started("another authctl changes the file just now: run it again"),
            TryLockError::Error(error) => not_started("the file cannot be locked").because(error),
        })?;
        let text = read(&path)?;
        if text.trim_start().starts_with('{') {
            return Err(not_started("the file is a JWK set, and only files with PEM blocks are changed here"));
        }
        let parts = pem::parse_many(text.as_bytes());
        let parts =
            parts.map_err(|error| not_started(format!("{} has a damaged block", path.display())).because(error))?;
        let blocks = parts.iter().map(|part: &Pem| Block::parse(&Zeroizing::new(pem::encode(part))));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        if blocks.is_empty() {
            return Err(not_started(format!(
                "{} has no key: `authctl key generate --force` makes one",
                path.display()
            )));
        }
        Ok(Self { blocks, path, locked })
    }

    pub(super) fn place_of(&self, kid: &str) -> Result<usize, Failure> {
        let place = self.blocks.iter().position(|block| block.key.kid() == Some(kid));
        place.ok_or_else(|| not_started("the file has no such key: `authctl key list` shows them"))
    }

    /// Writes the keys, if a server can read what comes out.
    pub(super) fn save(self) -> Result<(), Failure> {
        let text: Zeroizing<String> = Zeroizing::new(self.blocks.iter().map(|block| block.pem.as_str()).collect());
        KeyRing::parse(&text).map_err(|error| not_started(format!("nothing was changed: {error}")))?;
        let metadata = self.locked.metadata().map_err(|error| unwritable(&self.path, error))?;
        self.is_still_there()?;
        let mut file = beside(&self.path, &text)?;
        let permitted = file.as_file_mut().set_permissions(metadata.permissions());
        permitted.map_err(|error| unwritable(&self.path, error))?;
        keep_owner(file.as_file(), &metadata).map_err(|error| unwritable(&self.path, error))?;
        file.persist(&self.path).map_err(|error| unwritable(&self.path, error.error))?;
        sync_folder(&self.path)
    }

    /// Whoever came between opening and locking has put another file here.
    #[cfg(unix)]
    fn is_still_there(&self) -> Result<(), Failure> {
        use std::os::unix::fs::MetadataExt as _;
        let (ours, there) = (self.locked.metadata(), fs::metadata(&self.path));
        match (ours, there) {
            (Ok(ours), Ok(there)) if (ours.dev(), ours.ino()) == (there.dev(), there.ino()) => Ok(()),
            _ => Err(not_started("the file was changed meanwhile: run it again")),
        }
    }

    #[cfg(not(unix))]
    fn is_still_there(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// The server's user must be able to read what root writes: only root gives files away, and for others nothing changes.
#[cfg(unix)]
fn keep_owner(file: &fs::File, before: &fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(before.uid()), Some(before.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &fs::File, _: &fs::Metadata) -> std::io::Result<()> {
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overwrite {
    Yes,
    No,
}

/// Makes a file that only its owner may read.
pub(crate) fn write_new(path: &Path, text: &str, overwrite: Overwrite) -> Result<(), Failure> {
    let file = beside(path, text)?;
    let moved = match overwrite {
        Overwrite::Yes => file.persist(path),
        Overwrite::No => file.persist_noclobber(path),
    };
    moved.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            not_started(format!("{} is there already, and stays as it is: --force replaces it", path.display()))
        }
        _ => unwritable(path, error.error),
    })?;
    sync_folder(path)
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    text.map_err(|error| not_started(format!("{} cannot be read", path.display())).because(error))
}

/// A new file of mode 0600 in the same folder, on the disk.
fn beside(path: &Path, text: &str) -> Result<NamedTempFile, Failure> {
    let write = || {
        let mut file = NamedTempFile::new_in(folder(path))?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| unwritable(path, error))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// So that the move survives a power cut; where folders cannot be opened, the operating system sees to it.
fn sync_folder(path: &Path) -> Result<(), Failure> {
    if cfg!(unix) {
        let synced = File::open(folder(path)).and_then(|folder| folder.sync_all());
        synced.map_err(|error| unwritable(path, error))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    not_started(format!("{} cannot be written: see that its folder is there and yours", path.display())).because(error)
}
