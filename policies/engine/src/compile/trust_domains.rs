//! The trust domains that mean the same to Istio: the mesh's own and its aliases.

use landbridge_model::{AnyOf, Glob, GlobPiece, IstioPrincipal, IstioTrustDomain, Mesh};
use std::collections::BTreeSet;

/// What `cluster.local` points to, and what a name of any of them stands for. None, where the mesh
/// does not say.
#[derive(Debug, Default)]
pub(super) struct TrustDomains(Vec<String>);

impl TrustDomains {
    pub(super) fn new(mesh: &Mesh) -> Self {
        let Some(istio) = &mesh.istio else {
            return Self::default();
        };
        let own = istio.trust_domain.iter();
        let aliases = istio.trust_domain_aliases.iter().flat_map(AnyOf::iter);
        Self(own.chain(aliases).map(|d| d.as_str().to_owned()).collect())
    }

    /// The principals for which one stands. What is not of Istio's form, or of another trust domain,
    /// stands for itself.
    pub(super) fn principals(&self, principal: &IstioPrincipal) -> Vec<IstioPrincipal> {
        let parts: Vec<&str> = principal.text.split('/').collect();
        let [domain, path @ ..] = parts.as_slice() else {
            return vec![principal.clone()];
        };
        if parts.len() != 5 || *domain == "*" || !self.knows(domain) {
            return vec![principal.clone()];
        }
        let path = path.join("/");
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for known in &self.0 {
            let text = match domain.strip_prefix('*') {
                Some(end) if known.ends_with(end) => principal.text.clone(),
                _ => format!("{known}/{path}"),
            };
            if seen.insert(text.clone()) {
                all.extend(IstioPrincipal::parse(&text));
            }
        }
        all
    }

    /// Whether a trust domain, which may begin or end with a `*`, is one of these.
    fn knows(&self, domain: &str) -> bool {
        let begins = |known: &str| {
            domain
                .strip_suffix('*')
                .is_some_and(|s| known.starts_with(s))
        };
        let ends = |known: &str| domain.strip_prefix('*').is_some_and(|s| known.ends_with(s));
        let known = |known: &String| known == domain || begins(known) || ends(known);
        self.0.iter().any(known) || (domain == "cluster.local" && !self.0.is_empty())
    }

    /// The trust domains for which one stands.
    pub(super) fn domains(&self, domain: &IstioTrustDomain) -> Vec<Glob> {
        let literal = match domain.0.0.as_slice() {
            [GlobPiece::Literal(s)] => s,
            _ => return vec![domain.0.clone()],
        };
        if !self.0.contains(literal) {
            return vec![domain.0.clone()];
        }
        let glob = |s: &String| Glob(vec![GlobPiece::Literal(s.clone())]);
        self.0.iter().map(glob).collect()
    }
}
