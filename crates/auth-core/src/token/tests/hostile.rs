//! Whole tokens of attackers, as a table: refused as every kind of token, without asking anybody on the net.

use std::io::ErrorKind;
use std::net::TcpListener;

use super::*;

/// The public key of RFC 7515 A.2 as attackers feed it to HMAC: PEM with and without its last newline, and DER.
const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\n\
    NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\n\
    P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\n\
    9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\n\
    EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\n\
    FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\n\
    oQIDAQAB\n\
    -----END PUBLIC KEY-----\n";

/// Says whose net this is: whoever fetches what a header names, comes here.
struct Listener(TcpListener);

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        Self(listener)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.0.local_addr().expect("bound"))
    }

    fn was_asked(&self) -> bool {
        !matches!(self.0.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Headers that are refused although the signature is that of our key, but for those that are only ignored.
fn headers(listener: &Listener) -> Vec<(&'static str, String)> {
    let member = |name: &str, value: Value| format!(r#"{{"alg":"HS256","typ":"JWT","{name}":{value}}}"#);
    let mut headers = vec![
        ("alg twice, none last", r#"{"alg":"HS256","typ":"JWT","alg":"none"}"#.to_owned()),
        ("alg twice, none first", r#"{"alg":"none","typ":"JWT","alg":"HS256"}"#.to_owned()),
        ("alg twice, the same", r#"{"alg":"HS256","alg":"HS256"}"#.to_owned()),
        ("alg twice, one escaped", r#"{"alg":"HS256","\u0061lg":"none"}"#.to_owned()),
        ("no alg", r#"{"typ":"JWT"}"#.to_owned()),
        ("alg null", r#"{"alg":null}"#.to_owned()),
        ("alg a list", r#"{"alg":["HS256","none"]}"#.to_owned()),
        ("alg a number", r#"{"alg":0}"#.to_owned()),
        ("Alg in another case", r#"{"ALG":"HS256"}"#.to_owned()),
        ("no object", "[]".to_owned()),
        ("a string", r#""HS256""#.to_owned()),
        ("nothing", String::new()),
        ("white space and more", r#"{"alg":"HS256"}{"alg":"none"}"#.to_owned()),
        ("nested too deep", format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(3000), "]".repeat(3000))),
        ("crit of b64", r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#.to_owned()),
        ("crit of what we know", member("crit", json!(["exp"]))),
        ("b64 without crit", member("b64", json!(false))),
        ("a token in a token", member("cty", json!("JWT"))),
        ("compressed", member("zip", json!("DEF"))),
        ("encrypted", r#"{"alg":"dir","enc":"A128CBC-HS256"}"#.to_owned()),
        ("encrypted, by our algorithm", member("enc", json!("A256GCM"))),
        ("kid as a path", member("kid", json!("../../../../dev/null"))),
        ("kid as a file URL", member("kid", json!("file:///dev/null"))),
        ("kid as a URL", member("kid", json!(listener.url("kid")))),
        ("kid as SQL", member("kid", json!("x' UNION SELECT 'k' --"))),
        ("kid as a command", member("kid", json!("x;$(id)|`id`"))),
        ("kid with NUL", member("kid", json!("\u{0}"))),
        ("kid empty", member("kid", json!(""))),
        ("kid a number", member("kid", json!(0))),
    ];
    for alg in ["none", "None", "NONE", "nOnE", "NoNe", "hs256", "Hs256", "HS256\u{0}", " HS256", "HS384", "HS512"] {
        headers.push(("alg", json!({ "alg": alg }).to_string()));
    }
    for alg in
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "RSA1_5"]
    {
        headers.push(("alg of another kind of key", json!({ "alg": alg, "typ": "JWT" }).to_string()));
    }
    headers
}

/// Tokens that no key of ours signed.
fn unsigned(listener: &Listener) -> Vec<(&'static str, String)> {
    const EVIL: &str = "evil-secret-evil-secret-evil-secre";
    let evil = json!({ "kty": "oct", "alg": "HS256", "k": encode(EVIL) });
    let payload = encode(claims().to_string());
    let good = forge(HEADER, &claims().to_string());
    let [header, _, signature] = good.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let signed = |header: Value, secret: &str| sign_with(secret, &format!("{}.{payload}", encode(header.to_string())));
    let der = PUBLIC_PEM.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let der = base64::engine::general_purpose::STANDARD.decode(der).expect("base64");
    let by_der = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &der), format!("{header}.{payload}").as_bytes());
    vec![
        ("by the public key", sign_with(PUBLIC_PEM, &format!("{header}.{payload}"))),
        ("by the public key, trimmed", sign_with(PUBLIC_PEM.trim_end(), &format!("{header}.{payload}"))),
        ("by the public key in DER", format!("{header}.{payload}.{}", encode(by_der))),
        ("by an empty key", sign_with("", &format!("{header}.{payload}"))),
        ("by its own jwk", signed(json!({ "alg": "HS256", "jwk": evil }), EVIL)),
        ("by a key to fetch", signed(json!({ "alg": "HS256", "jku": listener.url("jwks.json") }), EVIL)),
        ("by a certificate to fetch", signed(json!({ "alg": "HS256", "x5u": listener.url("cert.pem") }), EVIL)),
        ("by its own certificate", signed(json!({ "alg": "HS256", "x5c": [encode(&der)] }), EVIL)),
        ("none, without a signature", format!("{}.{payload}.", encode(r#"{"alg":"none"}"#))),
        ("none, with that of another", format!("{}.{payload}.{signature}", encode(r#"{"alg":"none"}"#))),
        ("ours, without a signature", format!("{header}.{payload}.")),
        ("of zeros", format!("{header}.{payload}.{}", encode([0; 32]))),
        ("one byte short", format!("{header}.{payload}.{}", encode([0; 31]))),
        ("one byte long", format!("{header}.{payload}.{}", encode([0; 33]))),
        (
            "five parts, as if encrypted",
            format!("{}..{payload}.{payload}.{signature}", encode(r#"{"alg":"dir","enc":"A256GCM"}"#)),
        ),
        ("five parts of a good one", format!("{good}.{payload}.{signature}")),
        ("four parts", format!("{good}.{signature}")),
        ("a token as payload", forge(HEADER, &good)),
        ("a token as payload, quoted", forge(HEADER, &json!(good).to_string())),
    ]
}

#[test]
fn j1_j2_j3_j4_hostile_tokens_are_refused_and_nothing_is_fetched() {
    let (keys, listener) = (keys(), Listener::new());
    let payloads = [claims().to_string(), with("session", json!("s")), with("kind", json!("enrol"))];
    let mut tokens = unsigned(&listener);
    for (name, header) in headers(&listener) {
        tokens.extend(payloads.iter().map(|payload| (name, forge(&header, payload))));
    }
    for (name, token) in &tokens {
        let verdicts = [
            keys.verify_bearer(token, now()).map(drop),
            keys.verify_access(token, now()).map(drop),
            keys.verify_enrol(token, now()).map(drop),
            keys.verify_session(token, now()).map(drop),
        ];
        assert_eq!(verdicts, [Err(TokenProblem::Invalid); 4], "{name}: {token}");
    }
    assert!(!listener.was_asked());
}

/// A name as long as a book is refused before it is decoded, and one within the limit before it is looked up.
#[test]
fn j4_j12_a_long_kid_is_refused() {
    for length in [65, 4000, 1 << 20] {
        let header = json!({ "alg": "HS256", "kid": "k".repeat(length) }).to_string();
        assert_eq!(verdict(&forge(&header, &claims().to_string())), Err(TokenProblem::Invalid), "{length}");
    }
}

#[test]
fn j4_what_a_header_names_is_never_fetched() {
    let listener = Listener::new();
    for member in ["jku", "x5u"] {
        let mut header = json!({ "alg": "HS256" });
        header[member] = json!(listener.url("jwks.json"));
        // Ours, so the member is only ignored.
        assert_eq!(verdict(&forge(&header.to_string(), &claims().to_string())), Ok(()), "{member}");
    }
    assert!(!listener.was_asked());
}

#[test]
fn j13_no_token_of_ours_is_signed_with_rsa() {
    for kind in [TokenKind::Access, TokenKind::Session, TokenKind::Enrol] {
        let start = kind.start("HS256", None);
        let header = URL_SAFE_NO_PAD.decode(start.trim_end_matches('.')).expect("base64");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        assert_eq!(header["alg"], "HS256", "{kind:?}");
    }
}
