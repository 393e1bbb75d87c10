//! The rate-limit services that policies call: that proxies know them.

use crate::settings::Settings;
use landbridge_model::validate::Findings;
use landbridge_model::{Code, Content, Diagnostic, Document, Path};
use std::collections::BTreeSet;

/// The Envoy clusters by which policies call rate-limit services and that Istio does not make.
/// Without an address for them they are an error: limits would be kept by nobody.
pub(crate) fn unknown<'d>(
    policies: impl Iterator<Item = &'d Document>,
    settings: &Settings,
    found: &mut Vec<Diagnostic>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for document in policies {
        let Content::Shaping(policy) = &document.content else {
            continue;
        };
        let Some(service) = &policy.spec.rate_limit_service else {
            continue;
        };
        if is_istios(&service.cluster) || !names.insert(service.cluster.clone()) {
            continue;
        }
        if settings.rate_limit_service.is_none() {
            let mut findings = Findings::default();
            let root = Path::Origin;
            let spec = root.push_key("spec");
            let at = spec.push_key("rateLimitService");
            findings.add_hinted(
                at.push_key("cluster"),
                Code::UnknownUpstream,
                format!("no proxy knows the Envoy cluster `{}`", service.cluster),
                Some(
                    "write `outbound|PORT||HOST` for a service in the mesh, or say where it is with \
                     `--rate-limit-service`"
                        .to_owned(),
                ),
            );
            found.extend(findings.of(document, root));
        }
    }
    names
}

/// Whether Istio makes an Envoy cluster of this name, where there is such a service.
fn is_istios(name: &str) -> bool {
    let parts: Vec<&str> = name.split('|').collect();
    matches!(parts.as_slice(), ["outbound", port, _, host] if port.parse::<u16>().is_ok() && !host.is_empty())
}
