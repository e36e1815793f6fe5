//! Answers, held against the OpenAPI document of the routes: nothing may be answered that is not described.

use std::collections::BTreeSet;

use auth_core::Auth;
use auth_testkit::contract::{Exchange, Response};
use serde_json::{Value, json};

/// Headers that are part of an answer's meaning: where one comes, the description has it.
const TELLING: [&str; 5] = ["location", "retry-after", "set-cookie", "www-authenticate", "referrer-policy"];

/// What a document says.
#[derive(Debug)]
pub struct Described {
    document: Value,
    prefix: String,
}

impl Described {
    /// The document of these routes, which are mounted at `prefix`.
    #[must_use]
    pub fn by(auth: &Auth, prefix: &str) -> Self {
        let document = serde_json::to_value(auth.openapi()).expect("JSON");
        Self { document, prefix: prefix.to_owned() }
    }

    /// # Panics
    /// When one of them has an answer that is not described. Paths of the app are passed over.
    pub fn assert_all(&self, exchanges: &[Exchange]) {
        for exchange in exchanges {
            if let Err(problem) = self.check(exchange) {
                panic!("the description of {} {}: {problem}\n{}", exchange.method, exchange.target, exchange.response);
            }
        }
    }

    fn check(&self, exchange: &Exchange) -> Result<(), String> {
        let (path, query) = exchange.target.split_once('?').unwrap_or((&exchange.target, ""));
        let Some(item) = path.strip_prefix(&self.prefix).and_then(|path| self.item(path)) else { return Ok(()) };
        let response = &exchange.response;
        let method = if exchange.method == "HEAD" { "get".to_owned() } else { exchange.method.to_lowercase() };
        let Some(operation) = item.get(&method) else {
            return if response.status == 405 { Ok(()) } else { Err("has no such method".to_owned()) };
        };
        let answers = &operation["responses"];
        let answer = answers.get(response.status.to_string());
        let answer = answer.ok_or_else(|| format!("has no {}, only {:?}", response.status, keys(answers)))?;
        let titles: BTreeSet<_> = keys(&answer["headers"]).iter().map(|title| title.to_lowercase()).collect();
        // Those of a token in the query come on top of all answers: the security scheme says so.
        let is_of_query = |name: &str| name == "referrer-policy" && query.contains("access");
        for name in TELLING.iter().filter(|name| !response.all(name).is_empty() && !is_of_query(name)) {
            if !titles.contains(*name) {
                return Err(format!("has no header {name} at {}", response.status));
            }
        }
        if exchange.method == "HEAD" { Ok(()) } else { self.check_body(answer, response) }
    }

    fn item(&self, path: &str) -> Option<&Value> {
        let is_like = |template: &str| {
            let mut segments = template.split('/').zip(path.split('/'));
            template.matches('/').count() == path.matches('/').count()
                && segments.all(|(template, segment)| template.starts_with('{') || template == segment)
        };
        let paths = self.document["paths"].as_object().expect("paths");
        paths.iter().find(|(template, _)| is_like(template)).map(|(_, item)| item)
    }

    fn check_body(&self, answer: &Value, response: &Response) -> Result<(), String> {
        let Some(content) = answer.pointer("/content/application~1json") else {
            return if response.body.is_empty() { Ok(()) } else { Err("has no body here".to_owned()) };
        };
        if response.header("content-type").as_deref() != Some("application/json") {
            return Err("has JSON here".to_owned());
        }
        let body = response.json();
        // References lead to the components of the document.
        let schema = json!({"allOf": [content["schema"]], "components": self.document["components"]});
        let validator = jsonschema::validator_for(&schema).map_err(|error| format!("no schema: {error}"))?;
        validator.validate(&body).map_err(|error| format!("another body: {error} at {}", error.instance_path()))?;
        match body.pointer("/errors/0/extensions/code") {
            Some(code) if !self.codes(content).contains(&code) => Err(format!("has no {code} here")),
            _ => Ok(()),
        }
    }

    fn codes<'a>(&self, content: &'a Value) -> Vec<&'a Value> {
        let examples = content["examples"].as_object().into_iter().flat_map(|examples| examples.values());
        examples.filter_map(|example| example.pointer("/value/errors/0/extensions/code")).collect()
    }
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().map(|members| members.keys().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use auth_core::AuthConfig;
    use auth_core::store::memory::MemoryStore;

    use super::*;

    fn described() -> Described {
        let mut config = AuthConfig::new("k7Vq0mJ2xR9sT4uW6yZ8aB1cD3eF5gH7");
        config.hash_threads = 1;
        let auth = Auth::builder(MemoryStore::new()).config(config).build().expect("a configuration");
        Described::by(&auth, "/api")
    }

    fn exchange(line: &str, status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        Exchange { method: method.to_owned(), target: target.to_owned(), response }
    }

    #[test]
    fn what_is_not_described_is_found() {
        const JSON: (&str, &str) = ("content-type", "application/json");
        let error = |code: &str| format!(r#"{{"errors":[{{"message":"","extensions":{{"code":"{code}"}}}}]}}"#);
        let (good, other) = (error("INVALID_CREDENTIALS"), error("INVALID_TOKEN"));
        let login = "POST /api/auth/login";
        for (line, status, headers, body, is_described) in [
            (login, 200, vec![JSON], r#"{"data":{"expires":900000}}"#, true),
            (login, 200, vec![JSON], r#"{"data":{"expires":"900000"}}"#, false),
            (login, 200, vec![JSON], r#"{"data":{"expires":900000,"more":1}}"#, false),
            (login, 200, vec![], r#"{"data":{"expires":900000}}"#, false),
            (login, 201, vec![JSON], r#"{"data":{"expires":900000}}"#, false),
            (login, 401, vec![JSON], &good, true),
            (login, 401, vec![JSON], &other, false),
            (login, 401, vec![JSON, ("set-cookie", "x")], &good, false),
            ("PUT /api/auth/login", 405, vec![JSON], "", true),
            ("PUT /api/auth/login", 200, vec![JSON], "", false),
            ("POST /api/auth/logout", 204, vec![("set-cookie", "x")], "", true),
            ("POST /api/auth/logout", 204, vec![], "text", false),
            ("DELETE /api/auth/sessions/one", 204, vec![], "", true),
            ("DELETE /api/auth/sessions/one", 200, vec![], "", false),
            ("HEAD /api/auth?x=1", 200, vec![JSON], "", true),
            ("POST /open", 999, vec![], "not ours", true),
        ] {
            let checked = described().check(&exchange(line, status, &headers, body));
            assert_eq!(checked.is_ok(), is_described, "{line} {status} {headers:?} {body}: {checked:?}");
        }
    }
}
