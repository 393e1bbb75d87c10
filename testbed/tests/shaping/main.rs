//! Traffic shaping in real Envoys, under load.

mod global_limit;
mod proxy_limit;
mod setup;
