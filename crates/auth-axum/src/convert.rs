//! Between the types of `http` and those of `auth-core`.

use std::net::SocketAddr;

use auth_core::http::{HeaderLines, QueryToken, Reply, RequestHead, StrippedQuery};
use axum::extract::{ConnectInfo, OriginalUri};
use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};

/// The header lines of a request.
pub(crate) struct Lines<'a>(pub(crate) &'a HeaderMap);

impl HeaderLines for Lines<'_> {
    fn each<'a>(&'a self, name: &str, line: &mut dyn FnMut(&'a [u8])) {
        self.0.get_all(name).iter().for_each(|value| line(value.as_bytes()));
    }
}

/// What the core may see of a request.
pub(crate) fn head<'a>(
    method: &'a Method,
    uri: &'a Uri,
    extensions: &'a Extensions,
    headers: &'a Lines<'_>,
) -> RequestHead<'a> {
    RequestHead {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query(),
        authority: uri.authority().map(|authority| authority.as_str()),
        peer: extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip()),
        stripped: extensions.get::<QueryToken>(),
        headers,
    }
}

/// Takes the access token out of the URI, and keeps it for guards further in.
pub(crate) fn strip<B>(request: &mut Request<B>, stripped: StrippedQuery) {
    let query = stripped.query.as_deref();
    replace_query(request.uri_mut(), query);
    if let Some(OriginalUri(original)) = request.extensions_mut().get_mut::<OriginalUri>() {
        replace_query(original, query);
    }
    request.extensions_mut().insert(stripped.token);
}

fn replace_query(uri: &mut Uri, query: Option<&str>) {
    let path = uri.path();
    let path_and_query = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = std::mem::take(uri).into_parts();
    // A part of a valid URI is valid; should it ever not be, the token must not stay.
    parts.path_and_query = Some(path_and_query.parse().unwrap_or(PathAndQuery::from_static("/")));
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

/// The reply as a response.
pub(crate) fn response<B: From<Vec<u8>>>(reply: Reply) -> Response<B> {
    let mut response = Response::new(B::from(Vec::new()));
    *response.status_mut() = StatusCode::from_u16(reply.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    *response.body_mut() = B::from(reply.into_body());
    response
}

/// Puts headers of the core in place of those that a response has.
pub(crate) fn replace_headers(headers: &mut HeaderMap, ours: &[(&'static str, &'static str)]) {
    for (name, value) in ours {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
