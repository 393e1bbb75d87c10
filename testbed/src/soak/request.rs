//! One request, and random ones. A request that is aimed at a rule asks for what the rule is
//! about, or nearly so: what policies say little of would hardly ever be met by chance.

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use landbridge_model::{Address, Caller, Json};
use serde_json::{Value, json};

use super::callers;
use crate::random::Random;

/// A request that one of the callers makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub(super) caller: usize,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    /// Which of the tokens it has.
    pub(super) token: Option<usize>,
}

/// Of a hundred requests, so many are aimed at a rule.
const AIMED: usize = 60;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];
const HOSTS: &[&str] = &[
    "orders.shop",
    "orders.shop:8080",
    "ORDERS.shop",
    "orders.shop.svc",
    "pay.shop",
    "pay.shop:80",
    "pay.shop:443",
    "shop",
    "orders.shop.",
    "orders.shop.:8080",
    "orders.shop:",
    "[::1]:8080",
    "other.example",
];
const PATHS: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/A",
    "/a/b",
    "/a/b/",
    "/a/b/c",
    "/a/b/c.json",
    "/a/x/b",
    "/b",
    "/x.json",
    "/ab",
    // Not every character is one of a template's segment.
    "/a/x=1",
    "/a/b'c",
    "/a/*",
    "/a/~b@c:d",
    "/a/b;c",
    "/a/b!$&()+,c/c.json",
    "/a/b%20c",
    "/a/b//c.json",
    // The query is no part of a path, whatever it looks like.
    "/a?b",
    "/b?/a",
    "/x?y=/c.json",
    "/a/b?",
    // These are normalised before they are judged.
    "/a//b",
    "/a/./b",
    "/x/../a",
    "/%61",
    "/a/%62/c.json",
    "/a/b/..",
    "//a",
    "/a\\b",
    "/x/%2e%2E/a",
    "/a/%2e/b",
    "/a/%3d%7e",
    "/a/%C3%a9",
    "/a/b/../../..",
    "/./a",
    "/a/.",
    // Where it is a URL, it says the host, too.
    "http://pay.shop/a",
    "http://ORDERS.shop:8080",
];
const TENANTS: [&str; 7] = ["gold", "silver", "", "go", "Gold", "gold,silver", "*"];
const LEVELS: [&str; 4] = ["1", "10", "", "old"];
/// The last is the one that counts, and what is no address counts for nothing.
const FORWARDED: &[&str] = &[
    "10.1.2.3",
    "10.1.9.9",
    "10.2.0.1",
    "192.168.7.7, 10.1.2.3",
    "10.1.2.3, 192.168.7.7",
    "2001:db8::1",
    "2001:db8:0:1::7",
    "2001:0db8::0001",
    "::ffff:10.1.2.3",
    "[2001:db8::1]",
    "10.1.2.3:80",
    "10.1.2.3,",
    "010.1.2.3",
    "",
    "unknown",
];
const TIERS: [&str; 4] = ["blue", "green", "blueish", "b"];

impl Request {
    /// The plainest one.
    pub(super) fn plain(caller: usize) -> Self {
        Self {
            caller,
            method: "GET".to_owned(),
            host: "orders.shop".to_owned(),
            path: "/".to_owned(),
            headers: Vec::new(),
            token: None,
        }
    }

    fn random(random: &mut Random) -> Self {
        let mut request = Self {
            method: random.word(&METHODS).to_owned(),
            host: random.word(HOSTS).to_owned(),
            path: random.word(PATHS).to_owned(),
            ..Self::plain(random.below(callers::COUNT))
        };
        let optional: [(usize, &str, &[&'static str]); 4] = [
            (50, "x-tenant", &TENANTS),
            (30, "x-level", &LEVELS),
            (35, "x-forwarded-for", FORWARDED),
            (30, "x-tier", &TIERS),
        ];
        for (chance, name, values) in optional {
            if random.percent(chance) {
                request.set(name, random.word(values));
            }
        }
        if random.percent(60) {
            request.token = Some(random.below(callers::claims().len()));
        }
        request
    }

    /// One that policies may well speak of.
    pub(super) fn meeting(random: &mut Random, policies: &[Value]) -> Self {
        match random.percent(AIMED) {
            true => Self::aimed(random, policies),
            false => Self::random(random),
        }
    }

    /// One that comes close to a rule of these policies.
    fn aimed(random: &mut Random, policies: &[Value]) -> Self {
        let mut request = Self::random(random);
        if policies.is_empty() {
            return request;
        }
        let rules = random.pick(policies)["spec"]["rules"].as_array();
        let Some(rules) = rules.filter(|rules| !rules.is_empty()) else {
            return request;
        };
        let rule = random.pick(rules);
        if let Some(entry) = one_of(random, &rule["to"]) {
            request.aim_at(random, &entry["operation"]);
        }
        for condition in rule["when"].as_array().into_iter().flatten() {
            request.aim_at_condition(random, condition);
        }
        request
    }

    fn aim_at(&mut self, random: &mut Random, operation: &Value) {
        let mut aimed = |field: &str| {
            let value = one_of(random, &operation[field]).and_then(Value::as_str)?;
            instance(random, value).filter(|_| random.percent(90))
        };
        if let Some(host) = aimed("hosts").filter(|host| is_host(host)) {
            self.host = host;
        }
        // Envoy takes only methods that it knows.
        if let Some(method) = aimed("methods").filter(|it| METHODS.contains(&it.as_str())) {
            self.method = method;
        }
        if let Some(path) = aimed("paths") {
            // A suffix alone is no path.
            let start = if path.starts_with('/') { "" } else { "/a/" };
            self.path = format!("{start}{path}");
        }
    }

    fn aim_at_condition(&mut self, random: &mut Random, condition: &Value) {
        let value = one_of(random, &condition["values"]).and_then(Value::as_str);
        let (Some(key), Some(value)) = (condition["key"].as_str(), value) else {
            return;
        };
        let header = key
            .strip_prefix("request.headers[")
            .and_then(|rest| rest.strip_suffix(']'))
            .map(str::to_ascii_lowercase)
            .filter(|name| name.starts_with("x-"));
        if let (Some(name), Some(text)) = (header, instance(random, value)) {
            self.set(&name, &text);
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The same request made plainer in one respect each.
    pub(super) fn plainer(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut offer = |change: &dyn Fn(&mut Self)| {
            let mut plainer = self.clone();
            change(&mut plainer);
            if plainer != *self {
                all.push(plainer);
            }
        };
        offer(&|request| request.token = None);
        offer(&|request| request.method = "GET".to_owned());
        offer(&|request| request.host = "orders.shop".to_owned());
        offer(&|request| request.path = "/".to_owned());
        offer(&|request| {
            let cut = request.path.find('?').unwrap_or(request.path.len());
            request.path.truncate(cut);
        });
        for header in 0..self.headers.len() {
            offer(&|request| drop(request.headers.remove(header)));
        }
        offer(&|request| request.caller = 0);
        all
    }

    /// Its bytes, in HTTP/1.1.
    pub(super) fn write(&self, tokens: &[String], bytes: &mut Vec<u8>) {
        let Self {
            method,
            path,
            host,
            headers,
            ..
        } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(token) = self.token {
            text.push_str(&format!("authorization: Bearer {}\r\n", tokens[token]));
        }
        text.push_str("\r\n");
        bytes.extend_from_slice(text.as_bytes());
    }
}

/// What an Envoy would tell the engine of a request.
impl Request {
    /// As a `PolicyTest` describes it, at a proxy of this address.
    pub(super) fn described(&self, proxy: IpAddr) -> landbridge_model::Request {
        let caller = callers::caller(self.caller);
        let header = |name| self.headers.iter().find(|(other, _)| other == name);
        let forwarded = header("x-forwarded-for").map(|(_, value)| value.as_str());
        let last = forwarded.and_then(|all| all.rsplit(',').next()?.trim().parse().ok());
        let mut kept = json!({
            "envoy.filters.http.listed": {"colours": callers::colours()},
        });
        if let Some((_, tier)) = header("x-tier") {
            kept["envoy.filters.http.tier"] = json!({"colour": tier});
        }
        let from = callers::id(self.caller).map(|id| Caller {
            principal: Some(id.to_owned()),
            cluster: None,
            issuer: None,
            namespace: None,
            service_account: None,
        });
        landbridge_model::Request {
            from,
            method: Some(self.method.clone()),
            host: Some(self.host.clone()),
            path: Some(self.path.clone()),
            claims: self.token.map(|token| CLAIMS[token].clone()),
            metadata: Some(tree(&kept)),
            source_ip: Some(Address(caller.source)),
            remote_ip: Some(Address(last.unwrap_or(caller.source))),
            destination_ip: Some(Address(proxy)),
            sni: caller.sni,
            headers: self.headers.iter().cloned().collect(),
            ..landbridge_model::Request::default()
        }
    }
}

static CLAIMS: LazyLock<Vec<Json>> = LazyLock::new(|| callers::claims().iter().map(tree).collect());

fn tree(value: &Value) -> Json {
    // JSON is YAML.
    let trees = landbridge_model::yaml::trees(&value.to_string());
    let tree = trees.ok().and_then(|trees| trees.into_iter().next());
    Json(tree.expect("it is one tree"))
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            method, path, host, ..
        } = self;
        writeln!(f, "{}", callers::name(self.caller))?;
        writeln!(f, "{method} {path}\nhost: {host}")?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        if let Some(token) = self.token {
            writeln!(f, "authorization: a token of {}", callers::claims()[token])?;
        }
        Ok(())
    }
}

fn one_of<'a>(random: &mut Random, list: &'a Value) -> Option<&'a Value> {
    let list = list.as_array().filter(|list| !list.is_empty())?;
    Some(random.pick(list))
}

/// Whether it is a host, with or without a port: what is not, Landbridge does not even judge.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(is_label) && port.bytes().all(|b| b.is_ascii_digit())
}

/// A text that a pattern means; none for the pattern that means all.
fn instance(random: &mut Random, pattern: &str) -> Option<String> {
    let filling = ["", "x", "b", "b/c"];
    if pattern == "*" {
        return None;
    }
    if pattern.contains('{') {
        let text = pattern.replace("{**}", random.word(&filling));
        return Some(text.replace("{*}", random.word(&["b", "x"])));
    }
    Some(pattern.replace('*', random.word(&["", "x", "1"])))
}
