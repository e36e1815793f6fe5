//! Pages of lists: what a query may ask for, and what the answer tells beside the rows.
//!
//! ```text
//!   limit=50&page=3                            rows 101 to 150; no further than REACH rows
//!   limit=50&after=<id>                        those after this one, however far down
//!   filter[status][_eq]=active                 the same as
//!   filter={"status":{"_eq":"active"}}         one value for each of a few fields, all of which must hold
//!   search=ada                                 addresses that begin so
//!   user=<id>&actor=<id>&type=login_failed&since=<ms>     of the audit trail
//! ```

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::problem::Reason;
use super::query;
use super::reply::Reply;
use crate::clock::Timestamp;
use crate::email::EmailPrefix;
use crate::event::EventName;
use crate::id::{Role, UserId};
use crate::store::{EventFilter, EventPage, UserFilter, UserPage, UserStatus};

/// How far pages by number go, and how far rows are counted: beyond, a database would pass over all of them for each page.
pub(super) const REACH: u64 = 10_000;
/// The most rows on a page, and as many as there are unless the query says so.
pub(super) const MOST: u64 = 100;

/// The page of users that this query asks for.
pub(super) fn user_page(query: &str) -> Result<UserPage, Reason> {
    let parameters = Parameters::of(query)?;
    let (limit, skip) = parameters.limit_and_skip()?;
    let mut filter = parameters.filter()?;
    if let Some(search) = parameters.text("search") {
        filter.email = Some(EmailPrefix::new(search).map_err(|_| Reason::NotASearch)?);
    }
    let after = parameters.text("after").map(UserId::new).transpose().map_err(|_| Reason::NotAnId("after"))?;
    Ok(UserPage { filter, after, skip, limit })
}

/// The page of the audit trail that this query asks for: `user`, `actor`, `type`, `since`.
pub(super) fn event_page(query: &str) -> Result<EventPage, Reason> {
    let parameters = Parameters::of(query)?;
    let (limit, skip) = parameters.limit_and_skip()?;
    let since = match parameters.text("since") {
        Some(text) => Some(Timestamp::from_millis(text.parse().map_err(|_| Reason::NotATime("since"))?)),
        None => None,
    };
    let id = |name| parameters.text(name).map(UserId::new).transpose().map_err(|_| Reason::NotAnId(name));
    let filter = EventFilter {
        user: id("user")?,
        actor: id("actor")?,
        kind: parameters.text("type").map(EventName::new).transpose().map_err(|_| Reason::NotAnId("type"))?,
        since,
    };
    let after = parameters.text("after").map(str::parse).transpose().map_err(|_| Reason::NotAnId("after"))?;
    Ok(EventPage { filter, after, skip, limit })
}

/// The rows of a page, and how many there are in all, as far as that was counted.
pub(super) fn reply<T: Serialize>(rows: &[T], counted: u64) -> Reply {
    #[derive(Serialize)]
    struct Page<'a, T> {
        data: &'a [T],
        meta: Meta,
    }
    #[derive(Serialize)]
    struct Meta {
        total_count: u64,
        /// Whether that is all: otherwise there are more.
        exact: bool,
    }
    let meta = Meta { total_count: counted.min(REACH), exact: counted <= REACH };
    Reply::json(200, &Page { data: rows, meta })
}

/// The parameters of a query, each at most once: of two values nobody knows which one is meant.
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(super) fn of(query: &str) -> Result<Self, Reason> {
        let mut parameters = HashMap::new();
        for (name, value) in query::parameters(query) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Reason::Repeated);
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn limit_and_skip(&self) -> Result<(u64, u64), Reason> {
        let limit = self.number("limit", MOST, MOST)?;
        let page = self.number("page", 1, u64::MAX)?;
        let skip = (page - 1).saturating_mul(limit);
        if skip >= REACH { Err(Reason::TooFar) } else { Ok((limit, skip)) }
    }

    /// A number from 1 to `most`.
    fn number(&self, name: &'static str, default: u64, most: u64) -> Result<u64, Reason> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // Digits that are too many for a number are a large number.
        let number = if is_plain { text.parse().unwrap_or(u64::MAX) } else { 0 };
        if (1..=most).contains(&number) { Ok(number) } else { Err(Reason::NotANumber(name)) }
    }

    fn filter(&self) -> Result<UserFilter, Reason> {
        let mut comparisons = Comparisons::default();
        if let Some(json) = self.text("filter") {
            // To serde a list is an object as well.
            if !json.trim_start().starts_with('{') {
                return Err(Reason::NotAFilter);
            }
            comparisons = serde_json::from_str(json).map_err(|_| Reason::NotAFilter)?;
        }
        for (name, value) in self.0.iter().filter(|(name, _)| name.starts_with("filter[")) {
            comparisons.add(name, value)?;
        }
        comparisons.filter()
    }
}

/// What a filter may say. Anything else is refused, not passed over: whoever filters relies on it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparisons {
    #[serde(default, deserialize_with = "given")]
    status: Option<Equals<String>>,
    #[serde(default, deserialize_with = "given")]
    role: Option<Equals<String>>,
    #[serde(default, deserialize_with = "given")]
    admin_access: Option<Equals<bool>>,
}

/// A comparison that is there. `null` is none, and not the same as none: to Directus it asks for users without a value,
/// and a list of all users must not pass for that.
fn given<'de, D, T>(deserializer: D) -> Result<Option<Equals<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Equals::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
enum Equals<T> {
    #[serde(rename = "_eq")]
    To(T),
}

impl Comparisons {
    fn add(&mut self, name: &str, text: &str) -> Result<(), Reason> {
        let words = || Equals::To(text.to_owned());
        let is_new = match name {
            "filter[status][_eq]" => self.status.replace(words()).is_none(),
            "filter[role][_eq]" => self.role.replace(words()).is_none(),
            "filter[admin_access][_eq]" => {
                let value = text.parse().map_err(|_| Reason::NotAFilter)?;
                self.admin_access.replace(Equals::To(value)).is_none()
            }
            _ => return Err(Reason::NotAFilter),
        };
        if is_new { Ok(()) } else { Err(Reason::Repeated) }
    }

    fn filter(self) -> Result<UserFilter, Reason> {
        let status = self.status.map(|Equals::To(status)| UserStatus::from_name(&status).ok_or(Reason::UnknownStatus));
        let role = self.role.map(|Equals::To(role)| Role::new(&role)).transpose();
        Ok(UserFilter {
            status: status.transpose()?,
            role: role.map_err(|_| Reason::NotARole)?,
            admin_access: self.admin_access.map(|Equals::To(access)| access),
            ..UserFilter::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(query: &str) -> Reason {
        user_page(query).map(|page| panic!("{query}: {page:?}")).expect_err("is refused")
    }

    #[test]
    fn a_query_without_parameters_is_the_first_page() {
        let page = user_page("").expect("is a page");
        assert_eq!((page.limit, page.skip, page.after), (MOST, 0, None));
        assert!(user_page("fields=id&x").is_ok(), "others are none of ours");
    }

    #[test]
    fn pages_have_an_end() {
        let page = user_page("limit=50&page=200").expect("is the last page");
        assert_eq!((page.limit, page.skip), (50, 9950));
        for query in ["limit=50&page=201", "page=1000000000", "page=99999999999999999999999"] {
            assert_eq!(reason(query), Reason::TooFar, "{query}");
        }
        for query in
            ["limit=0", "limit=101", "limit=", "limit=-1", "limit=1e2", "limit=%2B1", "limit=99999999999999999999"]
        {
            assert_eq!(reason(query), Reason::NotANumber("limit"), "{query}");
        }
        assert_eq!(reason("page=0"), Reason::NotANumber("page"));
        assert_eq!(reason("page=1&page=1"), Reason::Repeated);
        assert_eq!(reason("after="), Reason::NotAnId("after"));
    }

    #[test]
    fn both_forms_of_a_filter_say_the_same() {
        let deep = format!("filter={}1{}", "%7B%22status%22:".repeat(500), "%7D".repeat(500));
        for (query, expected) in [
            ("filter[status][_eq]=active", Ok((Some(UserStatus::Active), None, None))),
            ("filter%5Bstatus%5D%5B_eq%5D=active", Ok((Some(UserStatus::Active), None, None))),
            (r#"filter={"status":{"_eq":"active"}}"#, Ok((Some(UserStatus::Active), None, None))),
            (r#"filter={"admin_access":{"_eq":true}}"#, Ok((None, None, Some(true)))),
            (
                r#"filter={"role":{"_eq":"editor"}}&filter[admin_access][_eq]=false"#,
                Ok((None, Role::new("editor").ok(), Some(false))),
            ),
            ("filter={}", Ok((None, None, None))),
            ("filter[status][_eq]=gone", Err(Reason::UnknownStatus)),
            ("filter[role][_eq]=", Err(Reason::NotARole)),
            ("filter[admin_access][_eq]=1", Err(Reason::NotAFilter)),
            (r#"filter={"status":{"_eq":"active"}}&filter[status][_eq]=active"#, Err(Reason::Repeated)),
            ("filter[status][_neq]=active", Err(Reason::NotAFilter)),
            ("filter[status]=active", Err(Reason::NotAFilter)),
            ("filter[password][_eq]=x", Err(Reason::NotAFilter)),
            ("filter[status;DROP TABLE auth_user][_eq]=x", Err(Reason::NotAFilter)),
            (r#"filter={"status":{"_eq":"active","_eq":"active"}}"#, Err(Reason::NotAFilter)),
            (r#"filter={"_and":[{"status":{"_eq":"active"}}]}"#, Err(Reason::NotAFilter)),
            (r#"filter={"status":null}"#, Err(Reason::NotAFilter)),
            (r#"filter={"role":null,"admin_access":{"_eq":true}}"#, Err(Reason::NotAFilter)),
            (r#"filter={"role":{"_eq":null}}"#, Err(Reason::NotAFilter)),
            (r#"filter={"status":["active"]}"#, Err(Reason::NotAFilter)),
            (r#"filter={"status":{"_eq":"active","x":1}}"#, Err(Reason::NotAFilter)),
            (r#"filter=[{"_eq":"active"},null,null]"#, Err(Reason::NotAFilter)),
            ("filter=null", Err(Reason::NotAFilter)),
            ("filter=[]", Err(Reason::NotAFilter)),
            ("filter=", Err(Reason::NotAFilter)),
            (&deep, Err(Reason::NotAFilter)),
        ] {
            let filter = user_page(query).map(|page| page.filter);
            assert_eq!(filter.map(|filter| (filter.status, filter.role, filter.admin_access)), expected, "{query}");
        }
    }
}
