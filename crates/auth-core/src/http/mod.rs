//! The wire, written once, in plain types.
pub(crate) mod origin;
