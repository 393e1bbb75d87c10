//! What may be wrong with an Istio `AuthorizationPolicy`, and what of it means something else than
//! it seems to say.
//!
//! Istio's meaning is kept, so most of this is a warning: it tells whoever moves policies what they
//! have had all along. Errors are what Istio refuses too, and what cannot be had here.

use super::operation::{method, path};
use super::{Findings, target};
use crate::Code;
use crate::condition::{ConditionKey, ConditionValues, IstioCondition};
use crate::document::Named;
use crate::istio::{
    DRY_RUN, IstioAccount, IstioAction, IstioAuthorization, IstioFrom, IstioNamespace,
    IstioOperation, IstioPath, IstioPrincipal, IstioPrincipalForm, IstioRequestPrincipal,
    IstioRule, IstioSource, IstioText, ListOf, truth,
};
use crate::path_pattern::PathPattern;
use crate::pattern::Pattern;
use deserr::ValuePointerRef;

/// Checks a policy that stands at `at`.
pub fn istio_authorization(
    policy: &Named<IstioAuthorization>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let spec_at = at.push_key("spec");
    let spec = &policy.spec;
    if spec.action == IstioAction::Custom {
        findings.add_hinted(
            spec_at.push_key("action"),
            Code::NotImported,
            "`CUSTOM` asks an extension, which a filter does not",
            Some(
                "leave this policy to Istio: its `ext_authz` filter runs before this one"
                    .to_owned(),
            ),
        );
    }
    if let Some(written) = policy.metadata.annotation(DRY_RUN)
        && truth(written).is_none()
    {
        let metadata = at.push_key("metadata");
        let annotations = metadata.push_key("annotations");
        let message = format!("`{written}` is not a truth value, so the policy is in force");
        findings.add(annotations.push_key(DRY_RUN), Code::MeansOtherwise, message);
    }
    check_target(policy, spec_at, findings);
    if spec.rules().next().is_none() {
        if spec.action != IstioAction::Allow {
            let message = format!(
                "a policy with action `{}` and no rules does nothing",
                spec.action.as_str()
            );
            let hint = Some("a rule `{}` matches every request".to_owned());
            findings.add_hinted(
                spec_at.push_key("action"),
                Code::NeverMatches,
                message,
                hint,
            );
        }
        return;
    }
    let rules_at = spec_at.push_key("rules");
    for (i, rule) in spec.rules().enumerate() {
        check_rule(rule, spec.action, rules_at.push_index(i), findings);
    }
}

fn check_target(
    policy: &Named<IstioAuthorization>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let own = policy.metadata.namespace();
    let refs = at.push_key("targetRefs");
    if let Some(reference) = &policy.spec.target_ref {
        target::target_ref(reference, own, at.push_key("targetRef"), findings);
    }
    for (i, reference) in policy
        .spec
        .target_refs
        .iter()
        .flat_map(ListOf::iter)
        .enumerate()
    {
        target::target_ref(reference, own, refs.push_index(i), findings);
    }
    if policy.spec.target_refs().next().is_some() && policy.spec.selector.is_some() {
        let message = "a `selector` beside this is refused by Istio";
        findings.add(refs, Code::InvalidValue, message);
    }
}

fn check_rule(
    rule: &IstioRule,
    action: IstioAction,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let from_at = at.push_key("from");
    empty_list(&rule.from, from_at, findings);
    for (i, from) in rule.from.iter().flat_map(ListOf::iter).enumerate() {
        let place = from_at.push_index(i);
        source(from, action, place.push_key("source"), findings);
    }
    let to_at = at.push_key("to");
    empty_list(&rule.to, to_at, findings);
    for (i, to) in rule.to.iter().flat_map(ListOf::iter).enumerate() {
        let place = to_at.push_index(i);
        operation(&to.operation, action, place.push_key("operation"), findings);
    }
    let when_at = at.push_key("when");
    for (i, when) in rule.when.iter().flat_map(ListOf::iter).enumerate() {
        condition(when, action, when_at.push_index(i), findings);
    }
}

fn source(
    IstioFrom { source: s }: &IstioFrom,
    action: IstioAction,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if s.is_empty() {
        otherwise(
            at,
            "a source without a field is anyone, with a certificate or without",
            findings,
        );
    }
    let accounts = s.service_accounts.is_some() || s.not_service_accounts.is_some();
    let others = s.principals.is_some()
        || s.not_principals.is_some()
        || s.namespaces.is_some()
        || s.not_namespaces.is_some();
    if accounts && others {
        findings.add(
            at.push_key("serviceAccounts"),
            Code::InvalidValue,
            "`principals` or `namespaces` beside this are refused by Istio",
        );
    }
    list(
        &s.principals,
        at.push_key("principals"),
        findings,
        suffix_dot,
    );
    list(
        &s.not_principals,
        at.push_key("notPrincipals"),
        findings,
        suffix_dot,
    );
    list(
        &s.namespaces,
        at.push_key("namespaces"),
        findings,
        namespace_dot,
    );
    list(
        &s.not_namespaces,
        at.push_key("notNamespaces"),
        findings,
        namespace_dot,
    );
    list(
        &s.service_accounts,
        at.push_key("serviceAccounts"),
        findings,
        account_dot,
    );
    list(
        &s.not_service_accounts,
        at.push_key("notServiceAccounts"),
        findings,
        account_dot,
    );
    list(
        &s.trust_domains,
        at.push_key("trustDomains"),
        findings,
        |_| None,
    );
    list(
        &s.not_trust_domains,
        at.push_key("notTrustDomains"),
        findings,
        |_| None,
    );
    list(
        &s.request_principals,
        at.push_key("requestPrincipals"),
        findings,
        subject,
    );
    list(
        &s.not_request_principals,
        at.push_key("notRequestPrincipals"),
        findings,
        subject,
    );
    list(&s.ip_blocks, at.push_key("ipBlocks"), findings, |_| None);
    list(
        &s.not_ip_blocks,
        at.push_key("notIpBlocks"),
        findings,
        |_| None,
    );
    list(
        &s.remote_ip_blocks,
        at.push_key("remoteIpBlocks"),
        findings,
        |_| None,
    );
    list(
        &s.not_remote_ip_blocks,
        at.push_key("notRemoteIpBlocks"),
        findings,
        |_| None,
    );
    for (key, used) in [
        ("remoteIpBlocks", s.remote_ip_blocks.is_some()),
        ("notRemoteIpBlocks", s.not_remote_ip_blocks.is_some()),
    ] {
        if used {
            forwarded(at.push_key(key), findings);
        }
    }
    if action == IstioAction::Allow {
        strangers(s, at, findings);
    }
}

/// Negations that let in whoever has no certificate or token, where nothing in the same source asks
/// for one.
fn strangers(s: &IstioSource, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let certified = s.principals.is_some()
        || s.namespaces.is_some()
        || s.service_accounts.is_some()
        || s.trust_domains.is_some();
    let by_certificate = [
        ("notPrincipals", s.not_principals.is_some()),
        ("notNamespaces", s.not_namespaces.is_some()),
        ("notServiceAccounts", s.not_service_accounts.is_some()),
        ("notTrustDomains", s.not_trust_domains.is_some()),
    ];
    for (key, used) in by_certificate {
        if used && !certified {
            stranger(
                at.push_key(key),
                "certificate",
                "principals: ['*']",
                findings,
            );
        }
    }
    if s.not_request_principals.is_some() && s.request_principals.is_none() {
        let place = at.push_key("notRequestPrincipals");
        stranger(place, "token", "requestPrincipals: ['*']", findings);
    }
}

fn stranger(at: ValuePointerRef<'_>, what: &str, remedy: &str, findings: &mut Findings) {
    findings.add_hinted(
        at,
        Code::AdmitsMore,
        format!("to Istio this admits callers without a {what} too"),
        Some(format!("add `{remedy}` beside it")),
    );
}

fn forwarded(at: ValuePointerRef<'_>, findings: &mut Findings) {
    findings.add_hinted(
        at,
        Code::AdmitsMore,
        "this address is what `x-forwarded-for` says, which callers write",
        Some(
            "use it only behind a gateway that sets the header, as `numTrustedProxies` tells it"
                .to_owned(),
        ),
    );
}

fn operation(
    o: &IstioOperation,
    action: IstioAction,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if o.is_empty() {
        otherwise(at, "an operation without a field is any", findings);
    }
    list(&o.hosts, at.push_key("hosts"), findings, inner_star);
    list(&o.not_hosts, at.push_key("notHosts"), findings, inner_star);
    list(&o.ports, at.push_key("ports"), findings, |_| None);
    list(&o.not_ports, at.push_key("notPorts"), findings, |_| None);
    list(&o.methods, at.push_key("methods"), findings, method_text);
    list(
        &o.not_methods,
        at.push_key("notMethods"),
        findings,
        method_text,
    );
    list(&o.paths, at.push_key("paths"), findings, path_text);
    list(&o.not_paths, at.push_key("notPaths"), findings, path_text);
    let (hosts, key) = match action {
        IstioAction::Deny => (&o.hosts, "hosts"),
        _ => (&o.not_hosts, "notHosts"),
    };
    let all: Vec<&Pattern> = hosts
        .iter()
        .flat_map(ListOf::iter)
        .map(|text| &text.0)
        .collect();
    for (i, host) in all.iter().enumerate() {
        let with_port =
            |p: &&Pattern| matches!(p, Pattern::Prefix(s) if *s == format!("{}:", host.literal()));
        if matches!(host, Pattern::Exact(s) if !s.contains(':')) && !all.iter().any(with_port) {
            let place = at.push_key(key);
            findings.add_hinted(
                place.push_index(i),
                Code::AdmitsMore,
                format!("to Istio `{host}:80` is not `{host}`, and passes here"),
                Some(format!("add `{host}:*`")),
            );
        }
    }
}

fn condition(
    IstioCondition(condition): &IstioCondition,
    action: IstioAction,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    for (key, values) in [
        ("values", &condition.values),
        ("notValues", &condition.not_values),
    ] {
        let place = at.push_key(key);
        match values {
            Some(ConditionValues::Texts(patterns)) => {
                for (i, pattern) in patterns.iter().enumerate() {
                    said(
                        inner_star(&IstioText(pattern.clone())),
                        place.push_index(i),
                        findings,
                    );
                }
            }
            Some(ConditionValues::IstioPrincipals(values)) => {
                each(values, place, findings, suffix_dot);
            }
            Some(ConditionValues::IstioNamespaces(values)) => {
                each(values, place, findings, namespace_dot);
            }
            Some(ConditionValues::IstioAccounts(values)) => {
                each(values, place, findings, account_dot);
            }
            _ => {}
        }
    }
    let key_at = at.push_key("key");
    if condition.key == ConditionKey::RemoteIp {
        forwarded(key_at, findings);
    }
    if action != IstioAction::Allow || condition.values.is_some() {
        return;
    }
    match condition.key {
        ConditionKey::SourcePrincipal
        | ConditionKey::SourceNamespace
        | ConditionKey::SourceServiceAccount
        | ConditionKey::SourceTrustDomain => {
            stranger(key_at, "certificate", "values: ['*']", findings);
        }
        ConditionKey::RequestPrincipal | ConditionKey::Claim(_) => {
            stranger(key_at, "token", "values: ['*']", findings);
        }
        _ => {}
    }
}

fn otherwise(at: ValuePointerRef<'_>, message: impl Into<String>, findings: &mut Findings) {
    findings.add(at, Code::MeansOtherwise, message);
}

fn said(message: Option<String>, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if let Some(message) = message {
        otherwise(at, message, findings);
    }
}

fn empty_list<T>(list: &Option<ListOf<T>>, at: ValuePointerRef<'_>, findings: &mut Findings) {
    if list.as_ref().is_some_and(ListOf::is_empty) {
        otherwise(
            at,
            "to Istio an empty list is no list: it matches anything",
            findings,
        );
    }
}

/// Warns of an empty list, and of each value of which `check` says something.
fn list<T>(
    list: &Option<ListOf<T>>,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
    check: impl Fn(&T) -> Option<String>,
) {
    empty_list(list, at, findings);
    for (i, value) in list.iter().flat_map(ListOf::iter).enumerate() {
        said(check(value), at.push_index(i), findings);
    }
}

fn each<T>(
    values: &[T],
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
    check: impl Fn(&T) -> Option<String>,
) {
    for (i, value) in values.iter().enumerate() {
        said(check(value), at.push_index(i), findings);
    }
}

const DOT: &str = "this is part of a regular expression to Istio: its `.` is any character";

fn suffix_dot(principal: &IstioPrincipal) -> Option<String> {
    match &principal.form {
        IstioPrincipalForm::Suffix(glob) => glob.has_any_character().then(|| DOT.to_owned()),
        IstioPrincipalForm::Text(pattern) => inner_star(&IstioText(pattern.clone())),
    }
}

fn namespace_dot(IstioNamespace(glob): &IstioNamespace) -> Option<String> {
    glob.has_any_character().then(|| DOT.to_owned())
}

fn account_dot(account: &IstioAccount) -> Option<String> {
    let dotted = account.name.has_any_character()
        || account
            .namespace
            .as_ref()
            .is_some_and(|namespace| namespace.has_any_character());
    dotted.then(|| DOT.to_owned())
}

fn subject(IstioRequestPrincipal(principal): &IstioRequestPrincipal) -> Option<String> {
    (principal.subject == Pattern::Exact(String::new()))
        .then(|| "without a `/` this is an issuer, and the subject must be empty".to_owned())
}

fn inner_star(IstioText(pattern): &IstioText) -> Option<String> {
    let literal = pattern.literal();
    literal
        .contains('*')
        .then(|| format!("the `*` in `{literal}` stands for itself"))
}

fn method_text(text: &IstioText) -> Option<String> {
    let hint = method(&text.0)?;
    inner_star(text).or(Some(format!("this may never match: {hint}")))
}

fn path_text(IstioPath(pattern): &IstioPath) -> Option<String> {
    if let PathPattern::Text(text) = pattern
        && let Some(star) = inner_star(&IstioText(text.clone()))
    {
        return Some(star);
    }
    path(pattern).map(|hint| format!("this never matches: {hint}"))
}
