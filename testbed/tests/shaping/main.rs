//! Traffic shaping in real Envoys, under load.

mod proxy_limit;
mod setup;
