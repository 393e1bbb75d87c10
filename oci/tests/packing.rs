//! Packing the same modules makes the same bytes; and what is packed says what it should.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use landbridge_oci::bundle::{Bundle, FILTERS};
use landbridge_oci::lock::Lock;
use landbridge_oci::origin::Origin;
use landbridge_oci::sbom::Components;
use landbridge_oci::{Digest, Module, layout};
use serde_json::Value;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn components() -> &'static Components {
    static COMPONENTS: OnceLock<Components> = OnceLock::new();
    COMPONENTS.get_or_init(|| Components::of_checkout(workspace()).unwrap())
}

fn origin(revision: &str) -> Origin {
    Origin::of_checkout(workspace(), "0.1.0", Some(revision), None).unwrap()
}

/// Modules in a folder; they need be modules only by their first bytes.
fn modules(folder: &Path) {
    for name in FILTERS {
        let module = [b"\0asm\x01\0\0\0", name.repeat(1000).as_bytes()].concat();
        fs::write(folder.join(format!("{name}.wasm")), module).unwrap();
    }
}

fn pack(folder: &Path, origin: &Origin) -> Vec<Bundle> {
    let module = |name: &&str| Module::read(folder, name).unwrap();
    let modules = FILTERS.iter().map(module);
    modules
        .map(|module| Bundle::new(&module, origin, components()).unwrap())
        .collect()
}

/// Every file beneath a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut next = vec![folder.to_owned()];
    while let Some(at) = next.pop() {
        for entry in fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                next.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy();
                all.insert(name.into_owned(), fs::read(&path).unwrap());
            }
        }
    }
    all
}

#[test]
fn packing_twice_and_elsewhere_makes_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut layouts = Vec::new();
    for folder in [first.path(), first.path(), second.path()] {
        // Written anew each time, so their times differ.
        modules(folder);
        let out = tempfile::tempdir().unwrap();
        layout::write(out.path(), &pack(folder, &origin("abc"))).unwrap();
        layouts.push(files(out.path()));
        std::thread::sleep(std::time::Duration::from_millis(1100));
    }
    assert_eq!(layouts[0], layouts[1]);
    assert_eq!(layouts[0], layouts[2]);
    // And it is not that nothing matters.
    let out = tempfile::tempdir().unwrap();
    layout::write(out.path(), &pack(first.path(), &origin("abd"))).unwrap();
    assert_ne!(layouts[0], files(out.path()));
}

#[test]
fn every_blob_of_a_layout_has_the_name_of_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    modules(folder.path());
    let out = folder.path().join("layout");
    let bundles = pack(folder.path(), &origin("abc"));
    layout::write(&out, &bundles).unwrap();
    // Over one that is there already, too.
    layout::write(&out, &bundles).unwrap();
    let files = files(&out);
    for (name, bytes) in &files {
        if let Some(hex) = name.strip_prefix("blobs/sha256/") {
            assert_eq!(Digest::of(bytes).hex(), hex);
        }
    }
    let json = |name: &str| serde_json::from_slice::<Value>(&files[name]).unwrap();
    assert_eq!(json("oci-layout")["imageLayoutVersion"], "1.0.0");
    let index = json("index.json");
    let mut names = Vec::new();
    for entry in index["manifests"].as_array().unwrap() {
        let digest: Digest = entry["digest"].as_str().unwrap().parse().unwrap();
        let manifest = &files[&format!("blobs/sha256/{}", digest.hex())];
        assert_eq!(entry["size"], manifest.len());
        let manifest: Value = serde_json::from_slice(manifest).unwrap();
        let layers = manifest["layers"].as_array().unwrap();
        for blob in layers.iter().chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().unwrap().replace(':', "/");
            assert_eq!(files[&format!("blobs/{digest}")].len(), blob["size"]);
        }
        names.extend(entry["annotations"].as_object().map(|all| {
            let name = &all["org.opencontainers.image.ref.name"];
            name.as_str().unwrap().to_owned()
        }));
    }
    let expected = [
        "authz",
        "authz-wasm",
        "locality",
        "locality-wasm",
        "shaping",
        "shaping-wasm",
    ];
    assert_eq!(names, expected);
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    modules(folder.path());
    let before = files(folder.path());
    let error = layout::write(folder.path(), &pack(folder.path(), &origin("abc"))).unwrap_err();
    assert!(
        error.to_string().contains("holds something else"),
        "{error}"
    );
    assert_eq!(files(folder.path()), before);
}

#[test]
fn the_lock_file_has_the_digests_and_no_references_before_a_push() {
    let folder = tempfile::tempdir().unwrap();
    modules(folder.path());
    let bundles = pack(folder.path(), &origin("abc"));
    let lock = Lock::new(&origin("abc"), &bundles, None);
    let text = lock.to_json().unwrap();
    assert!(!text.contains("reference"), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    let authz = &json["modules"]["authz"];
    assert_eq!(
        authz["digest"],
        bundles[0].istio.image.manifest.digest.as_str()
    );
    assert_eq!(
        authz["wasm"]["digest"],
        bundles[0].cncf.image.manifest.digest.as_str()
    );
    let module = fs::read(folder.path().join("authz.wasm")).unwrap();
    assert_eq!(authz["module"]["sha256"], Digest::of(&module).hex());
    assert_eq!(authz["module"]["size"], module.len());
    assert_eq!(json["revision"], "abc");
}

/// The document of a filter, as it is attached.
fn bill(bundle: &Bundle) -> Value {
    serde_json::from_slice(&bundle.istio.sbom.blobs[1].bytes).unwrap()
}

#[test]
fn a_bill_of_materials_lists_what_the_filter_is_built_from_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    modules(folder.path());
    let bundles = pack(folder.path(), &origin("abc"));
    for bundle in &bundles {
        let bill = bill(bundle);
        let main = &bill["metadata"]["component"];
        assert_eq!(main["name"], format!("landbridge-{}", bundle.name));
        assert_eq!(main["hashes"][0]["content"], bundle.module.hex());
        let components = bill["components"].as_array().unwrap();
        let names: Vec<_> = components
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        for needed in [
            "landbridge-engine",
            "landbridge-host",
            "proxy-wasm",
            "serde_json",
        ] {
            assert!(names.contains(&needed), "{}: no {needed}", bundle.name);
        }
        // Of tests, of the CLI and of other systems.
        for other in [
            "proptest",
            "clap",
            "tokio",
            "windows-sys",
            "landbridge-testbed",
        ] {
            assert!(!names.contains(&other), "{}: {other}", bundle.name);
        }
        // Whatever is listed is there, and named once.
        let mut references: Vec<_> = components.iter().map(|c| c["bom-ref"].as_str()).collect();
        references.push(main["bom-ref"].as_str());
        let count = references.len();
        references.sort_unstable();
        references.dedup();
        assert_eq!(references.len(), count);
        let dependencies = bill["dependencies"].as_array().unwrap();
        assert_eq!(dependencies.len(), count);
        for dependency in dependencies {
            let used = dependency["dependsOn"].as_array().unwrap();
            for reference in used.iter().chain([&dependency["ref"]]) {
                assert!(references.contains(&reference.as_str()), "{reference}");
            }
        }
        // No path of the machine that it was made on.
        let text = bill.to_string();
        assert!(
            !text.contains(workspace().to_str().unwrap()),
            "{}",
            bundle.name
        );
    }
}

#[test]
fn what_is_missing_or_no_module_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = || {
        Module::read(folder.path(), "authz")
            .unwrap_err()
            .to_string()
    };
    assert!(
        read().contains("authz.wasm") && read().contains("cargo xtask build"),
        "{}",
        read()
    );
    fs::write(folder.path().join("authz.wasm"), "text").unwrap();
    assert!(read().ends_with("is no Wasm module"), "{}", read());

    let elsewhere = tempfile::tempdir().unwrap();
    let error = Origin::of_checkout(elsewhere.path(), "0.1.0", None, None).unwrap_err();
    assert!(error.to_string().contains("--revision"), "{error}");
    let error = Components::of_checkout(elsewhere.path()).unwrap_err();
    assert!(error.to_string().contains("--checkout"), "{error}");
}
