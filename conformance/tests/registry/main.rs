//! What `landbridge` packs, pushes and signs, held to the clients that others have: skopeo, crane and
//! cosign, at a real registry.

mod copies;
mod cosign;
mod shop;
mod verified;
