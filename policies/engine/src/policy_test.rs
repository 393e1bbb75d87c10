//! Running a `PolicyTest`: the same cases, natively here and over the wire in the testbed.

use crate::decision::Decision;
use crate::facts::{Facts, RawRequest};
use crate::load::{Surroundings, Unknown};
use crate::mesh_index::MeshIndex;
use crate::policy_set::PolicySet;
use landbridge_model::{Expectation, Request, Verdict};

/// The host of a request that does not say.
pub const HOST: &str = "orders.shop.svc.cluster.local";
/// The port of a request that does not say.
pub const PORT: u16 = 8080;

/// Nothing is known beside what the configuration says: a test states its own `local`.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn cluster(&self) -> Option<String> {
        None
    }

    fn namespace(&self) -> Option<String> {
        None
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Err(Unknown)
    }
}

/// The request of a case, as a host would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRequest {
    /// Its headers, pseudo-headers first.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The SPIFFE ID of the caller's certificate.
    pub certificate_uri: Option<String>,
    /// The distinguished name of its issuer.
    pub certificate_issuer: Option<String>,
    /// The port it arrives at.
    pub port: u16,
}

impl TestRequest {
    /// The request that a case describes.
    pub fn new(request: &Request, mesh: &MeshIndex) -> Self {
        let text = |s: &Option<String>, otherwise: &str| {
            s.as_deref().unwrap_or(otherwise).as_bytes().to_vec()
        };
        let mut headers = vec![
            (":method".to_owned(), text(&request.method, "GET")),
            (":authority".to_owned(), text(&request.host, HOST)),
            (":path".to_owned(), text(&request.path, "/")),
        ];
        for (name, value) in &request.headers {
            headers.push((name.to_ascii_lowercase(), value.as_bytes().to_vec()));
        }
        let from = request.from.as_ref();
        let certificate_uri = from.map(|from| {
            let principal = from.principal.clone().unwrap_or_else(|| {
                let cluster = from.cluster.as_ref().map_or("", |c| c.as_str());
                let domain = mesh.trust_domain_of(cluster).unwrap_or_default();
                let namespace = from.namespace.as_ref().map_or("shop", |n| n.as_str());
                let account = from
                    .service_account
                    .as_ref()
                    .map_or("frontend", |n| n.as_str());
                format!("{domain}/ns/{namespace}/sa/{account}")
            });
            format!("spiffe://{principal}")
        });
        Self {
            headers,
            certificate_uri,
            certificate_issuer: from.and_then(|from| from.issuer.clone()),
            port: request.port.map_or(PORT, |p| p.0),
        }
    }

    /// The request as a host gives it.
    pub fn raw(&self) -> RawRequest<'_> {
        RawRequest {
            headers: &self.headers,
            certificate_uri: self.certificate_uri.as_deref().map(str::as_bytes),
            certificate_issuer: self.certificate_issuer.as_deref().map(str::as_bytes),
            port: Some(self.port),
        }
    }

    /// Decides it.
    pub fn decide(&self, set: &PolicySet) -> Decision {
        let raw = self.raw();
        match Facts::new(raw, set) {
            Ok(facts) => set.decide(&facts),
            Err(rejection) => set.reject(&rejection, &raw),
        }
    }
}

/// What was decided, in the words of a `PolicyTest`: from here or from a proxy's access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `allow`, `deny` or `reject`.
    pub verdict: String,
    /// The reason code.
    pub reason: String,
    /// The policy that decided.
    pub policy: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// What the candidate set makes of it, where there is one.
    pub shadow: Option<String>,
    /// The AUDIT policies that marked it.
    pub audited: Vec<String>,
}

impl Outcome {
    /// What a decision says.
    pub fn new(decision: &Decision, set: &PolicySet) -> Self {
        let name = |rule: &crate::RuleRef| set.policy_name(*rule).to_owned();
        Self {
            verdict: decision.verdict.as_str().to_owned(),
            reason: decision.reason.as_str().to_owned(),
            policy: decision.rule.as_ref().map(name),
            rule: decision.rule.map(|rule| set.rule_name(rule).to_owned()),
            shadow: decision
                .shadow
                .map(|shadow| shadow.outcome.as_str().to_owned()),
            audited: decision.audited.iter().map(name).collect(),
        }
    }

    /// Compares with what is expected; in the error, each difference.
    pub fn check(&self, expected: &Expectation) -> Result<(), Vec<String>> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, got: Option<&str>, wanted: Option<&str>| {
            if wanted.is_some() && got != wanted {
                let (got, wanted) = (got.unwrap_or("none"), wanted.unwrap_or("none"));
                differences.push(format!("{what}: got `{got}`, wants `{wanted}`"));
            }
        };
        let verdict = match expected.verdict {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Reject => "reject",
        };
        compare("verdict", Some(&self.verdict), Some(verdict));
        compare("reason", Some(&self.reason), expected.reason.as_deref());
        compare("policy", self.policy.as_deref(), expected.policy.as_deref());
        compare("rule", self.rule.as_deref(), expected.rule.as_deref());
        let shadow = expected.shadow.map(landbridge_model::ShadowOutcome::as_str);
        compare("shadow", self.shadow.as_deref(), shadow);
        if self.audited != expected.audited {
            differences.push(format!(
                "audited: got [{}], wants [{}]",
                self.audited.join(", "),
                expected.audited.join(", ")
            ));
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(differences)
        }
    }
}
