//! What bodies and answers are made of.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};

use crate::config::AuthConfig;
use crate::store::UserStatus;

/// What a schema is referred to by: with a name that an app's own document will not have.
pub(super) const ERROR: &str = "AuthError";
pub(super) const TOKENS: &str = "AuthTokens";
pub(super) const USER: &str = "AuthUser";
pub(super) const SESSIONS: &str = "AuthSessions";
pub(super) const FACTOR: &str = "AuthSecondFactor";
pub(super) const CODES: &str = "AuthRecoveryCodes";
pub(super) const PERSONAL_TOKENS: &str = "AuthPersonalTokens";
pub(super) const NEW_TOKEN: &str = "AuthNewPersonalToken";
pub(super) const ACCOUNT: &str = "AuthAccount";
pub(super) const ACCOUNT_MADE: &str = "AuthAccountMade";
pub(super) const ACCOUNTS: &str = "AuthAccounts";
pub(super) const HEALTH: &str = "AuthHealth";
pub(super) const EVENTS: &str = "AuthEvents";
pub(super) const PROVIDERS: &str = "AuthProviders";
pub(super) const KEYS: &str = "AuthKeys";

pub(super) fn named(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

/// The named ones.
pub(super) fn components() -> BTreeMap<String, RefOr<Schema>> {
    let all = [
        (ERROR, error()),
        (TOKENS, data(tokens())),
        (USER, data(user())),
        (SESSIONS, data(array(session()))),
        (FACTOR, data(factor())),
        (CODES, data(closed([required("recovery_codes", array(text("Counts once, in place of an `otp`.")))]))),
        (PERSONAL_TOKENS, data(array(closed(personal_token())))),
        (NEW_TOKEN, data(new_personal_token())),
        (ACCOUNT, data(closed(account()))),
        (ACCOUNT_MADE, data(closed(account().into_iter().chain([mailed()])))),
        (ACCOUNTS, page(closed(account()))),
        (HEALTH, data(closed([required("status", text("").enum_values(Some(["ok"])))]))),
        (EVENTS, page(event())),
        (PROVIDERS, providers()),
        (KEYS, closed([required("keys", array(key()))])),
    ];
    all.map(|(name, schema)| (name.to_owned(), schema)).into()
}

/// A member of an object.
pub(super) struct Member {
    name: &'static str,
    schema: RefOr<Schema>,
    is_required: bool,
}

pub(super) fn required(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name, schema: schema.into(), is_required: true }
}

pub(super) fn optional(name: &'static str, schema: impl Into<RefOr<Schema>>) -> Member {
    Member { name, schema: schema.into(), is_required: false }
}

/// What a request says. Unknown members are ignored.
pub(super) fn body(members: impl IntoIterator<Item = Member>) -> RefOr<Schema> {
    object(members).into()
}

/// What we answer: these members and no others.
fn closed(members: impl IntoIterator<Item = Member>) -> RefOr<Schema> {
    object(members).additional_properties(Some(AdditionalProperties::FreeForm(false))).into()
}

fn object(members: impl IntoIterator<Item = Member>) -> ObjectBuilder {
    members.into_iter().fold(ObjectBuilder::new().schema_type(Type::Object), |object, member| {
        let object = object.property(member.name, member.schema);
        if member.is_required { object.required(member.name) } else { object }
    })
}

fn data(schema: RefOr<Schema>) -> RefOr<Schema> {
    closed([required("data", schema)])
}

/// A part of a list.
fn page(row: RefOr<Schema>) -> RefOr<Schema> {
    let meta = closed([
        required("total_count", number("How many there are, as far as that was counted.")),
        required("exact", flag("Whether that is all: otherwise there are more.")),
    ]);
    closed([required("data", array(row)), required("meta", meta)])
}

fn array(items: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    ArrayBuilder::new().items(items.into()).into()
}

/// Some text.
pub(super) fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

/// Text of a request: an empty one is refused.
pub(super) fn words(description: &str) -> ObjectBuilder {
    text(description).min_length(Some(1))
}

pub(super) fn email() -> ObjectBuilder {
    let email = words("Compared without regard to case.").max_length(Some(254));
    email.format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
}

/// A password that is checked.
pub(super) fn password(description: &str) -> ObjectBuilder {
    words(description).format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
}

/// A password that is set.
pub(super) fn new_password(config: &AuthConfig) -> ObjectBuilder {
    let description = "None of the most common ones, nor the address, nor the name of the service.";
    password(description).min_length(Some(config.password_min_length))
}

pub(super) fn otp(description: &str) -> ObjectBuilder {
    words(description).examples(["123456"])
}

/// Where a link in a mail may lead: one of the configuration's URLs. `None` when it names none.
pub(super) fn url(allowed: &[String], description: &str) -> Option<ObjectBuilder> {
    let url = text(description).enum_values(Some(allowed.iter().map(String::as_str)));
    (!allowed.is_empty()).then_some(url)
}

pub(super) fn mode(description: &str) -> ObjectBuilder {
    text(description).enum_values(Some(["json", "cookie", "session"]))
}

pub(super) fn flag(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).description(Some(description))
}

/// `fields` of `GET /users/me`. An empty name is none.
pub(super) fn fields() -> RefOr<Schema> {
    array(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["*", "id", "email", "role", "status", ""])))
}

/// A moment that a request names; `null` names none.
pub(super) fn moment(description: &str) -> ObjectBuilder {
    nullable(Type::Integer, description)
}

/// Scopes that a request names (RFC 6749 3.3); `null` names none.
pub(super) fn scopes(description: &str) -> ArrayBuilder {
    let list_or_none = SchemaType::from_iter([Type::Array, Type::Null]);
    let scope = words("").pattern(Some(r"^[\x21\x23-\x5B\x5D-\x7E]+$"));
    ArrayBuilder::new().schema_type(list_or_none).items(scope).min_items(Some(1)).description(Some(description))
}

/// The id of a session or a token.
pub(super) fn uuid(description: &str) -> ObjectBuilder {
    text(description).format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

/// A document of this kind: what it is made of, the specification says.
pub(super) fn document() -> RefOr<Schema> {
    let any = || ObjectBuilder::new().schema_type(Type::Object);
    body([required("openapi", text("`3.1.0`")), required("info", any()), required("paths", any())])
}

fn error() -> RefOr<Schema> {
    let extensions = [
        required("code", text("For code that decides.")),
        optional("reason", text("What is wrong with the request, or what would help.")),
        optional("limit", number("How many failures are free.")),
        optional("reset", text("When to try again.").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))),
    ];
    let error = [required("message", text("For people.")), required("extensions", closed(extensions))];
    let one = ArrayBuilder::new().items(closed(error)).min_items(Some(1)).max_items(Some(1));
    closed([required("errors", one)])
}

fn tokens() -> RefOr<Schema> {
    closed([
        optional("access_token", text("A JWT, in the modes `json` and `cookie`.")),
        required("expires", number("For how long it is good, in milliseconds.")),
        optional("refresh_token", text("In mode `json`; in the other modes it is in a cookie.")),
    ])
}

fn user() -> RefOr<Schema> {
    // Fewer when `fields` says so.
    closed([
        optional("id", text("Opaque.")),
        optional("email", text("As it was typed.")),
        optional("role", nullable(Type::String, "A name.")),
        optional("status", status("")),
    ])
}

/// A user as admins see one.
fn account() -> [Member; 8] {
    [
        required("id", text("Opaque.")),
        required("email", text("As it was typed.")),
        required("role", nullable(Type::String, "A name.")),
        required("status", status("")),
        required("app_access", flag("May use the app.")),
        required("admin_access", flag("May do everything.")),
        required("tfa_enabled", flag("Whether there is a second factor.")),
        required("created_at", number("Milliseconds since 1970.")),
    ]
}

fn mailed() -> Member {
    required("invitation_mailed", flag("Whether an invitation is on its way. Without one nobody told the user."))
}

pub(super) fn status(description: &str) -> ObjectBuilder {
    text(description).enum_values(Some(UserStatus::ALL.iter().map(|status| status.as_str())))
}

/// A role that a request names; `null` takes it away.
pub(super) fn role_or_none() -> ObjectBuilder {
    nullable(Type::String, "A name; `null` for none.").min_length(Some(1)).max_length(Some(64))
}

fn event() -> RefOr<Schema> {
    closed([
        required("id", uuid("Of a later event it is greater.")),
        required("at", number("Milliseconds since 1970.")),
        required("type", text("What happened.")),
        required("times", number("How often: 1, and more for what is counted, not kept one by one.")),
        required("outcome", text("").enum_values(Some(["succeeded", "refused"]))),
        required("user", nullable(Type::String, "Whose account.")),
        required("actor", nullable(Type::String, "Who did it, when it was not the user.")),
        required("session", nullable(Type::String, "In which session.")),
        required("token", nullable(Type::String, "Which access token it is about.")),
        required("details", array(text("Names of fields, actions and reasons: what else there is to say."))),
        required("ip", nullable(Type::String, "From which address.")),
        required("user_agent", nullable(Type::String, "As its client named itself.")),
    ])
}

/// A moment of a query.
pub(super) fn time() -> ObjectBuilder {
    number("")
}

/// A whole number of a query.
pub(super) fn count(most: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(most))
}

fn session() -> RefOr<Schema> {
    closed([
        required("id", uuid("For `DELETE /auth/sessions/{id}`.")),
        required("created_at", number("Milliseconds since 1970.")),
        required("last_used_at", number("Milliseconds since 1970.")),
        required("ip", nullable(Type::String, "From where it was opened.")),
        required("user_agent", nullable(Type::String, "As its client named itself.")),
        required("current", flag("Whether it is the one that asks.")),
    ])
}

fn personal_token() -> Vec<Member> {
    let list_or_none = SchemaType::from_iter([Type::Array, Type::Null]);
    let scopes = ArrayBuilder::new().schema_type(list_or_none).items(text("What it may do."));
    vec![
        required("id", uuid("For `DELETE /auth/tokens/{id}`.")),
        required("name", text("As its user called it.")),
        required("scopes", scopes),
        required("created_at", number("Milliseconds since 1970.")),
        required("expires_at", number("Milliseconds since 1970.")),
        required("last_used_at", nullable(Type::Integer, "Milliseconds since 1970, to the minute.")),
    ]
}

fn new_personal_token() -> RefOr<Schema> {
    closed(personal_token().into_iter().chain([required("token", text("What is sent with requests."))]))
}

fn factor() -> RefOr<Schema> {
    closed([
        required("secret", text("To be typed into an authenticator app, in base 32.")),
        required("otpauth_url", text("To be opened on the device itself.")),
        required("qr_svg", text("To be scanned: an SVG image.").content_media_type("image/svg+xml")),
    ])
}

fn providers() -> RefOr<Schema> {
    let none = ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::Object)).max_items(Some(0));
    closed([required("data", none), required("disableDefault", flag("Always `false`."))])
}

/// A public JWK, with the members of its kind.
fn key() -> RefOr<Schema> {
    let member = |name: &'static str, description: &str| optional(name, words(description));
    closed([
        required("kty", text("").enum_values(Some(["OKP", "EC", "RSA"]))),
        required("use", text("").enum_values(Some(["sig"]))),
        required("alg", text("").enum_values(Some(["EdDSA", "ES256", "RS256", "PS256"]))),
        required("kid", words("The name that tokens say.").max_length(Some(64))),
        member("crv", "Of OKP and EC."),
        member("x", "Of OKP and EC."),
        member("y", "Of EC."),
        member("n", "Of RSA."),
        member("e", "Of RSA."),
    ])
}

fn number(description: &str) -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).description(Some(description)).minimum(Some(0));
    number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

fn nullable(of: Type, description: &str) -> ObjectBuilder {
    let or_null: SchemaType = [of, Type::Null].into_iter().collect();
    ObjectBuilder::new().schema_type(or_null).description(Some(description))
}

/// The value of a member, deep in a rendered answer.
pub(super) fn code_of(body: &Value) -> Option<&str> {
    body.pointer("/errors/0/extensions/code")?.as_str()
}
