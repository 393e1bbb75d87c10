//! The rules of Istio's documents, as istiod 1.31 and Envoy's RBAC filter understand them.
//!
//! They know no third value: what a caller or a request does not have is not matched, and its
//! negation is. The exceptions are the addresses, which Envoy always has: where the proxy does not
//! give them to a filter, they are unknown here too.

use super::Tests;
use super::native::{Meaning, blocks, kept_or_header, path, plain, ports, request_principals};
use super::trust_domains::TrustDomains;
use crate::glob::{Anchor, Glob};
use crate::matcher::{End, Field, Matcher, Test, Text};
use crate::plan::Plan;
use crate::policy_set::{Clause, Rule};
use crate::template::Open;
use crate::text_set::{Case, TextPattern};
use crate::truth::Truth;
use landbridge_model::{
    Condition, ConditionKey, ConditionValues, GlobPiece, IstioAccount, IstioCondition,
    IstioNamespace, IstioOperation, IstioPrincipal, IstioPrincipalForm, IstioRule, IstioSource,
    IstioText, IstioTrustDomain, ListOf, Pattern,
};

/// What is not there is not matched.
const NO: Truth = Truth::No;

pub(super) fn rule(
    rule: &IstioRule,
    namespace: &str,
    domains: &TrustDomains,
    plan: &mut Plan,
) -> Rule {
    let mut compile = Compile {
        namespace,
        domains,
        plan,
    };
    let from = rule.from.iter().flat_map(ListOf::iter);
    let from = from.map(|from| compile.source(&from.source)).collect();
    let to = rule.to.iter().flat_map(ListOf::iter);
    let to = to.map(|to| compile.operation(&to.operation)).collect();
    let mut when = Vec::new();
    for IstioCondition(written) in rule.when.iter().flat_map(ListOf::iter) {
        when.extend(compile.condition(written));
    }
    Rule {
        from,
        to,
        when: Clause(when),
    }
}

struct Compile<'a> {
    namespace: &'a str,
    domains: &'a TrustDomains,
    plan: &'a mut Plan,
}

impl Compile<'_> {
    fn source(&mut self, s: &IstioSource) -> Clause {
        let mut tests = Tests::new(NO);
        tests.add([&s.namespaces, &s.not_namespaces], |list| {
            self.namespaces(list.iter())
        });
        tests.add([&s.service_accounts, &s.not_service_accounts], |list| {
            self.accounts(list.iter())
        });
        tests.add([&s.trust_domains, &s.not_trust_domains], |list| {
            self.trust_domains(list.iter())
        });
        tests.add([&s.principals, &s.not_principals], |list| {
            self.principals(list.iter())
        });
        tests.add([&s.request_principals, &s.not_request_principals], |list| {
            request_principals(list.iter().map(|p| &p.0), Meaning::Istios, self.plan)
        });
        tests.add([&s.ip_blocks, &s.not_ip_blocks], |list| {
            self.plan.needs.source_ip = true;
            blocks(End::Source, Meaning::Istios, list.iter())
        });
        tests.add([&s.remote_ip_blocks, &s.not_remote_ip_blocks], |list| {
            self.plan.needs.remote_ip = true;
            blocks(End::Remote, Meaning::Istios, list.iter())
        });
        Clause(tests.all)
    }

    fn operation(&mut self, o: &IstioOperation) -> Clause {
        let mut tests = Tests::new(NO);
        tests.add([&o.ports, &o.not_ports], |list| {
            self.plan.needs.port = true;
            ports(list.iter().map(|port| &port.0))
        });
        tests.add([&o.methods, &o.not_methods], |list| {
            let patterns = list.iter().map(|text| header(&text.0, Case::Sensitive));
            Matcher::Text(Text::Method, patterns.collect())
        });
        tests.add([&o.hosts, &o.not_hosts], |list| {
            self.plan.needs.authority = true;
            let patterns = list
                .iter()
                .map(|IstioText(host)| header(host, Case::Folded));
            Matcher::Text(Text::Authority, patterns.collect())
        });
        tests.add([&o.paths, &o.not_paths], |list| {
            let patterns = list.iter().map(|pattern| path(&pattern.0, Open::Envoy));
            Matcher::Text(Text::Path, patterns.collect())
        });
        Clause(tests.all)
    }

    fn condition(&mut self, condition: &Condition) -> Vec<Test> {
        let mut tests = Tests::new(NO);
        tests.add([&condition.values, &condition.not_values], |values| {
            self.values(&condition.key, values)
        });
        tests.all
    }

    fn values(&mut self, key: &ConditionKey, values: &ConditionValues) -> Matcher {
        match values {
            ConditionValues::IstioNamespaces(list) => self.namespaces(list.iter()),
            ConditionValues::IstioAccounts(list) => self.accounts(list.iter()),
            ConditionValues::IstioTrustDomains(list) => self.trust_domains(list.iter()),
            ConditionValues::IstioPrincipals(list) => self.principals(list.iter()),
            ConditionValues::RequestPrincipals(list) => {
                request_principals(list.iter(), Meaning::Istios, self.plan)
            }
            ConditionValues::Texts(list) => kept_or_header(key, list, self.plan, Meaning::Istios),
            others => plain(key, others, Meaning::Istios, self.plan),
        }
    }

    /// `.*/ns/<namespace>/.*`
    fn namespaces<'p>(&mut self, list: impl Iterator<Item = &'p IstioNamespace>) -> Matcher {
        self.plan.needs.peer_namespaces = true;
        let globs = list.map(|IstioNamespace(namespace)| {
            let mut pieces = vec![GlobPiece::AnyText, literal("/ns/")];
            pieces.extend(namespace.0.iter().cloned());
            pieces.extend([literal("/"), GlobPiece::AnyText]);
            in_namespace(&pieces, &namespace.0)
        });
        Matcher::Text(Text::PeerUri(Field::Namespaces), globs.collect())
    }

    /// `spiffe://.+/ns/<namespace>/(.+/|)sa/<name>(/.+)?`
    fn accounts<'p>(&mut self, list: impl Iterator<Item = &'p IstioAccount>) -> Matcher {
        self.plan.needs.peer_namespaces = true;
        let something = [GlobPiece::AnyCharacter, GlobPiece::AnyText];
        let own = [literal(self.namespace)];
        let mut globs = Vec::new();
        for account in list {
            let namespace = account.namespace.as_ref().map_or(&own[..], |glob| &glob.0);
            for between in [false, true] {
                for behind in [false, true] {
                    let mut pieces = vec![literal("spiffe://")];
                    pieces.extend(something.iter().cloned());
                    pieces.push(literal("/ns/"));
                    pieces.extend(namespace.iter().cloned());
                    pieces.push(literal("/"));
                    if between {
                        pieces.extend(something.iter().cloned());
                        pieces.push(literal("/"));
                    }
                    pieces.push(literal("sa/"));
                    pieces.extend(account.name.0.iter().cloned());
                    if behind {
                        pieces.push(literal("/"));
                        pieces.extend(something.iter().cloned());
                    }
                    globs.push(in_namespace(&pieces, namespace));
                }
            }
        }
        Matcher::Text(
            Text::PeerUri(Field::ServiceAccounts),
            globs.into_iter().collect(),
        )
    }

    /// `spiffe://<domain>/.*`
    fn trust_domains<'p>(&mut self, list: impl Iterator<Item = &'p IstioTrustDomain>) -> Matcher {
        let globs = list.flat_map(|domain| self.domains.domains(domain));
        let patterns = globs.map(|glob| match glob.0.as_slice() {
            [GlobPiece::Literal(s)] => TextPattern::Exact(s.as_str().into()),
            pieces => TextPattern::Glob(Box::new(Glob::new(pieces))),
        });
        Matcher::Text(Text::PeerTrustDomain, patterns.collect())
    }

    fn principals<'p>(&mut self, list: impl Iterator<Item = &'p IstioPrincipal>) -> Matcher {
        let all = list.flat_map(|principal| self.domains.principals(principal));
        let patterns = all.map(|principal| match principal.form {
            IstioPrincipalForm::Text(Pattern::Exact(s)) => {
                TextPattern::Exact(format!("spiffe://{s}").into())
            }
            IstioPrincipalForm::Text(Pattern::Prefix(s)) => {
                TextPattern::Prefix(format!("spiffe://{s}").into())
            }
            // A suffix is of the other form.
            IstioPrincipalForm::Text(Pattern::Present | Pattern::Suffix(_)) => TextPattern::Present,
            IstioPrincipalForm::Suffix(glob) => {
                let mut pieces = vec![literal("spiffe://"), GlobPiece::AnyText];
                pieces.extend(glob.0);
                TextPattern::Glob(Box::new(Glob::new(&pieces)))
            }
        });
        Matcher::Text(Text::PeerUri(Field::Principals), patterns.collect())
    }
}

fn literal(s: &str) -> GlobPiece {
    GlobPiece::Literal(s.to_owned())
}

/// A pattern of SPIFFE IDs with a namespace in them, by which it can be looked up unless it is open.
fn in_namespace(pieces: &[GlobPiece], namespace: &[GlobPiece]) -> TextPattern {
    let mut glob = Glob::new(pieces);
    match namespace {
        // One with a slash is more than a segment.
        [GlobPiece::Literal(s), ..] if s.contains('/') => {}
        [GlobPiece::Literal(s)] => glob.anchor = Anchor::Namespace(s.as_str().into()),
        [GlobPiece::Literal(s), ..] => glob.anchor = Anchor::NamespacePrefix(s.as_str().into()),
        _ => {}
    }
    TextPattern::Glob(Box::new(glob))
}

/// To a header, `*` is that it is there, even if it is empty.
fn header(pattern: &Pattern, case: Case) -> TextPattern {
    match pattern {
        Pattern::Present => TextPattern::There,
        pattern => TextPattern::new(pattern, case),
    }
}
