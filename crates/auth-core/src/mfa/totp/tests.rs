use proptest::prelude::*;

use super::*;
use crate::mfa::otp::Otp;
use crate::rng::SystemRandom;
use crate::vectors;

/// The secret of RFC 6238 appendix B, `12345678901234567890`.
const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
/// Ten bytes, as Directus (through otplib) makes them; the example in the documents of many libraries.
const DIRECTUS_SECRET: &str = "JBSWY3DPEHPK3PXP";

fn secret(base32: &str) -> TotpSecret {
    TotpSecret::parse(base32).expect("a secret")
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn code(text: &str) -> TotpCode {
    TotpCode::parse(text).expect("six digits")
}

/// The first second of a step.
fn start_of(step: u64) -> Timestamp {
    at(i64::try_from(step * PERIOD).expect("fits"))
}

#[test]
fn the_codes_are_those_of_rfc_6238() {
    const FILE: &str = "rfc/rfc6238_appendix_b.json";
    let (mut cases, mut run) = (0, 0);
    for test in vectors::read(FILE)["tests"].as_array().expect("a list") {
        cases += 1;
        if vectors::exception(FILE, &test["alg"]).is_some() {
            continue;
        }
        run += 1;
        let secret =
            TotpSecret::from_bytes(&vectors::hex(test["seed_hex"].as_str().expect("a seed"))).expect("a secret");
        let (secs, six_digits) = (test["time"].as_i64().expect("a time"), test["totp6"].as_str().expect("a code"));
        let step = Step(u64::try_from(secs).expect("positive") / PERIOD);
        assert_eq!(secret.code_at(step).as_str(), six_digits, "{secs}");
        assert_eq!(secret.matching_step(&code(six_digits), at(secs), 0), Some(step), "{secs}");
    }
    assert_eq!((cases, run), (18, 6));
}

/// A counter of RFC 4226 is a step of ours.
#[test]
fn the_codes_are_those_of_rfc_4226() {
    let file = vectors::read("rfc/rfc4226_appendix_d.json");
    let secret =
        TotpSecret::from_bytes(&vectors::hex(file["secret_hex"].as_str().expect("a secret"))).expect("a secret");
    let codes = file["hotp"].as_array().expect("a list");
    for (counter, expected) in (0..).zip(codes) {
        assert_eq!(secret.code_at(Step(counter)).as_str(), expected, "{counter}");
    }
    assert_eq!(codes.len(), 10);
}

#[test]
fn secrets_of_80_bits_verify() {
    for (secs, expected) in [(0, "282760"), (30, "996554"), (1_700_000_000, "324550")] {
        let step = secret(DIRECTUS_SECRET).matching_step(&code(expected), at(secs), 0);
        assert_eq!(step, Some(Step::at(at(secs))), "{secs}");
    }
}

#[test]
fn m2_the_window_is_the_current_step_and_at_most_one_either_side() {
    let secret = secret(RFC_SECRET);
    let now = Step(1_111_111_109 / 30).0;
    for (step, window, accepted) in [
        (now - 2, 1, false),
        (now - 1, 1, true),
        (now, 1, true),
        (now + 1, 1, true),
        (now + 2, 1, false),
        (now - 1, 0, false),
        (now, 0, true),
        (now + 1, 0, false),
        (now - 2, 2, false),
        (now + 2, u8::MAX, false),
    ] {
        let code = secret.code_at(Step(step));
        for moment in [start_of(now), start_of(now).after(std::time::Duration::from_millis(29_999))] {
            let expected = accepted.then_some(Step(step));
            assert_eq!(secret.matching_step(&code, moment, window), expected, "{step} at {now}, window {window}");
        }
    }
}

#[test]
fn m2_the_first_step_has_no_earlier_one() {
    let secret = secret(DIRECTUS_SECRET);
    assert_eq!(secret.matching_step(&code("282760"), at(0), 1), Some(Step(0)));
    assert_eq!(secret.matching_step(&code("996554"), at(0), 1), Some(Step(1)));
    assert_eq!(secret.matching_step(&code("282760"), at(-60), 1), Some(Step(0)), "a clock before 1970");
    assert_eq!(secret.matching_step(&code("282760"), Timestamp::from_millis(i64::MAX), 1), None);
}

#[test]
fn m6_leading_zeros_count() {
    let secret = secret(DIRECTUS_SECRET);
    assert_eq!(secret.matching_step(&code("000994"), start_of(56_666_764), 0), Some(Step(56_666_764)));
    assert!(TotpCode::parse("994").is_none());
}

#[test]
fn m6_every_step_of_the_window_is_tried_and_the_later_of_two_counts() {
    const STEP: u64 = 56_666_666;
    // Found by search: the same code at the step before and the step after; at the step before and the current one.
    for (base32, same, latest) in
        [("AAAAAAAAAAAAAAAAAAAAAAAAAAABN4PE", "344596", STEP + 1), ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAHKFM", "138437", STEP)]
    {
        assert_eq!(secret(base32).code_at(Step(STEP - 1)).as_str(), same);
        assert_eq!(secret(base32).matching_step(&code(same), start_of(STEP), 1), Some(Step(latest)));
    }
}

#[test]
fn m3_a_new_secret_has_160_bits_and_is_another_each_time() {
    let random = SystemRandom::new();
    let (one, two) = (TotpSecret::generate(&random).expect("random"), TotpSecret::generate(&random).expect("random"));
    assert_eq!(one.expose_bytes().len() * 8, 160);
    assert_eq!(one.expose_secret().len(), 32);
    assert!(!one.same_as(&two));
}

#[test]
fn m3_no_secret_without_randomness() {
    #[derive(Debug)]
    struct Dry;
    impl SecureRandom for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    assert_eq!(TotpSecret::generate(&Dry).map(|_| ()), Err(RandomError));
}

#[test]
fn a_secret_is_read_as_people_type_it() {
    for typed in [
        RFC_SECRET,
        &RFC_SECRET.to_lowercase(),
        "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
        "gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq\n",
        " GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ== ==",
    ] {
        assert!(secret(typed).same_as(&secret(RFC_SECRET)), "{typed:?}");
    }
    assert_eq!(secret("MFRGGZDFMZTWQ2LKNM======").expose_bytes(), b"abcdefghijk");
}

#[test]
fn other_text_is_no_secret() {
    let (too_short, too_long) = (base32::encode(RFC4648, &[1; 9]), base32::encode(RFC4648, &[1; 65]));
    for text in [
        "", "====", &too_short, &too_long, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQG",
        "GEZDGNBVGY3TQOJQ=EZDGNBVGY3TQOJQ", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJé", "12345678901234567890",
    ] {
        assert_eq!(TotpSecret::parse(text).map(|_| ()), Err(InvalidTotpSecret), "{text:?}");
    }
    for bytes in [10, 64] {
        assert!(TotpSecret::parse(&base32::encode(RFC4648, &vec![1; bytes])).is_ok(), "{bytes}");
    }
}

#[test]
fn the_url_is_what_authenticator_apps_read() {
    for (issuer, account, label, parameter) in [
        ("Example", "ada@example.com", "Example:ada%40example.com", "Example"),
        (
            "My App & Söhne",
            "a+b c@x.org",
            "My%20App%20%26%20S%C3%B6hne:a%2Bb%20c%40x.org",
            "My%20App%20%26%20S%C3%B6hne",
        ),
        ("a:b", "c:d/e?f#g@x.org", "a-b:c-d%2Fe%3Ff%23g%40x.org", "a-b"),
        (
            "https://auth.example.com:8443/", "100%@x.org", "auth.example.com-8443:100%25%40x.org",
            "auth.example.com-8443",
        ),
        (" line\r\nbreak ", "ada\0@x.org", "linebreak:ada%40x.org", "linebreak"),
    ] {
        let url = secret(RFC_SECRET).otpauth_url(issuer, account).expect("an account");
        let expected =
            format!("otpauth://totp/{label}?secret={RFC_SECRET}&issuer={parameter}&algorithm=SHA1&digits=6&period=30");
        assert_eq!(url.expose_secret(), expected);
    }
}

#[test]
fn the_url_without_an_issuer_or_an_account() {
    let url = secret(DIRECTUS_SECRET).otpauth_url(" ", "ada").expect("an account");
    assert_eq!(url.expose_secret(), "otpauth://totp/ada?secret=JBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30");
    assert_eq!(secret(DIRECTUS_SECRET).otpauth_url("Example", "\n ").map(|_| ()), Err(NoAccountName));
}

#[test]
fn long_names_are_cut_between_characters() {
    let url = secret(RFC_SECRET).otpauth_url(&"é".repeat(500), &"界".repeat(500)).expect("an account");
    let totp = Totp::from_url(url.expose_secret()).expect("reads back");
    assert_eq!(totp.issuer(), Some(&*"é".repeat(32)));
    assert_eq!(totp.account_name(), "界".repeat(84));
}

#[test]
fn debug_shows_no_secret() {
    let secret = secret(RFC_SECRET);
    let url = secret.otpauth_url("Example", "ada").expect("an account");
    assert_eq!(format!("{secret:?} {url:?}"), "TotpSecret([redacted]) OtpauthUrl([redacted])");
}

proptest! {
    #[test]
    fn every_secret_reads_back(bytes in proptest::collection::vec(any::<u8>(), 10..=64)) {
        let secret = TotpSecret::from_bytes(&bytes).expect("80 to 512 bits");
        let text = secret.expose_secret();
        prop_assert!(text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)));
        prop_assert!(TotpSecret::parse(&text).expect("reads").same_as(&secret));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "\\PC{0,120}") {
        if let Ok(secret) = TotpSecret::parse(&text) {
            prop_assert!((10..=64).contains(&secret.expose_bytes().len()));
        }
    }

    #[test]
    fn m2_a_code_is_accepted_for_its_step_and_no_other(
        bytes: [u8; 20], now in 2..10_000_000_000_u64, off in -2..=2_i64, window in 0..=1_u8,
    ) {
        let secret = TotpSecret::from_bytes(&bytes).expect("160 bits");
        let step = Step(now.saturating_add_signed(off));
        let code = secret.code_at(step);
        let mut in_window = (now - u64::from(window)..=now + u64::from(window)).map(Step);
        // Two steps may have the same code.
        let expected = in_window.rfind(|step| secret.code_at(*step).as_str() == code.as_str());
        let start = i64::try_from(now * PERIOD).expect("fits");
        prop_assert_eq!(secret.matching_step(&code, at(start), window), expected);
        if off.unsigned_abs() <= u64::from(window) {
            prop_assert!(expected.is_some());
        }
    }

    #[test]
    fn m6_what_is_typed_is_judged_as_totp_rs_judges_it(bytes: [u8; 20], guess in "[0-9]{6}", secs in 0..2_000_000_000_i64) {
        let secret = TotpSecret::from_bytes(&bytes).expect("160 bits");
        let theirs = secret.builder().with_skew(0).build().expect("160 bits").check(&guess, secs.unsigned_abs());
        let Some(Otp::Code(guess)) = Otp::parse(&guess) else { panic!("six digits") };
        prop_assert_eq!(secret.matching_step(&guess, at(secs), 0).map(|step| step.0), theirs);
    }

    #[test]
    fn the_url_reads_back_with_any_names(issuer in "\\PC{0,40}", account in "[^:\\p{C}]{1,40}", bytes: [u8; 20]) {
        prop_assume!(!account.trim().is_empty());
        let secret = TotpSecret::from_bytes(&bytes).expect("160 bits");
        let url = secret.otpauth_url(&issuer, &account).expect("an account");
        prop_assert!(url.expose_secret().bytes().all(|b| b.is_ascii_graphic()));
        let totp = Totp::from_url(url.expose_secret()).expect("reads back");
        prop_assert_eq!(totp.account_name(), account.trim());
        prop_assert_eq!(totp.issuer().unwrap_or_default(), issuer_label(&issuer));
        prop_assert_eq!(totp.secret().as_bytes(), &bytes);
        prop_assert_eq!((totp.digits(), totp.step(), totp.algorithm()), (6, 30, Algorithm::SHA1));
    }
}
