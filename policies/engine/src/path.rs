//! Making a path mean one thing.
//!
//! A path is judged in the form in which it is sent on: what normalising changes is rewritten, and
//! what could be read in two ways is refused. The steps are those of Envoy's path transformation,
//! in its order: escapes, then dot segments (RFC 3986, sections 6.2.2.2 and 5.2.4), then repeated
//! slashes.

use crate::bytes::Kind;
use landbridge_model::PathNormalization as Mode;
use std::borrow::Cow;
use std::fmt;

/// The longest path that is judged, with its query.
pub(crate) const LONGEST: usize = 8192;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedPath {
    /// Longer than the limit.
    TooLong,
    /// Does not start with `/`.
    NotAbsolute,
    /// Has a `#`.
    Fragment,
    /// Has a space or a control character, or NUL in an escape.
    Control,
    /// Is not UTF-8.
    NotUtf8,
    /// Has a `%` that two hexadecimal digits do not follow.
    BadEscape,
    /// Has `%2F` or `%5C`.
    EscapedSlash,
    /// Has an escaped character in more bytes than it takes, such as `%C0%AF` for `/`.
    Overlong,
    /// Has a `;` behind a dot segment, or for an empty one: servers that cut parameters off
    /// resolve the segment after that (`/a/..;/b`, `/;/b`).
    HiddenSegment,
}

impl fmt::Display for MalformedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer than 8192 bytes",
            Self::NotAbsolute => "does not start with a slash",
            Self::Fragment => "has a fragment",
            Self::Control => "has a control character",
            Self::NotUtf8 => "is not UTF-8",
            Self::BadEscape => "has a broken escape",
            Self::EscapedSlash => "has an escaped slash",
            Self::Overlong => "has overlong UTF-8",
            Self::HiddenSegment => "has a parameter on a dot segment or an empty one",
        })
    }
}

impl std::error::Error for MalformedPath {}

/// Normalises a `:path`. What comes back has its query still; it is borrowed where nothing
/// changed.
pub fn normalize(raw: &[u8], mode: Mode) -> Result<Cow<'_, str>, MalformedPath> {
    if raw.len() > LONGEST {
        return Err(MalformedPath::TooLong);
    }
    let text = std::str::from_utf8(raw).map_err(|_| MalformedPath::NotUtf8)?;
    if is_plain(raw) {
        return Ok(Cow::Borrowed(text));
    }
    // `OPTIONS *` (RFC 9110, section 7.1).
    if text == "*" {
        return Ok(Cow::Borrowed(text));
    }
    if !text.starts_with('/') {
        return Err(MalformedPath::NotAbsolute);
    }
    if raw.contains(&b'#') {
        return Err(MalformedPath::Fragment);
    }
    if raw.iter().any(|b| *b <= b' ' || *b == 0x7f) {
        return Err(MalformedPath::Control);
    }
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    if mode == Mode::None {
        return Ok(Cow::Borrowed(text));
    }
    let decoded = unescape(path.as_bytes(), mode)?;
    if hides_segment(&decoded) {
        return Err(MalformedPath::HiddenSegment);
    }
    let mut normal = remove_dot_segments(&decoded);
    if matches!(mode, Mode::MergeSlashes | Mode::DecodeAndMergeSlashes) {
        normal = merge_slashes(&normal);
    }
    if normal == path {
        return Ok(Cow::Borrowed(text));
    }
    if let Some(query) = query {
        normal.push('?');
        normal.push_str(query);
    }
    // Escaping makes longer: what is sent on has to pass the next proxy's limit too.
    if normal.len() > LONGEST {
        return Err(MalformedPath::TooLong);
    }
    Ok(Cow::Owned(normal))
}

/// Whether nothing is wrong with it and no step can change it: the common case, decided in one
/// pass.
fn is_plain(raw: &[u8]) -> bool {
    let Some(behind) = raw.strip_prefix(b"/") else {
        return false;
    };
    let mut after_slash = true;
    let mut bytes = behind.iter();
    for b in &mut bytes {
        after_slash = match (Kind::of(*b), b) {
            (Kind::Name | Kind::Capital, _) => false,
            (Kind::Slash, _) if !after_slash => true,
            (Kind::Dot, _) | (_, b';') if !after_slash => false,
            (Kind::Slash | Kind::Dot, _) | (_, b';' | b'%' | b'\\') => return false,
            (Kind::Other, b'?') => break,
            (Kind::Other, b) if is_sound(b) => false,
            (Kind::Other, _) => return false,
        };
    }
    bytes.all(is_sound)
}

/// Whether it is visible ASCII and no `#`.
fn is_sound(b: &u8) -> bool {
    b.is_ascii_graphic() && *b != b'#'
}

fn unescape(path: &[u8], mode: Mode) -> Result<String, MalformedPath> {
    let mut out = String::with_capacity(path.len());
    let mut bytes = path.iter().copied();
    let mut before = 0;
    while let Some(b) = bytes.next() {
        let lead = std::mem::take(&mut before);
        match b {
            b'%' => {
                let high = bytes.next().and_then(hex).ok_or(MalformedPath::BadEscape)?;
                let low = bytes.next().and_then(hex).ok_or(MalformedPath::BadEscape)?;
                match (high << 4) | low {
                    0 => return Err(MalformedPath::Control),
                    b'/' | b'\\' if mode == Mode::DecodeAndMergeSlashes => out.push('/'),
                    b'/' | b'\\' => return Err(MalformedPath::EscapedSlash),
                    b if is_unreserved(b) => out.push(char::from(b)),
                    b if is_overlong(lead, b) => return Err(MalformedPath::Overlong),
                    b => {
                        push_escape(&mut out, b);
                        before = b;
                    }
                }
            }
            b'\\' => out.push('/'),
            0x80.. => push_escape(&mut out, b),
            b => out.push(char::from(b)),
        }
    }
    Ok(out)
}

fn hex(b: u8) -> Option<u8> {
    char::from(b)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

fn push_escape(out: &mut String, b: u8) {
    out.push('%');
    for digit in [b >> 4, b & 0xf] {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
        out.push(digit.to_ascii_uppercase());
    }
}

/// Whether two bytes begin a character of UTF-8 that fewer bytes could say (RFC 3629, section 4).
fn is_overlong(lead: u8, next: u8) -> bool {
    matches!(
        (lead, next),
        (0xc0 | 0xc1, 0x80..=0xbf) | (0xe0, 0x80..=0x9f) | (0xf0, 0x80..=0x8f)
    )
}

/// Whether a `;` stands right behind a dot segment, or, but for the last, an empty one.
fn hides_segment(path: &str) -> bool {
    let is_parameter = |rest: &str| rest.starts_with(';') || rest.starts_with("%3B");
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        // The last may be empty: `/;jsessionid=1` is a name for `/` to whoever reads it so.
        let name = match segment.strip_prefix('.') {
            Some(rest) => rest.strip_prefix('.').unwrap_or(rest),
            None if segments.peek().is_none() => continue,
            None => segment,
        };
        if is_parameter(name) {
            return true;
        }
    }
    false
}

/// RFC 3986, section 2.3.
fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // `/a/.` is the folder, not the file before it.
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    out
}

fn merge_slashes(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{MalformedPath as E, Mode, normalize};
    use proptest::prelude::*;

    fn norm(path: &str, mode: Mode) -> Result<String, E> {
        normalize(path.as_bytes(), mode).map(|p| p.into_owned())
    }

    #[test]
    fn what_each_mode_makes_of_a_path() {
        let cases = [
            ("/a/b", ["/a/b", "/a/b", "/a/b", "/a/b"]),
            ("/", ["/", "/", "/", "/"]),
            ("*", ["*", "*", "*", "*"]),
            (
                "/a/../b?x=/../y",
                ["/a/../b?x=/../y", "/b?x=/../y", "/b?x=/../y", "/b?x=/../y"],
            ),
            ("/a//b", ["/a//b", "/a//b", "/a/b", "/a/b"]),
            ("//a", ["//a", "//a", "/a", "/a"]),
            ("/a/./b/.", ["/a/./b/.", "/a/b/", "/a/b/", "/a/b/"]),
            ("/../../a", ["/../../a", "/a", "/a", "/a"]),
            ("/..", ["/..", "/", "/", "/"]),
            ("/a/%2e%2E/b", ["/a/%2e%2E/b", "/b", "/b", "/b"]),
            ("/%61dmin", ["/%61dmin", "/admin", "/admin", "/admin"]),
            ("/a\\b", ["/a\\b", "/a/b", "/a/b", "/a/b"]),
            ("/%c3%a4", ["/%c3%a4", "/%C3%A4", "/%C3%A4", "/%C3%A4"]),
            ("/ä", ["/ä", "/%C3%A4", "/%C3%A4", "/%C3%A4"]),
            ("/%252F", ["/%252F", "/%252F", "/%252F", "/%252F"]),
            ("/...", ["/...", "/...", "/...", "/..."]),
            ("/a;x=1/b", ["/a;x=1/b", "/a;x=1/b", "/a;x=1/b", "/a;x=1/b"]),
            ("/a/;x", ["/a/;x", "/a/;x", "/a/;x", "/a/;x"]),
            ("/%E4%80", ["/%E4%80", "/%E4%80", "/%E4%80", "/%E4%80"]),
        ];
        let modes = [
            Mode::None,
            Mode::Base,
            Mode::MergeSlashes,
            Mode::DecodeAndMergeSlashes,
        ];
        for (path, expected) in cases {
            for (mode, expected) in modes.into_iter().zip(expected) {
                assert_eq!(
                    norm(path, mode).as_deref(),
                    Ok(expected),
                    "{path} in {mode:?}"
                );
            }
        }
        assert_eq!(
            norm("/a%2Fb%5cc", Mode::DecodeAndMergeSlashes).as_deref(),
            Ok("/a/b/c")
        );
    }

    #[test]
    fn what_is_refused() {
        let cases: [(&[u8], E); 21] = [
            (b"", E::NotAbsolute),
            (b"a", E::NotAbsolute),
            (b"http://x/a", E::NotAbsolute),
            (b"/a#b", E::Fragment),
            (b"/a\0", E::Control),
            (b"/a b", E::Control),
            (b"/a%00", E::Control),
            (b"/\xff", E::NotUtf8),
            (b"/%", E::BadEscape),
            (b"/%2", E::BadEscape),
            (b"/a%2fb", E::EscapedSlash),
            (b"/%c0%ae%c0%ae/a", E::Overlong),
            (b"/..%C1%9ca", E::Overlong),
            (b"/%e0%80%af", E::Overlong),
            (b"/%f0%80%80%af", E::Overlong),
            (b"/a/..;/b", E::HiddenSegment),
            (b"/a/.;x=1/b", E::HiddenSegment),
            (b"/a/%2e%2e;", E::HiddenSegment),
            (b"/a/..%3bx/b", E::HiddenSegment),
            (b"/;/b", E::HiddenSegment),
            (b"/a\\..;\\b", E::HiddenSegment),
        ];
        for (path, expected) in cases {
            assert_eq!(
                normalize(path, Mode::MergeSlashes),
                Err(expected),
                "{path:?}"
            );
        }
        assert_eq!(normalize(b"/a%5Cb", Mode::Base), Err(E::EscapedSlash));
        let grows = format!("/{}", "ä".repeat(4000));
        assert_eq!(norm(&grows, Mode::MergeSlashes), Err(E::TooLong));
        let long = format!("/{}", "a".repeat(super::LONGEST));
        assert_eq!(norm(&long, Mode::None), Err(E::TooLong));
    }

    proptest! {
        /// Judged once is judged for good: what was normalised does not change again.
        #[test]
        fn normalising_is_idempotent(path in "/[a-c./%2eEfF\\\\5Cc;?]{0,24}") {
            for mode in [Mode::Base, Mode::MergeSlashes] {
                if let Ok(once) = norm(&path, mode) {
                    prop_assert_eq!(norm(&once, mode), Ok(once.clone()));
                }
            }
        }

        #[test]
        fn a_normal_path_has_no_dot_segment_and_no_repeated_slash(
            path in "/[a-c./%2eEfF\\\\5Cc;]{0,24}"
        ) {
            if let Ok(normal) = norm(&path, Mode::MergeSlashes) {
                prop_assert!(!normal.contains("//"));
                prop_assert!(normal.split('/').all(|s| s != "." && s != ".."));
                prop_assert!(!normal.contains('\\'));
            }
        }
    }
}
