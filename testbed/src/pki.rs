//! Who is who: a CA per cluster, a root or under one, and certificates as Istio makes them
//! (short-lived, an empty subject, one URI SAN).
//!
//! A caller is described by an [`Identity`], which may also be one that no
//! honest CA would certify; proving that such a caller is refused is half of
//! what the harness is for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use crate::{ClusterAuthority, ClusterSpec, Error};

/// How long a workload's certificate lasts, if nothing is said.
const SHORT: Duration = Duration::hours(6);

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
    /// An authority that the CA of `by` made under the name of the CA of `of`.
    Imitation {
        /// Whose CA made it.
        by: String,
        /// Whose CA it calls itself.
        of: String,
    },
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
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    chain_pem: String,
}

impl Credential {
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    pub(crate) fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

/// A CA: a root, or one that another made.
pub(crate) struct Authority {
    pub(crate) root: CertificateDer<'static>,
    pub(crate) root_pem: String,
    issuer: Issuer<'static, KeyPair>,
    name: DistinguishedName,
    /// How long what it signs for workloads lasts.
    life: Duration,
    /// Its own certificate and those above it, but the root's.
    above: Vec<rcgen::Certificate>,
}

impl Authority {
    fn root(locality: &str, depth: BasicConstraints) -> Result<Self, Error> {
        let name = name(locality, "Root CA");
        let params = Self::params(name.clone(), depth);
        let key = KeyPair::generate()?;
        let root = params.self_signed(&key)?;
        Ok(Self {
            root_pem: root.pem(),
            root: root.der().clone(),
            issuer: Issuer::new(params, key),
            name,
            life: SHORT,
            above: Vec::new(),
        })
    }

    /// One that this makes, whether it may or not.
    fn delegate(&self, name: DistinguishedName, depth: BasicConstraints) -> Result<Self, Error> {
        let params = Self::params(name.clone(), depth);
        let key = KeyPair::generate()?;
        let made = params.signed_by(&key, &self.issuer)?;
        Ok(Self {
            root_pem: self.root_pem.clone(),
            root: self.root.clone(),
            issuer: Issuer::new(params, key),
            name,
            life: self.life,
            above: std::iter::once(made)
                .chain(self.above.iter().cloned())
                .collect(),
        })
    }

    fn params(name: DistinguishedName, depth: BasicConstraints) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(depth);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid_for(&mut params, Duration::days(40));
        params
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
        valid_for(&mut params, self.life);
        if expired {
            params.not_after = OffsetDateTime::now_utc() - Duration::minutes(1);
        }
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = || std::iter::once(&certificate).chain(&self.above);
        Ok(Credential {
            chain_pem: chain().map(rcgen::Certificate::pem).collect(),
            chain: chain().map(|one| one.der().clone()).collect(),
            key,
        })
    }
}

/// As Istio names a cluster's plugged-in CA, the cluster in `L`.
fn name(locality: &str, common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Istio");
    name.push(DnType::CommonName, common_name);
    name.push(DnType::LocalityName, locality);
    name
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
        let mut roots = HashMap::new();
        for cluster in clusters {
            let ClusterSpec {
                name: cluster,
                trust_domain,
                authority,
                ..
            } = cluster;
            trust_domains.insert(cluster.clone(), trust_domain.clone());
            let depth = match authority {
                ClusterAuthority::Root => None,
                ClusterAuthority::Intermediate => Some(BasicConstraints::Constrained(0)),
                ClusterAuthority::Delegating => Some(BasicConstraints::Unconstrained),
            };
            let authority = match depth {
                None => Authority::root(cluster, BasicConstraints::Constrained(0))?,
                Some(depth) => {
                    let root = match roots.entry(trust_domain) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => new.insert(Authority::root(
                            trust_domain,
                            BasicConstraints::Unconstrained,
                        )?),
                    };
                    root.delegate(name(cluster, "Intermediate CA"), depth)?
                }
            };
            authorities.insert(Signer::Cluster(cluster.clone()), authority);
        }
        for domain in extra {
            authorities.insert(
                Signer::TrustDomain(domain.clone()),
                Authority::root(domain, BasicConstraints::Constrained(0))?,
            );
        }
        authorities.insert(
            Signer::Stranger,
            Authority::root("stranger", BasicConstraints::Constrained(0))?,
        );
        Ok(Self {
            trust_domains,
            authorities,
            made: Mutex::default(),
        })
    }

    /// Has every authority sign for so long, which must be less than it lasts itself.
    pub(crate) fn lasting(mut self, life: Duration) -> Self {
        for authority in self.authorities.values_mut() {
            authority.life = life;
        }
        self
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
            } => match signer {
                Signer::Imitation { by, of } => {
                    let maker = self.authority(&Signer::Cluster(by.clone()))?;
                    let name = &self.authority(&Signer::Cluster(of.clone()))?.name;
                    maker
                        .delegate(name.clone(), BasicConstraints::Constrained(0))?
                        .sign(uris, *expired)?
                }
                signer => self.authority(signer)?.sign(uris, *expired)?,
            },
        };
        let made = Arc::new(made);
        self.made
            .lock()
            .expect("nobody panics with it")
            .insert(who.clone(), made.clone());
        Ok(Some(made))
    }
}
