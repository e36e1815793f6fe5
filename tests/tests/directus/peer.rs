//! npm's jsonwebtoken, as Directus calls it.
