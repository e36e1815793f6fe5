//! Tokens that a running Directus signed, at our guards.
