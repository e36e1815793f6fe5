//! TLS (to come).
