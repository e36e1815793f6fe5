//! TLS to the mail server. Which certificates are trusted is up to the process (`SSL_CERT_FILE`), so each mail is sent by
//! this test in a process of its own.

use std::env;
use std::path::Path;
use std::sync::{Arc, Mutex};

use auth_core::mail::{Mailer as _, SmtpMailer};
use auth_testkit::mail::SmtpSink;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::{chain, from, reset};

const URL: &str = "AUTH_TESTS_SMTP_URL";
const SENT: &str = "OUTCOME: sent";
const FAILED: &str = "OUTCOME: ";

#[tokio::test]
async fn s1_mail_goes_over_tls_and_only_to_the_server_it_is_for() {
    if let Ok(url) = env::var(URL) {
        return send(&url).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (Authority::new(), Authority::new());
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, ours.0.pem()).expect("is written");

    for starttls in [false, true] {
        for (server, trusted) in [
            (ours.certify("127.0.0.1"), true),
            (theirs.certify("127.0.0.1"), false),
            (ours.certify("mail.example"), false),
        ] {
            let sink = SmtpSink::start().await;
            let proxy = TlsProxy::start(server, &sink, starttls).await;
            let scheme = if starttls { "smtp" } else { "smtps" };
            let outcome = elsewhere(&format!("{scheme}://ada:s3same@127.0.0.1:{}", proxy.port), &roots).await;
            let what = format!("{scheme}, trusted: {trusted}: {outcome}\n{:?}", sink.lines());
            assert_eq!(outcome == SENT, trusted, "{what}");
            assert_eq!(sink.mails().len(), usize::from(trusted), "{what}");
            assert_eq!(sink.lines().iter().any(|line| line.starts_with("AUTH ")), trusted, "{what}");
            if !trusted {
                assert!(outcome.to_lowercase().contains("certificate"), "{what}");
            }
            let said = proxy.said_in_the_open();
            let expected: &[&str] = if starttls { &["EHLO notes.example", "STARTTLS"] } else { &[] };
            assert_eq!(said, expected, "before TLS");
        }
    }
}

/// In the other process.
async fn send(url: &str) {
    let mailer = SmtpMailer::from_url(url, from()).expect("a URL");
    match mailer.send(&reset("ada@example.com")).await {
        Ok(()) => println!("\n{SENT}"),
        Err(error) => println!("\n{FAILED}{}", chain(&error).replace('\n', " ")),
    }
}

/// Runs this test in another process, and says how it went there.
async fn elsewhere(url: &str, roots: &Path) -> String {
    let test = "tls::s1_mail_goes_over_tls_and_only_to_the_server_it_is_for";
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]).env(URL, url).env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    let output = command.output().await.expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find(|line| line.starts_with(FAILED)).unwrap_or_else(|| panic!("no outcome in {output:?}")).to_owned()
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate"))
    }

    fn certify(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).expect("a configuration");
        TlsAcceptor::from(Arc::new(config))
    }
}

/// TLS before the sink, from the first byte or after `STARTTLS`.
struct TlsProxy {
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl TlsProxy {
    async fn start(acceptor: TlsAcceptor, sink: &SmtpSink, starttls: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (said, sink) = (Arc::<Mutex<Vec<String>>>::default(), sink.addr());
        let heard = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut client = BufReader::new(client);
                let mut server = BufReader::new(TcpStream::connect(sink).await.expect("the sink is there"));
                if starttls {
                    prelude(&mut client, &heard).await;
                    // The greeting was given already.
                    server.read_line(&mut String::new()).await.expect("a greeting");
                }
                // A client that does not trust us goes away.
                if let Ok(mut client) = acceptor.accept(client.into_inner()).await {
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
            }
        });
        Self { port, said }
    }

    fn said_in_the_open(&self) -> Vec<String> {
        self.said.lock().expect("no panic").clone()
    }
}

async fn prelude(client: &mut BufReader<TcpStream>, heard: &Mutex<Vec<String>>) {
    client.write_all(b"220 proxy ESMTP\r\n").await.expect("the client is there");
    for reply in ["250-proxy\r\n250 STARTTLS\r\n", "220 2.0.0 go on\r\n"] {
        let mut line = String::new();
        client.read_line(&mut line).await.expect("a line");
        heard.lock().expect("no panic").push(line.trim_end().to_owned());
        client.write_all(reply.as_bytes()).await.expect("the client is there");
    }
}
