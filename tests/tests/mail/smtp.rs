//! Conversations with an SMTP server: the plain ones, and those that go wrong.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Email;
use auth_core::mail::{MailErrorKind, Mailer as _, SmtpMailer};
use auth_testkit::mail::{At, SmtpSink};
use auth_tests::log::Log;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{TOKEN, chain, from, message, reset};

/// Long enough for every conversation that goes on.
const PATIENCE: Duration = Duration::from_secs(10);

fn mailer(url: &str) -> SmtpMailer {
    SmtpMailer::from_url(url, from()).expect("a URL").timeout(PATIENCE)
}

#[tokio::test]
async fn s4_a_mail_arrives_whole_at_the_one_address_it_is_for() {
    let sink = SmtpSink::start().await;
    let sent = reset("Ada.Lovelace+notes@B\u{fc}cher.example");
    mailer(&sink.url()).send(&sent).await.expect("is taken");

    let mail = sink.next().await;
    assert_eq!(mail.from, "No-Reply@notes.example");
    assert_eq!(mail.to, ["Ada.Lovelace+notes@xn--bcher-kva.example"]);
    let expected = ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type"];
    assert_eq!(mail.header_names(), expected);
    for (name, value) in [
        ("From", "N\u{f6}tes, Inc. <No-Reply@notes.example>"),
        ("To", "<Ada.Lovelace+notes@xn--bcher-kva.example>"),
        ("Subject", "Reset your password for N\u{f6}tes"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.header(name).as_deref(), Some(value));
    }
    assert_eq!((mail.text(), mail.html()), (sent.text().to_owned(), sent.html().to_owned()));
    assert_eq!(mail.token(), TOKEN);
    assert!(mail.raw.is_ascii(), "some servers take no more");
    assert_eq!(sink.lines()[0], "EHLO notes.example");
}

#[tokio::test]
async fn s4_no_address_smuggles_a_second_recipient() {
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink.url());
    for typed in [
        "ada@example.com,eve@evil.example",
        "ada@example.com, eve@evil.example",
        "ada@example.com;eve@evil.example",
        "ada@example.com>\r\nRCPT TO:<eve@evil.example",
        "ada@example.com\r\nBcc: eve@evil.example",
        "ada@example.com\neve@evil.example",
        "ada@example.com eve@evil.example",
        "<eve@evil.example>ada@example.com",
        "\"ada@example.com,\" eve@evil.example",
        "ada\u{ff20}example.com,eve@evil.example",
        "ada@example.com\u{0}eve@evil.example",
    ] {
        assert!(Email::parse(typed).is_err(), "{typed:?} is no address");
    }
    // What may stand in an address, and means something to mail servers, shells or parsers.
    let odd = [
        "o'brien+tag@example.com", "eve%evil.example@example.com", "eve!ada@example.com", "a|b&c$d`e@example.com",
        "=?utf-8?q?eve?=@example.com", "-f@example.com", "jos\u{e9}@example.com", "{ada}=eve/x#y*z~?@example.com",
    ];
    for typed in odd {
        mailer.send(&reset(typed)).await.expect(typed);
        let mail = sink.next().await;
        assert_eq!(mail.to, [typed]);
        assert_eq!(mail.header("Bcc"), None);
    }
    let recipients = sink.lines().iter().filter(|line| line.starts_with("RCPT")).count();
    assert_eq!(recipients, odd.len());
}

#[tokio::test]
async fn s4_an_address_beyond_ascii_goes_only_to_a_server_that_takes_it() {
    let sink = SmtpSink::start().await;
    sink.reply(At::Ehlo, "250 sink");
    let error = mailer(&sink.url()).send(&reset("jos\u{e9}@example.com")).await.expect_err("no SMTPUTF8");
    assert_eq!(error.kind(), MailErrorKind::Permanent);
    assert!(!sink.lines().iter().any(|line| line.starts_with("MAIL")), "{:?}", sink.lines());
}

#[tokio::test]
async fn lines_that_begin_with_a_dot_arrive() {
    let sink = SmtpSink::start().await;
    let text = ".\n..\n.hidden\nFrom me\n\n.\nQUIT";
    mailer(&sink.url()).send(&message("ada@example.com", text)).await.expect("is taken");
    assert_eq!(sink.next().await.text(), text);
}

#[tokio::test]
async fn a_reply_4xx_is_transient_and_5xx_permanent_wherever_it_comes() {
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink.url());
    for at in [At::Greeting, At::Ehlo, At::Mail, At::Rcpt, At::Data, At::EndOfData] {
        for (reply, kind) in [
            ("421 4.3.2 going down", MailErrorKind::Transient),
            ("451 4.3.0 try later", MailErrorKind::Transient),
            ("550 5.7.1 not you", MailErrorKind::Permanent),
        ] {
            sink.reply(at, reply);
            let (fresh, warm) = (SmtpMailer::from_url(&sink.url(), from()).expect("a URL").timeout(PATIENCE), &mailer);
            let error = fresh.send(&reset("ada@example.com")).await.expect_err(reply);
            assert_eq!(error.kind(), kind, "{at:?} {reply}");
            assert!(chain(&error).contains(reply.split_once(' ').expect("a text").1), "{}", chain(&error));
            if !matches!(at, At::Greeting | At::Ehlo) {
                assert_eq!(warm.send(&reset("ada@example.com")).await.expect_err(reply).kind(), kind);
            }
            sink.behave();
            warm.send(&message("ada@example.com", &format!("after {at:?} {reply}"))).await.expect("works again");
            assert_eq!(sink.next().await.text(), format!("after {at:?} {reply}"));
        }
    }
    assert_eq!(sink.mails().len(), 18, "nothing that was refused was taken");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transient_error() {
    let sink = SmtpSink::start().await;
    let mailer = mailer(&sink.url());
    drop(sink);
    // The listener is closed when its task has ended.
    let error = loop {
        match mailer.send(&reset("ada@example.com")).await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), MailErrorKind::Transient);
}

/// The next mail must not get the replies of one that was given up: `lettre`'s own pool mixes them up.
#[tokio::test]
async fn a_silent_server_costs_the_timeout_and_no_later_mail() {
    let sink = SmtpSink::start().await;
    let hasty = || SmtpMailer::from_url(&sink.url(), from()).expect("a URL").timeout(Duration::from_millis(400));
    let sent = async |mailer: &SmtpMailer, text: &str| {
        mailer.send(&message("ada@example.com", text)).await.expect(text);
        assert_eq!(sink.next().await.text(), text);
    };
    for at in [At::Greeting, At::Ehlo, At::Mail, At::Rcpt, At::Data, At::EndOfData] {
        for warm in [false, true] {
            if warm && matches!(at, At::Greeting | At::Ehlo) {
                continue;
            }
            let mailer = hasty();
            if warm {
                sent(&mailer, "leaves a connection behind").await;
            }
            sink.hang(at);
            let error = tokio::time::timeout(PATIENCE, mailer.send(&reset("ada@example.com"))).await;
            assert_eq!(error.expect("gives up").expect_err("was silent").kind(), MailErrorKind::Transient, "{at:?}");
            sink.behave();
            for i in 0..3 {
                sent(&mailer, &format!("after {at:?}, {i}")).await;
            }
        }
    }

    // An idle connection that says nothing any more costs a part of the time, and not the mail.
    let mailer = hasty();
    sent(&mailer, "leaves a connection behind").await;
    sink.hang(At::Noop);
    sent(&mailer, "over a new connection").await;
}

#[tokio::test]
async fn connections_are_used_again_and_are_few() {
    let sink = SmtpSink::start().await;
    let mailer = Arc::new(mailer(&sink.url()));
    for _ in 0..5 {
        mailer.send(&reset("ada@example.com")).await.expect("is taken");
        sink.next().await;
    }
    assert_eq!(sink.connections(), 1);

    let mut sending = tokio::task::JoinSet::new();
    for i in 0..50 {
        let mailer = Arc::clone(&mailer);
        sending.spawn(async move { mailer.send(&reset(&format!("user-{i}@example.com"))).await });
    }
    for sent in sending.join_all().await {
        sent.expect("is taken");
    }
    let recipients: HashSet<_> = sink.mails().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(recipients.len(), 51);
    assert!(sink.connections() <= 4, "{} connections", sink.connections());

    // The server has had enough of idle connections: the next mail goes over a new one.
    let before = sink.connections();
    sink.reply(At::Noop, "421 4.4.2 you were idle");
    mailer.send(&reset("ada@example.com")).await.expect("connects anew");
    assert_eq!(sink.connections(), before + 1);
}

#[tokio::test]
async fn s1_without_starttls_a_server_gets_neither_password_nor_mail() {
    let sink = SmtpSink::start().await;
    for ehlo in ["250-sink\r\n250 AUTH PLAIN", "250-sink\r\n250-STARTTLS\r\n250 AUTH PLAIN"] {
        sink.reply(At::Ehlo, ehlo);
        let mailer = mailer(&format!("smtp://ada:s3same@{}", sink.addr()));
        let error = mailer.send(&reset("ada@example.com")).await.expect_err("no TLS");
        assert_eq!(error.kind(), MailErrorKind::Permanent, "{}", chain(&error));
    }
    let said: Vec<_> = sink.lines();
    assert!(said.iter().all(|line| ["EHLO", "STAR", "QUIT"].contains(&&line[..4])), "{said:?}");
}

#[tokio::test]
async fn b5_the_password_reaches_the_server_and_nobody_else() {
    let sink = SmtpSink::start().await;
    let url = format!("smtp+danger-plaintext://no-reply%40notes.example:s3s%40me%2F%23@{}", sink.addr());
    let mailer = mailer(&url);
    let (log, _guard) = Log::of_this_thread();
    mailer.send(&reset("ada@example.com")).await.expect("is taken");
    let expected = format!("AUTH PLAIN {}", STANDARD.encode("\0no-reply@notes.example\0s3s@me/#"));
    assert!(sink.lines().contains(&expected), "{:?}", sink.lines());

    sink.reply(At::Auth, "535 5.7.8 bad credentials");
    sink.reply(At::Noop, "421 4.4.2 you were idle");
    let error = mailer.send(&reset("ada@example.com")).await.expect_err("bad credentials");
    assert_eq!(error.kind(), MailErrorKind::Permanent);
    let shown = format!("{} {mailer:?} {:?} {}", chain(&error), reset("ada@example.com"), log.text());
    assert!(shown.contains("bad credentials") && shown.contains("smtp+danger-plaintext://[redacted]@127.0.0.1"));
    for secret in ["s3s", "no-reply%40", TOKEN, &STANDARD.encode("\0no-reply@notes.example\0s3s@me/#")] {
        assert!(!shown.contains(secret), "`{secret}` in {shown}");
    }
}

#[tokio::test]
async fn b5_a_filter_that_quotes_the_link_does_not_bring_it_into_the_log() {
    let sink = SmtpSink::start().await;
    sink.reply(
        At::EndOfData,
        &format!("554-5.7.1 spam:\r\n554 5.7.1 <https://notes.example/reset?a=1&token={TOKEN}> is listed"),
    );
    let error = mailer(&sink.url()).send(&reset("ada@example.com")).await.expect_err("is refused");
    assert_eq!(error.kind(), MailErrorKind::Permanent);
    let shown = chain(&error);
    assert!(shown.contains("554") && shown.contains("is listed") && !shown.contains(TOKEN), "{shown}");
}
