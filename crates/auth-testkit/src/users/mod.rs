//! What a [`UserStore`] must do, for an app that keeps its users in a table of its own. It runs all of it against that
//! table:
//!
//! ```no_run
//! # use auth_core::store::memory::MemoryStore as Customers;
//! use auth_testkit::users::Property;
//!
//! async fn on_our_table(property: Property) {
//!     property.check(Customers::new()).await; // over an empty table
//! }
//!
//! auth_testkit::user_store_conformance!(on_our_table); // one #[tokio::test] for each property
//! ```
//!
//! A table may have ids of its own, keep the address in canonical form alone, and leave out what [`NewUserRecord`] has
//! beyond address, password and whether the user may sign in. [`store`](crate::store) demands all of this of a whole
//! store too.
//!
//! [`NewUserRecord`]: auth_core::store::NewUserRecord

mod properties;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use auth_core::store::UserStore;

pub use properties::*;

/// One promise of [`UserStore`].
#[derive(Clone, Copy)]
pub struct Property {
    /// Its name, which is that of its function.
    pub name: &'static str,
    check: fn(Arc<dyn UserStore>) -> Checking,
}

type Checking = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Property {
    /// # Panics
    /// When `users`, of whom there must be none yet, do not keep the promise.
    pub async fn check(self, users: impl UserStore) {
        (self.check)(Arc::new(users)).await;
    }

    /// The property with this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn named(name: &str) -> Self {
        ALL.iter().copied().find(|property| property.name == name).expect("a property with this name")
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Property").field(&self.name).finish()
    }
}

/// One list, from which both [`ALL`] and the macro are made. `$d` is a dollar sign for the inner macro.
macro_rules! properties {
    ($d:tt $($name:ident)*) => {
        /// Every property.
        pub const ALL: &[Property] =
            &[$(Property { name: stringify!($name), check: |users| Box::pin($name(users)) }),*];

        /// Runs every property of [`users`](crate::users) as a test of its own. Takes the path of an
        /// `async fn(Property)` that makes an empty table and calls [`Property::check`](crate::users::Property::check).
        /// The caller needs tokio with its features `macros` and `rt-multi-thread`.
        #[macro_export]
        macro_rules! user_store_conformance {
            ($d run:path) => {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $name() {
                        $d run($crate::users::Property::named(stringify!($name))).await;
                    }
                )*
            };
        }
    };
}

properties! {
    $
    create_then_find_returns_the_user
    a_user_who_may_not_sign_in_is_never_active
    an_unknown_user_is_none
    e1_an_id_in_another_spelling_is_nobody
    create_of_an_address_that_exists_is_a_conflict
    e1_addresses_are_compared_by_their_bytes
    rehash_replaces_only_the_expected_hash
    of_16_concurrent_creates_of_one_address_one_wins
    of_16_concurrent_rehashes_one_wins
}
