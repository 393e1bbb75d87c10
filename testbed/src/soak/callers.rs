//! Who calls: few, so that policies that name them meet them often, and odd ones among them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::solo::Caller;
use crate::{ClusterSpec, Identity, Signer};

/// A SPIFFE id (none: no certificate), the last two parts of the address that it comes from, and
/// the server name that it asks for.
type Row = (Option<&'static str>, [u8; 2], Option<&'static str>);

const ROWS: [Row; 20] = [
    (
        Some("td.one/ns/shop/sa/frontend"),
        [0, 1],
        Some("orders.shop"),
    ),
    (
        Some("tdxone/ns/shop/sa/frontend"),
        [0, 2],
        Some("orders.shop"),
    ),
    (Some("old-td/ns/shop/sa/batch"), [0, 3], Some("pay.shop")),
    (Some("cluster.local/ns/partner/sa/a.b"), [1, 1], None),
    (
        Some("cluster.local/ns/partner/sa/axb"),
        [1, 2],
        Some("orders"),
    ),
    (
        Some("td.one/ns/partner/sa/batch"),
        [1, 1],
        Some("orders.shop.svc"),
    ),
    // Not of Istio's form, and still matched by its regular expressions.
    (
        Some("td.one/cluster/x/ns/shop/sa/y"),
        [0, 1],
        Some("pay.shop"),
    ),
    (Some("td.one/ns/a/sa/b/ns/shop/x"), [2, 1], None),
    (
        Some("old-td/ns/shop/group/z/sa/frontend"),
        [2, 2],
        Some("orders.shop"),
    ),
    (Some("td.one/ns/shop/sa/frontend/extra/y"), [2, 3], None),
    (
        Some("cluster.local/workload/frontend"),
        [0, 4],
        Some("pay.shop"),
    ),
    (Some("old-td/ns/sh/sa/b"), [0, 1], None),
    (Some("td.one/ns/ns/sa/sa"), [3, 1], Some("orders.shop")),
    (Some("tdxone/sa/frontend/ns/shop"), [3, 2], None),
    (
        Some("cluster.local/ns/shop-eu/sa/frontend-2"),
        [3, 3],
        Some("pay.shop"),
    ),
    // No SPIFFE IDs at all, though Envoy takes them for some.
    (Some("td.one/ns/shop//sa/frontend"), [5, 1], None),
    (Some("td.one/ns/shop/sa/front%20end"), [5, 2], None),
    (Some("td.one/"), [5, 3], None),
    (None, [0, 1], None),
    (None, [4, 1], None),
];

/// A cluster for each trust domain; the first is the one that is called.
pub(super) fn clusters() -> Vec<ClusterSpec> {
    let cluster = |name: &str, domain: &str| {
        ClusterSpec::new(name, "us-east-1", "us-east-1a", "us").in_trust_domain(domain)
    };
    vec![
        cluster("use1-a", "td.one"),
        cluster("use1-b", "tdxone"),
        cluster("euw1-a", "old-td"),
        cluster("stray", "cluster.local"),
    ]
}

/// How many there are.
pub(super) const COUNT: usize = ROWS.len();

/// One with a certificate, and one without.
pub(super) const CERTIFIED: usize = 0;
pub(super) const PLAINTEXT: usize = COUNT - 1;

/// A caller's SPIFFE id, without `spiffe://`.
pub(super) fn id(caller: usize) -> Option<&'static str> {
    ROWS[caller].0
}

/// What another filter keeps of every request.
pub(super) fn colours() -> Value {
    json!(["red", "green", 7])
}

/// What a caller is called.
pub(super) fn name(caller: usize) -> String {
    let (id, [c, d], sni) = ROWS[caller];
    let id = id.map_or("plaintext".to_owned(), |id| format!("spiffe://{id}"));
    let sni = sni.unwrap_or("none");
    format!("{id} from 127.7.{c}.{d}, server name {sni}")
}

/// A caller, as a connection knows it. Addresses of a block of their own, since those of a mesh
/// differ from run to run.
pub(super) fn caller(caller: usize) -> Caller {
    let (id, [c, d], sni) = ROWS[caller];
    let identity = match id {
        Some(id) => {
            let domain = id.split('/').next();
            let home = clusters()
                .into_iter()
                .find(|cluster| Some(cluster.trust_domain.as_str()) == domain)
                .expect("every trust domain has a cluster");
            let signer = Signer::Cluster(home.name.clone());
            Identity::spiffe(home.name, format!("spiffe://{id}"), signer)
        }
        None => Identity::anonymous("use1-a"),
    };
    Caller {
        identity,
        source: IpAddr::V4(Ipv4Addr::new(127, 7, c, d)),
        sni: sni.map(str::to_owned),
    }
}

/// What tokens say.
pub(super) fn claims() -> &'static [Value] {
    static CLAIMS: LazyLock<Vec<Value>> = LazyLock::new(all_claims);
    &CLAIMS
}

fn all_claims() -> Vec<Value> {
    let issuer = "https://issuer.example";
    vec![
        json!({"iss": issuer, "sub": "alice", "aud": "orders", "azp": "web",
            "groups": ["admin", "dev"],
            "realm": {"roles": ["editor", "viewer"], "tier": "gold"}}),
        json!({"iss": issuer, "sub": "bob", "aud": ["orders", "pay"], "azp": "web",
            "scope": "read write"}),
        json!({"iss": "issuer-2", "sub": "alice", "aud": ["pay"], "azp": ["web", "app"],
            "groups": "admin"}),
        json!({"iss": "issuer-2", "sub": "a/b"}),
        json!({"iss": "https://issuer.example/tenant", "sub": "alice", "groups": []}),
        json!({"iss": "https://other.example", "sub": "", "groups": [""], "realm": "gold"}),
        json!({"sub": "alice", "azp": 7}),
        json!({"iss": "issuer-2", "scope": ["read"]}),
        json!({"iss": "*", "sub": "*", "groups": ["*"]}),
        // What is neither a string nor a list of strings.
        json!({"iss": issuer, "sub": "al", "aud": "", "azp": "", "level": 7, "admin": true,
            "groups": [1, true, null, "dev"], "realm": {"roles": "editor", "tier": null}}),
        json!({"iss": issuer, "sub": "alice", "x.example/role": "ops",
            "realm": {"roles": [["editor"]], "tier": {"gold": true}}}),
        json!({"iss": issuer, "sub": "Alice", "aud": ["Orders"], "groups": ["Admin", "devops"]}),
        // What ends a line is no character to a regular expression.
        json!({"iss": "issuer-2\n", "sub": "ali\nce", "aud": ["or\nders"],
            "groups": ["dev\nops"], "realm": {"tier": "\n"}}),
        json!({"iss": "issuer-2", "sub": "zoë", "groups": "ådmin", "aud": "örders"}),
        json!({"iss": "issuer", "sub": "alice", "permission": "a b", "realm": ["roles"]}),
    ]
}
