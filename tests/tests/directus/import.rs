//! `authctl import directus`.
