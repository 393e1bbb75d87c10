//! The rules of our own documents.

use super::{Tests, all, single};
use crate::matcher::{Alternatives, End, Form, Kept, Matcher, Side, Test, Text};
use crate::mesh_index::{MeshIndex, Where};
use crate::plan::Plan;
use crate::policy_set::{Clause, Rule};
use crate::template::{Open, Template};
use crate::text_set::{Case, TextPattern, TextSet};
use crate::truth::Truth;
use landbridge_model::{
    AnyOf, Condition, ConditionKey, ConditionValues, DataClass, GrpcPattern, IpBlock, Mesh,
    NamespacedName, Operation, PathPattern, Pattern, Port, RequestPrincipal, Source,
};

/// The filter that validates tokens, and what it keeps their claims under.
pub(crate) const JWT: &str = "envoy.filters.http.jwt_authn";
pub(crate) const PAYLOAD: &str = "payload";

/// Each data class: its name, and what gives it to a request, any of these.
pub(crate) type DataClasses = Vec<(Box<str>, Vec<Clause>)>;

/// What gives requests their data classes.
pub(crate) fn data_classes(mesh: &Mesh, plan: &mut Plan) -> DataClasses {
    let classes = mesh.data_classes.iter().flat_map(AnyOf::iter);
    classes.map(|class| data_class(class, plan)).collect()
}

/// What gives requests one data class.
pub(crate) fn data_class(class: &DataClass, plan: &mut Plan) -> (Box<str>, Vec<Clause>) {
    let mut clauses = Vec::new();
    for labelled in class.requests.iter() {
        let hosts = labelled.hosts.as_ref().map(|list| hosts(list.iter()));
        let paths = labelled.paths.as_ref().map(|list| paths(list.iter()));
        let mut tests: Vec<Test> = hosts
            .into_iter()
            .chain(paths)
            .map(|matcher| single(matcher, Truth::Unknown))
            .collect();
        for when in labelled.when.iter().flat_map(AnyOf::iter) {
            tests.extend(condition(when, "default", plan));
        }
        clauses.push(Clause(tests));
    }
    (class.name.as_str().into(), clauses)
}

pub(crate) fn rule(
    rule: &landbridge_model::Rule,
    namespace: &str,
    mesh: &MeshIndex,
    classes: &DataClasses,
    plan: &mut Plan,
) -> Rule {
    let from = rule.from.iter().flat_map(AnyOf::iter);
    let from = from.map(|from| source(&from.source, namespace, mesh, plan));
    let from = from.collect();
    let to = rule.to.iter().flat_map(AnyOf::iter);
    let to = to
        .map(|to| operation(&to.operation, classes, plan))
        .collect();
    let mut when = Vec::new();
    for written in rule.when.iter().flat_map(AnyOf::iter) {
        when.extend(condition(written, namespace, plan));
    }
    if let Some(validity) = &rule.validity {
        plan.needs.time = true;
        let (from, until) = (validity.not_before, validity.not_after);
        let time = Matcher::Time(from.map(|t| t.0), until.map(|t| t.0));
        when.push(single(time, Truth::Unknown));
    }
    Rule {
        from,
        to,
        when: Clause(when),
    }
}

/// What a source asks for.
pub(crate) fn source(s: &Source, namespace: &str, mesh: &MeshIndex, plan: &mut Plan) -> Clause {
    let place = |by: Where| {
        move |list: &AnyOf<Pattern>| Matcher::Clusters(by, mesh.select(by, list.iter()))
    };
    let text = |text: Text| move |list: &AnyOf<Pattern>| texts(text, list.iter());
    let s_accounts = |list: &AnyOf<NamespacedName>| accounts(list.iter(), namespace);
    plan.needs.source_ip |= s.ip_blocks.is_some() || s.not_ip_blocks.is_some();
    plan.needs.remote_ip |= s.remote_ip_blocks.is_some() || s.not_remote_ip_blocks.is_some();
    let addresses = |end: End| move |list: &AnyOf<IpBlock>| blocks(end, Meaning::Ours, list.iter());
    let mut tests = Tests::new(Truth::Unknown);
    tests.add([&s.clusters, &s.not_clusters], place(Where::Cluster));
    tests.add([&s.regions, &s.not_regions], place(Where::Region));
    tests.add(
        [&s.jurisdictions, &s.not_jurisdictions],
        place(Where::Jurisdiction),
    );
    tests.add([&s.networks, &s.not_networks], place(Where::Network));
    tests.add(
        [&s.trust_domains, &s.not_trust_domains],
        text(Text::TrustDomain),
    );
    tests.add([&s.namespaces, &s.not_namespaces], text(Text::Namespace));
    tests.add([&s.service_accounts, &s.not_service_accounts], s_accounts);
    tests.add([&s.principals, &s.not_principals], text(Text::Principal));
    tests.add([&s.request_principals, &s.not_request_principals], |list| {
        request_principals(list.iter(), Meaning::Ours, plan)
    });
    tests.add([&s.ip_blocks, &s.not_ip_blocks], addresses(End::Source));
    tests.add(
        [&s.remote_ip_blocks, &s.not_remote_ip_blocks],
        addresses(End::Remote),
    );
    Clause(tests.all)
}

fn operation(o: &Operation, classes: &DataClasses, plan: &mut Plan) -> Clause {
    plan.needs.port |= o.ports.is_some() || o.not_ports.is_some();
    let mut tests = Tests::new(Truth::Unknown);
    tests.add([&o.ports, &o.not_ports], |list| ports(list.iter()));
    tests.add([&o.methods, &o.not_methods], |list| {
        texts(Text::Method, list.iter())
    });
    tests.add([&o.hosts, &o.not_hosts], |list| hosts(list.iter()));
    tests.add([&o.grpc_services, &o.not_grpc_services], |list| {
        grpc(list.iter())
    });
    tests.add([&o.paths, &o.not_paths], |list| paths(list.iter()));
    tests.add([&o.data_classes, &o.not_data_classes], |list| {
        labels(list.iter(), classes)
    });
    Clause(tests.all)
}

/// What a condition asks for.
fn condition(condition: &Condition, namespace: &str, plan: &mut Plan) -> Vec<Test> {
    let mut tests = Tests::new(Truth::Unknown);
    tests.add([&condition.values, &condition.not_values], |values| {
        native_values(&condition.key, values, namespace, plan)
    });
    tests.all
}

fn native_values(
    key: &ConditionKey,
    values: &ConditionValues,
    namespace: &str,
    plan: &mut Plan,
) -> Matcher {
    match values {
        ConditionValues::Accounts(list) => accounts(list.iter(), namespace),
        ConditionValues::RequestPrincipals(list) => {
            request_principals(list.iter(), Meaning::Ours, plan)
        }
        ConditionValues::Texts(list) => {
            let text = match key {
                ConditionKey::SourceNamespace => Text::Namespace,
                ConditionKey::SourceTrustDomain => Text::TrustDomain,
                ConditionKey::SourcePrincipal => Text::Principal,
                key => return kept_or_header(key, list, plan, Meaning::Ours),
            };
            texts(text, list.iter())
        }
        others => plain(key, others, Meaning::Ours, plan),
    }
}

/// A match that is the same to us and to Istio.
pub(super) fn plain(
    key: &ConditionKey,
    values: &ConditionValues,
    meaning: Meaning,
    plan: &mut Plan,
) -> Matcher {
    match values {
        ConditionValues::Ports(list) => {
            plan.needs.port = true;
            ports(list.iter())
        }
        ConditionValues::Addresses(list) => {
            let (end, asked) = match key {
                ConditionKey::DestinationIp => (End::Destination, &mut plan.needs.destination_ip),
                ConditionKey::RemoteIp => (End::Remote, &mut plan.needs.remote_ip),
                _ => (End::Source, &mut plan.needs.source_ip),
            };
            *asked = true;
            blocks(end, meaning, list.iter())
        }
        // Each key has values of its own form: nothing else gets here, and it would match nothing.
        _ => Matcher::Any(Alternatives::DataClasses, Box::default(), Box::default()),
    }
}

/// Whose meaning a match has that is written alike in our documents and in Istio's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Ours,
    Istios,
}

impl Meaning {
    /// What a match is where what it asks for cannot be known.
    fn unknown(self) -> Truth {
        match self {
            Self::Ours => Truth::Unknown,
            Self::Istios => Truth::No,
        }
    }

    /// To Istio, `*` of a header is that it is there, even if it is empty.
    fn header(self, pattern: &Pattern) -> TextPattern {
        match (self, pattern) {
            (Self::Istios, Pattern::Present) => TextPattern::There,
            _ => TextPattern::new(pattern, Case::Sensitive),
        }
    }

    /// To Istio, `*` of a claim and the like is the regular expression `.+`.
    fn kept(self, pattern: &Pattern) -> TextPattern {
        match (self, pattern) {
            (Self::Istios, Pattern::Present) => TextPattern::Line,
            _ => TextPattern::new(pattern, Case::Sensitive),
        }
    }

    /// Whether an IPv4 address in the clothes of IPv6 is one of IPv4.
    fn form(self) -> Form {
        match self {
            Self::Ours => Form::Plain,
            Self::Istios => Form::AsItCame,
        }
    }
}

/// A match of a header, the server name or what a filter keeps.
pub(super) fn kept_or_header(
    key: &ConditionKey,
    list: &[Pattern],
    plan: &mut Plan,
    meaning: Meaning,
) -> Matcher {
    let kept_text = |text: Text| {
        let patterns = list.iter().map(|pattern| meaning.kept(pattern));
        Matcher::Text(text, patterns.collect())
    };
    match key {
        ConditionKey::Header(name) => {
            let patterns = list.iter().map(|pattern| meaning.header(pattern));
            Matcher::Text(Text::Header(plan.header(name)), patterns.collect())
        }
        ConditionKey::Claim(path) => {
            let path = path.iter().map(String::as_str);
            kept_text(claim(path, Kept::Either, plan))
        }
        ConditionKey::Metadata { filter, key } => kept(filter, key, list, meaning, plan),
        _ => {
            plan.needs.sni = true;
            kept_text(Text::Sni)
        }
    }
}

/// `[value]` is one of a list, and a value by itself is a text.
fn kept(filter: &str, key: &str, list: &[Pattern], meaning: Meaning, plan: &mut Plan) -> Matcher {
    let slot = plan.metadata(filter, std::iter::once(key));
    let listed = |pattern: &&Pattern| matches!(pattern, Pattern::Exact(s) if s.starts_with('[') && s.ends_with(']'));
    let unwrapped = |s: &str| {
        let s = s.trim_matches(['[', ']']);
        match (s.strip_prefix('*'), s.strip_suffix('*')) {
            _ if s == "*" => meaning.kept(&Pattern::Present),
            (Some(suffix), _) => TextPattern::Suffix(suffix.into()),
            (None, Some(prefix)) => TextPattern::Prefix(prefix.into()),
            (None, None) => TextPattern::Exact(s.into()),
        }
    };
    let of_list: TextSet = list
        .iter()
        .filter(listed)
        .map(|pattern| unwrapped(pattern.literal()))
        .collect();
    let of_text: TextSet = list
        .iter()
        .filter(|pattern| !listed(pattern))
        .map(|pattern| meaning.kept(pattern))
        .collect();
    let either = [(Kept::List, of_list), (Kept::Text, of_text)];
    let clauses = either.into_iter().map(|(kind, set)| {
        all([single(
            Matcher::Text(Text::Kept(slot, kind), set),
            meaning.unknown(),
        )])
    });
    Matcher::Any(
        Alternatives::Metadata,
        clauses.collect(),
        format!("{filter}[{key}]").into(),
    )
}

/// A claim of the request's token.
fn claim<'k>(path: impl Iterator<Item = &'k str>, kept: Kept, plan: &mut Plan) -> Text {
    Text::Kept(
        plan.metadata(JWT, std::iter::once(PAYLOAD).chain(path)),
        kept,
    )
}

pub(super) fn request_principals<'p>(
    list: impl Iterator<Item = &'p RequestPrincipal>,
    meaning: Meaning,
    plan: &mut Plan,
) -> Matcher {
    let mut told = Vec::new();
    let mut clauses = Vec::new();
    for principal in list {
        let part = |name: &'static str, pattern: &Pattern, plan: &mut Plan| {
            let text = claim(std::iter::once(name), Kept::Text, plan);
            let patterns = std::iter::once(meaning.kept(pattern)).collect();
            single(Matcher::Text(text, patterns), meaning.unknown())
        };
        clauses.push(all([
            part("iss", &principal.issuer, plan),
            part("sub", &principal.subject, plan),
        ]));
        told.push(format!("`{principal}`"));
    }
    let told = told.join(" or ").into();
    Matcher::Any(Alternatives::RequestPrincipals, clauses.into(), told)
}

fn labels<'p>(list: impl Iterator<Item = &'p Pattern>, classes: &DataClasses) -> Matcher {
    let patterns: Vec<&Pattern> = list.collect();
    let wanted = |name: &str| patterns.iter().any(|pattern| pattern.matches(name));
    let clauses = classes.iter().filter(|(name, _)| wanted(name));
    let clauses = clauses
        .flat_map(|(_, clauses)| clauses.iter().cloned())
        .collect();
    let told: Vec<String> = patterns
        .iter()
        .map(|pattern| format!("`{pattern}`"))
        .collect();
    Matcher::Any(Alternatives::DataClasses, clauses, told.join(" or ").into())
}

fn texts<'p>(text: Text, list: impl Iterator<Item = &'p Pattern>) -> Matcher {
    let patterns = list.map(|pattern| TextPattern::new(pattern, Case::Sensitive));
    Matcher::Text(text, patterns.collect())
}

fn hosts<'p>(list: impl Iterator<Item = &'p Pattern>) -> Matcher {
    let patterns = list.map(|pattern| TextPattern::new(pattern, Case::Folded));
    Matcher::Text(Text::Host, patterns.collect())
}

fn grpc<'p>(list: impl Iterator<Item = &'p GrpcPattern>) -> Matcher {
    let patterns = list.map(|pattern| TextPattern::new(&pattern.0, Case::Sensitive));
    Matcher::Text(Text::Grpc, patterns.collect())
}

fn paths<'p>(list: impl Iterator<Item = &'p PathPattern>) -> Matcher {
    let patterns = list.map(path_pattern);
    Matcher::Text(Text::Path, patterns.collect())
}

/// A pattern of a path, in our meaning.
pub(crate) fn path_pattern(pattern: &PathPattern) -> TextPattern {
    path(pattern, Open::Anything)
}

pub(super) fn path(pattern: &PathPattern, open: Open) -> TextPattern {
    match pattern {
        PathPattern::Text(pattern) => TextPattern::new(pattern, Case::Sensitive),
        PathPattern::Template(t) => TextPattern::Template(Box::new(Template::new(t, open))),
    }
}

fn accounts<'p>(list: impl Iterator<Item = &'p NamespacedName>, namespace: &str) -> Matcher {
    let accounts = list.map(|account| {
        let namespace = account.namespace.as_ref().map_or(namespace, |n| n.as_str());
        TextPattern::Exact(format!("{namespace}/sa/{}", account.name).into())
    });
    Matcher::Text(Text::Account, accounts.collect())
}

pub(super) fn ports<'p>(list: impl Iterator<Item = &'p Port>) -> Matcher {
    Matcher::Ports(list.map(|port| port.0).collect())
}

pub(super) fn blocks<'p>(
    end: End,
    meaning: Meaning,
    list: impl Iterator<Item = &'p IpBlock>,
) -> Matcher {
    let blocks = list.map(|block| block.0).collect();
    Matcher::Addresses(Side(end, meaning.form()), blocks)
}
