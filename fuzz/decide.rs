//! Deciding: one request at one of a few policy sets, and the laws of it.

use landbridge_engine::policy_test::Nowhere;
use landbridge_engine::{Decision, Facts, Loaded, PolicySet, RawRequest, Reason, Verdict, load};
use landbridge_model::{Limits, render, yaml};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

const XFCC: &str = "x-forwarded-client-cert";

pub(crate) type Headers = Vec<(String, Vec<u8>)>;

/// A request that an input describes.
#[derive(Default)]
pub(crate) struct Request<'a> {
    pub(crate) uri: Option<&'a [u8]>,
    pub(crate) issuer: Option<&'a [u8]>,
    pub(crate) port: Option<u16>,
    pub(crate) headers: Headers,
    /// What else a proxy says of it, by name.
    pub(crate) more: BTreeMap<&'a [u8], &'a [u8]>,
    pub(crate) metadata: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn raw<'b>(&'b self) -> RawRequest<'b>
    where
        'a: 'b,
    {
        let more = |name: &str| self.more.get(name.as_bytes()).copied();
        let seconds = more("now").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        RawRequest {
            headers: &self.headers,
            certificate_uri: self.uri,
            certificate_issuer: self.issuer,
            peer_principal: more("peer"),
            port: self.port,
            source_ip: more("source"),
            remote_address: more("remote"),
            destination_address: more("destination"),
            sni: more("sni"),
            route_cluster: more("route"),
            metadata: self.metadata,
            now: seconds.map(Duration::from_secs),
        }
    }
}

/// What stands before the bytes of the dynamic metadata, which end an input.
const METADATA: &[u8] = b"\n@metadata:";

/// One request at one of a few policy sets, decided by the index and by walking.
///
/// The first byte chooses the set; then follow lines: the certificate's URI, its issuer, the port
/// and the headers, each as `name:value`. What else a proxy says has a `@` before its name, and the
/// metadata ends the input. So an input can be written, and read, by hand.
pub fn decide(bytes: &[u8]) {
    let Some((chosen, rest)) = bytes.split_first() else {
        return;
    };
    let sets = sets();
    let set = usize::from(*chosen).checked_rem(sets.len());
    let Some((meaning, set)) = set.and_then(|i| sets.get(i)) else {
        return;
    };
    let end = rest.windows(METADATA.len()).position(|w| w == METADATA);
    let (rest, metadata) = match end.and_then(|end| rest.split_at_checked(end)) {
        Some((rest, metadata)) => (rest, metadata.strip_prefix(METADATA)),
        None => (rest, None),
    };
    let mut lines = rest.split(|b| *b == b'\n');
    let mut part = || lines.next().filter(|line| !line.is_empty());
    let uri = part();
    let issuer = part();
    let port = part().and_then(|line| std::str::from_utf8(line).ok()?.parse().ok());
    let mut request = Request {
        uri,
        issuer,
        port,
        metadata,
        ..Request::default()
    };
    for line in lines {
        // The colon of a pseudo-header is part of its name.
        let colon = line.iter().skip(1).position(|b| *b == b':');
        let split = colon.and_then(|colon| line.split_at_checked(colon.saturating_add(1)));
        let Some((name, value)) = split else { continue };
        let value = value.get(1..).unwrap_or_default();
        if let Some(name) = name.strip_prefix(b"@") {
            request.more.insert(name, value);
        } else if let Ok(name) = std::str::from_utf8(name) {
            request
                .headers
                .push((name.to_ascii_lowercase(), value.to_vec()));
        }
    }
    judge(&request, &set.set, *meaning);
}

/// Whose meaning the policies of a set have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Ours: who shows less is not admitted for it.
    Ours,
    /// Istio's, or either.
    Any,
}

/// Decides a request and asserts the laws of deciding. Gives what was decided.
pub(crate) fn judge(request: &Request<'_>, set: &PolicySet, meaning: Meaning) -> Decision {
    let raw = request.raw();
    let mut names: Vec<&str> = raw.headers.iter().map(|(name, _)| &**name).collect();
    names.retain(|name| is_read(name, set));
    names.sort_unstable();
    let twice = names
        .windows(2)
        .any(|w| w.first() == w.last() && w.first() != Some(&XFCC));
    let facts = match Facts::new(raw, set) {
        Ok(facts) => facts,
        Err(rejection) => {
            let decision = set.reject(&rejection, &raw);
            let verdict = match rejection.reason {
                Reason::EvaluationError => Verdict::Deny,
                _ => Verdict::Reject,
            };
            assert_eq!(decision.verdict, verdict);
            assert_eq!(decision.reason, rejection.reason);
            assert_eq!(decision.rule, None);
            shown(&decision, set);
            return decision;
        }
    };
    assert!(!twice, "a header that is read is there twice: {names:?}");
    let decision = set.decide(&facts);
    assert_eq!(decision, set.decide_by_walking(&facts));
    shown(&decision, set);

    // The plan is complete: what it does not name changes nothing.
    let mut planned = raw.headers.to_vec();
    planned.retain(|(name, _)| is_read(name, set));
    // What was judged is what is sent on.
    if let Some(rewritten) = facts.rewritten_path() {
        for (name, value) in &mut planned {
            if name == ":path" {
                *value = rewritten.as_bytes().to_vec();
            }
        }
    }
    let plan = set.plan();
    let sent_on = RawRequest {
        headers: &planned,
        certificate_uri: raw.certificate_uri,
        certificate_issuer: raw.certificate_issuer.filter(|_| plan.needs.issuer),
        peer_principal: raw.peer_principal.filter(|_| plan.needs.peer_principal),
        port: raw.port.filter(|_| plan.needs.port),
        source_ip: raw.source_ip.filter(|_| plan.needs.source_ip),
        remote_address: raw.remote_address.filter(|_| plan.needs.remote_ip),
        destination_address: raw
            .destination_address
            .filter(|_| plan.needs.destination_ip),
        sni: raw.sni.filter(|_| plan.needs.sni),
        route_cluster: raw.route_cluster.filter(|_| plan.needs.service),
        metadata: raw.metadata.filter(|_| !plan.metadata.is_empty()),
        now: raw.now.filter(|_| plan.needs.time),
    };
    match Facts::new(sent_on, set) {
        Ok(facts) => {
            assert_eq!(facts.rewritten_path(), None);
            assert_eq!(set.decide(&facts), decision);
        }
        Err(rejection) => panic!("refused when sent on: {rejection:?}"),
    }

    if meaning == Meaning::Any {
        return decision;
    }
    // Who shows less is not admitted for it.
    for less in [
        // Where there is a certificate, what is kept beside it is not looked at.
        RawRequest {
            certificate_uri: None,
            peer_principal: None,
            ..raw
        },
        RawRequest {
            peer_principal: None,
            ..raw
        },
        RawRequest {
            certificate_issuer: None,
            ..raw
        },
        RawRequest { port: None, ..raw },
        RawRequest {
            source_ip: None,
            ..raw
        },
        RawRequest {
            remote_address: None,
            ..raw
        },
        RawRequest {
            destination_address: None,
            ..raw
        },
        RawRequest { sni: None, ..raw },
        RawRequest {
            metadata: None,
            ..raw
        },
        RawRequest { now: None, ..raw },
    ] {
        if let Ok(facts) = Facts::new(less, set)
            && set.decide(&facts).verdict == Verdict::Allow
        {
            assert_eq!(decision.verdict, Verdict::Allow, "{less:?}");
        }
    }
    decision
}

/// Whether a policy set reads a header of this name, or its hygiene does.
fn is_read(name: &str, set: &PolicySet) -> bool {
    matches!(name, ":method" | ":authority" | ":path" | XFCC)
        || set.plan().headers.iter().any(|h| **h == *name)
}

/// That a decision says who made it and can be shown in one line.
fn shown(decision: &Decision, set: &PolicySet) {
    let by_rule = match decision.reason {
        Reason::AllowedByRule | Reason::DeniedByRule | Reason::UnknownAttribute => Some(true),
        // Said of a rule that could not be ruled out, and of nothing having matched.
        Reason::UnauthenticatedSource | Reason::UnknownCluster => None,
        _ => Some(false),
    };
    assert!(by_rule.is_none_or(|by_rule| by_rule == decision.rule.is_some()));
    let allows = matches!(
        decision.reason,
        Reason::AllowedByRule | Reason::AllowedByDefault
    );
    assert_eq!(allows, decision.verdict == Verdict::Allow);
    for rule in decision.rule.iter().chain(&decision.audited) {
        assert!(!set.policy_name(*rule).is_empty());
        assert!(!set.rule_name(*rule).is_empty());
    }
    let json = set.to_json(decision);
    assert!(json.starts_with('{') && json.ends_with('}'), "{json}");
    let plain = |c: char| c.is_ascii_alphanumeric() || "{}[]\",:-_./".contains(c);
    assert!(json.chars().all(plain), "{json}");
    let quotes = json.chars().filter(|c| *c == '"').count();
    assert_eq!(quotes.checked_rem(2), Some(0), "{json}");
}

/// The policy sets: some of the case corpus, and some made to be hard on the index.
fn sets() -> &'static [(Meaning, Loaded)] {
    static SETS: OnceLock<Vec<(Meaning, Loaded)>> = OnceLock::new();
    SETS.get_or_init(|| {
        let mesh = include_str!("../policies/corpus/mesh.yaml");
        let files = [
            ("{}", include_str!("sets/identities.yaml")),
            (
                r#"{"defaultAction":"Allow"}"#,
                include_str!("sets/negations.yaml"),
            ),
            ("{}", include_str!("sets/overlaps.yaml")),
            (
                r#"{"pathNormalization":"NONE"}"#,
                include_str!("sets/overlaps.yaml"),
            ),
            (
                r#"{"pathNormalization":"DECODE_AND_MERGE_SLASHES","defaultAction":"Allow"}"#,
                include_str!("sets/overlaps.yaml"),
            ),
            ("{}", include_str!("sets/one-trust-domain.yaml")),
            ("{}", include_str!("../policies/corpus/actions.yaml")),
            ("{}", include_str!("../policies/corpus/negations.yaml")),
            ("{}", include_str!("../policies/corpus/operations.yaml")),
            ("{}", include_str!("../policies/corpus/sources.yaml")),
            (
                r#"{"trustedGateways":[{"namespaces":["shop"]}],"peerIdentity":"FilterState"}"#,
                include_str!("../policies/corpus/sources.yaml"),
            ),
            ("{}", include_str!("../policies/corpus/attributes.yaml")),
            ("{}", include_str!("../policies/corpus/tokens.yaml")),
            ("{}", include_str!("../policies/corpus/istio.yaml")),
            ("{}", include_str!("../policies/corpus/istio-tokens.yaml")),
        ];
        let loaded = |(options, file): &(&str, &str)| {
            let mesh = if file.contains("kind: Mesh") {
                ""
            } else {
                mesh
            };
            let documents = match yaml::read(&format!("{mesh}---\n{file}"), None) {
                Ok(documents) => documents,
                Err((_, found)) => panic!("{found:#?}\n{file}"),
            };
            let local = r#"{"cluster":"use1-a","namespace":"shop","labels":{"app":"orders"}}"#;
            let config = render(&documents, Some(local), Some(options));
            let meaning = match file.contains("kind: AuthorizationPolicy") {
                true => Meaning::Any,
                false => Meaning::Ours,
            };
            match load(config.as_bytes(), &Limits::default(), &Nowhere) {
                Ok(loaded) => (meaning, loaded),
                Err(found) => panic!("{found:#?}\n{file}"),
            }
        };
        files.iter().map(loaded).collect()
    })
}
