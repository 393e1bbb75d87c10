//! The authorization filter in real Envoys: real certificates, real traffic, policies by ECDS.
//!
//! One binary, so that it is linked once; each test has a mesh of its own.

mod admission;
mod broken_configuration;
mod callers;
mod corpus;
mod gateway;
mod hostile;
mod identity;
mod packed;
mod setup;
mod skew;
mod status;
mod telling;
mod updates;
mod waypoint;
