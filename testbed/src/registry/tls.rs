//! A certificate for a registry, and the CA that signed it: clients refuse a certificate that is its
//! own CA.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::Error;

/// PEM all of it.
pub(super) struct Made {
    pub(super) ca: String,
    pub(super) chain: String,
    pub(super) key: String,
}

pub(super) fn certify(address: IpAddr) -> Result<Made, Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    ca.distinguished_name
        .push(DnType::CommonName, "CA of a test's registry");
    let certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new([address.to_string()])?;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.distinguished_name
        .push(DnType::CommonName, "a test's registry");
    Ok(Made {
        ca: certificate.pem(),
        chain: leaf.signed_by(&key, &issuer)?.pem(),
        key: key.serialize_pem(),
    })
}
