//! The users that every case starts with.

use auth_core::store::{NewUserRecord, UserStatus, UserStore};
use auth_core::{Email, PasswordHash, Role, Timestamp, UserId};

/// A user, and the password that opens it.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user's id.
    pub id: UserId,
    /// The address.
    pub email: String,
    /// The right password; for a user without one, some password.
    pub password: String,
    /// The role.
    pub role: String,
}

/// Every user there is.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// `admin@example.com`: admin access, role `administrator`.
    pub admin: Account,
    /// `user@example.com`: app access, role `editor`.
    pub user: Account,
    /// `suspended@example.com`: suspended, its password is right.
    pub suspended: Account,
    /// `nopassword@example.com`: active, has no password.
    pub nopassword: Account,
}

impl Accounts {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> [&Account; 4] {
        [&self.admin, &self.user, &self.suspended, &self.nopassword]
    }
}

/// Creates the users where there are none yet. Their hashes are made beforehand: Argon2id, m=19456, t=2, p=1.
///
/// # Panics
/// When they are refused.
pub async fn seed(users: &dyn UserStore, now: Timestamp) -> Accounts {
    let mut created = Vec::new();
    for (number, row) in ROWS.iter().enumerate() {
        let new = NewUserRecord {
            id: UserId::new(&format!("01890000-0000-7000-8000-00000000000{number}")).expect("is short"),
            email: Email::parse(row.email).expect("is an address"),
            password: row.hash.map(PasswordHash::from_phc),
            status: row.status,
            role: Some(Role::new(row.role).expect("is short")),
            app_access: true,
            admin_access: row.admin_access,
            created_at: now,
        };
        let id = users.create(&new).await.unwrap_or_else(|error| panic!("{}: {error}", row.email));
        created.push(Account {
            id,
            email: row.email.to_owned(),
            password: row.password.to_owned(),
            role: row.role.to_owned(),
        });
    }
    let [admin, user, suspended, nopassword] = created.try_into().expect("there are four");
    Accounts { admin, user, suspended, nopassword }
}

struct Row {
    email: &'static str,
    password: &'static str,
    hash: Option<&'static str>,
    status: UserStatus,
    role: &'static str,
    admin_access: bool,
}

const ROWS: [Row; 4] = [
    Row {
        email: "admin@example.com",
        password: "correct horse battery staple admin",
        hash: Some("$argon2id$v=19$m=19456,t=2,p=1$g3GkHiyurOSeiCJf6u3IPA$LPovCnO3BXqd2MSxswaTNEENkLsLNIiQVV9ut/CSopQ"),
        status: UserStatus::Active,
        role: "administrator",
        admin_access: true,
    },
    Row {
        email: "user@example.com",
        password: "correct horse battery staple user",
        hash: Some("$argon2id$v=19$m=19456,t=2,p=1$P1xZBvihQ85XPKumyEO1GQ$S8XVk4c0U3LEJbxM3PFnITkXzSCxmC8Ibvf6IbDajFM"),
        status: UserStatus::Active,
        role: "editor",
        admin_access: false,
    },
    Row {
        email: "suspended@example.com",
        password: "correct horse battery staple suspended",
        hash: Some("$argon2id$v=19$m=19456,t=2,p=1$9T+F0yCQXT2RYXr5mdx7gA$1/H4ElVqjA8AjH3B0DBcmM976JspK5ZVAjlw71P3rZQ"),
        status: UserStatus::Suspended,
        role: "editor",
        admin_access: false,
    },
    Row {
        email: "nopassword@example.com",
        password: "correct horse battery staple nopassword",
        hash: None,
        status: UserStatus::Active,
        role: "editor",
        admin_access: false,
    },
];
