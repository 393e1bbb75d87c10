//! Who is who: a root CA per cluster, and certificates as Istio makes them
//! (short-lived, an empty subject, one URI SAN).
//!
//! A caller is described by an [`Identity`], which may also be one that no
//! honest CA would certify; proving that such a caller is refused is half of
//! what the harness is for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use crate::{ClusterSpec, Error};

/// A service account in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workload {
    /// The cluster it runs in.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its service account.
    pub service_account: String,
}

impl Workload {
    /// The workload `namespace`/`service_account` of `cluster`.
    pub fn new(
        cluster: impl Into<String>,
        namespace: impl Into<String>,
        service_account: impl Into<String>,
    ) -> Self {
        Self {
            cluster: cluster.into(),
            namespace: namespace.into(),
            service_account: service_account.into(),
        }
    }

    /// The gateway of `cluster`: `istio-system`/`gateway`.
    pub fn gateway(cluster: impl Into<String>) -> Self {
        Self::new(cluster, "istio-system", "gateway")
    }
}

/// Whose key signs a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Signer {
    /// The CA of a cluster.
    Cluster(String),
    /// The CA of an extra trust domain: see
    /// [`Builder::extra_trust_domain`](crate::Builder::extra_trust_domain).
    TrustDomain(String),
    /// A CA that nobody in the mesh trusts.
    Stranger,
}

/// Who a caller says it is, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub(crate) cluster: String,
    pub(crate) claim: Claim,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Claim {
    /// No certificate.
    None,
    /// `ns/…/sa/…` in the trust domain of the caller's cluster, signed by its CA.
    Workload {
        namespace: String,
        service_account: String,
    },
    /// Anything.
    Forged {
        uris: Vec<String>,
        signer: Signer,
        expired: bool,
    },
}

impl From<Workload> for Identity {
    fn from(workload: Workload) -> Self {
        let Workload {
            cluster,
            namespace,
            service_account,
        } = workload;
        Self {
            cluster,
            claim: Claim::Workload {
                namespace,
                service_account,
            },
        }
    }
}

impl Identity {
    /// A caller at `cluster`'s address without a certificate.
    pub fn anonymous(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            claim: Claim::None,
        }
    }

    /// A caller at `cluster`'s address with a certificate for `uri` signed by `signer`.
    pub fn spiffe(cluster: impl Into<String>, uri: impl Into<String>, signer: Signer) -> Self {
        let claim = Claim::Forged {
            uris: vec![uri.into()],
            signer,
            expired: false,
        };
        Self {
            cluster: cluster.into(),
            claim,
        }
    }

    /// A caller at `cluster`'s address whose certificate, signed by `signer`, has all these URIs.
    pub fn uris(
        cluster: impl Into<String>,
        uris: impl IntoIterator<Item = impl Into<String>>,
        signer: Signer,
    ) -> Self {
        let uris = uris.into_iter().map(Into::into).collect();
        Self {
            cluster: cluster.into(),
            claim: Claim::Forged {
                uris,
                signer,
                expired: false,
            },
        }
    }

    /// The same certificate, expired. Only for [`spiffe`](Self::spiffe) and [`uris`](Self::uris).
    #[must_use]
    pub fn expired(mut self) -> Self {
        if let Claim::Forged { expired, .. } = &mut self.claim {
            *expired = true;
        }
        self
    }
}

/// A certificate with its key and the chain to present.
#[derive(Debug)]
pub(crate) struct Credential {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    certificate_pem: String,
}

impl Credential {
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub(crate) fn chain_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// A root CA.
pub(crate) struct Authority {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) root_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Named as Istio names a cluster's plugged-in CA, the cluster in `L`.
    fn new(locality: &str) -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Istio");
        params
            .distinguished_name
            .push(DnType::CommonName, "Root CA");
        params
            .distinguished_name
            .push(DnType::LocalityName, locality);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid_for(&mut params, Duration::hours(24));
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?;
        Ok(Self {
            root_pem: root.pem(),
            root: root.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    fn sign(&self, uris: &[String], expired: bool) -> Result<Credential, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for uri in uris {
            params
                .subject_alt_names
                .push(SanType::URI(uri.as_str().try_into()?));
        }
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        valid_for(&mut params, Duration::hours(6));
        if expired {
            params.not_after = OffsetDateTime::now_utc() - Duration::minutes(1);
        }
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Credential {
            certificate_pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key,
        })
    }
}

fn valid_for(params: &mut CertificateParams, span: Duration) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::minutes(10);
    params.not_after = now + span;
}

/// Every CA of a mesh, and the certificates they have made so far.
pub(crate) struct Pki {
    trust_domains: HashMap<String, String>,
    authorities: HashMap<Signer, Authority>,
    made: Mutex<HashMap<Identity, Arc<Credential>>>,
}

impl Pki {
    pub(crate) fn new(clusters: &[ClusterSpec], extra: &[String]) -> Result<Self, Error> {
        let mut authorities = HashMap::new();
        let mut trust_domains = HashMap::new();
        for cluster in clusters {
            trust_domains.insert(cluster.name.clone(), cluster.trust_domain.clone());
            authorities.insert(
                Signer::Cluster(cluster.name.clone()),
                Authority::new(&cluster.name)?,
            );
        }
        for domain in extra {
            authorities.insert(Signer::TrustDomain(domain.clone()), Authority::new(domain)?);
        }
        authorities.insert(Signer::Stranger, Authority::new("stranger")?);
        Ok(Self {
            trust_domains,
            authorities,
            made: Mutex::default(),
        })
    }

    pub(crate) fn authority(&self, signer: &Signer) -> Result<&Authority, Error> {
        self.authorities
            .get(signer)
            .ok_or_else(|| Error::UnknownCluster(format!("{signer:?}")))
    }

    /// The SPIFFE id of a service account.
    pub(crate) fn spiffe(&self, workload: &Workload) -> Result<String, Error> {
        let domain = self
            .trust_domains
            .get(&workload.cluster)
            .ok_or_else(|| Error::UnknownCluster(workload.cluster.clone()))?;
        let Workload {
            namespace,
            service_account,
            ..
        } = workload;
        Ok(format!(
            "spiffe://{domain}/ns/{namespace}/sa/{service_account}"
        ))
    }

    /// The certificate of a caller, made once; none for who has none.
    pub(crate) fn credential(&self, who: &Identity) -> Result<Option<Arc<Credential>>, Error> {
        if let Some(made) = self.made.lock().expect("nobody panics with it").get(who) {
            return Ok(Some(made.clone()));
        }
        let made = match &who.claim {
            Claim::None => return Ok(None),
            Claim::Workload {
                namespace,
                service_account,
            } => {
                let workload = Workload::new(&who.cluster, namespace, service_account);
                let signer = Signer::Cluster(who.cluster.clone());
                self.authority(&signer)?
                    .sign(&[self.spiffe(&workload)?], false)?
            }
            Claim::Forged {
                uris,
                signer,
                expired,
            } => self.authority(signer)?.sign(uris, *expired)?,
        };
        let made = Arc::new(made);
        self.made
            .lock()
            .expect("nobody panics with it")
            .insert(who.clone(), made.clone());
        Ok(Some(made))
    }
}
