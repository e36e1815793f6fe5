//! The file of keys: rotated step by step, and never half written.

use auth_core::{KeyRing, TokenKey};

use super::*;

struct KeyWorld {
    world: World,
    file: String,
}

impl KeyWorld {
    fn new() -> Self {
        let mut world = World::without_database();
        let file = world.path("keys.pem");
        world.set("SIGNING_KEYS", &format!("file:{file}"));
        world.run(&["key", "generate"]).succeeds();
        Self { world, file }
    }

    /// The names of the keys, the signing one first.
    fn kids(&self) -> Vec<String> {
        let list = self.world.json(&["key", "list"]);
        let keys = list["keys"].as_array().expect("keys").clone();
        assert!(keys.iter().enumerate().all(|(place, key)| key["signs"] == (place == 0)), "{list}");
        keys.iter().map(|key| key["kid"].as_str().expect("a name").to_owned()).collect()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).expect("is there")
    }
}

#[test]
fn j11_keys_rotate_with_overlap() {
    let keys = KeyWorld::new();
    let world = &keys.world;
    let old = keys.kids().remove(0);
    let next = world.json(&["key", "rotate", "--algorithm", "es256"])["kid"].as_str().expect("a name").to_owned();
    assert_eq!(keys.kids(), [old.clone(), next.clone()]);
    world.run(&["key", "retire", &old]).refuses(&["this key signs"]);
    world.run(&["key", "rotate", "--promote", &next]).succeeds().says(&["signs", &old]);
    assert_eq!(keys.kids(), [next.clone(), old.clone()]);
    // Of the old one, only what verifies is left.
    assert_eq!(keys.text().matches("PRIVATE KEY").count(), 2, "{}", keys.kids().len());
    assert_eq!(keys.text().matches("PUBLIC KEY").count(), 2);
    let ring = KeyRing::parse(&keys.text()).expect("a server reads it");
    assert_eq!(ring.signing().and_then(TokenKey::kid), Some(next.as_str()));

    world.run(&["key", "rotate", "--promote", &old]).refuses(&["public key", "cannot sign"]);
    world.run(&["key", "rotate", "--promote", &next]).refuses(&["signs already"]);
    world.run(&["key", "rotate", "--promote", "-nobody"]).refuses(&["no such key", "authctl key list"]);
    world.run(&["key", "retire", &old]).succeeds();
    assert_eq!(keys.kids(), [next]);
}

#[test]
fn a_key_file_is_never_lost_by_mistake() {
    let keys = KeyWorld::new();
    let before = keys.text();
    keys.world.run(&["key", "generate"]).refuses(&["is there already", "--force"]);
    assert_eq!(keys.text(), before);
    keys.world.run(&["key", "generate", "--force", "--algorithm", "es256"]).succeeds();
    assert_ne!(keys.text(), before);
    assert_eq!(keys.world.json(&["key", "list"])["keys"][0]["algorithm"], "ES256");

    let world = World::without_database();
    world.run(&["key", "list"]).refuses(&["--file", "SIGNING_KEYS"]);
    let missing = world.path("missing/keys.pem");
    world.run(&["key", "rotate", "--file", &missing]).refuses(&["cannot be read", "key generate"]);
    world.run(&["key", "generate", "--file", &missing]).refuses(&["cannot be written", "folder"]);
    for (text, words) in [
        ("", &["no key"][..]),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", &["cannot be read"]),
        ("{\"keys\":[]}", &["JWK set"]),
    ] {
        let file = world.write("other.pem", text);
        world.run(&["key", "rotate", "--file", &file]).refuses(words);
        assert_eq!(std::fs::read_to_string(&file).expect("is there"), text);
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_keeps_its_mode_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let keys = KeyWorld::new();
    let mode = || std::fs::metadata(&keys.file).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::set_permissions(&keys.file, std::fs::Permissions::from_mode(0o640)).expect("is ours");
    let link = keys.world.path("link.pem");
    symlink(&keys.file, &link).expect("a link");
    keys.world.run(&["key", "rotate", "--file", &link]).succeeds();
    assert_eq!((mode(), keys.kids().len()), (0o640, 2));
    assert!(std::fs::symlink_metadata(&link).expect("is there").is_symlink());
}

/// What root writes, the server reads: it runs as somebody else.
#[cfg(unix)]
#[test]
fn a_key_file_keeps_its_owner() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let keys = KeyWorld::new();
    if std::fs::metadata(&keys.file).expect("is there").uid() != 0 {
        println!("NOT RUN: only root gives files away");
        return;
    }
    chown(&keys.file, Some(1234), Some(4321)).expect("is root");
    keys.world.run(&["key", "rotate"]).succeeds();
    let metadata = std::fs::metadata(&keys.file).expect("is there");
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (1234, 4321, 0o600));
}

/// Many at once: whoever is told that it worked finds the key in the file.
#[test]
fn j11_rotations_that_meet_lose_no_key() {
    let keys = KeyWorld::new();
    let rotate = || keys.world.run(&["key", "rotate", "--json"]);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(rotate)).collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    let kids = keys.kids();
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.code == 0);
    assert_eq!(kids.len(), done.len() + 1);
    for outcome in done {
        assert!(kids.iter().any(|kid| outcome.json()["kid"] == kid.as_str()), "{outcome:?}");
    }
    for outcome in refused {
        outcome.refuses(&["run it again"]);
    }
}
