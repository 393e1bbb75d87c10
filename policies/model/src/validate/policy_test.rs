//! What may be wrong with a test of policies.

use super::{Findings, Names, options};
use crate::decode::suggest;
use crate::{Code, PolicyTest};
use deserr::ValuePointerRef;

pub(super) fn policy_test(
    test: &PolicyTest,
    names: &Names,
    policies: &[String],
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    if let Some(cluster) = &test.local.cluster {
        let place = at.push_key("local");
        names.known_cluster(cluster.as_str(), place.push_key("cluster"), findings);
    }
    options(&test.options, names, at.push_key("options"), findings);
    let cases = at.push_key("cases");
    for (i, case) in test.cases.iter().enumerate() {
        let case_at = cases.push_index(i);
        let request = case_at.push_key("request");
        let from = request.push_key("from");
        if let Some(caller) = &case.request.from {
            if let Some(cluster) = &caller.cluster {
                names.known_cluster(cluster.as_str(), from.push_key("cluster"), findings);
            }
            let parts = caller.namespace.is_some() || caller.service_account.is_some();
            match (&caller.principal, &caller.cluster) {
                (Some(_), None) if !parts => {}
                (None, Some(_)) => {}
                _ => findings.add_hinted(
                    from,
                    Code::InvalidValue,
                    "expected either a `principal` or a `cluster`",
                    Some("leave `from` out for a caller without a certificate".to_owned()),
                ),
            }
        }
        let expect = case_at.push_key("expect");
        let audited = expect.push_key("audited");
        let expected = case
            .expect
            .policy
            .iter()
            .map(|p| (p, expect.push_key("policy")));
        let audits = case.expect.audited.iter().enumerate();
        let audits = audits.map(|(i, p)| (p, audited.push_index(i)));
        for (policy, place) in expected.chain(audits) {
            if !policies.contains(policy) {
                let hint = suggest(policy, policies.iter().map(String::as_str));
                let message = format!("no policy is called `{policy}`");
                findings.add_hinted(place, Code::UnknownPolicy, message, hint);
            }
        }
    }
}
