//! What a registry's errors mean to who typed the command.

use oci_client::errors::{OciDistributionError as Why, OciErrorCode};

use crate::Error;

/// What was being done when something went wrong.
pub(super) struct Doing<'a> {
    pub(super) what: String,
    pub(super) registry: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) plain: bool,
}

/// What kind of wrong it is.
enum Kind {
    Refused,
    Unreachable,
    Absent,
    Other,
}

impl Doing<'_> {
    /// Makes an error of the protocol's one of ours.
    pub(super) fn explain(self) -> impl FnOnce(Why) -> Error {
        move |why| {
            let Self {
                what,
                registry,
                user,
                plain,
            } = self;
            let said = said(&why);
            match (kind(&why), user) {
                (Kind::Refused, None) => Error::new(format!(
                    "{what}: `{registry}` wants credentials, and there are none for it: {said}"
                ))
                .hint(format!("run `docker login {registry}`, or name a credential helper in docker's config.json")),
                (Kind::Refused, Some(user)) => Error::new(format!(
                    "{what}: `{registry}` refuses the credentials of `{user}`: {said}"
                ))
                .hint(format!(
                    "run `docker login {registry}` again, and see that `{user}` may do this there"
                )),
                (Kind::Unreachable, _) => {
                    let error = Error::new(format!("{what}: `{registry}` does not answer: {said}"));
                    if plain {
                        error.hint("it was asked without TLS: `--plain-http=false` asks with TLS")
                    } else {
                        error.hint(
                            "where the registry has no TLS, say `--plain-http`; where its CA is its \
                             own, name it with `--ca-file`",
                        )
                    }
                }
                (Kind::Absent, _) => Error::new(format!("{what}: `{registry}` says: {said}"))
                    .hint("some registries, such as ECR, want a repository made before it is pushed to"),
                (Kind::Other, _) => {
                    let error = Error::new(format!("{what}: `{registry}` says: {said}"));
                    // What servers with TLS answer to who has none.
                    if plain && said.contains("400") {
                        error.hint("it was asked without TLS: `--plain-http=false` asks with TLS")
                    } else {
                        error
                    }
                }
            }
        }
    }

    /// What came is not what was asked for.
    pub(super) fn wrong(self, how: impl Into<String>) -> Error {
        Error::new(format!("{}: {}", self.what, how.into())).hint(format!(
            "what `{}` holds is damaged or was changed: push it again, and find out which",
            self.registry
        ))
    }
}

/// Whether the registry says that there is no such thing.
pub(super) fn is_absent(why: &Why) -> bool {
    matches!(kind(why), Kind::Absent)
}

fn kind(why: &Why) -> Kind {
    let by_status = |status: u16| match status {
        401 | 403 => Kind::Refused,
        404 => Kind::Absent,
        _ => Kind::Other,
    };
    match why {
        Why::AuthenticationFailure(_) | Why::UnauthorizedError { .. } => Kind::Refused,
        Why::ImageManifestNotFoundError(_) => Kind::Absent,
        Why::ServerError { code, .. } => by_status(*code),
        Why::RequestError(why) => match why.status() {
            Some(status) => by_status(status.as_u16()),
            None => Kind::Unreachable,
        },
        Why::RegistryError { envelope, .. } => {
            match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => Kind::Refused,
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound
                    | OciErrorCode::BlobUnknown,
                ) => Kind::Absent,
                _ => Kind::Other,
            }
        }
        _ => Kind::Other,
    }
}

/// What was said, without addresses: those of uploads are long, and hold what is the registry's.
fn said(why: &Why) -> String {
    match why {
        Why::ServerError { code, message, .. } if message.trim().is_empty() => {
            format!("HTTP status {code}")
        }
        Why::ServerError { code, message, .. } => {
            let start: String = message.trim().chars().take(200).collect();
            format!("HTTP status {code}, `{start}`")
        }
        Why::UnauthorizedError { .. } => "HTTP status 401".to_owned(),
        Why::AuthenticationFailure(reason) => {
            let start: String = reason.trim().chars().take(200).collect();
            format!("authentication failed, `{start}`")
        }
        Why::RegistryError { envelope, .. } => {
            let each = envelope.errors.iter().map(|error| {
                let code = format!("{:?}", error.code);
                match error.message.as_str() {
                    "" => code,
                    message => format!("{code}, `{message}`"),
                }
            });
            each.collect::<Vec<_>>().join("; ")
        }
        Why::RequestError(why) => match why.status() {
            Some(status) => format!("HTTP status {}", status.as_u16()),
            None => causes(why),
        },
        other => chain(other),
    }
}

/// The causes alone: the error itself is an address.
fn causes(why: &dyn std::error::Error) -> String {
    match why.source() {
        Some(cause) => chain(cause),
        None => "the connection broke".to_owned(),
    }
}

/// An error with its causes, each once.
pub(super) fn chain(why: &dyn std::error::Error) -> String {
    let mut said = why.to_string();
    let mut next = why.source();
    while let Some(cause) = next {
        let cause_said = cause.to_string();
        if !said.contains(&cause_said) {
            said = format!("{said}: {cause_said}");
        }
        next = cause.source();
    }
    said
}
