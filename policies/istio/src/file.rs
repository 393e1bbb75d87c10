//! The settings file: what many flags would otherwise have to say each time.

use crate::settings::{
    AccessLog, FailStrategy, Form, Gateway, HostPort, IstioVersion, Routing, Scope, Settings,
    Waypoint,
};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use landbridge_model::{Code, Name, Node, Path, Problems, decode};

/// What a settings file says; nothing in it must be there. Flags have the last word.
#[derive(Clone, Debug, Default, Deserr)]
#[deserr(error = Problems, rename_all = camelCase, deny_unknown_fields)]
pub struct SettingsFile {
    /// As `--form`.
    #[deserr(default)]
    pub form: Option<Form>,
    /// As `--scope`.
    #[deserr(default)]
    pub scope: Option<Scope>,
    /// As `--namespaces`.
    #[deserr(default)]
    pub namespaces: Option<Vec<Name>>,
    /// As `--istio`.
    #[deserr(default)]
    pub istio: Option<IstioVersion>,
    /// As `--image-pull-secret`.
    #[deserr(default)]
    pub image_pull_secret: Option<Name>,
    /// As `--fail-strategy`.
    #[deserr(default)]
    pub fail_strategy: Option<FailStrategy>,
    /// As `--rate-limit-service`.
    #[deserr(default)]
    pub rate_limit_service: Option<HostPort>,
    /// Gateways at which arriving requests are judged.
    #[deserr(default)]
    pub gateways: Option<Vec<Gateway>>,
    /// Which gateways are waypoints.
    #[deserr(default)]
    pub waypoints: Option<Vec<Waypoint>>,
    /// How requests find what filters choose.
    #[deserr(default)]
    pub routing: Option<Routing>,
    /// The access log.
    #[deserr(default)]
    pub access_log: Option<AccessLog>,
}

impl SettingsFile {
    /// Reads a tree.
    pub fn read(node: &Node) -> Result<Self, Problems> {
        decode(node, Path::Origin)
    }

    /// Puts what is said into settings.
    pub fn apply(self, settings: &mut Settings) {
        set(&mut settings.form, self.form);
        set(&mut settings.scope, self.scope);
        set(&mut settings.istio, self.istio);
        set(&mut settings.gateways, self.gateways);
        set(&mut settings.waypoints, self.waypoints);
        set(&mut settings.routing, self.routing);
        set(&mut settings.access_log, self.access_log);
        let names = |list: Vec<Name>| list.iter().map(|n| n.as_str().to_owned()).collect();
        settings.namespaces = self.namespaces.map(names);
        settings.image_pull_secret = self.image_pull_secret.map(|n| n.as_str().to_owned());
        settings.fail_strategy = self.fail_strategy;
        settings.rate_limit_service = self.rate_limit_service;
    }
}

fn set<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}

/// What text stands for; `amiss` says what it should have been.
fn parsed<T, V: IntoValue>(
    value: Value<V>,
    at: ValuePointerRef<'_>,
    parse: impl Fn(&str) -> Option<T>,
    hint: &str,
) -> Result<T, Problems> {
    let text = match value {
        // A version without quotes is a number to YAML, which forgets the 0 of `1.30`.
        Value::Float(_) | Value::Integer(_) => {
            let message = "expected text, got a number";
            return Err(Problems::hinted(
                at,
                Code::WrongType,
                message,
                "put it in quotes",
            ));
        }
        value => String::deserialize_from_value(value, at)?,
    };
    parse(&text).ok_or_else(|| {
        let message = format!("`{text}` cannot stand here");
        Problems::hinted(at, Code::InvalidValue, message, hint)
    })
}

impl Deserr<Problems> for IstioVersion {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        parsed(
            value,
            at,
            Self::parse,
            "a version of Istio from 1.24 on, as in \"1.31\"",
        )
    }
}

impl Deserr<Problems> for HostPort {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        parsed(value, at, Self::parse, "as in `limits.example.com:8081`")
    }
}
