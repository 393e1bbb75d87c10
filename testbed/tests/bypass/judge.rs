//! What must come of a case, and whether it did.

use landbridge_testbed::RawOutcome;
use serde_json::Value;

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This status, and the upstream hears nothing.
    Refused(u16),
    /// The connection or stream ends without an answer, and the upstream hears nothing.
    Cut,
    /// What follows the head is refused, when the head may have been sent on: this status, or
    /// none, and the upstream gets no whole request.
    BrokenOff(Option<u16>),
    /// 200, and the upstream hears this path, which must not be what the policy keeps back.
    Sent(&'static str),
    /// 200, and the upstream hears this path, though a lenient upstream could take it for what
    /// the policy keeps back: by design, and `docs/bypass.md` says what to do about it.
    ByDesign(&'static str),
    /// 200 without an echo: the upstream heard it and did not switch protocols, and Envoy keeps
    /// its answer back.
    NotUpgraded,
    /// It is not tried.
    Untried,
}

/// What comes of a request in each HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub http1: End,
    pub http2: End,
}

/// The same in both.
pub const fn both(end: End) -> Wanted {
    per(end, end)
}

/// One in HTTP/1.1, another in HTTP/2.
pub const fn per(http1: End, http2: End) -> Wanted {
    Wanted { http1, http2 }
}

/// A status in both.
pub const fn refused(status: u16) -> Wanted {
    both(End::Refused(status))
}

/// Sent on in both, with this path.
pub const fn sent(path: &'static str) -> Wanted {
    both(End::Sent(path))
}

/// Sent on in both, with this path, by design.
pub const fn by_design(path: &'static str) -> Wanted {
    both(End::ByDesign(path))
}

/// Whether what the upstream heard is what the policy keeps back, to the most lenient reader.
pub type KeptBack = fn(&Echo) -> bool;

/// What the upstream heard.
#[derive(Debug, Clone)]
pub struct Echo(pub Value);

impl Echo {
    /// The path, with its query.
    pub fn path(&self) -> &str {
        self.0["path"].as_str().unwrap_or("")
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.0["method"].as_str().unwrap_or("")
    }

    /// The host: `:authority`, or the `host` header.
    pub fn host(&self) -> &str {
        let header = || self.values("host").next();
        self.0["authority"].as_str().or_else(header).unwrap_or("")
    }

    /// Each value of a header.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let headers = self.0["headers"].as_array().into_iter().flatten();
        headers
            .filter(move |pair| pair[0] == name)
            .filter_map(|pair| pair[1].as_str())
    }
}

/// An outcome, in few words.
fn told(outcome: &RawOutcome) -> String {
    let RawOutcome::Answered(reply) = outcome else {
        return format!("{outcome:?}");
    };
    let body = String::from_utf8_lossy(&reply.body);
    let said = match serde_json::from_str(&body).map(Echo) {
        Ok(echo) => format!(
            "an echo: {} {:?} of {:?}, with {}",
            echo.method(),
            echo.path(),
            echo.host(),
            echo.0["headers"]
        ),
        Err(_) => format!("the body {body:?}"),
    };
    let said: String = said.chars().take(400).collect();
    format!("{} with {said}", reply.status)
}

/// What is wrong, if anything, with what came of a request. `heard` is how many requests the
/// upstream got of it.
pub fn fault(end: End, outcome: &RawOutcome, heard: u64, kept_back: KeptBack) -> Option<String> {
    let got = told(outcome);
    let refused = |right: bool| match (right, heard) {
        (true, 0) => None,
        (true, n) => Some(format!("refused, but the upstream heard {n} requests")),
        (false, n) => Some(format!("wants {end:?}, got {got}; the upstream heard {n}")),
    };
    let (path, strict) = match end {
        End::Untried => return None,
        End::Refused(status) => return refused(outcome.status() == Some(status)),
        End::BrokenOff(status) if heard <= 1 && outcome.status() == status => return None,
        End::NotUpgraded if heard == 1 && outcome.status() == Some(200) => return None,
        End::BrokenOff(_) | End::NotUpgraded => return Some(format!("wants {end:?}, got {got}")),
        End::Cut => return refused(*outcome == RawOutcome::Ended),
        End::Sent(path) => (path, true),
        End::ByDesign(path) => (path, false),
    };
    let RawOutcome::Answered(reply) = outcome else {
        return Some(format!("wants {end:?}, got {got}"));
    };
    if reply.status != 200 {
        return Some(format!("wants {end:?}, got {got}"));
    }
    // A gRPC message has five bytes before it.
    let from = if reply.body.starts_with(b"{") { 0 } else { 5 };
    let body = reply.body.get(from..).unwrap_or_default();
    let Ok(echo) = serde_json::from_slice(body).map(Echo) else {
        return Some(format!("no echo: {got}"));
    };
    if heard != 1 {
        return Some(format!("the upstream heard {heard} requests: {got}"));
    }
    if echo.path() != path {
        return Some(format!("judged was {path:?}, sent was {:?}", echo.path()));
    }
    match (strict, kept_back(&echo)) {
        (true, true) => Some(format!("the upstream heard what is kept back: {got}")),
        (false, false) => Some(format!("not even a lenient upstream takes it so: {got}")),
        _ => None,
    }
}

/// A path as the most lenient upstream takes it: unescaped again and again, backslashes for
/// slashes, `;` parameters and the query cut off, dot segments resolved, slashes merged, case
/// ignored.
pub fn lenient(path: &str) -> String {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..4 {
        bytes = unescaped(&bytes);
    }
    let text = String::from_utf8_lossy(&bytes).replace('\\', "/");
    let text = text.split(['?', '#', '\0']).next().unwrap_or("");
    let mut kept: Vec<&str> = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap_or("").trim() {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    format!("/{}", kept.join("/")).to_ascii_lowercase()
}

fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        let escape = (*first == b'%').then_some(behind).and_then(|b| b.get(..2));
        let escape = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(byte) => {
                out.push(byte);
                rest = &behind[2..];
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    // Overlong forms of `.`, `/` and `\`, as decoders took them once.
    let overlong: [(&[u8], u8); 5] = [
        (b"\xc0\xae", b'.'),
        (b"\xc0\xaf", b'/'),
        (b"\xc1\x9c", b'\\'),
        (b"\xe0\x80\xae", b'.'),
        (b"\xe0\x80\xaf", b'/'),
    ];
    for (long, short) in overlong {
        while let Some(at) = out.windows(long.len()).position(|w| w == long) {
            out.splice(at..at + long.len(), [short]);
        }
    }
    out
}

#[test]
fn the_lenient_reader_is_as_lenient_as_they_come() {
    let admin = [
        "/admin",
        "//admin",
        "/a/../admin",
        "/a/..;x/admin",
        "/;/admin",
        "/%61dmin",
        "/a%2f..%5cadmin",
        "/%2561dmin",
        "/ADMIN",
        "/admin?x",
        "/a/%c0%ae%c0%ae/admin",
        "/admin;x=1",
    ];
    for path in admin {
        assert_eq!(lenient(path), "/admin", "{path}");
    }
    assert_eq!(lenient("/public/admin"), "/public/admin");
}
