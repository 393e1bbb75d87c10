//! The filters as OCI artifacts: packed, pushed to a registry, signed, pulled and verified.
//!
//! What shaped it:
//!
//! - **Two manifests for one module.** Istio's agent takes an image whose last layer is a gzipped
//!   tar with `plugin.wasm`, and refuses the layout that the CNCF settled on; other hosts want that
//!   one. See [`image`].
//! - **The same bytes from the same modules.** Nothing that is packed knows the time, the machine or
//!   the place it came from, so a digest can be checked by packing again.
//! - **A tag comes last.** Whatever goes wrong while pushing, no tag leads to less than a whole
//!   module. See [`push`].
//! - **Nothing is believed.** What a registry gives is checked against its digest and its size, and
//!   what it claims to be against what it is.

pub mod bundle;
mod canonical;
pub mod client;
mod credentials;
mod descriptor;
mod digest;
mod error;
pub mod image;
mod layer;
pub mod layout;
pub mod lock;
pub mod media;
mod module;
pub mod origin;
pub mod pull;
pub mod push;
pub mod reference;
mod referrers;
pub mod sbom;
pub mod sign;
pub mod verify;

pub use client::{Client, Settings};
pub use credentials::Credentials;
pub use descriptor::Blob;
pub use digest::Digest;
pub use error::{Error, Result};
pub use module::Module;
pub use reference::{Repository, Target};
