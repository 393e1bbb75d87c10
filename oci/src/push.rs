//! Pushing, in an order by which a tag never leads to less than a whole module.
//!
//! Blobs go first, then manifests under their digests, then what refers to them (bills of materials,
//! signatures), and the tags of all filters when all of that is there. A registry that dies on the way
//! holds things that nobody finds, and pushing again goes on from there.

use futures_util::future::try_join_all;

use crate::bundle::{Bundle, Packed};
use crate::image::Image;
use crate::sign::{self, PrivateKey};
use crate::{Client, Error, Repository, Result, Target, referrers};

/// What a push did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pushed {
    /// How many blobs were uploaded.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How many blobs were there already.
    pub there: usize,
}

/// Pushes filters, each to a repository of its own beneath the target's, and signs them with a key.
pub async fn push(
    client: &Client,
    target: &Target,
    bundles: &[Bundle],
    key: Option<&PrivateKey>,
) -> Result<Pushed> {
    let (Some(tag), None) = (&target.tag, &target.digest) else {
        return Err(
            Error::new(format!("`{}` has no tag to push to", target.reference("")))
                .hint("write `HOST/REPOSITORY:TAG`"),
        );
    };
    let all = bundles.iter().map(|bundle| async move {
        let repository = target.of_filter(&bundle.name).repository;
        client.enter_to_push(&repository).await?;
        let mut done = Pushed::default();
        for (_, packed) in bundle.layouts() {
            put(client, &repository, packed, key, &mut done).await?;
        }
        Ok::<_, Error>(done)
    });
    let each = try_join_all(all).await?;
    for bundle in bundles {
        let repository = target.of_filter(&bundle.name).repository;
        // The tag that Istio is given is the very last.
        for (suffix, packed) in bundle.layouts().into_iter().rev() {
            let tag = format!("{tag}{suffix}");
            client
                .tag(&repository, &tag, &packed.image.manifest)
                .await?;
        }
    }
    Ok(each.into_iter().fold(Pushed::default(), Pushed::and))
}

impl Pushed {
    fn and(self, other: Self) -> Self {
        Self {
            blobs: self.blobs.saturating_add(other.blobs),
            bytes: self.bytes.saturating_add(other.bytes),
            there: self.there.saturating_add(other.there),
        }
    }
}

async fn put(
    client: &Client,
    repository: &Repository,
    packed: &Packed,
    key: Option<&PrivateKey>,
    done: &mut Pushed,
) -> Result<()> {
    for image in packed.images() {
        put_image(client, repository, image, done).await?;
    }
    let subject = &packed.image.manifest.digest;
    referrers::attach(client, repository, subject, &packed.sbom).await?;
    if let Some(key) = key {
        for image in packed.images() {
            sign::attach(client, repository, &image.manifest.digest, key).await?;
        }
    }
    Ok(())
}

async fn put_image(
    client: &Client,
    repository: &Repository,
    image: &Image,
    done: &mut Pushed,
) -> Result<()> {
    for blob in &image.blobs {
        let sent = client.push_blob(repository, blob).await?;
        *done = done.and(Pushed {
            blobs: usize::from(sent),
            bytes: if sent { blob.bytes.len() } else { 0 },
            there: usize::from(!sent),
        });
    }
    client.push_manifest(repository, &image.manifest).await
}
