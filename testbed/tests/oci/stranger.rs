//! What is no module of ours is refused by what it is, and the error says what that is.

use landbridge_oci::{Blob, Client, Digest, Repository, media, pull};
use landbridge_testbed::Registry;
use serde_json::{Value, json};

use crate::setup::{client, target};

fn blob(media_type: &'static str, bytes: impl Into<Vec<u8>>) -> Blob {
    let bytes = bytes.into();
    Blob {
        media_type,
        digest: Digest::of(&bytes),
        bytes: bytes.into(),
    }
}

fn descriptor(of: &Blob) -> Value {
    json!({"mediaType": of.media_type, "digest": of.digest, "size": of.bytes.len()})
}

/// Pushes an image of this configuration and these layers under the tag `1`.
async fn image(client: &Client, repository: &Repository, config: &Blob, layers: &[Blob]) {
    for blob in layers.iter().chain([config]) {
        client.push_blob(repository, blob).await.unwrap();
    }
    let layers: Vec<_> = layers.iter().map(descriptor).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::MANIFEST,
        "config": descriptor(config),
        "layers": layers,
    });
    let manifest = blob(media::MANIFEST, manifest.to_string());
    client.tag(repository, "1", &manifest).await.unwrap();
}

#[tokio::test]
async fn what_is_no_module_is_refused_with_what_it_is() {
    let name = "what_is_no_module";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let target = target(&registry, "1");
    let client = client(&target);
    let config = || blob(media::IMAGE_CONFIG, "{}");
    let wasm = || blob(media::WASM_CONFIG, "{}");
    let text = || blob("text/plain", "some text");
    let module = || blob(media::WASM, b"\0asm\x01\0\0\0".to_vec());
    let component = || blob(media::WASM, b"\0asm\x0d\0\x01\0".to_vec());
    let script = || blob(media::WASM, "#!/bin/sh");
    let no_layer = || blob(media::LAYER, "no gzip");
    for (config, layers, said) in [
        (config(), vec![text()], "`text/plain`"),
        (config(), vec![module()], "`application/wasm`"),
        (config(), vec![no_layer(), text()], "`text/plain`"),
        (
            wasm(),
            vec![text(), module()],
            "its layers are `text/plain`, `application/wasm`",
        ),
        (wasm(), vec![component()], "components"),
        (wasm(), vec![script()], "holds no Wasm module"),
        (config(), vec![no_layer()], "is no gzipped tar"),
        (config(), vec![], "has no layers"),
    ] {
        image(&client, &target.repository, &config, &layers).await;
        let why = pull::pull(&client, &target).await.unwrap_err().to_string();
        assert!(why.contains(said), "{said}: {why}");
        assert!(why.contains(&target.reference("")), "{why}");
    }
    image(&client, &target.repository, &wasm(), &[module()]).await;
    pull::pull(&client, &target).await.unwrap();
}

#[tokio::test]
async fn a_list_of_images_is_no_module() {
    let name = "a_list_of_images";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let target = target(&registry, "1");
    let client = client(&target);
    let list = json!({"schemaVersion": 2, "mediaType": media::INDEX, "manifests": []});
    let list = blob(media::INDEX, list.to_string());
    client.tag(&target.repository, "1", &list).await.unwrap();
    let why = pull::pull(&client, &target).await.unwrap_err().to_string();
    assert!(why.contains("is a list of images"), "{why}");
}

#[tokio::test]
async fn a_blob_larger_than_it_is_said_to_be_is_not_read() {
    let name = "a_blob_larger_than_said";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let target = target(&registry, "1");
    let client = client(&target);
    let config = blob(media::WASM_CONFIG, "{}");
    let layer = blob(
        media::WASM,
        [b"\0asm\x01\0\0\0".to_vec(), vec![0; 100_000]].concat(),
    );
    for blob in [&config, &layer] {
        client.push_blob(&target.repository, blob).await.unwrap();
    }
    for (size, said) in [
        (json!(10), "more than its 10 bytes"),
        (json!(1_000_000), "of its 1000000 bytes came"),
        (json!(1_u64 << 40), "the most is"),
        (json!(-1), "is said to have -1 bytes"),
    ] {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::MANIFEST,
            "config": descriptor(&config),
            "layers": [{"mediaType": media::WASM, "digest": layer.digest, "size": size}],
        });
        let manifest = blob(media::MANIFEST, manifest.to_string());
        client
            .tag(&target.repository, "1", &manifest)
            .await
            .unwrap();
        let why = pull::pull(&client, &target).await.unwrap_err().to_string();
        assert!(why.contains(said), "{said}: {why}");
    }
}
