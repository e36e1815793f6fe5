//! One endpoint, described: what it takes, what it gives, why it may refuse.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation as Built, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{RefOr, Required, Schema, SecurityRequirement};

use super::refusals;
use super::{BEARER, QUERY, REFRESH, SESSION};
use crate::config::{AuthConfig, TokenSources};
use crate::error::ErrorKind;
use crate::http::endpoint::Method;
use crate::http::problem::Problem;
use crate::http::render::Place;

/// Whom an endpoint lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody, and it asks no store.
    Public,
    /// Everybody.
    Open,
    /// Whoever holds a refresh token, in the body or in a cookie.
    RefreshToken,
    /// Whoever is signed in, also those who must set up a second factor first.
    Enrolling,
    /// Whoever is signed in.
    SignedIn,
    /// Admins.
    Admin,
}

/// What there is to say about an endpoint. The rest follows from its method and its [`Access`].
pub(super) struct Operation {
    id: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    access: Access,
    body: Option<(RefOr<Schema>, Required)>,
    parameters: Vec<ParameterBuilder>,
    successes: Vec<Success>,
    refusals: Vec<Problem>,
}

struct Success {
    status: u16,
    description: &'static str,
    schema: Option<RefOr<Schema>>,
    headers: &'static [&'static str],
}

impl Operation {
    /// `id` is the name of the operation in GraphQL, where it has one.
    pub(super) const fn new(access: Access, id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            description: None,
            access,
            body: None,
            parameters: Vec::new(),
            successes: Vec::new(),
            refusals: Vec::new(),
        }
    }

    pub(super) const fn describe(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// A JSON body that must be there.
    pub(super) fn body(mut self, schema: RefOr<Schema>) -> Self {
        self.body = Some((schema, Required::True));
        self
    }

    /// A JSON body that may be left out.
    pub(super) fn optional_body(mut self, schema: RefOr<Schema>) -> Self {
        self.body = Some((schema, Required::False));
        self
    }

    pub(super) fn path(self, name: &str, description: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.parameter(ParameterIn::Path, Required::True, name, description, schema)
    }

    pub(super) fn query(
        self,
        required: Required,
        name: &str,
        description: &str,
        schema: impl Into<RefOr<Schema>>,
    ) -> Self {
        self.parameter(ParameterIn::Query, required, name, description, schema)
    }

    fn parameter(
        mut self,
        place: ParameterIn,
        required: Required,
        name: &str,
        description: &str,
        schema: impl Into<RefOr<Schema>>,
    ) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        // A list is one value with commas, as Directus writes it.
        let parameter = parameter.description(Some(description)).schema(Some(schema)).explode(Some(false));
        self.parameters.push(parameter);
        self
    }

    /// An answer with a body.
    pub(super) fn gives(
        mut self,
        status: u16,
        description: &'static str,
        schema: RefOr<Schema>,
        headers: &'static [&'static str],
    ) -> Self {
        self.successes.push(Success { status, description, schema: Some(schema), headers });
        self
    }

    /// An answer without a body.
    pub(super) fn done(mut self, status: u16, description: &'static str, headers: &'static [&'static str]) -> Self {
        self.successes.push(Success { status, description, schema: None, headers });
        self
    }

    /// Why it may refuse, beside what its method and its access imply.
    pub(super) fn refuses(mut self, problems: impl IntoIterator<Item = impl Into<Problem>>) -> Self {
        self.refusals.extend(problems.into_iter().map(Into::into));
        self
    }

    pub(super) fn build(self, method: Method, config: &AuthConfig) -> Built {
        let place = self.access.place(config);
        let mut problems = self.access.refusals(method);
        if matches!(method, Method::Post | Method::Patch) {
            problems.extend(refusals::of_bodies());
        }
        problems.extend(self.refusals);

        let mut operation = OperationBuilder::new().operation_id(Some(self.id)).tag(TAG).summary(Some(self.summary));
        operation = operation.description(self.description).securities(self.access.securities(config));
        for parameter in self.parameters {
            operation = operation.parameter(parameter);
        }
        if let Some((schema, required)) = self.body {
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let body = RequestBodyBuilder::new().content(JSON, content).required(Some(required)).build();
            operation = operation.request_body(Some(body));
        }
        for success in self.successes {
            let mut response = ResponseBuilder::new().description(success.description);
            if let Some(schema) = success.schema {
                response = response.content(JSON, ContentBuilder::new().schema(Some(schema)).build());
            }
            let response = refusals::with_headers(response, success.headers);
            operation = operation.response(success.status.to_string(), response);
        }
        for (status, response) in refusals::responses(&problems, place) {
            operation = operation.response(status.to_string(), response);
        }
        operation.build()
    }
}

const JSON: &str = "application/json";
const TAG: &str = "auth";

impl Access {
    const fn place(self, config: &AuthConfig) -> Place<'_> {
        match self {
            Self::Public | Self::Open | Self::RefreshToken => Place::Open,
            Self::Enrolling | Self::SignedIn | Self::Admin => Place::Guarded { realm: config.realm.as_str() },
        }
    }

    fn refusals(self, method: Method) -> Vec<Problem> {
        let mut problems = match self {
            Self::Public => return Vec::new(),
            Self::Open | Self::RefreshToken => Vec::new(),
            Self::Enrolling | Self::SignedIn | Self::Admin => {
                let mut problems = refusals::of_guards();
                if method != Method::Get {
                    problems.push(Problem::CrossSite);
                }
                if self != Self::Enrolling {
                    problems.push(ErrorKind::EnrolmentRequired.into());
                }
                problems
            }
        };
        problems.extend(refusals::of_failures());
        problems
    }

    fn securities(self, config: &AuthConfig) -> Option<Vec<SecurityRequirement>> {
        let one = |name: &str| SecurityRequirement::new::<_, [&str; 0], &str>(name, []);
        match self {
            Self::Public | Self::Open => None,
            Self::RefreshToken => Some(vec![SecurityRequirement::default(), one(REFRESH), one(SESSION)]),
            Self::Enrolling | Self::SignedIn | Self::Admin => {
                let query = (config.token_sources == TokenSources::HeaderAndQuery).then_some(QUERY);
                Some([Some(BEARER), query, Some(SESSION)].into_iter().flatten().map(one).collect())
            }
        }
    }
}
