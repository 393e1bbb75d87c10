//! The media types that are written and read.

/// A manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's older manifest, which Istio's agent takes too.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// An image's configuration.
pub const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer that is a gzipped tar.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The same, as Docker calls it.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// The configuration of a module in the CNCF's layout.
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// A module in the CNCF's layout.
pub const WASM: &str = "application/wasm";
/// A software bill of materials.
pub const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
/// The configuration of what has none: `{}`.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// What cosign signs: a statement of the digest.
pub const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
