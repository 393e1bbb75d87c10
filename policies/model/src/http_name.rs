//! Names of HTTP: hosts, headers, cookies, methods.

use crate::text_value::text_values;

/// The longest host name (RFC 1035, section 2.3.4).
const LONGEST_HOST: usize = 253;
/// The longest name of a header, a cookie or a method here.
const LONGEST_TOKEN: usize = 128;

/// Whether text is a token (RFC 9110, section 5.6.2).
fn is_token(s: &str) -> bool {
    let symbol = |b| b"!#$%&'*+-.^_`|~".contains(&b);
    (1..=LONGEST_TOKEN).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || symbol(b))
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident, $parse:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Reads one; `None` where it is not one.
            pub fn parse(s: &str) -> Option<Self> {
                let parse: fn(&str) -> Option<String> = $parse;
                parse(s).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

texts! {
    /// A host without a port, in lower case.
    HostName, |s| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        let valid = (1..=LONGEST_HOST).contains(&s.len()) && s.bytes().all(fits);
        valid.then(|| s.to_ascii_lowercase())
    };
    /// The name of a header, in lower case; never a pseudo-header.
    HeaderName, |s| is_token(s).then(|| s.to_ascii_lowercase());
    /// The name of a cookie.
    CookieName, |s| is_token(s).then(|| s.to_owned());
    /// A method, as it is written in requests.
    Method, |s| is_token(s).then(|| s.to_owned());
}

text_values! {
    HostName: Self::parse, "is not a host", "a name without port and `*`", {
        "description": "A host without a port.",
        "type": "string",
        "pattern": "^[A-Za-z0-9._-]{1,253}$"
    };
    HeaderName: Self::parse, "is not the name of a header", "a token (RFC 9110), e.g. `x-user`", {
        "description": "The name of a header.",
        "type": "string",
        "pattern": "^[!#$%&'*+.^_`|~A-Za-z0-9-]{1,128}$"
    };
    CookieName: Self::parse, "is not the name of a cookie", "a token (RFC 9110), e.g. `home`", {
        "description": "The name of a cookie.",
        "type": "string",
        "pattern": "^[!#$%&'*+.^_`|~A-Za-z0-9-]{1,128}$"
    };
    Method: Self::parse, "is not a method", "a token (RFC 9110), e.g. `GET`", {
        "description": "A request method.",
        "type": "string",
        "pattern": "^[!#$%&'*+.^_`|~A-Za-z0-9-]{1,128}$"
    };
}
