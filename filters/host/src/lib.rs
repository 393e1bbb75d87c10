//! Probe.
/// x
#[doc(hidden)]
pub use proxy_wasm;
/// filter
#[macro_export]
macro_rules! filter { ($t:expr) => { $crate::proxy_wasm::main! {{ let _ = $t; }} } }
