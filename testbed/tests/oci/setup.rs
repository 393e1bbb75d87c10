//! What the tests have in common: filters that are quickly packed, and a registry's client.

use std::sync::OnceLock;

use landbridge_oci::bundle::{Bundle, FILTERS};
use landbridge_oci::origin::Origin;
use landbridge_oci::sbom::Components;
use landbridge_oci::sign::{PrivateKey, PublicKey};
use landbridge_oci::{Client, Credentials, Module, Settings, Target};
use landbridge_testbed::{Registry, workspace};

/// What cargo says takes a second to ask.
fn components() -> &'static Components {
    static COMPONENTS: OnceLock<Components> = OnceLock::new();
    COMPONENTS.get_or_init(|| Components::of_checkout(workspace()).unwrap())
}

pub(crate) fn origin() -> Origin {
    Origin {
        version: "0.1.0".to_owned(),
        revision: "0123456789012345678901234567890123456789".to_owned(),
        source: Some("https://example.com/landbridge".to_owned()),
    }
}

/// A module that is none of ours, though as large.
pub(crate) fn module(name: &str) -> Module {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    bytes.extend(name.bytes());
    // It does not pack to nothing.
    let mut state = 1_u32;
    bytes.extend((0..300_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    Module {
        name: name.to_owned(),
        bytes: bytes.into(),
    }
}

pub(crate) fn bundle(module: &Module) -> Bundle {
    Bundle::new(module, &origin(), components()).unwrap()
}

pub(crate) fn bundles() -> Vec<Bundle> {
    FILTERS.iter().map(|name| bundle(&module(name))).collect()
}

/// The filters as they were built.
pub(crate) fn real_bundles() -> Vec<Bundle> {
    let folder = landbridge_testbed::filter_module("authz").unwrap();
    let folder = folder.parent().unwrap();
    let modules = FILTERS
        .iter()
        .map(|name| Module::read(folder, name).unwrap());
    modules.map(|module| bundle(&module)).collect()
}

pub(crate) fn anonymous() -> Settings {
    Settings {
        credentials: Credentials::Anonymous,
        ..Settings::default()
    }
}

pub(crate) fn client(target: &Target) -> Client {
    Client::new(&target.repository, &anonymous()).unwrap()
}

/// `landbridge:TAG` in a registry.
pub(crate) fn target(registry: &Registry, tag: &str) -> Target {
    Target::parse(&format!("{}/landbridge:{tag}", registry.address())).unwrap()
}

/// A key of the test's, as cosign would have made it.
pub(crate) fn keys(registry: &Registry, name: &str) -> (PrivateKey, PublicKey) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let key = registry.scratch().join(format!("{name}.key"));
    let public = registry.scratch().join(format!("{name}.pub"));
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    std::fs::write(&public, pair.public_key_pem()).unwrap();
    let key = PrivateKey::read(&key, || None).unwrap();
    let public = PublicKey::read(&public).unwrap();
    assert_eq!(key.public(), public);
    (key, public)
}
