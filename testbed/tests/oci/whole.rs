//! What is pushed is there, whole, under both tags, and comes back as it was.

use std::time::Instant;

use landbridge_oci::bundle::FILTERS;
use landbridge_oci::lock::Lock;
use landbridge_oci::pull::{self, Layout};
use landbridge_oci::{Target, push};
use landbridge_testbed::Registry;

use crate::setup::{bundles, client, module, origin, real_bundles, target};

#[tokio::test]
async fn what_is_pushed_comes_back_by_tag_and_by_digest_in_both_layouts() {
    let name = "what_is_pushed_comes_back";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let target = target(&registry, "1");
    let bundles = bundles();
    let done = push::push(&client(&target), &target, &bundles, None).await;
    assert!(done.unwrap().blobs > 0);
    for (filter, bundle) in FILTERS.iter().zip(&bundles) {
        let own = target.of_filter(filter);
        let istio = &bundle.istio.image.manifest.digest;
        let cncf = &bundle.cncf.image.manifest.digest;
        let name = own.repository.name();
        for (reference, layout, digest) in [
            (format!("{name}:1"), Layout::Istio, istio),
            (format!("{name}:1-wasm"), Layout::Cncf, cncf),
            (format!("{name}@{istio}"), Layout::Istio, istio),
            (format!("{name}:other@{cncf}"), Layout::Cncf, cncf),
        ] {
            let wanted = Target::parse(&reference).unwrap();
            let pulled = pull::pull(&client(&wanted), &wanted).await.unwrap();
            assert_eq!(pulled.module, module(filter).bytes, "{reference}");
            assert_eq!(
                (pulled.layout, &pulled.digest),
                (layout, digest),
                "{reference}"
            );
        }
    }
    let lock = Lock::new(&origin(), &bundles, Some(&target));
    let authz = &lock.modules["authz"];
    let reference = authz.reference.clone().unwrap();
    assert_eq!(
        reference,
        format!("{}/landbridge/authz:1", registry.address())
    );
    let path = registry.scratch().join("landbridge.lock.json");
    lock.write(&path).unwrap();
    assert_eq!(Lock::read(&path).unwrap(), lock);
}

#[tokio::test]
async fn pushing_again_uploads_nothing_and_another_tag_only_tags() {
    let name = "pushing_again_uploads_nothing";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let bundles = bundles();
    for (tag, first) in [("1", true), ("1", false), ("2", false)] {
        let target = target(&registry, tag);
        let done = push::push(&client(&target), &target, &bundles, None)
            .await
            .unwrap();
        assert_eq!(done.blobs > 0, first, "{tag}: {done:?}");
    }
    let subject = &bundles[0].istio.image.manifest.digest;
    let other = &bundles[0].cncf.image.manifest.digest;
    let mut tags = vec![
        "1".to_owned(),
        "1-wasm".to_owned(),
        "2".to_owned(),
        "2-wasm".to_owned(),
    ];
    tags.extend([subject, other].map(|digest| format!("sha256-{}", digest.hex())));
    tags.sort();
    assert_eq!(registry.tags("landbridge/authz"), tags);
}

/// How long the three filters take to push and to pull; shown with `--nocapture`.
#[tokio::test]
async fn the_three_filters_are_pushed_and_pulled() {
    let name = "the_three_filters_are_pushed_and_pulled";
    let Some(registry) = Registry::start(name).await.unwrap() else {
        return;
    };
    let bundles = real_bundles();
    let mut pushes = Vec::new();
    let mut pulls = Vec::new();
    let mut bytes = 0;
    for round in 0..5 {
        let text = format!("{}/round-{round}:1", registry.address());
        let target = Target::parse(&text).unwrap();
        let client = client(&target);
        let start = Instant::now();
        let done = push::push(&client, &target, &bundles, None).await.unwrap();
        pushes.push(start.elapsed());
        bytes = done.bytes;
        let start = Instant::now();
        for (filter, bundle) in FILTERS.iter().zip(&bundles) {
            let pulled = pull::pull(&client, &target.of_filter(filter))
                .await
                .unwrap();
            assert_eq!(landbridge_oci::Digest::of(&pulled.module), bundle.module);
        }
        pulls.push(start.elapsed());
    }
    pushes.sort();
    pulls.sort();
    eprintln!(
        "median of 5: pushed {bytes} bytes in {:?}, pulled in {:?}",
        pushes[2], pulls[2]
    );
}
