//! `WasmPlugin` and `TrafficExtension`: one thing under two names. istiod 1.30 and later turns the
//! first into the second and marks its name.

use serde_json::{Value, json};

use super::attach::Attachment;
use super::field::Field;
use super::manifest::strings;
use super::recipient::Class;
use super::{Object, Problem, Recipient};
use crate::envoy::{TYPE, WASM};

/// When a plugin runs; the order of the variants is that of a sidecar's filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Before Istio's own authentication.
    Authn,
    /// After authentication, before Istio's own authorization.
    Authz,
    /// After authorization.
    Stats,
    /// Nothing is said: near the router.
    Unspecified,
}

/// What is to be done when a plugin breaks or cannot be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailStrategy {
    /// Refuse.
    Close,
    /// Let through.
    Open,
    /// Make a new VM; refuse until then.
    Reload,
}

impl FailStrategy {
    /// Envoy's `failure_policy`.
    pub fn envoy(self) -> &'static str {
        match self {
            Self::Close => "FAIL_CLOSED",
            Self::Open => "FAIL_OPEN",
            Self::Reload => "FAIL_RELOAD",
        }
    }
}

/// A Wasm plugin.
#[derive(Debug, Clone)]
pub struct Extension {
    /// The ECDS resource's name, and the filter's in the chain.
    pub resource: String,
    /// When it runs.
    pub phase: Phase,
    /// Where it stands among those of its phase: the highest comes first.
    pub priority: i64,
    /// What is to be done when it fails.
    pub fail_strategy: FailStrategy,
    name: String,
    root_id: Option<String>,
    url: String,
    sha256: Option<String>,
    config: Option<String>,
    environment: Vec<(String, String)>,
    secret: Option<(String, String)>,
    matches: Vec<Match>,
    attachment: Attachment,
}

#[derive(Debug, Clone)]
struct Match {
    mode: Option<String>,
    ports: Vec<i64>,
}

const GROUP: &str = "extensions.istio.io";
/// What of a plugin is its module's.
const WASM_FIELDS: [&str; 10] = [
    "url",
    "sha256",
    "imagePullPolicy",
    "imagePullSecret",
    "pluginConfig",
    "pluginName",
    "failStrategy",
    "vmConfig",
    "verificationKey",
    "type",
];
const OTHER_FIELDS: [&str; 5] = ["selector", "targetRefs", "phase", "priority", "match"];

impl Extension {
    /// Whether this object is a plugin.
    pub(crate) fn is(object: &Object) -> bool {
        object.group == GROUP && matches!(object.kind.as_str(), "WasmPlugin" | "TrafficExtension")
    }

    pub(crate) fn read(object: &Object) -> Result<Self, Problem> {
        let spec = Field::spec(object);
        let (wasm, name) = if object.kind == "WasmPlugin" {
            spec.only(&[&WASM_FIELDS[..], &OTHER_FIELDS[..]].concat())?;
            let name = format!("{}~istio-translated-wasmplugin", object.name);
            (spec.clone(), name)
        } else {
            spec.only(&[&OTHER_FIELDS[..], &["wasm"]].concat())?;
            let wasm = spec.require("wasm")?;
            wasm.only(&WASM_FIELDS)?;
            (wasm, object.name.clone())
        };
        let name = format!("{}.{name}", object.namespace);
        let url = wasm.require("url")?;
        let url_text = match url.text()? {
            text if text.contains("://") => text.to_owned(),
            text => format!("oci://{text}"),
        };
        let mut environment = environment(&wasm)?;
        if let Some(policy) = wasm.maybe("imagePullPolicy")? {
            environment.push((PULL_POLICY.to_owned(), policy.to_owned()));
        }
        if let Some(kind) = wasm.get("type")
            && kind.text()? != "HTTP"
        {
            return Err(kind.problem("only HTTP plugins are understood"));
        }
        let secret = wasm.maybe("imagePullSecret")?;
        Ok(Self {
            resource: format!("{GROUP}/trafficextension/{name}"),
            phase: phase(&spec)?,
            priority: match spec.get("priority") {
                Some(priority) => priority.number()?,
                None => i64::from(i32::MIN),
            },
            fail_strategy: fail_strategy(&wasm)?,
            name,
            root_id: wasm.maybe("pluginName")?.map(str::to_owned),
            url: url_text,
            sha256: wasm.maybe("sha256")?.map(str::to_owned),
            // Istio leaves an empty one out.
            config: wasm
                .get("pluginConfig")
                .filter(|config| config.value.as_object().is_some_and(|map| !map.is_empty()))
                .map(|config| config.value.to_string()),
            environment,
            secret: secret.map(|secret| (object.namespace.clone(), secret.to_owned())),
            matches: matches(&spec)?,
            attachment: Attachment::read(object, "selector", "matchLabels")?,
        })
    }

    /// Whether it is among the filters of a listener.
    pub(crate) fn applies(&self, root: &str, proxy: &Recipient, class: Class, port: u16) -> bool {
        // Istio asks a waypoint for port 0, which no plugin can name.
        let port = if class == Class::Waypoint {
            0
        } else {
            i64::from(port)
        };
        let one = |one: &Match| {
            let mode = one.mode.as_deref().unwrap_or("CLIENT_AND_SERVER");
            let mode = mode == "CLIENT_AND_SERVER" || mode == class.mode();
            mode && (one.ports.is_empty() || one.ports.contains(&port))
        };
        let matched = self.matches.is_empty() || self.matches.iter().any(one);
        matched && self.attachment.applies(root, proxy)
    }

    /// What the connection manager says of it.
    pub(crate) fn filter(&self) -> Value {
        json!({
            "name": self.resource,
            "config_discovery": {
                "config_source": {
                    "ads": {},
                    "initial_fetch_timeout": "0s",
                    "resource_api_version": "V3",
                },
                "type_urls": [format!("{TYPE}{WASM}"), format!("{TYPE}{}", crate::envoy::RBAC)],
            },
        })
    }

    /// The ECDS resource, as istiod sends it: its agent is to fetch the module. `secrets` gives the
    /// content of a pull secret.
    pub(crate) fn ecds(&self, secrets: impl Fn(&str, &str) -> Option<String>) -> Value {
        let mut environment = self.environment.clone();
        if let Some((namespace, name)) = &self.secret {
            let content = secrets(namespace, name).unwrap_or_default();
            environment.push((PULL_SECRET.to_owned(), content));
        }
        let environment: serde_json::Map<_, _> = environment
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        let mut remote = json!({"http_uri": {"uri": self.url, "timeout": "30s", "cluster": "_"}});
        if let Some(sha256) = &self.sha256 {
            remote["sha256"] = json!(sha256);
        }
        let code = match self.url.strip_prefix("file://") {
            Some(path) => json!({"local": {"filename": path}}),
            None => json!({"remote": remote}),
        };
        let mut plugin = json!({
            "name": self.name,
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": code},
            "failure_policy": self.fail_strategy.envoy(),
        });
        if !environment.is_empty() {
            plugin["vm_config"]["environment_variables"] = json!({"key_values": environment});
        }
        if let Some(root_id) = &self.root_id {
            plugin["root_id"] = json!(root_id);
        }
        if let Some(config) = &self.config {
            plugin["configuration"] =
                json!({"@type": format!("{TYPE}google.protobuf.StringValue"), "value": config});
        }
        json!({
            "@type": format!("{TYPE}envoy.config.core.v3.TypedExtensionConfig"),
            "name": self.resource,
            "typed_config": {"@type": format!("{TYPE}{WASM}"), "config": plugin},
        })
    }
}

/// The variables by which istiod talks to its agent; the module does not see them.
pub(crate) const PULL_SECRET: &str = "ISTIO_META_WASM_IMAGE_PULL_SECRET";
pub(crate) const PULL_POLICY: &str = "ISTIO_META_WASM_IMAGE_PULL_POLICY";

fn phase(spec: &Field<'_>) -> Result<Phase, Problem> {
    let Some(phase) = spec.get("phase") else {
        return Ok(Phase::Unspecified);
    };
    match phase.text()? {
        "AUTHN" => Ok(Phase::Authn),
        "AUTHZ" => Ok(Phase::Authz),
        "STATS" => Ok(Phase::Stats),
        "UNSPECIFIED_PHASE" | "UNSPECIFIED" => Ok(Phase::Unspecified),
        other => Err(phase.problem(format!("`{other}` is no phase"))),
    }
}

fn fail_strategy(wasm: &Field<'_>) -> Result<FailStrategy, Problem> {
    let Some(strategy) = wasm.get("failStrategy") else {
        return Ok(FailStrategy::Close);
    };
    match strategy.text()? {
        "FAIL_CLOSE" => Ok(FailStrategy::Close),
        "FAIL_OPEN" => Ok(FailStrategy::Open),
        "FAIL_RELOAD" => Ok(FailStrategy::Reload),
        other => Err(strategy.problem(format!("`{other}` is no strategy"))),
    }
}

fn matches(spec: &Field<'_>) -> Result<Vec<Match>, Problem> {
    let one = |one: Field<'_>| {
        one.only(&["mode", "ports"])?;
        let ports = one.list("ports")?.into_iter();
        Ok(Match {
            mode: one.maybe("mode")?.map(str::to_owned),
            ports: ports
                .map(|port| port.require("number")?.number())
                .collect::<Result<_, Problem>>()?,
        })
    };
    spec.list("match")?.into_iter().map(one).collect()
}

fn environment(wasm: &Field<'_>) -> Result<Vec<(String, String)>, Problem> {
    let Some(vm) = wasm.get("vmConfig") else {
        return Ok(Vec::new());
    };
    vm.only(&["env"])?;
    let one = |one: Field<'_>| {
        one.only(&["name", "value", "valueFrom"])?;
        if let Some(from) = one.get("valueFrom")
            && from.text()? != "INLINE"
        {
            return Err(from.problem("only INLINE is understood"));
        }
        let name = one.require("name")?.text()?.to_owned();
        Ok((name, one.maybe("value")?.unwrap_or_default().to_owned()))
    };
    vm.list("env")?.into_iter().map(one).collect()
}

/// The content of a pull secret, out of a `Secret` object.
pub(crate) fn secret(object: &Object) -> Option<String> {
    use base64::Engine;
    const KEY: &str = ".dockerconfigjson";
    if let Some(plain) = strings(&object.json["stringData"]).remove(KEY) {
        return Some(plain);
    }
    let encoded = strings(&object.json["data"]).remove(KEY)?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    String::from_utf8(bytes).ok()
}
