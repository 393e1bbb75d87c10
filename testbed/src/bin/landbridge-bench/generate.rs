//! A mesh's policies as they are in the wild: most name a few principals or a
//! namespace, a method or two and a path, some a whole trust domain, some say
//! who or what is not meant. And requests that come close to them.

use landbridge_testbed::Workload;
use landbridge_testbed::random::Random;

use crate::policies::{Attribute, Pattern, Policy, Request, Rule, Test, principal, trust_domain};

const CLUSTERS: [&str; 3] = ["use1-a", "use1-b", "euw1-a"];
const NAMESPACES: usize = 400;
const ACCOUNTS: usize = 50;
const SERVICES: [&str; 8] = [
    "orders", "payments", "catalog", "search", "users", "ledger", "stock", "mail",
];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const RESOURCES: usize = 200;

/// The requests that are measured. They differ in their callers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    AllowedFirst,
    AllowedLast,
    Denied,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::AllowedFirst, Self::AllowedLast, Self::Denied];

    pub fn name(self) -> &'static str {
        match self {
            Self::AllowedFirst => "allowed_first",
            Self::AllowedLast => "allowed_last",
            Self::Denied => "denied",
        }
    }

    pub fn request(self) -> Request {
        Request {
            // A namespace that no random policy names.
            caller: Workload::new("use1-a", "bench", self.name().replace('_', "-")),
            method: "GET".to_owned(),
            host: host(SERVICES[0]),
            path: "/v1/resource-007/list".to_owned(),
            query: "",
        }
    }

    /// What it is answered where `policies` are enforced.
    pub fn status(self, policies: &[Policy]) -> u16 {
        status(policies, &self.request())
    }
}

/// What a request is answered where `policies` are enforced, all of which allow.
pub fn status(policies: &[Policy], request: &Request) -> u16 {
    if policies.iter().any(|policy| policy.allows(request)) {
        200
    } else {
        403
    }
}

/// `count` policies, of which only the first lets [`Kind::AllowedFirst`]
/// through, only the last [`Kind::AllowedLast`], and none [`Kind::Denied`].
pub fn policies(count: usize) -> Vec<Policy> {
    let mut random = Random::new(0x1A2D_B21D_6E00);
    let measured = Kind::ALL.map(Kind::request);
    let mut policies = vec![just(&measured[0])];
    while policies.len() + 1 < count {
        let policy = policy(&mut random);
        if !measured.iter().any(|request| policy.allows(request)) {
            policies.push(policy);
        }
    }
    policies.push(just(&measured[1]));
    policies
}

/// A policy for one caller.
fn just(request: &Request) -> Policy {
    let exact = |text: &str| vec![Pattern::Exact(text.to_owned())];
    let only = |attribute, any_of| Test {
        attribute,
        any_of,
        negated: false,
    };
    Policy(vec![Rule(vec![
        only(Attribute::Principal, exact(&principal(&request.caller))),
        only(Attribute::Host, exact(&request.host)),
        only(Attribute::Method, exact(&request.method)),
        only(
            Attribute::Path,
            vec![Pattern::Prefix("/v1/resource-007/".to_owned())],
        ),
    ])])
}

fn policy(random: &mut Random) -> Policy {
    let rules = if random.percent(30) { 2 } else { 1 };
    Policy((0..rules).map(|_| rule(random)).collect())
}

fn rule(random: &mut Random) -> Rule {
    let mut tests = Vec::new();
    let mut add = |attribute, negated, any_of| {
        tests.push(Test {
            attribute,
            any_of,
            negated,
        });
    };
    let who = random.below(100);
    match who {
        0..45 => {
            let some = some(random, 3, |r| Pattern::Exact(principal(&workload(r))));
            add(Attribute::Principal, false, some);
        }
        45..60 => add(Attribute::Principal, false, vec![whole_namespace(random)]),
        60..68 => {
            let suffix = format!("/sa/{}", account(random));
            add(Attribute::Principal, false, vec![Pattern::Suffix(suffix)]);
        }
        68..88 => {
            let some = some(random, 2, |r| Pattern::Exact(namespace(r)));
            add(Attribute::Namespace, false, some);
        }
        88..94 => {
            let only = namespace(random);
            let but = format!("/ns/{only}/sa/{}", account(random));
            add(Attribute::Namespace, false, vec![Pattern::Exact(only)]);
            add(Attribute::Principal, true, vec![Pattern::Suffix(but)]);
        }
        _ => {
            let domain = format!("{}/", trust_domain(random.word(&CLUSTERS)));
            let some = some(random, 3, |r| Pattern::Exact(namespace(r)));
            add(Attribute::Principal, false, vec![Pattern::Prefix(domain)]);
            add(Attribute::Namespace, true, some);
        }
    }
    match random.below(100) {
        0..35 => {
            let some = some(random, 2, |r| Pattern::Exact(host(r.word(&SERVICES))));
            add(Attribute::Host, false, some);
        }
        35..45 => {
            let suffix = format!(".ns-{:02}.svc.cluster.local", random.below(4));
            add(Attribute::Host, false, vec![Pattern::Suffix(suffix)]);
        }
        _ => {}
    }
    match random.below(100) {
        0..60 => {
            let some = some(random, 2, |r| Pattern::Exact(r.word(&METHODS).to_owned()));
            add(Attribute::Method, false, some);
        }
        60..66 => add(
            Attribute::Method,
            true,
            vec![Pattern::Exact("DELETE".to_owned())],
        ),
        _ => {}
    }
    // Whoever lets a whole trust domain in says at least where to.
    let paths = if who < 94 { 100 } else { 90 };
    match random.below(paths) {
        0..45 => {
            let some = some(random, 2, |r| Pattern::Exact(path(r)));
            add(Attribute::Path, false, some);
        }
        45..90 => add(
            Attribute::Path,
            false,
            vec![Pattern::Prefix(subtree(random))],
        ),
        90..95 => {
            let subtree = subtree(random);
            add(
                Attribute::Path,
                true,
                vec![Pattern::Exact(format!("{subtree}delete"))],
            );
            add(Attribute::Path, false, vec![Pattern::Prefix(subtree)]);
        }
        _ => {}
    }
    Rule(tests)
}

fn some(
    random: &mut Random,
    most: usize,
    mut one: impl FnMut(&mut Random) -> Pattern,
) -> Vec<Pattern> {
    let count = 1 + random.below(most);
    (0..count).map(|_| one(random)).collect()
}

fn namespace(random: &mut Random) -> String {
    format!("team-{:03}", random.below(NAMESPACES))
}

fn account(random: &mut Random) -> String {
    format!("service-{:02}", random.below(ACCOUNTS))
}

fn workload(random: &mut Random) -> Workload {
    Workload::new(random.word(&CLUSTERS), namespace(random), account(random))
}

fn whole_namespace(random: &mut Random) -> Pattern {
    let domain = trust_domain(random.word(&CLUSTERS));
    Pattern::Prefix(format!("{domain}/ns/{}/", namespace(random)))
}

fn host(service: &str) -> String {
    // A service is always in the same one of four namespaces.
    format!("{service}.ns-{:02}.svc.cluster.local", service.len() % 4)
}

fn subtree(random: &mut Random) -> String {
    let (version, resource) = (1 + random.below(3), random.below(RESOURCES));
    format!("/v{version}/resource-{resource:03}/")
}

fn path(random: &mut Random) -> String {
    let last = ["list", "create", "export", "delete", "items/17"];
    format!("{}{}", subtree(random), random.word(&last))
}

/// A caller and requests by it, near to what the policies speak of.
pub fn requests(random: &mut Random, policies: &[Policy], count: usize) -> Vec<Request> {
    let named = rule_of(random, policies);
    let caller = caller_for(random, named);
    (0..count)
        .map(|_| {
            // Half of them ask for what the rule that names the caller is about.
            let rule = if random.percent(50) {
                named
            } else {
                rule_of(random, policies)
            };
            let mut request = Request {
                caller: caller.clone(),
                method: random.word(&METHODS).to_owned(),
                host: host(random.word(&SERVICES)),
                path: path(random),
                query: if random.percent(20) { "?page=2" } else { "" },
            };
            for test in rule.0.iter().filter(|test| !test.negated) {
                // And some of those in all but one respect.
                if random.percent(10) {
                    continue;
                }
                let pattern = random.pick(&test.any_of);
                let text = pattern.literal();
                match (test.attribute, pattern) {
                    (Attribute::Host, Pattern::Suffix(_)) => request.host = format!("any{text}"),
                    (Attribute::Host, _) => text.clone_into(&mut request.host),
                    (Attribute::Method, _) => text.clone_into(&mut request.method),
                    (Attribute::Path, Pattern::Prefix(_)) => request.path = format!("{text}list"),
                    (Attribute::Path, _) => text.clone_into(&mut request.path),
                    (Attribute::Principal | Attribute::Namespace, _) => {}
                }
            }
            request
        })
        .collect()
}

fn rule_of<'a>(random: &mut Random, policies: &'a [Policy]) -> &'a Rule {
    let policy = random.pick(policies);
    random.pick(&policy.0)
}

/// A caller whom a rule means, or nearly.
fn caller_for(random: &mut Random, rule: &Rule) -> Workload {
    let mut caller = workload(random);
    for test in rule.0.iter().filter(|test| !test.negated) {
        let text = random.pick(&test.any_of).literal();
        match test.attribute {
            Attribute::Namespace => text.clone_into(&mut caller.namespace),
            Attribute::Principal => {
                let mut parts = text.split("/ns/");
                let domain = parts.next().unwrap_or_default().split('/').next();
                let cluster = domain.and_then(|domain| domain.strip_suffix(".mesh.example"));
                if let Some(cluster) = cluster {
                    cluster.clone_into(&mut caller.cluster);
                }
                if let Some(namespace) = parts.next().and_then(|rest| rest.split('/').next()) {
                    namespace.clone_into(&mut caller.namespace);
                }
                if let Some((_, account)) = text.split_once("/sa/") {
                    account.clone_into(&mut caller.service_account);
                }
            }
            Attribute::Host | Attribute::Method | Attribute::Path => {}
        }
    }
    caller
}
