//! Proves the harness itself, without any filter of ours.

use std::time::Duration;

use landbridge_testbed::{
    Call, CallError, ClusterSpec, Failure, Identity, Mesh, PeerAuthentication, Protocol, Side,
    Signer, Workload, eventually,
};

const SOON: Duration = Duration::from_secs(10);

/// A mesh without filters: what is tested is what carries them.
async fn mesh(name: &str) -> Mesh {
    Mesh::builder(name).filters([]).start().await.unwrap()
}

fn frontend(cluster: &str) -> Workload {
    Workload::new(cluster, "shop", "frontend")
}

#[tokio::test]
async fn every_cluster_reaches_every_cluster() {
    let start = std::time::Instant::now();
    let mesh = mesh("every_cluster_reaches_every_cluster").await;
    eprintln!("three clusters with clients: {:?}", start.elapsed());
    for from in ["use1-a", "use1-b", "euw1-a"] {
        for to in ["use1-a", "use1-b", "euw1-a"] {
            let call = Call::get("/orders?a=1").from(frontend(from)).to(to);
            for call in [call.clone(), call.clone().http2(), call.via_sidecar()] {
                let reply = mesh.call(call.clone()).await.unwrap();
                assert_eq!(reply.status, 200, "{call:?}");
                let echo = reply.json();
                assert_eq!(echo["cluster"], to, "{call:?}");
                assert_eq!(echo["path"], "/orders?a=1");
                let forwarded = reply.received("x-forwarded-client-cert").join(",");
                let uri = mesh.spiffe(&frontend(from)).unwrap();
                assert!(forwarded.ends_with(&format!("URI={uri}")), "{forwarded}");
            }
        }
    }
}

#[tokio::test]
async fn who_cannot_prove_who_they_are_is_refused() {
    let mesh = Mesh::builder("refused")
        .filters([])
        .clients(false)
        .extra_trust_domain("stray.example")
        .start()
        .await
        .unwrap();
    let euw1 = || Signer::Cluster("euw1-a".to_owned());
    let uri = "spiffe://use1-a.mesh.example/ns/shop/sa/frontend";
    let own = "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend";
    let stray = "spiffe://stray.example/ns/shop/sa/frontend";
    let refused = [
        ("no certificate", Identity::anonymous("euw1-a")),
        (
            "a CA nobody knows",
            Identity::spiffe("use1-a", uri, Signer::Stranger),
        ),
        (
            "another cluster's CA",
            Identity::spiffe("euw1-a", uri, euw1()),
        ),
        (
            "a CA outside its trust domain",
            Identity::spiffe("euw1-a", stray, euw1()),
        ),
        ("no URI", Identity::uris("euw1-a", [""; 0], euw1())),
        (
            "an expired certificate",
            Identity::spiffe("euw1-a", own, euw1()).expired(),
        ),
    ];
    for (why, who) in refused {
        for call in [Call::get("/"), Call::get("/").http2()] {
            let outcome = mesh.call(call.from(who.clone()).to("use1-b")).await;
            assert!(
                matches!(outcome, Err(CallError::Tls(_))),
                "{why}: {outcome:?}"
            );
        }
    }
    let plaintext = Call::get("/").to("use1-b").plaintext();
    let outcome = mesh.call(plaintext).await;
    assert!(matches!(outcome, Err(CallError::Http(_))), "{outcome:?}");
    assert_eq!(mesh.upstream("use1-b").requests(), 0);

    let stray = Identity::spiffe(
        "euw1-a",
        stray,
        Signer::TrustDomain("stray.example".to_owned()),
    );
    let admitted = [Identity::spiffe("euw1-a", own, euw1()), stray];
    for who in admitted {
        let reply = mesh
            .call(Call::get("/").from(who).to("use1-b"))
            .await
            .unwrap();
        assert_eq!(reply.status, 200);
    }
    assert_eq!(mesh.upstream("use1-b").requests(), 2);
}

#[tokio::test]
async fn permissive_lets_plaintext_in_beside_mtls() {
    let mesh = Mesh::builder("permissive")
        .filters([])
        .clients(false)
        .peer_authentication(PeerAuthentication::Permissive)
        .start()
        .await
        .unwrap();
    let call = Call::get("/").from(frontend("euw1-a")).to("use1-a");
    let plaintext = mesh.call(call.clone().plaintext()).await.unwrap();
    assert_eq!(
        (
            plaintext.status,
            plaintext.received("x-forwarded-client-cert")
        ),
        (200, vec![])
    );
    assert_eq!(mesh.call(call).await.unwrap().status, 200);
    let nobody = mesh
        .call(
            Call::get("/")
                .from(Identity::anonymous("euw1-a"))
                .to("use1-a"),
        )
        .await;
    assert!(matches!(nobody, Err(CallError::Tls(_))), "{nobody:?}");
}

#[tokio::test]
async fn clusters_that_share_a_trust_domain_differ_by_issuer() {
    let clusters = ClusterSpec::default_mesh();
    let clusters = clusters
        .into_iter()
        .map(|one| one.in_trust_domain("cluster.local"));
    let mesh = Mesh::builder("shared")
        .clusters(clusters)
        .filters([])
        .start()
        .await
        .unwrap();
    for from in ["use1-a", "euw1-a"] {
        let call = Call::get(format!("/{from}"))
            .from(frontend(from))
            .to("use1-b");
        assert_eq!(mesh.call(call.clone()).await.unwrap().status, 200);
        assert_eq!(mesh.call(call.via_sidecar()).await.unwrap().status, 200);
        let path = format!("/{from}");
        let issuers = eventually(SOON, "two lines", async || {
            let log = mesh.access_log("use1-b", Side::Server).unwrap();
            let issuers: Vec<_> = log
                .iter()
                .filter(|line| line["path"] == path)
                .filter_map(|line| line["downstream_peer_issuer"].as_str().map(str::to_owned))
                .collect();
            (issuers.len() == 2).then_some(issuers)
        })
        .await
        .unwrap();
        assert!(
            issuers.iter().all(|it| it.contains(&format!("L={from}"))),
            "{issuers:?}"
        );
    }
}

#[tokio::test]
async fn grpc_is_answered_with_trailers() {
    let mesh = mesh("grpc").await;
    let call = Call::grpc("/shop.Orders/List")
        .from(frontend("use1-a"))
        .to("euw1-a");
    for call in [call.clone(), call.via_sidecar()] {
        let reply = mesh.call(call).await.unwrap();
        assert_eq!((reply.status, reply.grpc_status()), (200, Some(0)));
        assert!(reply.trailers.is_some());
        assert_eq!(reply.json()["path"], "/shop.Orders/List");
        assert_eq!(reply.json()["version"], "HTTP/2.0");
    }
}

#[tokio::test]
async fn an_upstream_does_as_it_is_told() {
    let mesh = mesh("upstream").await;
    let upstream = mesh.upstream("use1-a");
    let call = || {
        Call::post("/", "12345")
            .from(frontend("euw1-a"))
            .to("use1-a")
    };

    let reply = mesh
        .call(call().header("x-twice", "1").header("x-twice", "2"))
        .await
        .unwrap();
    assert_eq!(reply.json()["body_len"], 5);
    assert_eq!(reply.json()["method"], "POST");
    assert_eq!(reply.received("x-twice"), ["1", "2"]);

    upstream.set_status(418);
    assert_eq!(mesh.call(call()).await.unwrap().status, 418);
    upstream.set_status(200);

    let delay = Duration::from_millis(300);
    upstream.set_delay(delay);
    assert!(mesh.call(call()).await.unwrap().latency >= delay);
    let hasty = mesh.call(call().timeout(delay / 3)).await;
    assert!(matches!(hasty, Err(CallError::Timeout(_))), "{hasty:?}");
    upstream.set_delay(Duration::ZERO);

    upstream.set_failure(Failure::Reset);
    assert_eq!(mesh.call(call()).await.unwrap().status, 503);
    assert_eq!(mesh.call(call().http2()).await.unwrap().status, 503);
    upstream.set_failure(Failure::None);

    upstream.kill();
    assert!(!upstream.is_alive());
    assert_eq!(mesh.call(call()).await.unwrap().status, 503);
    upstream.restart().await.unwrap();
    assert_eq!(mesh.call(call()).await.unwrap().status, 200);
    assert!(upstream.requests() >= 6);
    assert_eq!(mesh.upstream("use1-b").requests(), 0);
}

#[tokio::test]
async fn metrics_and_access_logs_tell_of_requests() {
    let mesh = Mesh::builder("observed")
        .filters([])
        .clients(false)
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        mesh.call(Call::get("/seen").from(frontend("use1-b")).to("euw1-a"))
            .await
            .unwrap();
    }
    let labels = [("envoy_response_code", "200")];
    let name = "envoy_cluster_external_upstream_rq";
    mesh.wait_stats("euw1-a", Side::Server, SOON, |stats| {
        stats.sum(name, &labels) == 3.0
    })
    .await
    .unwrap();
    let log = eventually(SOON, "three lines", async || {
        Some(mesh.access_log("euw1-a", Side::Server).unwrap()).filter(|log| log.len() == 3)
    })
    .await
    .unwrap();
    let source = format!("{}:", mesh.ip("use1-b").unwrap());
    for line in log {
        assert_eq!(line["path"], "/seen");
        assert_eq!(line["method"], "GET");
        assert_eq!(line["response_code"], 200);
        assert_eq!(
            line["downstream_peer_uri_san"],
            mesh.spiffe(&frontend("use1-b")).unwrap()
        );
        assert!(
            line["downstream_remote_address"]
                .as_str()
                .unwrap()
                .starts_with(&source)
        );
    }
    assert!(
        mesh.envoy_log("euw1-a", Side::Server)
            .unwrap()
            .contains("starting main dispatch loop")
    );
    assert!(mesh.cpu_time("euw1-a", Side::Server).unwrap() > Duration::ZERO);
}

#[tokio::test]
async fn a_killed_sidecar_is_gone_until_it_is_restarted() {
    let mesh = mesh("killed").await;
    let direct = || Call::get("/").from(frontend("euw1-a")).to("use1-a");
    mesh.kill("use1-a", Side::Server).unwrap();
    assert!(!mesh.is_alive("use1-a", Side::Server).unwrap());
    assert_eq!(mesh.pid("use1-a", Side::Server).unwrap(), None);
    let outcome = mesh.call(direct()).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    assert_eq!(mesh.call(direct().via_sidecar()).await.unwrap().status, 503);
    mesh.restart("use1-a", Side::Server).await.unwrap();
    assert_eq!(mesh.call(direct()).await.unwrap().status, 200);
    mesh.kill("euw1-a", Side::Client).unwrap();
    let outcome = mesh.call(direct().via_sidecar()).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
}

#[tokio::test]
async fn bytes_go_as_they_are() {
    let mesh = Mesh::builder("raw")
        .filters([])
        .clients(false)
        .start()
        .await
        .unwrap();
    let send = async |bytes: &[u8]| {
        let answer = mesh
            .raw("use1-a", frontend("euw1-a"), Protocol::Http1, bytes)
            .await
            .unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = send(b"GET /a HTTP/1.1\r\nHost: orders\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let answer = send(b"GET /a b HTTP/1.1\r\nHost: orders\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert_eq!(mesh.upstream("use1-a").requests(), 1);
}

#[tokio::test]
async fn a_steady_load_is_answered() {
    let mesh = mesh("load").await;
    let call = Call::get("/").from(frontend("euw1-a")).to("use1-a");
    for call in [
        call.clone(),
        call.clone().http2(),
        call.clone().via_sidecar(),
    ] {
        let load = mesh.load(call, 200.0, Duration::from_secs(2)).unwrap();
        let report = load.finish().await;
        assert_eq!(report.count(), 400);
        assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
        assert!(report.percentile(99.0) >= report.percentile(50.0));
    }
    let load = mesh.load(call, 200.0, None).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    mesh.upstream("use1-a").set_status(500);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let outcomes = load.stop().await.outcomes();
    assert!(outcomes["200"] > 50 && outcomes["500"] > 50, "{outcomes:?}");
}

/// Run by the next test in a process of its own, which it kills.
#[tokio::test]
#[ignore = "it waits for its death"]
async fn holds_a_mesh() {
    let mesh = Mesh::builder("held").filters([]).start().await.unwrap();
    for cluster in mesh.clusters() {
        for side in [Side::Server, Side::Client] {
            println!("held pid {}", mesh.pid(cluster, side).unwrap().unwrap());
        }
    }
    println!("held folder {}", mesh.folder().display());
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[cfg(target_os = "linux")]
#[test]
fn envoys_die_with_a_harness_that_is_killed() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    /// Nobody may reap what an orphan leaves: a zombie is dead enough.
    fn runs(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_mesh", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pids = Vec::new();
    let mut folder = None;
    for line in BufReader::new(holder.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((_, pid)) = line.split_once("held pid ") {
            pids.push(pid.to_owned());
        }
        if let Some((_, path)) = line.split_once("held folder ") {
            folder = Some(path.to_owned());
            break;
        }
    }
    assert_eq!(pids.len(), 6);
    assert!(pids.iter().all(|pid| runs(pid)));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let start = std::time::Instant::now();
    while pids.iter().any(|pid| runs(pid)) {
        assert!(start.elapsed() < SOON, "some of {pids:?} still run");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::remove_dir_all(folder.unwrap()).unwrap();
}
