//! `landbridge status`: who runs what, told from texts and from servers that answer as Envoy and
//! Prometheus do. Real Envoys are asked in the testbed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod scene;

use landbridge_engine::Digest;
use landbridge_model::{Limits, packed};
use scene::{MESH, POLICY, Scene};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

/// What a proxy with one configuration in force is scraped for.
fn scraped(digest: &str) -> String {
    format!(
        "landbridge_config_info{{filter=\"authz\",digest=\"{digest}\",version=\"0.1.0\"}} 1\n\
         landbridge_config_info{{filter=\"authz\",digest=\"0000000000000000\",version=\"0.1.0\"}} 0\n"
    )
}

fn scene() -> (Scene, String, String) {
    let scene = Scene::new(&[
        ("policies/mesh.yaml", MESH),
        ("policies/orders.yaml", POLICY),
    ]);
    let args = ["render", "filter-config", "--filter", "authz", "policies"];
    let json = scene.run(&args).stdout.trim_end().to_owned();
    let digest = Digest::of(json.as_bytes(), &Limits::default())
        .unwrap()
        .to_string();
    (scene, json, digest)
}

fn told(scene: &Scene, args: &[&str]) -> (i32, Value) {
    let ran = scene.run(&[&["status", "--json"], args].concat());
    let value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    (ran.code, value)
}

/// Answers each request with what is said for the path's beginning, as long as the test runs.
fn serve(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let answer = answers.iter().find(|(start, _)| path.starts_with(start));
            let (status, body) = match answer {
                Some((_, body)) => ("200 OK", body.as_str()),
                None => ("404 Not Found", ""),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_proxy_is_current_by_documents_and_by_what_was_rendered_of_them() {
    let (scene, json, digest) = scene();
    scene.write("now.txt", scraped(&digest).as_bytes());
    scene.write("old.txt", scraped("aaaaaaaaaaaaaaaa").as_bytes());
    let plugin = json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": "landbridge-authz", "namespace": "istio-system"},
        "spec": {"pluginConfig": serde_json::from_str::<Value>(&packed::pack(&json)).unwrap()},
    });
    scene.write("rendered/authz.yaml", plugin.to_string().as_bytes());
    for expect in ["policies", "rendered"] {
        let files = ["--file", "now.txt", "--file", "old.txt", "--expect", expect];
        let (code, report) = told(
            &scene,
            &files[..2]
                .iter()
                .chain(&files[4..])
                .copied()
                .collect::<Vec<_>>(),
        );
        assert_eq!((code, &report["lagging"]), (0, &json!(0)), "{report:#}");
        let (code, report) = told(&scene, &files);
        assert_eq!((code, &report["lagging"]), (1, &json!(1)), "{report:#}");
        assert_eq!(report["rows"][0]["current"], true);
        assert_eq!(report["rows"][1]["current"], false);
        let lags = report["rows"][1]["lags"][0].as_str().unwrap();
        assert!(lags.contains(&digest), "{lags}");
    }
    let ran = scene.run(&["status", "--file", "now.txt", "--expect", "rendered"]);
    let line = ran.stdout.lines().nth(1).unwrap();
    assert!(
        line.ends_with("current: WasmPlugin istio-system/landbridge-authz"),
        "{line}"
    );
}

#[test]
fn the_version_is_held_to_the_lock_file() {
    let (scene, _, digest) = scene();
    scene.write("now.txt", scraped(&digest).as_bytes());
    let lock =
        |version: &str| json!({"version": version, "revision": "a", "modules": {}}).to_string();
    scene.write("same.json", lock("0.1.0").as_bytes());
    scene.write("next.json", lock("0.2.0").as_bytes());
    let (code, _) = told(&scene, &["--file", "now.txt", "--lock", "same.json"]);
    assert_eq!(code, 0);
    let (code, report) = told(&scene, &["--file", "now.txt", "--lock", "next.json"]);
    assert_eq!(code, 1);
    assert_eq!(
        report["rows"][0]["lags"],
        json!(["version 0.1.0, not 0.2.0"])
    );
    scene.write("none.json", b"{}");
    let ran = scene.run(&["status", "--file", "now.txt", "--lock", "none.json"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn the_admin_interface_tells_the_module_and_how_many_policies_there_are() {
    let (scene, json, digest) = scene();
    let sha256 = "ab".repeat(32);
    let dump = json!({"configs": [{"ecds_filters": [{"ecds_filter": {"typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {
            "name": "istio-system.landbridge-authz",
            "vm_config": {"code": {"remote": {"sha256": sha256}}},
            "configuration": {"value": packed::pack(&json)},
        },
    }}}]}]});
    let stats = format!(
        "wasmcustom.landbridge.config.filter=.=authz;.;digest=.={digest};.;version=.=0.1.0;.;info: 1\nwasmcustom.landbridge.config.filter=.=authz;.;code=.=LB0101;.;rejected_total: 2\n"
    );
    let up = serve(vec![("/stats", stats), ("/config_dump", dump.to_string())]);
    let lock = |sha256: &str| {
        let authz = json!({"module": {"sha256": sha256, "size": 1}});
        json!({"version": "0.1.0", "modules": {"authz": authz}}).to_string()
    };
    scene.write("right.json", lock(&sha256).as_bytes());
    scene.write("wrong.json", lock(&"cd".repeat(32)).as_bytes());
    let (code, report) = told(
        &scene,
        &[
            "--admin",
            &up,
            "--expect",
            "policies",
            "--lock",
            "right.json",
        ],
    );
    let row = &report["rows"][0];
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(row["policies"], 1);
    assert_eq!(row["module"], format!("sha256:{sha256}"));
    assert_eq!(row["refused"], json!({"LB0101": 2}));
    let (code, report) = told(&scene, &["--admin", &up, "--lock", "wrong.json"]);
    assert_eq!(code, 1);
    assert_eq!(
        report["rows"][0]["lags"],
        json!(["not the module of the lock file"])
    );
}

#[test]
fn who_cannot_be_reached_is_told_and_does_not_hide_the_others() {
    let (scene, _, digest) = scene();
    scene.write("now.txt", scraped(&digest).as_bytes());
    // Nobody listens there, once this is dropped.
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (code, report) = told(&scene, &["--file", "now.txt", "--admin", &gone.to_string()]);
    assert_eq!(code, 1);
    assert_eq!(report["rows"][0]["current"], true);
    let lags = report["rows"][1]["lags"][0].as_str().unwrap();
    assert!(lags.starts_with("unreachable: "), "{lags}");
}

#[test]
fn a_prometheus_tells_of_every_proxy_that_it_scrapes() {
    let (scene, _, digest) = scene();
    let series = |pod: &str, digest: &str| {
        json!({"metric": {
            "__name__": "landbridge_config_info", "filter": "authz", "version": "0.1.0",
            "digest": digest, "namespace": "shop", "pod": pod, "instance": "10.0.0.1:15020",
        }, "value": [1, "1"]})
    };
    let answer = json!({"status": "success", "data": {"resultType": "vector", "result": [
        series("a", &digest), series("b", &digest), series("c", "aaaaaaaaaaaaaaaa"),
    ]}});
    let up = serve(vec![("/api/v1/query?query=", answer.to_string())]);
    let (code, report) = told(&scene, &["--prometheus", &up]);
    assert_eq!(code, 1);
    let lagging: Vec<&str> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["current"] == false)
        .map(|row| row["proxy"].as_str().unwrap())
        .collect();
    assert_eq!(lagging, ["shop/c"]);
    // One that answers something else is no reason to call a mesh current.
    let other = serve(vec![("/api", "{}".to_owned())]);
    assert_eq!(scene.run(&["status", "--prometheus", &other]).code, 2);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let (scene, ..) = scene();
    for args in [&["status"][..], &["status", "--admin", "ftp://a"]] {
        assert_eq!(scene.run(args).code, 2);
    }
}
