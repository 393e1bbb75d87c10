//! A mesh of one cluster, a policy in force, and cases sent to it.

use std::time::Duration;

use landbridge_model::{render, validate, yaml};
use landbridge_testbed::{
    Builder, Call, ClusterSpec, Delivery, Identity, Mesh, RawOutcome, RawStream, Side, Workload,
    workspace,
};

use crate::judge::{End, KeptBack, Wanted, fault};
use crate::request::Request;

const HERE: &str = "use1-a";
const SOON: Duration = Duration::from_secs(15);

/// Every caller with a certificate.
pub const ALLOW_ALL: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: allow-all, namespace: shop}
spec:
  action: ALLOW
  rules: [{name: anyone, from: [{source: {principals: ['*']}}]}]
";

/// A DENY of this rule (YAML in one line), and an ALLOW of everything else.
pub fn deny(rule: &str) -> String {
    format!("{ALLOW_ALL}---\n{}", policy("DENY", rule))
}

/// An ALLOW of this rule only.
pub fn allow(rule: &str) -> String {
    policy("ALLOW", rule)
}

fn policy(action: &str, rule: &str) -> String {
    format!(
        "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: tried, namespace: shop}}
spec:
  action: {action}
  rules: [{rule}]
"
    )
}

/// A request and what must come of it.
pub struct Case {
    /// The weakness that it prevents.
    pub weakness: String,
    pub request: Request,
    pub wanted: Wanted,
}

/// Names a request and says what must come of it.
pub fn case(weakness: impl Into<String>, request: Request, wanted: Wanted) -> Case {
    let weakness = weakness.into();
    Case {
        weakness,
        request,
        wanted,
    }
}

/// One cluster, and all that went wrong in it so far.
pub struct Scene {
    pub mesh: Mesh,
    /// How requests get there.
    pub way: Call,
    /// The `Mesh` document (YAML).
    pub document: String,
    faults: Vec<String>,
    /// How many requests the upstream had got after the last case. One that comes late is held
    /// against the next.
    seen: u64,
}

impl Scene {
    /// A mesh whose policies are yet to come.
    pub async fn new(name: &str) -> Self {
        Self::with(name, |mesh| mesh).await
    }

    /// The same; Envoy leaves paths as they are, so that all is on the filter.
    pub async fn without_normalize_path(name: &str) -> Self {
        Self::with(name, |mesh| mesh.normalize_path(false)).await
    }

    /// The same with a wish.
    pub async fn with(name: &str, wish: impl FnOnce(Builder) -> Builder) -> Self {
        let mut clusters = ClusterSpec::default_mesh();
        clusters.retain(|cluster| [HERE, "euw1-a"].contains(&cluster.name.as_str()));
        let document = workspace().join("policies/corpus/mesh.yaml");
        let document = std::fs::read_to_string(document).unwrap();
        let mesh = Mesh::builder(name)
            .clusters(clusters)
            .clients(false)
            .config(config(&document, ALLOW_ALL, "{}"));
        Self {
            mesh: wish(mesh).start().await.unwrap(),
            way: Call::get("/").from(caller()).to(HERE),
            document,
            faults: Vec::new(),
            seen: 0,
        }
    }

    /// Puts policies (YAML) in force.
    pub async fn policies(&self, policies: &str) {
        self.configure(policies, "{}").await;
    }

    /// Puts policies (YAML) and options (JSON) in force.
    pub async fn configure(&self, policies: &str, options: &str) {
        let version = self
            .mesh
            .apply(HERE, config(&self.document, policies, options));
        let version = version.unwrap();
        let judged = self.mesh.wait_config(&version, SOON).await.unwrap();
        assert_eq!(judged, Delivery::Accepted, "{policies}");
        // The workers follow within milliseconds.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    /// Tries each case in both HTTPs.
    pub async fn try_all(&mut self, policy: &str, cases: &[Case], kept_back: KeptBack) {
        self.try_with(policy, "{}", cases, kept_back).await;
    }

    /// The same, with options (JSON).
    pub async fn try_with(
        &mut self,
        policy: &str,
        options: &str,
        cases: &[Case],
        kept_back: KeptBack,
    ) {
        self.configure(policy, options).await;
        let action = if policy.contains("action: DENY") {
            "DENY"
        } else {
            "ALLOW"
        };
        for case in cases {
            let Wanted { http1, http2 } = case.wanted;
            for (name, end) in [("HTTP/1.1", http1), ("HTTP/2", http2)] {
                if end == End::Untried {
                    continue;
                }
                let weakness = format!("{action}: {}", case.weakness);
                if name == "HTTP/2" {
                    let stream = case.request.http2();
                    self.try_http2(&weakness, &stream, end, kept_back).await;
                } else {
                    let bytes = case.request.http1();
                    self.try_http1(&weakness, &bytes, end, kept_back).await;
                }
            }
        }
    }

    /// Tries bytes of HTTP/1.1.
    pub async fn try_http1(&mut self, what: &str, bytes: &[u8], end: End, kept_back: KeptBack) {
        let outcome = self.raw(bytes).await;
        let fault = fault(end, &outcome, self.heard(end).await, kept_back);
        self.note(&format!("{what} (HTTP/1.1)"), fault);
    }

    /// Tries a stream of HTTP/2.
    pub async fn try_http2(
        &mut self,
        what: &str,
        stream: &RawStream<'_>,
        end: End,
        kept_back: KeptBack,
    ) {
        let outcome = self.mesh.raw_http2_as(&self.way, stream).await.unwrap();
        let fault = fault(end, &outcome, self.heard(end).await, kept_back);
        self.note(&format!("{what} (HTTP/2)"), fault);
    }

    /// Keeps what went wrong, until [`end`](Self::end).
    pub fn note(&mut self, what: &str, fault: Option<String>) {
        if let Some(fault) = fault {
            self.faults.push(format!("{what}: {fault}"));
        }
        let alive = self.mesh.is_alive(HERE, Side::Server).unwrap();
        assert!(alive, "Envoy is gone after: {what}");
    }

    /// Sends bytes as they are.
    pub async fn raw(&self, bytes: &[u8]) -> RawOutcome {
        self.mesh.raw_http1_as(&self.way, bytes).await.unwrap()
    }

    /// How many more requests the upstream has got.
    pub async fn heard(&mut self, end: End) -> u64 {
        if matches!(end, End::BrokenOff(_)) {
            // The head may still be on its way.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let now = self.mesh.upstream(HERE).requests();
        now - std::mem::replace(&mut self.seen, now)
    }

    /// Fails if anything went wrong, or a worker's VM is gone: such a worker answers 503 to all.
    pub async fn end(mut self) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let late = self.heard(End::Cut).await;
        self.note(
            "the end",
            (late > 0).then(|| format!("{late} requests came late")),
        );
        let faults = self.faults.join("\n");
        assert!(self.faults.is_empty(), "what should not be:\n{faults}");
        self.policies(ALLOW_ALL).await;
        for number in 0..32 {
            let call = Call::get("/after").from(caller()).to(HERE);
            let call = if number % 2 == 0 { call.http2() } else { call };
            assert_eq!(self.mesh.call(call).await.unwrap().status, 200);
        }
        let log = self.mesh.envoy_log(HERE, Side::Server).unwrap();
        for sign in ["panicked", "[critical]", "in-VM backtrace"] {
            assert!(!log.contains(sign), "{sign}: {log}");
        }
    }
}

/// Who sends all of it: a workload that the policies let in, if the request is right.
pub fn caller() -> Identity {
    Workload::new(HERE, "shop", "frontend").into()
}

fn config(mesh: &str, policies: &str, options: &str) -> String {
    let text = format!("{mesh}---\n{policies}");
    let documents = yaml::read(&text, None).unwrap_or_else(|(_, found)| panic!("{found:#?}"));
    let errors: Vec<_> = validate::documents(&documents)
        .into_iter()
        .filter(|diagnostic| diagnostic.is_error())
        .collect();
    assert_eq!(errors, []);
    render(&documents, None, Some(options))
}
