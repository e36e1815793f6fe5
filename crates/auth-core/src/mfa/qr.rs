//! The QR code of an [`OtpauthUrl`], as SVG that a page can show as it is.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

use super::totp::OtpauthUrl;
use crate::secret::secret_text;

/// The light border that scanners need, in modules (ISO/IEC 18004).
const QUIET_ZONE: i32 = 4;

secret_text! {
    /// A QR code as an SVG image: it contains the secret. Black on white whatever the page looks like, of any size, without
    /// script or style, so that it needs no exception in a content security policy.
    QrSvg
}

/// Draws `url`.
///
/// # Errors
/// [`TooLong`] for a URL of more than 2331 bytes; [`TotpSecret::otpauth_url`] makes none.
///
/// [`TotpSecret::otpauth_url`]: super::totp::TotpSecret::otpauth_url
pub(crate) fn render(url: &OtpauthUrl) -> Result<QrSvg, TooLong> {
    let code = QrCode::encode_text(url.expose_secret(), QrCodeEcc::Medium).map_err(|_| TooLong)?;
    let modules = dark_modules(&code);
    let size = code.size() + 2 * QUIET_ZONE;
    Ok(QrSvg::new(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\" \
         role=\"img\"><title>QR code for an authenticator app</title><rect width=\"{size}\" height=\"{size}\" \
         fill=\"#fff\"/><path fill=\"#000\" d=\"{modules}\"/></svg>"
    )))
}

/// A URL that no QR code can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL is too long for a QR code")]
pub(crate) struct TooLong;

/// One rectangle for each horizontal run of dark modules.
fn dark_modules(code: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            // Beyond the edge all modules are light.
            let run = (x..).take_while(|x| code.get_module(*x, y)).fold(0, |run, _| run + 1);
            if run > 0 {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET_ZONE, y + QUIET_ZONE);
            }
            x += run + 1;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mfa::totp::TotpSecret;

    const TITLE: &str = "QR code for an authenticator app";

    fn url(issuer: &str, account: &str) -> OtpauthUrl {
        let secret = TotpSecret::parse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").expect("a secret");
        secret.otpauth_url(issuer, account).expect("an account")
    }

    /// The number between `start` and `end`.
    fn number_in(svg: &str, start: &str, end: &str) -> usize {
        let (_, rest) = svg.split_once(start).expect(start);
        rest.split_once(end).expect(end).0.parse().expect("a number")
    }

    /// The side of the image, and its dark modules: a renderer for what `render` writes.
    fn modules(svg: &str) -> (usize, Vec<Vec<bool>>) {
        let size = number_in(svg, "viewBox=\"0 0 ", " ");
        let mut dark = vec![vec![false; size]; size];
        let (_, path) = svg.split_once(" d=\"").expect("a path");
        for rectangle in path.split_once('"').expect("an end").0.split_terminator('z') {
            let (x, y) = (number_in(rectangle, "M", " "), number_in(rectangle, " ", "h"));
            let run = number_in(rectangle, "h", "v1h-");
            assert!(rectangle.ends_with(&format!("h{run}v1h-{run}")), "{rectangle}");
            dark[y][x..x + run].fill(true);
        }
        (size, dark)
    }

    /// What a camera sees: four pixels a module.
    fn scan(svg: &str) -> String {
        const SCALE: usize = 4;
        let (size, dark) = modules(svg);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(size * SCALE, size * SCALE, |x, y| {
            if dark[y / SCALE][x / SCALE] { 0 } else { 255 }
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one code in the image");
        grids[0].decode().expect("readable").1
    }

    #[test]
    fn a_scanner_reads_the_url_back() {
        for (issuer, account) in [
            ("Example", "ada@example.com"),
            ("Señor Ünïcode & Söhne", "ада@пример.example"),
            (&*"界".repeat(40), &*format!("{}@example.com", "界".repeat(80))),
        ] {
            let url = url(issuer, account);
            let svg = render(&url).expect("fits");
            assert_eq!(scan(svg.expose_secret()), url.expose_secret());
        }
    }

    #[test]
    fn the_quiet_zone_is_four_modules_of_white() {
        let svg = render(&url("Example", "ada@example.com")).expect("fits");
        let (size, dark) = modules(svg.expose_secret());
        for (y, row) in dark.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let in_border = [x, y].iter().any(|at| *at < 4 || *at >= size - 4);
                assert!(!(in_border && *dark), "dark at {x},{y}");
            }
        }
        assert!(dark[4][4] && dark[4][size - 5] && dark[size - 5][4], "finder patterns touch the border");
        assert!(svg.expose_secret().contains(&format!("<rect width=\"{size}\" height=\"{size}\" fill=\"#fff\"/>")));
    }

    #[test]
    fn m3_the_svg_has_a_title_one_path_and_no_text_of_the_secret() {
        let svg = render(&url("Example", "ada@example.com")).expect("fits");
        let text = svg.expose_secret();
        assert!(text.contains(&format!("role=\"img\"><title>{TITLE}</title>")));
        assert_eq!(text.matches("<path").count(), 1);
        for absent in ["GEZDG", "otpauth", "Example", "ada", "script", "style", "href", " on"] {
            let without_title = text.replace(TITLE, "");
            assert!(!without_title.contains(absent), "{absent}");
        }
        assert_eq!(format!("{svg:?}"), "QrSvg([redacted])");
    }

    #[test]
    fn a_url_that_does_not_fit_is_an_error() {
        assert_eq!(render(&OtpauthUrl::new("x".repeat(2332))).map(|_| ()), Err(TooLong));
    }
}
