//! What an Envoy's TLS is made of, as files in a folder.

use crate::envoy::{Material, Trust};
use crate::folder::Folder;
use crate::pki::{Pki, Signer, Workload};
use crate::{ClusterSpec, Error};

/// Writes a workload's certificate and key, as `NAME-cert.pem` and `NAME-key.pem`.
pub(crate) fn credentials(
    folder: &Folder,
    pki: &Pki,
    who: &Workload,
    name: &str,
) -> Result<Material, Error> {
    let credential = pki.credential(&who.clone().into())?;
    let credential = credential.expect("a workload has a certificate");
    Ok(Material {
        chain: folder.write(&format!("{name}-cert.pem"), credential.chain_pem())?,
        key: folder.write(&format!("{name}-key.pem"), &credential.key_pem())?,
    })
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
