//! Traffic shaping in real Envoys, under load.

mod deadlines;
mod faults;
mod flood;
mod global_limit;
mod hostile;
mod keys;
mod noisy;
mod overload;
mod proxy_limit;
mod random_keys;
mod restart;
mod retry_storm;
mod setup;
mod split;
mod telling;
mod updates;
