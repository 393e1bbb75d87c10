//! The filters in a real registry: pushed, pulled, verified, run in an Envoy, and what goes wrong.

mod breaking;
mod credentials;
mod damage;
mod run;
mod setup;
mod signing;
mod stranger;
mod whole;
