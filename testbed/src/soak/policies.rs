//! Random policies of Istio's, valid ones, over small alphabets. What is odd (a host with a port,
//! a `*` where it is a letter, dots that a regular expression takes for anything) is frequent.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// A field's name and what it may hold.
type Field = (&'static str, &'static [&'static str]);

const PRINCIPALS: &[&str] = &[
    "td.one/ns/shop/sa/frontend",
    "cluster.local/ns/shop/sa/frontend",
    "cluster.local/ns/partner/sa/a.b",
    "old-td/ns/shop/sa/batch",
    "old-td/ns/shop/sa/*",
    "td.one/*",
    "td.one*",
    "td*",
    "*/sa/frontend",
    "*/sa/a.b",
    "*-td/ns/shop/sa/batch",
    "*one/ns/shop/sa/frontend",
    "*/ns/shop/sa/frontend",
    "*d.one/ns/partner/sa/batch",
    "td.one/cluster/x/ns/shop/sa/y",
    "td.one/ns/*/sa/frontend",
    "spiffe://td.one/ns/shop/sa/frontend",
    "cluster.local/*",
    "td.one/",
    "*",
];
const REQUEST_PRINCIPALS: &[&str] = &[
    "https://issuer.example/alice",
    "https://issuer.example/*",
    "https://issuer.example/al*",
    "https://issuer*",
    "https://issuer.example/tenant/alice",
    "issuer-2/alice",
    "issuer-2/a/b",
    "issuer-2",
    "issuer*",
    "issuer-2/",
    "*/alice",
    "*.example/alice",
    "*/*",
    "*alice",
    "*b",
    "*",
];
const TRUST_DOMAINS: &[&str] = &[
    "td.one",
    "tdxone",
    "td*",
    "*one",
    "old-td",
    "cluster.local",
    "*-td",
    "t*e",
    "*",
    "td",
];
const SERVICE_ACCOUNTS: &[&str] = &[
    "frontend",
    "shop/frontend",
    "shop/batch",
    "partner/batch",
    "partner/a.b",
    "b",
    "a/b",
    "shop/y",
    "ns/sa",
];
const NAMESPACES: &[&str] = &[
    "shop", "partner", "sh", "sh*", "*p", "s*p", "*", "shop*", "a", "x", "sho.", "ns", "sh*a",
    "*a", "shop/sa", "*/sa",
];
const IP_BLOCKS: &[&str] = &[
    "127.7.0.1",
    "127.7.0.0/24",
    "127.7.0.9/29",
    "127.7.1.0/24",
    "127.0.0.0/8",
    "127.7.0.0/30",
    "10.1.0.0/16",
    "0.0.0.0/0",
    "::/0",
    "::ffff:127.7.0.1",
];
const REMOTE_IP_BLOCKS: &[&str] = &[
    "10.1.2.3",
    "10.1.0.0/16",
    "10.1.2.3/8",
    "192.168.7.7/32",
    "127.7.0.0/16",
    "127.7.0.1",
    "2001:db8::1",
    "2001:db8::/32",
    "2001:DB8:0:1::/64",
    "0.0.0.0/0",
    "::/0",
];
const HOSTS: &[&str] = &[
    "orders.shop",
    "Orders.Shop",
    "orders.shop:8080",
    "*.shop",
    "*:8080",
    "orders*",
    "orders.*",
    "pay.shop",
    "pay.shop:*",
    "*",
    "o*shop",
];
const PORTS: &[&str] = &["8080", "9090", "80", "08080", "0"];
const METHODS: &[&str] = &["GET", "POST", "P*", "*T", "get", "*", "DELETE"];
const PATHS: &[&str] = &[
    "/a",
    "/A",
    "/a/b",
    "/a*",
    "/a/*",
    "*.json",
    "*/b",
    "*b",
    "/",
    "*",
    "/a/*/c.json",
    "/a/{*}",
    "/a/{*}/c.json",
    "/a/{**}",
    "/{**}",
    "/{*}",
    "/{*}/b",
    "/{*}/{*}",
    "/a/{**}/c.json",
    "/{**}/b",
    "/a/{*}/{**}",
];
const TENANTS: &[&str] = &["gold", "silver", "g*", "*old", "*", "gold,*", "go*d"];
const LEVELS: &[&str] = &["1", "1*", "*0", "*"];
/// What a policy says for the address of the proxy itself, which differs from run to run.
pub(super) const OWN_ADDRESS: &str = "127.255.255.254";
const DESTINATIONS: &[&str] = &[
    OWN_ADDRESS,
    "127.255.255.254/24",
    "127.0.0.0/8",
    "10.0.0.1",
    "0.0.0.0/0",
    "::/0",
];
const SNIS: &[&str] = &[
    "orders.shop",
    "*.shop",
    "orders*",
    "*",
    "pay.shop",
    "Orders.Shop",
];
const AUDIENCES: &[&str] = &["orders", "pay", "or*", "*y", "*", "Orders"];
const PRESENTERS: &[&str] = &["web", "app", "w*", "*p", "*"];
const GROUPS: &[&str] = &["admin", "dev", "dev*", "*min", "*", "[admin]"];
const ROLES: &[&str] = &["editor", "viewer", "ed*", "*"];
const TIERS: &[&str] = &["gold", "g*", "*"];
const OPERATORS: &[&str] = &["ops", "*"];
const SCOPES: &[&str] = &["read", "write", "read write", "r*", "*"];
const SUBJECTS: &[&str] = &["alice", "al*", "*b", "*"];
const COLOURS: &[&str] = &["blue", "b*", "*h", "*", "[blue]"];
const LISTED: &[&str] = &["[red]", "[r*]", "[*]", "red", "*", "[gold]"];

const SOURCE: &[Field] = &[
    ("principals", PRINCIPALS),
    ("principals", PRINCIPALS),
    ("requestPrincipals", REQUEST_PRINCIPALS),
    ("trustDomains", TRUST_DOMAINS),
    ("serviceAccounts", SERVICE_ACCOUNTS),
    ("namespaces", NAMESPACES),
    ("ipBlocks", IP_BLOCKS),
    ("remoteIpBlocks", REMOTE_IP_BLOCKS),
];
const OPERATION: &[Field] = &[
    ("hosts", HOSTS),
    ("methods", METHODS),
    ("paths", PATHS),
    ("paths", PATHS),
    ("ports", PORTS),
];
const CONDITIONS: &[Field] = &[
    ("request.headers[x-tenant]", TENANTS),
    ("request.headers[X-Tenant]", TENANTS),
    ("request.headers[x-level]", LEVELS),
    ("request.headers[x-none]", LEVELS),
    ("request.headers[host]", HOSTS),
    (
        "request.headers[x-forwarded-proto]",
        &["https", "http", "*s"],
    ),
    (
        "request.headers[x-forwarded-client-cert]",
        &["*", "*sa/frontend", "By=*"],
    ),
    ("request.headers[authorization]", &["*", "Bearer *"]),
    ("source.ip", IP_BLOCKS),
    ("remote.ip", REMOTE_IP_BLOCKS),
    ("source.namespace", NAMESPACES),
    ("source.principal", PRINCIPALS),
    ("source.serviceAccount", SERVICE_ACCOUNTS),
    ("source.trustDomain", TRUST_DOMAINS),
    ("request.auth.principal", REQUEST_PRINCIPALS),
    ("request.auth.audiences", AUDIENCES),
    ("request.auth.presenter", PRESENTERS),
    ("request.auth.claims[groups]", GROUPS),
    ("request.auth.claims[realm][roles]", ROLES),
    ("request.auth.claims[realm][tier]", TIERS),
    ("request.auth.claims[realm]", TIERS),
    ("request.auth.claims[scope]", SCOPES),
    ("request.auth.claims[permission]", SCOPES),
    ("request.auth.claims[sub]", SUBJECTS),
    ("request.auth.claims[x.example/role]", OPERATORS),
    ("request.auth.claims[level]", LEVELS),
    ("request.auth.claims[admin]", &["true", "*"]),
    ("destination.ip", DESTINATIONS),
    ("destination.port", PORTS),
    ("connection.sni", SNIS),
    ("experimental.envoy.filters.http.tier[colour]", COLOURS),
    ("experimental.envoy.filters.http.listed[colours]", LISTED),
];

/// The namespace of the workload, of the root, and of somebody else.
pub(super) const OWN: &str = "shop";
pub(super) const ROOT: &str = "istio-system";
const OTHER: &str = "partner";

/// Up to eight policies; now and then so many that they are looked up rather than walked.
pub(super) fn random(random: &mut Random) -> Vec<Value> {
    let count = match random.percent(4) {
        true => 40,
        false => random.below(9),
    };
    (0..count).map(|number| policy(random, number)).collect()
}

/// Every value that a policy may have, alone and denied: each as a policy that allows.
pub(super) fn singles() -> Vec<Value> {
    let mut specs = Vec::new();
    let mut add = |fields: &[Field], rule: &dyn Fn(&str, &str, bool) -> Value| {
        for (index, (field, values)) in fields.iter().enumerate() {
            // Some stand there twice, for weight.
            if fields[..index].iter().any(|(other, _)| other == field) {
                continue;
            }
            for value in *values {
                for not in [false, true] {
                    specs.push(json!({"rules": [rule(field, value, not)]}));
                }
            }
        }
    };
    let named = |field: &str, not| {
        if not {
            negative(field)
        } else {
            field.to_owned()
        }
    };
    add(
        SOURCE,
        &|field, value, not| json!({"from": [{"source": {named(field, not): [value]}}]}),
    );
    add(
        OPERATION,
        &|field, value, not| json!({"to": [{"operation": {named(field, not): [value]}}]}),
    );
    add(
        CONDITIONS,
        &|key, value, not| json!({"when": [{"key": key, named("values", not): [value]}]}),
    );
    let metadata = json!({"name": "single", "namespace": OWN});
    specs.iter().map(|spec| document(&metadata, spec)).collect()
}

fn document(metadata: &Value, spec: &Value) -> Value {
    json!({
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata,
        "spec": spec,
    })
}

fn policy(random: &mut Random, number: usize) -> Value {
    let namespace = match random.below(100) {
        0..65 => OWN,
        65..92 => ROOT,
        _ => OTHER,
    };
    let mut metadata = json!({"name": format!("p{number}"), "namespace": namespace});
    if random.percent(15) {
        let said = random.word(&["true", "true", "1", "TRUE", "false", "yes", ""]);
        metadata["annotations"] = json!({"istio.io/dry-run": said});
    }
    let mut spec = Map::new();
    match random.below(100) {
        0..15 => {}
        15..50 => drop(spec.insert("action".to_owned(), json!("ALLOW"))),
        50..85 => drop(spec.insert("action".to_owned(), json!("DENY"))),
        _ => drop(spec.insert("action".to_owned(), json!("AUDIT"))),
    }
    if random.percent(12) {
        let app = random.word(&["orders", "orders", "pay"]);
        spec.insert("selector".to_owned(), json!({"matchLabels": {"app": app}}));
    } else if random.percent(3) {
        spec.insert("selector".to_owned(), json!({}));
    } else if random.percent(4) {
        // What names its targets is not for a sidecar.
        let target = match random.percent(50) {
            true => json!({"group": "", "kind": "Service", "name": "orders"}),
            false => json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g"}),
        };
        spec.insert("targetRefs".to_owned(), json!([target]));
    }
    let count = [1, 1, 1, 2, 2, 3, 0][random.below(7)];
    let rules: Vec<Value> = (0..count).map(|_| rule(random)).collect();
    if !rules.is_empty() || random.percent(50) {
        spec.insert("rules".to_owned(), json!(rules));
    }
    document(&metadata, &Value::Object(spec))
}

fn rule(random: &mut Random) -> Value {
    // One test alone shows best what it means.
    let (parts, most) = if random.percent(35) {
        let only = random.below(3);
        ([only == 0, only == 1, only == 2], 1)
    } else {
        let parts = [70, 60, 45].map(|chance| random.percent(chance));
        (parts, 2)
    };
    let [from, to, when] = parts;
    let mut rule = Map::new();
    if from {
        let entries = alternatives(random, "source", SOURCE, most);
        rule.insert("from".to_owned(), entries);
    }
    if to {
        let entries = alternatives(random, "operation", OPERATION, most);
        rule.insert("to".to_owned(), entries);
    }
    if when {
        let mut conditions: Vec<Value> = Vec::new();
        for _ in 0..1 + random.below(most) {
            let condition = condition(random);
            // Once for each key.
            if conditions
                .iter()
                .all(|other| other["key"] != condition["key"])
            {
                conditions.push(condition);
            }
        }
        rule.insert("when".to_owned(), json!(conditions));
    }
    Value::Object(rule)
}

fn alternatives(random: &mut Random, inner: &str, fields: &[Field], most: usize) -> Value {
    let count = 1 + usize::from(most > 1 && random.percent(30));
    let mut entries = Vec::new();
    for _ in 0..count {
        let mut entry = Map::new();
        for _ in 0..1 + random.below(most) {
            let (field, values) = *random.pick(fields);
            // Kubernetes refuses these together.
            let stem = |name: &str| name.trim_start_matches("not").to_ascii_lowercase();
            let has = |names: &[&str]| entry.keys().any(|key| names.contains(&&*stem(key)));
            let clash = match field {
                "serviceAccounts" => has(&["principals", "namespaces"]),
                "principals" | "namespaces" => has(&["serviceaccounts"]),
                _ => false,
            };
            if clash {
                continue;
            }
            let name = if random.percent(25) {
                negative(field)
            } else {
                field.to_owned()
            };
            // An empty list is none.
            let empty = random.percent(3);
            let list = if empty {
                json!([])
            } else {
                some(random, values)
            };
            entry.insert(name, list);
        }
        if random.percent(2) {
            entry.clear();
        }
        entries.push(json!({inner: entry}));
    }
    json!(entries)
}

fn negative(field: &str) -> String {
    let (first, rest) = field.split_at(1);
    format!("not{}{rest}", first.to_ascii_uppercase())
}

fn condition(random: &mut Random) -> Value {
    let (key, values) = *random.pick(CONDITIONS);
    let mut condition = json!({"key": key});
    let which = random.below(100);
    if which < 75 {
        condition["values"] = some(random, values);
    }
    if which >= 65 {
        condition["notValues"] = some(random, values);
    }
    condition
}

fn some(random: &mut Random, values: &[&'static str]) -> Value {
    let count = 1 + random.below(3);
    let mut chosen: Vec<&str> = Vec::new();
    for _ in 0..count {
        let value = random.word(values);
        if !chosen.contains(&value) {
            chosen.push(value);
        }
    }
    json!(chosen)
}
