//! What an Envoy's TLS is made of, as files in a folder.

use crate::envoy::{Material, Trust};
use crate::folder::Folder;
use crate::pki::{Pki, Signer, Workload};
use crate::{ClusterSpec, Error};

/// A workload's certificate and key, as `NAME-cert.pem` and `NAME-key.pem`: written once, since an
/// Envoy that runs has read them.
pub(crate) fn credentials(
    folder: &Folder,
    pki: &Pki,
    who: &Workload,
    name: &str,
) -> Result<Material, Error> {
    let (chain, key) = (format!("{name}-cert.pem"), format!("{name}-key.pem"));
    let material = Material {
        chain: folder.path(&chain),
        key: folder.path(&key),
    };
    if !material.key.is_file() {
        let credential = pki.credential(&who.clone().into())?;
        let credential = credential.expect("a workload has a certificate");
        folder.write(&chain, credential.chain_pem())?;
        folder.write(&key, &credential.key_pem())?;
    }
    Ok(material)
}

/// Writes one bundle per trust domain; clusters that share one share it.
pub(crate) fn trust(
    folder: &Folder,
    pki: &Pki,
    clusters: &[ClusterSpec],
    extra: &[String],
) -> Result<Trust, Error> {
    let mut bundles: Vec<(String, String)> = Vec::new();
    let clusters = clusters.iter().map(|cluster| {
        (
            cluster.trust_domain.clone(),
            Signer::Cluster(cluster.name.clone()),
        )
    });
    let extra = extra
        .iter()
        .map(|domain| (domain.clone(), Signer::TrustDomain(domain.clone())));
    for (domain, signer) in clusters.chain(extra) {
        let root = &pki.authority(&signer)?.root_pem;
        match bundles.iter_mut().find(|(known, _)| *known == domain) {
            Some((_, bundle)) if bundle.contains(root) => {}
            Some((_, bundle)) => bundle.push_str(root),
            None => bundles.push((domain, root.clone())),
        }
    }
    let written = bundles.into_iter().map(|(domain, bundle)| {
        let path = folder.write(&format!("{domain}.pem"), &bundle)?;
        Ok((domain, path))
    });
    Ok(Trust(written.collect::<Result<_, Error>>()?))
}
