//! GraphQL: what is no request, or too much of one, is refused in bounded time, and nothing of it is done.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::contract::{Request, Response, Subject, operation};

/// Far more than any of it may take, also on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// A login with these aliases, right credentials.
fn login(s: &Subject, alias: &str) -> String {
    let login = operation("/auth/login", &Subject::credentials(s.user(), "json"));
    format!("{alias}: {}", login.trim_start_matches("mutation { ").trim_end_matches(" }"))
}

async fn sessions(s: &Subject) -> usize {
    s.store.list(&s.user().id, auth_core::Clock::now(&s.clock)).await.expect("lists").len()
}

/// C8: what may change something is a POST, and so is everything else.
pub async fn c8_only_post_is_answered(s: &Subject) {
    let path = s.path("/graphql/system");
    let document = operation("/auth/logout", &json!({}));
    let query: String = document.bytes().fold(String::new(), |mut query, byte| {
        let _ = write!(query, "%{byte:02X}");
        query
    });
    let body = json!({"query": document});
    for request in [
        Request::get(&path),
        Request::get(format!("{path}?query={query}")),
        Request::get(format!("{path}?query=%7Busers_me%7Bid%7D%7D")),
        Request::get(&path).json(&body),
        Request::new("PUT", &path).json(&body),
        Request::new("DELETE", &path),
        Request::new("PATCH", &path).json(&body),
        Request::new("OPTIONS", &path),
    ] {
        let response = s.send(request).await;
        response.expect_error(405, "METHOD_NOT_ALLOWED", "Method not allowed.");
        assert_eq!(response.header("allow").as_deref(), Some("POST"), "{response}");
    }
}

/// G10, C4: only what a page of another origin cannot send without asking first.
pub async fn g10_only_json_is_read(s: &Subject) {
    let document = format!("mutation {{ {} }}", login(s, "a"));
    let body = json!({"query": document}).to_string();
    let post = || Request::post(s.path("/graphql/system"));
    for content_type in [
        "text/plain", "text/plain; charset=application/json", "application/graphql",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json5", "",
    ] {
        let response = s.send(post().header("Content-Type", content_type).body(&body)).await;
        response.expect_error(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type, send application/json.");
    }
    s.send(post().body(&body)).await.expect_status(415);
    let twice = post().header("Content-Type", "application/json").header("Content-Type", "application/json");
    s.send(twice.body(&body)).await.expect_status(415);
    s.send(post().json_text(format!("[{body}]"))).await.expect_invalid("\"value\" must be of type object");
    s.send(post().json_text("\"{a}\"")).await.expect_invalid("\"value\" must be of type object");
    s.send(post().json_text("{\"query\":")).await.expect_status(400);
    s.send(post().json_text("{\"query\":\"{a}\",\"query\":\"{b}\"}")).await.expect_status(400);
    s.send(post().json_text("{\"query\":\"{a}\",\"variables\":{\"a\":1,\"a\":2}}")).await.expect_status(400);
    assert_eq!(sessions(s).await, 0);
}

/// G10: five megabytes are not read to their end.
pub async fn g10_a_large_body_is_refused(s: &Subject) {
    let body = |size: usize| json!({"query": format!("{{ users_me {{ id }} }}#{}", "x".repeat(size))}).to_string();
    let overhead = body(0).len();
    let fits = s.send(Request::post(s.path("/graphql/system")).json_text(body(16 * 1024 - overhead))).await;
    fits.expect_status(200);
    for size in [16 * 1024 - overhead + 1, 200_000] {
        let response = s.send(Request::post(s.path("/graphql/system")).json_text(body(size))).await;
        response.expect_error(413, "INVALID_PAYLOAD", "Invalid payload. request entity too large.");
    }
    let huge = Request::post(s.path("/graphql/system")).json_text(body(5 * 1024 * 1024)).unrecorded();
    if let Some(response) = s.send_at_all(huge).await {
        response.expect_status(413);
    }
    s.send(Request::get("/open")).await.expect_status(200);
}

/// Syntax, names, shapes: 400, and not even the half that is right is done.
pub async fn what_is_no_graphql_does_nothing(s: &Subject) {
    let login = login(s, "a");
    for document in [
        String::new(),
        "{".to_owned(),
        "}".to_owned(),
        "{}".to_owned(),
        "nonsense".to_owned(),
        "\u{0}".to_owned(),
        "{ users_me }".to_owned(),
        "{ users_me { id password } }".to_owned(),
        "{ nothing }".to_owned(),
        "subscription { users_me { id } }".to_owned(),
        "fragment f on Query { users_me { id } }".to_owned(),
        "{ ...f }".to_owned(),
        "{ users_me { id } } { users_me { id } }".to_owned(),
        "type Query { a: Int }".to_owned(),
        format!("mutation {{ {login} nothing }}"),
        format!("mutation {{ {login} "),
        format!("mutation {{ {login} auth_logout(mode: nonsense) }}"),
        format!("mutation {{ {login} auth_logout(mode: \"json\" refresh_token: 7) }}"),
        format!("mutation {{ {login} auth_logout(nothing: 1) }}"),
        format!("mutation {{ {login} auth_logout @nothing }}"),
        format!("mutation {{ {login} auth_logout {{ a }} }}"),
        format!("query {{ {login} }}"),
        "mutation { auth_login { access_token } }".to_owned(),
        "mutation { auth_login(email: \"a\") { access_token } }".to_owned(),
        "mutation { auth_login(email: null, password: \"a\") { access_token } }".to_owned(),
        "mutation { auth_login(email: [\"a\"], password: \"a\") { access_token } }".to_owned(),
        "mutation { auth_login(email: {a: 1}, password: \"a\") { access_token } }".to_owned(),
        "mutation { auth_login(email: a, password: \"a\") { access_token } }".to_owned(),
        "mutation { auth_login(email: \"a\", email: \"b\", password: \"a\") { access_token } }".to_owned(),
        "mutation { auth_login(email: \"\\ud800\", password: \"a\") { access_token } }".to_owned(),
    ] {
        s.send(s.graphql(&document).unrecorded()).await.expect_graphql_invalid();
    }
    for body in [
        json!({}),
        json!({"query": null}),
        json!({"query": 7}),
        json!({"query": ["{ users_me { id } }"]}),
        json!({"query": "{ users_me { id } }", "variables": []}),
        json!({"query": "{ users_me { id } }", "variables": "{}"}),
        json!({"query": "{ users_me { id } }", "operationName": 7}),
        json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}}),
        json!({"id": "1"}),
    ] {
        s.send(s.graphql_body(&body)).await.expect_graphql_invalid();
    }
    s.send(Request::post(s.path("/graphql/system"))).await.expect_graphql_invalid();
    assert_eq!(sessions(s).await, 0);
}

/// A variable of the wrong type, or one that is not there, is no password.
pub async fn variables_are_what_they_are_declared_to_be(s: &Subject) {
    let document = "mutation($email: String!, $password: String!, $mode: auth_mode) \
                    { auth_login(email: $email, password: $password, mode: $mode) { access_token } }";
    let right = json!({"email": s.user().email, "password": s.user().password, "mode": "json"});
    let with = |name: &str, value: Value| {
        let mut variables = right.clone();
        variables[name] = value;
        variables
    };
    for variables in [
        json!({}),
        json!(null),
        json!({"email": s.user().email}),
        with("email", json!(null)),
        with("email", json!(7)),
        with("email", json!([s.user().email])),
        with("email", json!({"a": s.user().email})),
        with("password", json!(true)),
        with("password", json!(null)),
        with("mode", json!("nonsense")),
        with("mode", json!(1)),
        with("mode", json!(["json"])),
    ] {
        let response = s.send(s.graphql_body(&json!({"query": document, "variables": variables})).unrecorded()).await;
        response.expect_graphql_invalid();
    }
    // A variable declared as an `Int!` that holds a text is let through by async-graphql: the argument is what counts.
    for document in [
        "mutation { auth_login(email: $email, password: \"a\") { access_token } }",
        "mutation($email: Nothing) { auth_login(email: \"a\", password: \"a\") { access_token } }",
        "mutation($email: String!, $email: String!) { auth_login(email: $email, password: \"a\") { access_token } }",
    ] {
        let response = s.send(s.graphql_body(&json!({"query": document, "variables": right})).unrecorded()).await;
        response.expect_graphql_invalid();
    }
    assert_eq!(sessions(s).await, 0);
    for variables in [right.clone(), with("mode", json!(null)), with("more", json!({"deep": [1, 2.5, null]}))] {
        let response = s.send(s.graphql_body(&json!({"query": document, "variables": variables}))).await;
        assert!(response.field("auth_login")["access_token"].is_string(), "{response}");
    }
    let default = "mutation($email: String!, $password: String! = \"a wrong password\") \
                   { auth_login(email: $email, password: $password) { access_token } }";
    let body = json!({"query": default, "variables": {"email": s.user().email}});
    let response = s.send(s.graphql_body(&body)).await;
    assert_eq!(response.json()["errors"][0]["extensions"]["code"], "INVALID_CREDENTIALS", "{response}");
}

/// `operationName`, and what is sent beside a request without meaning anything here.
pub async fn an_operation_is_chosen_by_its_name(s: &Subject) {
    let document = format!("query a {{ users_me {{ id }} }} mutation b {{ {} }}", login(s, "x"));
    for name in [json!(null), json!("c"), json!(""), json!("A")] {
        s.send(s.graphql_body(&json!({"query": document, "operationName": name}))).await.expect_graphql_invalid();
    }
    let body = json!({"query": "{ users_me { id } }", "operationName": "a"});
    s.send(s.graphql_body(&body)).await.expect_graphql_invalid();
    assert_eq!(sessions(s).await, 0);
    let a = s.send(s.graphql_body(&json!({"query": document, "operationName": "a"}))).await;
    assert_eq!(a.json()["errors"][0]["extensions"]["code"], "INVALID_CREDENTIALS", "{a}");
    assert_eq!(sessions(s).await, 0);
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": "0".repeat(64)}});
    let b = json!({"query": document, "operationName": "b", "extensions": extensions, "id": "x", "documentId": "y"});
    let b = s.send(s.graphql_body(&b)).await;
    assert!(b.field("x")["access_token"].is_string(), "{b}");
    assert_eq!(sessions(s).await, 1);
}

/// G1: however a second login is put in, both come to nothing, and no guess was made.
pub async fn g1_a_request_signs_in_once(s: &Subject) {
    let (a, b) = (login(s, "a"), login(s, "b"));
    let wrong = a.replace(&s.user().password, "a wrong password");
    for document in [
        format!("mutation {{ {a} {b} }}"),
        format!("mutation {{ {} }}", (0..9).map(|n| wrong.replacen('a', &format!("a{n}"), 1)).collect::<String>()),
        format!("mutation {{ {a} {b} @skip(if: true) }}").replace(") {", ") @include(if: false) {"),
        format!("mutation {{ {a} ... on Mutation {{ {b} }} }}"),
        format!("mutation {{ {a} ... @skip(if: true) {{ {b} }} }}"),
        format!("mutation {{ ...f ...f2 }} fragment f on Mutation {{ {a} }} fragment f2 on Mutation {{ {b} }}"),
        format!("mutation {{ {a} ...f }} fragment f on Mutation {{ ...g }} fragment g on Mutation {{ {b} }}"),
        format!("mutation {{ ...f }} fragment f on Mutation {{ {a} ... {{ ... {{ {b} }} }} }}"),
        format!("mutation x {{ {a} {b} }} mutation y {{ {a} }}"),
    ] {
        let reasons = s.send(s.graphql(&document).unrecorded()).await.expect_graphql_invalid();
        let reason = reasons[0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(reason == "A request may contain `auth_login` once." || document.contains("include"), "{reason}");
    }
    // One login under the same name twice is one to GraphQL, and to nobody else.
    let same = format!("mutation {{ {a} {a} }}");
    s.send(s.graphql(&same)).await.expect_graphql_invalid();
    // What is unknown to the rules of the server may be in a schema of the app: there it is the same.
    let merged = Request::post("/graphql").json(&json!({"query": format!("mutation {{ {a} {b} }}")}));
    s.send(merged).await.expect_graphql_invalid();
    assert_eq!(sessions(s).await, 0);
    let once = s.send(s.graphql(&format!("mutation x {{ {a} }}"))).await;
    assert!(once.field("a")["access_token"].is_string(), "no guess was counted\n{once}");
}

/// What nests, repeats or leads back to itself.
fn monsters() -> Vec<(&'static str, String)> {
    let nested = |open: &str, close: &str, times: usize| format!("{}{}", open.repeat(times), close.repeat(times));
    let doubling: String = (0..60).map(|n| format!("fragment f{n} on Query {{ ...f{0} ...f{0} }} ", n + 1)).collect();
    let aliases = |count: usize| (0..count).map(|n| format!("a{n}:users_me{{id}}")).collect::<Vec<_>>().join(" ");
    let chain: String = (0..400).map(|n| format!("fragment f{n} on Query{{...f{}}}", n + 1)).collect();
    let introspection = (0..200).map(|n| format!("a{n}:__schema{{types{{name}}}}")).collect::<String>();
    let conflicts = |arguments: usize, fields: usize| {
        let arguments: String = (0..arguments).map(|n| format!("a{n}:1 ")).collect();
        format!("x:users_me({arguments}){{id}} {}", "x:y ".repeat(fields))
    };
    let undefined: String = (0..1300).map(|n| format!("$v{n} ")).collect();
    vec![
        ("2^60 spreads of nothing", format!("{{ ...f0 }} {doubling} fragment f60 on Query {{ ...x }}")),
        ("conflicts", format!("{{ {}{}{} }}", "...{".repeat(18), conflicts(9, 430), "}".repeat(18))),
        ("conflicts of arguments", format!("{{ {}{}{} }}", "...{".repeat(18), conflicts(600, 430), "}".repeat(18))),
        (
            "conflicts beside",
            format!(
                "{{ __typename }} fragment F on Query {{ {} }} fragment G on Query {{ {} }}",
                conflicts(1, 1800),
                "...{...F}".repeat(800)
            ),
        ),
        (
            "many operations",
            format!(
                "{} fragment F on Query {{ users_me(a: [{undefined}]) {{ id }} }}",
                (0..300).map(|n| format!("query A{n}{{...F}}")).collect::<String>()
            ),
        ),
        ("1,000 levels", format!("{{{}id{}", "users_me{".repeat(1000), "}".repeat(1001))),
        ("1,000 levels, unended", "{a".repeat(1000)),
        ("7,000 braces", "{".repeat(7000)),
        ("7,000 brackets", format!("{{ users_me(a: {}", "[".repeat(7000))),
        ("2,000 lists", format!("{{ users_me(a: {}) {{ id }} }}", nested("[", "]", 2000))),
        ("2,000 objects", format!("{{ users_me(a: {}1{}) {{ id }} }}", "{a:".repeat(2000), "}".repeat(2000))),
        ("2,000 list types", format!("query($a: {}Int{}) {{ users_me {{ id }} }}", "[".repeat(2000), "]".repeat(2000))),
        ("deep behind three quotes", format!("{{ users_me(a: [\"\"\" \" {}", "{a:".repeat(2000))),
        ("deep default", format!("query($a: Int = {}) {{ users_me {{ id }} }}", nested("[", "]", 2000))),
        ("inline fragments", format!("{{ {} users_me {{ id }} {} }}", "...{".repeat(900), "}".repeat(900))),
        ("50 inline fragments", format!("{{ {} users_me {{ id }} {} }}", "...{".repeat(50), "}".repeat(50))),
        ("aliases", format!("{{ {} }}", aliases(700))),
        ("11 operations", format!("{{ {} }}", aliases(11))),
        ("a cycle of one", "{ ...f } fragment f on Query { ...f }".to_owned()),
        ("a cycle of two", "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f ...f }".to_owned()),
        ("a cycle beside", "{ users_me { id } } fragment f on Query { ...f }".to_owned()),
        ("2^60 fields", format!("{{ ...f0 }} {doubling} fragment f60 on Query {{ users_me {{ id }} }}")),
        (
            "2^60 fields beside",
            format!("{{ users_me {{ id }} }} {doubling} fragment f60 on Query {{ users_me {{ id }} }}"),
        ),
        ("a chain", format!("{{ ...f0 }} {chain} fragment f400 on Query {{ users_me {{ id }} }}")),
        ("introspection many times", format!("{{ {introspection} }}")),
        ("directives", format!("{{ users_me {} {{ id }} }}", "@skip(if: false)".repeat(800))),
        (
            "variables",
            format!("query({}) {{ users_me {{ id }} }}", (0..900).map(|n| format!("$v{n}:Int ")).collect::<String>()),
        ),
    ]
}

/// G10: each is refused, soon, and the server goes on.
pub async fn g10_deep_wide_and_endless_documents_are_refused(s: &Subject) {
    for (what, document) in monsters() {
        assert!(document.len() < 16_000, "{what} has {} bytes", document.len());
        let start = Instant::now();
        let response = s.send(s.graphql(&document).unrecorded()).await;
        let took = start.elapsed();
        assert_eq!(response.status, 400, "{what}\n{response}");
        response.expect_graphql_invalid();
        assert!(took < SOON, "{what} took {took:?}");
        assert!(response.body.len() < 16_000, "{what} is answered with {} bytes", response.body.len());
    }
    let many: String = (0..10_000).map(|n| format!("a{n}:users_me{{id}}")).collect();
    s.send(s.graphql(&format!("{{ {many} }}")).unrecorded()).await.expect_status(413);
    let nine: String = (0..9).map(|n| format!("a{n}:users_me{{id}}")).collect();
    s.send(s.graphql(&format!("{{ {nine} }}")).unrecorded()).await.expect_status(200);
}

/// G10: pieces of GraphQL in any order are answered, with 200 or 400.
pub async fn g10_whatever_comes_is_answered(s: &Subject) {
    const PIECES: [&str; 28] = [
        "{", "}", "(", ")", "[", "]", ":", "!", "=", "@", "$", "...", "|", "&", "\"", "\"\"\"", "#", "\n", " ", ",",
        "query", "mutation", "fragment f on Query", "users_me", "id", "1e999", "-0", "\\u{0}",
    ];
    // Chance that repeats, so that what it finds can be found again.
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % below
    };
    for _ in 0..150 {
        let document: String = (0..next(60)).map(|_| PIECES[next(PIECES.len())]).collect::<Vec<_>>().join(" ");
        let response = s.send(s.graphql(&document).unrecorded()).await;
        assert!(matches!(response.status, 200 | 400), "{document}\n{response}");
    }
}

/// B7: where a document breaks there may be a password, and answers end up in logs.
pub async fn b7_a_password_in_the_wrong_place_is_not_echoed(s: &Subject) {
    for document in [
        "mutation { auth_login(email: \"a@example.com\", password: \"canary-7\" { access_token } }",
        "mutation { auth_login(email: \"a@example.com\" password: \"canary-7) { access_token } }",
        "mutation { auth_login(email: \"a@example.com\", password: 'canary-7') { access_token } }",
        "mutation { auth_login(email: \"a@example.com\", password: [\"canary-7\"]) { access_token } }",
        "mutation { auth_login(email: \"a@example.com\", passwort: \"canary-7\") { access_token } }",
        "mutation { auth_refresh(refresh_token: {a: \"canary-7\"}) { access_token } }",
    ] {
        let response = s.send(s.graphql(document)).await;
        response.expect_graphql_invalid();
        assert!(!String::from_utf8_lossy(&response.body).contains("canary"), "{document}\n{response}");
    }
    let variables = json!({"email": "a@example.com", "password": ["canary-7"]});
    let document = "mutation($email: String!, $password: String!) \
                    { auth_login(email: $email, password: $password) { access_token } }";
    let response: Response = s.send(s.graphql_body(&json!({"query": document, "variables": variables}))).await;
    response.expect_graphql_invalid();
    assert!(!String::from_utf8_lossy(&response.body).contains("canary"), "{response}");
}

/// The usual question about a schema fits into the limits, and the answer is wire.md 7.
pub async fn introspection_tells_the_contract(s: &Subject) {
    const TYPE: &str = "kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType \
                        { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }";
    let document = format!(
        "query IntrospectionQuery {{ __schema {{ queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
           types {{ ...FullType }} directives {{ name description locations args {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description
           fields(includeDeprecated: true) {{ name description args {{ ...InputValue }} type {{ ...TypeRef }}
             isDeprecated deprecationReason }}
           inputFields {{ ...InputValue }} interfaces {{ ...TypeRef }}
           enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
           possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue }}
         fragment TypeRef on __Type {{ {TYPE} }}"
    );
    let response = s.send(s.graphql(&document).unrecorded()).await;
    let schema = response.field("__schema");
    let fields = |name: &str| -> Vec<String> {
        let all = schema["types"].as_array().expect("types");
        let found = all.iter().find(|each| each["name"] == name).unwrap_or_else(|| panic!("no type {name}"));
        let fields = found["fields"].as_array().expect("fields");
        fields.iter().map(signature).collect()
    };
    assert_eq!(fields("Query"), ["users_me(): auth_user"]);
    let mut mutations = fields("Mutation");
    mutations.sort();
    assert_eq!(
        mutations,
        [
            "auth_login(email: String!, password: String!, mode: auth_mode, otp: String): auth_tokens",
            "auth_logout(refresh_token: String, mode: auth_mode): Boolean",
            "auth_password_request(email: String!, reset_url: String): Boolean",
            "auth_password_reset(token: String!, password: String!): Boolean",
            "auth_refresh(refresh_token: String, mode: auth_mode): auth_tokens",
            "users_me_tfa_disable(otp: String!): Boolean",
            "users_me_tfa_enable(otp: String!, secret: String!): Boolean",
            "users_me_tfa_generate(password: String!): users_me_tfa_generate_data",
        ]
    );
    assert_eq!(
        fields("auth_tokens"),
        ["access_token(): String", "expires(): GraphQLBigInt", "refresh_token(): String"]
    );
    assert_eq!(fields("auth_user"), ["id(): ID!", "email(): String", "role(): String", "status(): String"]);
    let __type = s.send(s.graphql("{ __type(name: \"auth_mode\") { enumValues { name } } }")).await.field("__type");
    assert_eq!(__type, json!({"enumValues": [{"name": "json"}, {"name": "cookie"}, {"name": "session"}]}));
}

/// A field as a schema writes it.
fn signature(field: &Value) -> String {
    fn type_of(value: &Value) -> String {
        match value["kind"].as_str() {
            Some("NON_NULL") => format!("{}!", type_of(&value["ofType"])),
            Some("LIST") => format!("[{}]", type_of(&value["ofType"])),
            _ => value["name"].as_str().unwrap_or_default().to_owned(),
        }
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let arguments = field["args"].as_array().into_iter().flatten();
    let arguments = arguments.map(|each| format!("{}: {}", text(&each["name"]), type_of(&each["type"])));
    format!("{}({}): {}", text(&field["name"]), arguments.collect::<Vec<_>>().join(", "), type_of(&field["type"]))
}
