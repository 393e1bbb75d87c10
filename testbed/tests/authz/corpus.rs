//! The case corpus through real Envoys: the same verdict, policy, rule and reason as natively.

use landbridge_engine::load;
use landbridge_engine::policy_test::{Nowhere, Outcome, TestRequest};
use landbridge_model::{Content, Json, Limits, Request, render_for_test, yaml};
use landbridge_testbed::jwt::KeySet;
use landbridge_testbed::{
    Call, Filter, Identity, Mesh, PeerAuthentication, Side, Signer, eventually, workspace,
};
use serde_json::Value;

use crate::setup::{ALLOW_US, SOON, apply, config, mesh_document};

#[tokio::test]
async fn every_case_is_decided_by_a_real_envoy_as_natively() {
    // Permissive, so that a caller without a certificate reaches the filter at all.
    let keys = KeySet::new().unwrap();
    let filters = [
        Filter::peer_issuer(),
        Filter::jwt(&keys),
        Filter::wasm("authz").unwrap(),
    ];
    let mesh = Mesh::builder("corpus")
        .clients(false)
        .filters(filters)
        .config(config(ALLOW_US, "{}"));
    let mesh = mesh.peer_authentication(PeerAuthentication::Permissive);
    let mesh = mesh
        .extra_trust_domain("stray.example")
        .start()
        .await
        .unwrap();
    let folder = workspace().join("policies/corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml") && !f.ends_with("mesh.yaml"));
    files.sort();
    let mut failures = Vec::new();
    let mut cases = 0;
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = format!(
            "{}---\n{}",
            mesh_document(),
            std::fs::read_to_string(&file).unwrap()
        );
        let documents = yaml::read(&text, Some(&name)).unwrap();
        for document in &documents.0 {
            let Content::PolicyTest(test) = &document.content else {
                continue;
            };
            let json = render_for_test(&documents, document);
            let native = load(json.as_bytes(), &Limits::default(), &Nowhere).unwrap();
            let to = test
                .spec
                .local
                .cluster
                .as_ref()
                .unwrap()
                .as_str()
                .to_owned();
            apply(&mesh, &to, &json).await;
            for case in test.spec.cases.iter() {
                cases += 1;
                let request = TestRequest::new(&case.request, &native.set);
                let natively = Outcome::new(&request.decide(&native.set), &native.set);
                let call = as_sent(call(&request), &case.request, &keys).to(&to);
                let in_envoy = decide(&mesh, &to, call).await;
                if in_envoy != natively {
                    failures.push(format!(
                        "{name}: {}: natively {natively:?}, in Envoy {in_envoy:?}",
                        case.name
                    ));
                }
                if let Err(differences) = in_envoy.check(&case.expect) {
                    failures.push(format!("{name}: {}: {}", case.name, differences.join("; ")));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases > 90, "only {cases} cases ran");
}

/// Sends a request and reads what the access log says of it.
async fn decide(mesh: &Mesh, to: &str, call: Call) -> Outcome {
    let before = mesh.access_log(to, Side::Server).unwrap().len();
    let reply = mesh.call(call).await.unwrap();
    let line = eventually(SOON, "the access log's line", async || {
        let lines = mesh.access_log(to, Side::Server).unwrap();
        assert!(lines.len() <= before + 1);
        lines.into_iter().nth(before)
    });
    let line = line.await.unwrap();
    let text = line["landbridge_decision"]
        .as_str()
        .unwrap_or_else(|| panic!("{line}"));
    let value: Value = serde_json::from_str(text).unwrap();
    let part = |key: &str| value[key].as_str().map(str::to_owned);
    let audited = value["audited"].as_array().into_iter().flatten();
    let outcome = Outcome {
        verdict: part("verdict").unwrap(),
        reason: part("reason").unwrap(),
        policy: part("policy"),
        rule: part("rule"),
        shadow: value["shadow"]["outcome"].as_str().map(str::to_owned),
        audited: audited
            .map(|a| a.as_str().unwrap().rsplit_once(':').unwrap().0.to_owned())
            .collect(),
    };
    let status = match outcome.verdict.as_str() {
        "allow" => 200,
        "deny" => 403,
        _ => 400,
    };
    assert_eq!(reply.status, status, "{line}");
    outcome
}

/// What of a case is not in the headers of its request: a token for its claims, the client's
/// address as a gateway would forward it, the server name. Where a test's mesh is, it is not free to
/// choose; and the time is now.
fn as_sent(mut call: Call, case: &Request, keys: &KeySet) -> Call {
    let placed = case.source_ip.is_some() || case.destination_ip.is_some();
    assert!(!placed && case.service.is_none() && case.metadata.is_none());
    if let Some(Json(claims)) = &case.claims {
        let claims = serde_json::from_str(&claims.to_json()).unwrap();
        call = call.header("authorization", format!("Bearer {}", keys.mint(&claims)));
    }
    if let Some(address) = &case.remote_ip {
        call = call.header("x-forwarded-for", address.0.to_string());
    }
    if let Some(name) = &case.sni {
        call = call.sni(name);
    }
    call
}

fn call(request: &TestRequest) -> Call {
    let header = |name: &str| {
        let found = request.headers.iter().find(|(n, _)| n == name).unwrap();
        String::from_utf8(found.1.clone()).unwrap()
    };
    let mut call = Call::new(header(":method"), header(":path")).host(header(":authority"));
    for (name, value) in &request.headers {
        if !name.starts_with(':') {
            call = call.header(name, value);
        }
    }
    match &request.certificate_uri {
        None => call.plaintext(),
        Some(uri) => {
            let domain = uri
                .trim_start_matches("spiffe://")
                .split('/')
                .next()
                .unwrap();
            let identity = match domain.strip_suffix(".mesh.example") {
                Some(cluster) => {
                    Identity::spiffe(cluster, uri, Signer::Cluster(cluster.to_owned()))
                }
                None => Identity::spiffe("euw1-a", uri, Signer::TrustDomain(domain.to_owned())),
            };
            call.from(identity)
        }
    }
}
