//! What an operator says of the mesh beside its documents.

use crate::lock::Lock;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use landbridge_model::{Code, Labels, Name, Problems};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Everything that decides what is rendered, beside the documents.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The modules, as they were pushed.
    pub lock: Lock,
    /// In which of Istio's two APIs plugins are written.
    pub form: Form,
    /// What one plugin is for.
    pub scope: Scope,
    /// The clusters to render; all, where it is empty.
    pub clusters: BTreeSet<String>,
    /// With [`Scope::Namespace`], the namespaces that get plugins; those that documents name, where
    /// it is left out.
    pub namespaces: Option<BTreeSet<String>>,
    /// The version of Istio that reads it.
    pub istio: IstioVersion,
    /// The secret by which modules are pulled; it must be in every namespace that has plugins.
    pub image_pull_secret: Option<String>,
    /// What becomes of requests where a filter breaks; [`FailStrategy::Reload`], where it is left
    /// out and Istio has it.
    pub fail_strategy: Option<FailStrategy>,
    /// Where the rate-limit service is that policies call by a name that Istio does not have.
    pub rate_limit_service: Option<HostPort>,
    /// The filters' options, as JSON.
    pub options: Option<String>,
    /// What to render; everything, where it is empty.
    pub only: BTreeSet<Part>,
    /// Gateways whose requests are judged as they arrive, beside those that policies name.
    pub gateways: Vec<Gateway>,
    /// Which gateways are waypoints: Istio treats them in another way.
    pub waypoints: Vec<Waypoint>,
    /// How requests find the clusters and backends that filters choose.
    pub routing: Routing,
    /// The access log.
    pub access_log: AccessLog,
}

impl Settings {
    /// The defaults, for these modules.
    pub fn new(lock: Lock) -> Self {
        Self {
            lock,
            form: Form::default(),
            scope: Scope::default(),
            clusters: BTreeSet::new(),
            namespaces: None,
            istio: IstioVersion::default(),
            image_pull_secret: None,
            fail_strategy: None,
            rate_limit_service: None,
            options: None,
            only: BTreeSet::new(),
            gateways: Vec::new(),
            waypoints: Vec::new(),
            routing: Routing::default(),
            access_log: AccessLog::default(),
        }
    }

    /// Whether a part is wanted.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// What becomes of requests where a filter breaks.
    pub fn fails(&self) -> FailStrategy {
        let reloads = self.istio >= IstioVersion::RELOADS;
        self.fail_strategy.unwrap_or(match reloads {
            true => FailStrategy::Reload,
            false => FailStrategy::Close,
        })
    }
}

/// A word of a closed list, as flags and files write it.
macro_rules! choices {
    ($($(#[$meta:meta])* pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As flags and files write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(s: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|one| one.as_str() == s);
                found.copied().ok_or_else(|| {
                    let there: Vec<String> = Self::ALL.iter().map(|one| format!("`{}`", one.as_str())).collect();
                    format!("there is {}", there.join(", "))
                })
            }
        }

        impl Deserr<Problems> for $name {
            fn deserialize_from_value<V: IntoValue>(
                value: Value<V>,
                at: ValuePointerRef<'_>,
            ) -> Result<Self, Problems> {
                let word = String::deserialize_from_value(value, at)?;
                word.parse().map_err(|hint: String| {
                    Problems::hinted(at, Code::UnknownValue, format!("unknown value: `{word}`"), hint)
                })
            }
        }
    )+};
}

choices! {
    /// In which of Istio's two APIs a plugin is written.
    #[derive(Default)]
    pub enum Form {
        /// `WasmPlugin`: every Istio that is supported reads it.
        #[default]
        WasmPlugin = "wasm-plugin",
        /// `TrafficExtension`, which takes its place from Istio 1.30 on.
        TrafficExtension = "traffic-extension",
    }

    /// What one plugin is for.
    #[derive(Default)]
    pub enum Scope {
        /// The whole mesh: one plugin a filter, in Istio's root namespace.
        #[default]
        Mesh = "mesh",
        /// One namespace: one plugin a filter in each, so that they can be rolled out one by one.
        Namespace = "namespace",
    }

    /// What becomes of requests where a filter breaks.
    pub enum FailStrategy {
        /// They are refused until the proxy starts anew.
        Close = "FAIL_CLOSE",
        /// They are refused, and the filter is loaded anew.
        Reload = "FAIL_RELOAD",
        /// They go on as if there were no filter.
        Open = "FAIL_OPEN",
    }

    /// What objects are about; each part is a file.
    pub enum Part {
        /// The authorization filter.
        Authz = "authz",
        /// The locality filter.
        Locality = "locality",
        /// The shaping filter.
        Shaping = "shaping",
        /// `DestinationRule` and `VirtualService`.
        Routing = "routing",
        /// `EnvoyFilter`.
        EnvoyFilters = "envoyfilters",
        /// `Telemetry`.
        Telemetry = "telemetry",
    }
}

/// A version of Istio, without its patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IstioVersion {
    /// Of 1.31, the 1.
    pub major: u32,
    /// Of 1.31, the 31.
    pub minor: u32,
}

impl IstioVersion {
    /// From where on there is `TrafficExtension`.
    pub(crate) const TRAFFIC_EXTENSION: Self = Self::one(30);
    /// From where on there is `FAIL_RELOAD`.
    pub(crate) const RELOADS: Self = Self::one(27);
    /// The oldest that is supported.
    const OLDEST: Self = Self::one(24);

    const fn one(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// Reads `1.31` or `1.31.2`.
    pub fn parse(s: &str) -> Option<Self> {
        let mut parts = s.split('.');
        let mut number = || parts.next()?.parse().ok();
        let version = Self {
            major: number()?,
            minor: number()?,
        };
        let rest = parts.all(|patch| {
            patch
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        (rest && version >= Self::OLDEST).then_some(version)
    }
}

impl Default for IstioVersion {
    /// 1.31, which this is tested with.
    fn default() -> Self {
        Self::one(31)
    }
}

impl fmt::Display for IstioVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`.
    pub fn parse(s: &str) -> Option<Self> {
        let (host, port) = s.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
        (!host.is_empty() && host.bytes().all(plain)).then(|| Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        })
    }
}

/// A gateway whose requests are judged as they arrive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
pub struct Gateway {
    /// Where it is.
    pub namespace: Name,
    /// The name of the `Gateway` (of the Gateway API), or what to call its plugins where it has a
    /// `selector`.
    pub name: Name,
    /// The labels of its workload, where it is one of Istio's own gateways and no `Gateway` of the
    /// Gateway API.
    #[deserr(default, from(Option<Labels>) = Labels::into_optional_map)]
    pub selector: Option<BTreeMap<String, String>>,
}

/// A waypoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
pub struct Waypoint {
    /// Where it is.
    pub namespace: Name,
    /// The name of its `Gateway`.
    pub name: Name,
}

/// How requests find the clusters and backends that filters choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
pub struct Routing {
    /// The gateways that routes are for; `mesh` are the sidecars.
    #[deserr(default)]
    pub gateways: Vec<String>,
    /// The label of workloads whose value is a backend's name; `version`, where it is left out.
    #[deserr(default)]
    pub backend_label: Option<String>,
    /// Backends that are something else than workloads with that label.
    #[deserr(default)]
    pub backends: Vec<BackendPlace>,
    /// How long a connection may take to come about; `1s`, where it is left out.
    #[deserr(default)]
    pub connect_timeout: Option<String>,
}

/// What a backend of a split is.
#[derive(Clone, Debug, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
pub struct BackendPlace {
    /// The host that is split.
    pub host: String,
    /// The name of the backend.
    pub name: Name,
    /// Another host, which it is.
    #[deserr(default)]
    pub destination: Option<String>,
    /// The labels of its workloads.
    #[deserr(default, from(Option<Labels>) = Labels::into_optional_map)]
    pub labels: Option<BTreeMap<String, String>>,
}

/// The access log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
pub struct AccessLog {
    /// The provider in `MeshConfig`; `landbridge`, where it is left out.
    #[deserr(default)]
    pub provider: Option<String>,
    /// Which requests are logged, in Envoy's expression language; those that were refused or failed,
    /// where it is left out.
    #[deserr(default)]
    pub filter: Option<String>,
}
