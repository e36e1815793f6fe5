//! Mails as files.

use std::fs;
use std::path::PathBuf;

use auth_core::mail::{FileMailer, MailErrorKind, Mailer as _};
use auth_testkit::mail::ReceivedMail;
use auth_tests::log::Log;

use crate::{TOKEN, from, reset};

fn files(mailer: &FileMailer) -> Vec<PathBuf> {
    let entries = fs::read_dir(mailer.folder()).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn b5_a_mail_becomes_a_file_that_its_owner_alone_reads_and_no_line_of_the_log() {
    let parent = tempfile::tempdir().expect("a folder");
    let mailer = FileMailer::new(parent.path().join("a/mails"), from()).expect("is made");
    let (log, _guard) = Log::of_this_thread();
    for to in ["ada@example.com", "grace@example.com"] {
        mailer.send(&reset(to)).await.expect("is written");
    }

    let files = files(&mailer);
    assert_eq!(files.len(), 2, "{files:?}");
    for (file, to) in files.iter().zip(["ada@example.com", "grace@example.com"]) {
        assert_eq!(file.extension().expect("has one"), "eml");
        let raw = fs::read(file).expect("a file");
        let mail = ReceivedMail { from: String::new(), to: Vec::new(), raw };
        assert_eq!(mail.header("To"), Some(format!("<{to}>")));
        assert_eq!(mail.text(), reset(to).text());
        assert_eq!(mail.html(), reset(to).html());
        assert_eq!(mail.token(), TOKEN);
    }
    let log = log.text();
    assert!(log.contains("INFO") && log.contains("a mail was written"), "{log}");
    assert!(files.iter().all(|file| log.contains(&file.display().to_string())), "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("token="), "{log}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode(mailer.folder()), 0o700);
        assert!(files.iter().all(|file| mode(file) == 0o600));
    }
}

#[tokio::test]
async fn many_mails_at_once_are_as_many_whole_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let mailers: Vec<_> = (0..2).map(|_| FileMailer::new(folder.path(), from()).expect("is there")).collect();
    let mut sending = tokio::task::JoinSet::new();
    for i in 0..100 {
        let mailer = mailers[i % 2].clone();
        sending.spawn(async move { mailer.send(&reset(&format!("user-{i}@example.com"))).await });
    }
    for sent in sending.join_all().await {
        sent.expect("is written");
    }
    let files = files(&mailers[0]);
    assert_eq!(files.len(), 100);
    for file in files {
        let mail = ReceivedMail { from: String::new(), to: Vec::new(), raw: fs::read(&file).expect("a file") };
        assert_eq!(mail.token(), TOKEN, "{}", file.display());
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_is_a_transient_error() {
    let parent = tempfile::tempdir().expect("a folder");
    let mailer = FileMailer::new(parent.path().join("mails"), from()).expect("is made");
    fs::remove_dir(mailer.folder()).expect("is removed");
    let error = mailer.send(&reset("ada@example.com")).await.expect_err("there is no folder");
    assert_eq!(error.kind(), MailErrorKind::Transient);
}
