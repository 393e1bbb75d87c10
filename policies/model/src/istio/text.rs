//! The values of Istio's documents, read as istiod reads them.
//!
//! Istio turns some of them into regular expressions without quoting: `.` then stands for any
//! character, and `*` inside a name for the character before it, any number of times. The first is
//! kept, since names have dots; what else would be an operator is refused, for whoever wrote it
//! meant something else.

use crate::decode::Problems;
use crate::path_pattern::{PathPattern, PathTemplate};
use crate::pattern::{Pattern, Port};
use crate::request_principal::RequestPrincipal;
use crate::text_value::text_values;

/// A text with open places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(pub Vec<GlobPiece>);

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GlobPiece {
    /// Just this.
    Literal(String),
    /// Any one character.
    AnyCharacter,
    /// Any number of any characters.
    AnyText,
}

/// What of a text is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// `.` is any character; there is no `*`.
    Dot,
    /// And `*` is any text.
    DotAndStar,
    /// `*` is any text, and `.` itself.
    Star,
}

impl Glob {
    fn read(s: &str, open: Open) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        for c in s.chars() {
            let piece = match (c, open) {
                ('*', Open::Dot) => return None,
                ('*', _) => GlobPiece::AnyText,
                ('.', Open::Dot | Open::DotAndStar) => GlobPiece::AnyCharacter,
                ('\\' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$', _) => {
                    return None;
                }
                (c, _) => {
                    literal.push(c);
                    continue;
                }
            };
            if !literal.is_empty() {
                pieces.push(GlobPiece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
        }
        if !literal.is_empty() {
            pieces.push(GlobPiece::Literal(literal));
        }
        Some(Self(pieces))
    }

    /// Whether a `.` stands for any character.
    pub fn has_any_character(&self) -> bool {
        self.0.contains(&GlobPiece::AnyCharacter)
    }
}

/// A text: exact, prefix, suffix or presence. A `*` elsewhere is itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioText(pub Pattern);

impl IstioText {
    fn parse(s: &str) -> Self {
        Self(if s == "*" {
            Pattern::Present
        } else if let Some(suffix) = s.strip_prefix('*') {
            Pattern::Suffix(suffix.to_owned())
        } else if let Some(prefix) = s.strip_suffix('*') {
            Pattern::Prefix(prefix.to_owned())
        } else {
            Pattern::Exact(s.to_owned())
        })
    }
}

/// A SPIFFE ID without `spiffe://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioPrincipal {
    /// As it was written: aliases of trust domains are put into it.
    pub text: String,
    /// What that means.
    pub form: IstioPrincipalForm,
}

/// What a principal of Istio's means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IstioPrincipalForm {
    /// Exact, prefix, or any.
    Text(Pattern),
    /// Any beginning, then this.
    Suffix(Glob),
}

impl IstioPrincipal {
    /// Reads one; `None` where Istio would make a regular expression with an operator of it.
    pub fn parse(s: &str) -> Option<Self> {
        let form = match IstioText::parse(s).0 {
            Pattern::Suffix(suffix) => IstioPrincipalForm::Suffix(Glob::read(&suffix, Open::Dot)?),
            pattern => IstioPrincipalForm::Text(pattern),
        };
        Some(Self {
            text: s.to_owned(),
            form,
        })
    }
}

/// A namespace, anywhere in a SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioNamespace(pub Glob);

/// `namespace/name`, or `name` in the policy's own namespace, anywhere in a SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioAccount {
    /// The namespace, where one was written.
    pub namespace: Option<Glob>,
    /// The name.
    pub name: Glob,
}

impl IstioAccount {
    fn parse(s: &str) -> Option<Self> {
        let (namespace, name) = match s.split_once('/') {
            Some((namespace, name)) => (Some(Glob::read(namespace, Open::Dot)?), name),
            None => (None, s),
        };
        Some(Self {
            namespace,
            name: Glob::read(name, Open::Dot)?,
        })
    }
}

/// The trust domain of a SPIFFE ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioTrustDomain(pub Glob);

impl IstioTrustDomain {
    fn parse(s: &str) -> Option<Self> {
        match s.contains('/') {
            true => None,
            false => Glob::read(s, Open::Star).map(Self),
        }
    }
}

/// A port; 0, at which nothing arrives, is one to Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IstioPort(pub Port);

impl deserr::Deserr<Problems> for IstioPort {
    fn deserialize_from_value<V: deserr::IntoValue>(
        value: deserr::Value<V>,
        at: deserr::ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        Port::read(value, at, 0).map(Self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for IstioPort {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IstioPort".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 65535},
                {"type": "string", "pattern": "^[0-9]+$"}
            ]
        })
    }
}

/// A path, or a template of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioPath(pub PathPattern);

impl IstioPath {
    fn parse(s: &str) -> Option<Self> {
        match PathTemplate::is_meant(s) {
            true => PathTemplate::parse(s).map(|t| Self(PathPattern::Template(t))),
            false => Some(Self(PathPattern::Text(IstioText::parse(s).0))),
        }
    }
}

/// The issuer and subject of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IstioRequestPrincipal(pub RequestPrincipal);

impl IstioRequestPrincipal {
    /// A `*` opens one of the two only: at the beginning the issuer, at the end the subject, or
    /// what there is where there is no `/`.
    fn parse(s: &str) -> Self {
        let exact = |s: &str| Pattern::Exact(s.to_owned());
        let open = |s: &str| IstioText::parse(s).0;
        let (issuer, subject) = match s.rsplit_once('/') {
            _ if s == "*" => (Pattern::Present, Pattern::Present),
            Some((issuer, subject)) if s.starts_with('*') => (open(issuer), exact(subject)),
            Some((issuer, subject)) if s.ends_with('*') => (exact(issuer), open(subject)),
            Some((issuer, subject)) => (exact(issuer), exact(subject)),
            None if s.starts_with('*') => (Pattern::Present, open(s)),
            None if s.ends_with('*') => (open(s), Pattern::Present),
            None => (exact(s), exact("")),
        };
        Self(RequestPrincipal { issuer, subject })
    }
}

text_values! {
    IstioText: |s| Some(Self::parse(s)),
        "",
        "",
        {"type": "string", "pattern": "^.+$"};
    IstioRequestPrincipal: |s| Some(Self::parse(s)),
        "",
        "",
        {"type": "string", "pattern": "^.+$"};
    IstioPrincipal: Self::parse,
        "is part of a regular expression to Istio, and has an operator in it",
        "one `*` stands first or last; none of `\\ + ? ( ) [ ] { } | ^ $` stands behind a first one",
        {"type": "string", "pattern": "^.+$"};
    IstioNamespace: |s| Glob::read(s, Open::DotAndStar).map(Self),
        "is part of a regular expression to Istio, and has an operator in it",
        "a namespace is letters, digits and `-`; a `*` is any text",
        {"type": "string", "pattern": r"^[^\\+?()\[\]{}|^$]+$"};
    IstioAccount: Self::parse,
        "is part of a regular expression to Istio, and has an operator in it",
        "write `namespace/name`, or `name` for one in the policy's own namespace; no `*`",
        {"type": "string", "pattern": r"^[^*\\+?()\[\]{}|^$]+$"};
    IstioTrustDomain: Self::parse,
        "is not a trust domain",
        "a trust domain is lower-case letters, digits, `-`, `_` and `.`; a `*` is any text",
        {"type": "string", "pattern": r"^[^\\+?()\[\]{}|^$]+$"};
    IstioPath: Self::parse,
        "is not a template that Istio takes",
        "`{*}` is one whole segment, and `{**}`, the last of them, any number; nothing else is open",
        {"type": "string", "pattern": "^.+$"};
}

#[cfg(test)]
mod tests {
    use super::{Glob, GlobPiece, IstioAccount, IstioPrincipal, IstioPrincipalForm};
    use super::{IstioRequestPrincipal, IstioText, Open};
    use crate::pattern::Pattern::{self, Exact, Prefix, Present, Suffix};

    #[test]
    fn a_star_is_open_at_one_end_only() {
        let cases: [(&str, Pattern); 7] = [
            ("a", Exact("a".into())),
            ("a*", Prefix("a".into())),
            ("*a", Suffix("a".into())),
            ("*", Present),
            ("a*b", Exact("a*b".into())),
            ("*a*", Suffix("a*".into())),
            ("**", Suffix("*".into())),
        ];
        for (text, pattern) in cases {
            assert_eq!(IstioText::parse(text).0, pattern, "{text}");
        }
    }

    #[test]
    fn dots_of_names_are_any_character() {
        let literal = |s: &str| GlobPiece::Literal(s.to_owned());
        let name = IstioAccount::parse("a.b").map(|account| account.name);
        let pieces = vec![literal("a"), GlobPiece::AnyCharacter, literal("b")];
        assert_eq!(name, Some(Glob(pieces)));
        let star = Glob::read("a*.b", Open::Star);
        let pieces = vec![literal("a"), GlobPiece::AnyText, literal(".b")];
        assert_eq!(star, Some(Glob(pieces)));
    }

    #[test]
    fn operators_are_refused_where_they_would_be_some() {
        assert_eq!(IstioPrincipal::parse("*/sa/a|b"), None);
        assert_eq!(IstioPrincipal::parse("*a*"), None);
        assert_eq!(IstioAccount::parse("shop/*"), None);
        let exact = IstioPrincipal::parse("td/ns/a/sa/b|c").map(|principal| principal.form);
        assert_eq!(
            exact,
            Some(IstioPrincipalForm::Text(Exact("td/ns/a/sa/b|c".into())))
        );
    }

    #[test]
    fn the_last_slash_separates_issuer_and_subject() {
        let cases: [(&str, Pattern, Pattern); 9] = [
            ("*", Present, Present),
            ("https://a/b", Exact("https://a".into()), Exact("b".into())),
            ("*/b", Present, Exact("b".into())),
            ("*a/b", Suffix("a".into()), Exact("b".into())),
            ("a/*", Exact("a".into()), Present),
            ("a/b*", Exact("a".into()), Prefix("b".into())),
            ("*b", Present, Suffix("b".into())),
            ("a*", Prefix("a".into()), Present),
            ("a", Exact("a".into()), Exact(String::new())),
        ];
        for (text, issuer, subject) in cases {
            let IstioRequestPrincipal(parsed) = IstioRequestPrincipal::parse(text);
            assert_eq!((parsed.issuer, parsed.subject), (issuer, subject), "{text}");
        }
    }
}
