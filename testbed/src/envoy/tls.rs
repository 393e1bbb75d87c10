//! Both ends of mTLS. Envoy's SPIFFE validator holds one bundle per trust
//! domain, so that no cluster's CA can vouch for another's workloads.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::TYPE;

/// A certificate and its key, as files.
pub(crate) struct Material {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

/// The bundle of every trust domain, as files.
pub(crate) struct Trust(pub(crate) Vec<(String, PathBuf)>);

impl Trust {
    /// A validation context; with `uris`, the peer must have one of them.
    fn context(&self, uris: &[String]) -> Value {
        let domains: Vec<_> = self
            .0
            .iter()
            .map(|(name, bundle)| json!({"name": name, "trust_bundle": file(bundle)}))
            .collect();
        let names: Vec<_> = uris
            .iter()
            .map(|uri| json!({"san_type": "URI", "matcher": {"exact": uri}}))
            .collect();
        json!({
            "match_typed_subject_alt_names": names,
            "custom_validator_config": {
                "name": "envoy.tls.cert_validator.spiffe",
                "typed_config": {
                    "@type": format!("{TYPE}envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig"),
                    "trust_domains": domains,
                },
            },
        })
    }
}

fn file(path: &Path) -> Value {
    json!({"filename": path})
}

fn certificate(material: &Material) -> Value {
    json!([{"certificate_chain": file(&material.chain), "private_key": file(&material.key)}])
}

/// The transport socket of a listener that wants its callers' certificates. The SPIFFE validator
/// wants them even where `require_client_certificate` is false.
pub(super) fn downstream(material: &Material, trust: &Trust) -> Value {
    listener(material, &trust.context(&[]))
}

/// The same, of whatever name: any of these roots (PEM) is enough, as for clients from outside of
/// a mesh.
pub(super) fn downstream_of_any_name(material: &Material, roots: &str) -> Value {
    listener(material, &json!({"trusted_ca": {"inline_string": roots}}))
}

fn listener(material: &Material, context: &Value) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    "tls_maximum_protocol_version": "TLSv1_3",
                    "cipher_suites": [
                        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                        "AES256-GCM-SHA384", "AES128-GCM-SHA256",
                    ],
                },
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": certificate(material),
                "validation_context": context,
            },
            "require_client_certificate": true,
        },
    })
}

/// The transport socket towards servers that must be one of `uris`.
pub(crate) fn upstream(material: &Material, trust: &Trust, uris: &[String], sni: &str) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"),
            "common_tls_context": {
                "tls_params": {
                    "tls_minimum_protocol_version": "TLSv1_2",
                    "tls_maximum_protocol_version": "TLSv1_3",
                },
                "tls_certificates": certificate(material),
                "validation_context": trust.context(uris),
            },
            "sni": sni,
        },
    })
}
