//! What `landbridge render istio` prints, applied.

use std::fs;

use landbridge_conformance::rendering::{EXAMPLE, SETTINGS};
use landbridge_testbed::workspace;
use serde_json::json;

use crate::cluster::{Cluster, Objects, assert_holds};

/// Every form and scope, for every cluster: accepted strictly, kept as it was, and the same when it
/// is rendered again.
#[test]
fn what_is_rendered_is_accepted_and_kept_as_it_is() {
    let cluster = Cluster::take();
    for form in ["wasm-plugin", "traffic-extension"] {
        for scope in ["mesh", "namespace"] {
            let args = ["--settings", SETTINGS, "--form", form, "--scope", scope];
            let name = format!("{form}-{scope}");
            let rendering = cluster.render(&name, EXAMPLE, &args);
            let again = cluster.render(&format!("{name}-again"), EXAMPLE, &args);
            assert_eq!(rendering.clusters(), ["euw1-a", "use1-a", "use1-b"]);
            for member in rendering.clusters() {
                let manifests = rendering.manifests(&member);
                cluster.apply(&manifests);
                assert_holds(&cluster.objects(), &cluster.read(&manifests));
                let difference = cluster.server().diff(&again.manifests(&member)).unwrap();
                assert_eq!(difference, "", "{name} {member}");
                cluster.clear();
            }
        }
    }
}

#[test]
fn every_kind_is_in_the_example() {
    let cluster = Cluster::take();
    let rendering = cluster.render("kinds", EXAMPLE, &["--settings", SETTINGS]);
    let objects = cluster.read(&rendering.manifests("use1-a"));
    for name in [
        "WasmPlugin istio-system/landbridge-authz",
        "WasmPlugin istio-system/landbridge-locality",
        "WasmPlugin istio-system/landbridge-shaping",
        "WasmPlugin istio-system/landbridge-shaping-outbound",
        "EnvoyFilter istio-system/landbridge-issuer",
        "EnvoyFilter istio-system/landbridge-rate-limit",
        "Telemetry istio-system/landbridge",
    ] {
        assert!(
            objects.contains_key(name),
            "no {name}: {:?}",
            objects.keys()
        );
    }
    for kind in ["VirtualService ", "DestinationRule "] {
        assert!(objects.keys().any(|name| name.starts_with(kind)), "{kind}");
    }
}

/// The check that everything was accepted can fail: for each object, of each kind.
#[test]
fn a_field_that_istio_does_not_have_is_refused_in_every_object() {
    let cluster = Cluster::take();
    for form in ["wasm-plugin", "traffic-extension"] {
        let args = ["--settings", SETTINGS, "--form", form];
        let rendering = cluster.render(&format!("mutant-{form}"), EXAMPLE, &args);
        for (name, mut object) in cluster.read(&rendering.manifests("use1-a")) {
            object["spec"]["landbridge"] = json!({"typo": true});
            let why = cluster.server().apply(&object.to_string()).unwrap_err();
            assert!(why.0.contains(".spec.landbridge"), "{name}: {why}");
        }
    }
    assert_holds(&cluster.objects(), &Objects::new());
}

/// Going back is applying what was rendered before. What only the newer render had is left, and has
/// a label to be found by.
#[test]
fn an_earlier_render_brings_back_what_was() {
    let cluster = Cluster::take();
    let example = workspace().join(EXAMPLE);
    let documents = cluster.folder("changing");
    fs::create_dir_all(&documents).unwrap();
    for entry in fs::read_dir(&example).unwrap().flatten() {
        fs::copy(entry.path(), documents.join(entry.file_name())).unwrap();
    }
    let path = documents.display().to_string();
    // At first there is no shaping yet.
    fs::rename(documents.join("shaping.yaml"), documents.join("later")).unwrap();
    let before = cluster.render("before", &path, &["--settings", SETTINGS]);
    fs::rename(documents.join("later"), documents.join("shaping.yaml")).unwrap();
    let orders = fs::read_to_string(documents.join("orders.yaml")).unwrap();
    let changed = orders.replace("methods: [GET]", "methods: [GET, HEAD]");
    assert_ne!(changed, orders);
    fs::write(documents.join("orders.yaml"), changed).unwrap();
    let after = cluster.render("after", &path, &["--settings", SETTINGS]);

    let before = before.manifests("use1-a");
    let after = after.manifests("use1-a");
    for manifests in [&before, &after] {
        cluster.apply(manifests);
        assert_holds(&cluster.objects(), &cluster.read(manifests));
        let difference = cluster.server().diff(manifests).unwrap();
        assert_eq!(difference, "");
    }
    let difference = cluster.server().diff(&before).unwrap();
    assert!(difference.contains("HEAD"), "{difference}");

    cluster.apply(&before);
    let wanted = cluster.read(&before);
    let (kept, left): (Objects, Objects) =
        (cluster.objects().into_iter()).partition(|(name, _)| wanted.contains_key(name));
    assert_holds(&kept, &wanted);
    let newer = cluster.read(&after);
    assert!(!left.is_empty());
    for (name, object) in left {
        assert!(newer.contains_key(&name), "{name}");
        let label = &object["metadata"]["labels"]["app.kubernetes.io/managed-by"];
        assert_eq!(label, "landbridge", "{name}");
    }
}
