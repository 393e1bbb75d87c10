//! Who a gateway says it speaks for: the `x-forwarded-client-cert` header (XFCC).
//!
//! The header is believed from a trusted gateway only, and of it only what that gateway wrote. Which
//! part that is has to be told from the text, and three things make that hard:
//!
//! - The proxy that we run in may itself have appended an element about its caller, the gateway
//!   (`APPEND_FORWARD`, Istio's inbound mode). It is set aside.
//! - A gateway that appends sends on what its client sent, in front of its own. So the last element
//!   counts.
//! - Envoy quotes the subject of a certificate, and neither its URIs nor its DNS names. A `,` or a
//!   `;` in one of those looks like the end of an element or of a pair, and what follows it like the
//!   gateway's words: an authority that signs `spiffe://b/x,By=…;URI=spiffe://a/y` would speak for
//!   another's trust domain. But Envoy names itself first (`By`), and each proxy appends once. So
//!   where there are several elements, each must say first by whom it is, the last must be by the
//!   gateway, and no other may be.

use std::borrow::Cow;
use std::fmt;

/// The longest value that is read.
const LONGEST: usize = 16 * 1024;
/// The most elements: each is a proxy that the request went through.
const MOST_ELEMENTS: usize = 64;
/// The longest key. The longest that Envoy writes is `Subject`.
const LONGEST_KEY: usize = 32;

/// Why an `x-forwarded-client-cert` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MalformedXfcc {
    /// Longer than the limit.
    TooLong,
    /// Has more elements than the limit.
    TooManyElements,
    /// Has a key longer than the limit.
    KeyTooLong,
    /// Has a control character.
    Control,
    /// Has an element or a pair in which there is nothing.
    Empty,
    /// Has something that is not `Key=Value`.
    NotAPair,
    /// Has a double quote that is not closed, or one inside a value.
    Quote,
    /// Has a key twice in one element that belongs there once, or `By` behind another key.
    Key,
    /// Has an element that counts with more than one URI.
    SeveralUris,
    /// Has several elements of which it cannot be told whether the gateway wrote the last alone.
    Ambiguous,
}

impl fmt::Display for MalformedXfcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "is longer than 16384 bytes",
            Self::TooManyElements => "has more than 64 elements",
            Self::KeyTooLong => "has a key longer than 32 bytes",
            Self::Control => "has a control character",
            Self::Empty => "has an empty element or pair",
            Self::NotAPair => "has a part that is not a key and a value",
            Self::Quote => "has a quote out of place",
            Self::Key => "has a key twice or out of place",
            Self::SeveralUris => "names more than one URI of one client",
            Self::Ambiguous => "does not show which element the gateway wrote",
        })
    }
}

impl std::error::Error for MalformedXfcc {}

/// What one proxy wrote of its client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// The URIs of the proxy's own certificate (`By`).
    pub by: Vec<Cow<'a, str>>,
    /// The URIs of its client's. One that is empty says that there is none.
    pub uris: Vec<Cow<'a, str>>,
}

impl Element<'_> {
    fn is_by(&self, uri: &str) -> bool {
        self.by.iter().any(|by| by == uri)
    }

    /// Whether it was appended behind the gateway's, by who is called by the gateway.
    fn is_about(&self, gateway: &str) -> bool {
        matches!(self.uris.as_slice(), [uri] if uri == gateway) && !self.is_by(gateway)
    }
}

/// Whom a gateway speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client<'a> {
    /// Nobody but itself: it wrote nothing, as Envoy does where a client has no certificate.
    Nobody,
    /// A client whose certificate has no URI.
    Unnamed,
    /// A client with this URI.
    Named(Cow<'a, str>),
}

/// The client for which the gateway vouches, whose own certificate says that it is `gateway`
/// (`spiffe://…`).
pub fn forwarded_by<'a>(value: &'a str, gateway: &str) -> Result<Client<'a>, MalformedXfcc> {
    let mut elements = elements(value)?;
    if elements.last().is_some_and(|last| last.is_about(gateway)) {
        elements.pop();
    }
    let Some(last) = elements.pop() else {
        return Ok(Client::Nobody);
    };
    let by_another = |e: &Element<'_>| !e.by.is_empty() && !e.is_by(gateway);
    let is_told = last.is_by(gateway) && elements.iter().all(by_another);
    if !elements.is_empty() && !is_told {
        return Err(MalformedXfcc::Ambiguous);
    }
    let mut uris = last.uris.into_iter();
    match (uris.next(), uris.next()) {
        (_, Some(_)) => Err(MalformedXfcc::SeveralUris),
        (Some(uri), None) if !uri.is_empty() => Ok(Client::Named(uri)),
        (_, None) => Ok(Client::Unnamed),
    }
}

/// Reads a value, all of it: a part that cannot be read may hide where the next begins.
pub fn elements(value: &str) -> Result<Vec<Element<'_>>, MalformedXfcc> {
    if value.len() > LONGEST {
        return Err(MalformedXfcc::TooLong);
    }
    if value.bytes().any(|b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(MalformedXfcc::Control);
    }
    let mut elements = Vec::new();
    let mut rest = value;
    while !value.is_empty() {
        if elements.len() >= MOST_ELEMENTS {
            return Err(MalformedXfcc::TooManyElements);
        }
        // Who joins two headers of this name may put a space behind the comma.
        let (element, behind) = element(rest.trim_start_matches(BLANK))?;
        elements.push(element);
        match behind {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    Ok(elements)
}

const BLANK: [char; 2] = [' ', '\t'];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    By,
    Uri,
    Dns,
    /// One that an element has at most once, by its bit.
    Once(u8),
    /// One that Envoy does not write today.
    Other,
}

impl Key {
    fn read(text: &str) -> Result<Self, MalformedXfcc> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(MalformedXfcc::NotAPair);
        }
        if text.len() > LONGEST_KEY {
            return Err(MalformedXfcc::KeyTooLong);
        }
        const KEYS: [(&str, Key); 7] = [
            ("By", Key::By),
            ("URI", Key::Uri),
            ("DNS", Key::Dns),
            ("Hash", Key::Once(1)),
            ("Cert", Key::Once(2)),
            ("Chain", Key::Once(4)),
            ("Subject", Key::Once(8)),
        ];
        let known = KEYS.iter().find(|(key, _)| key.eq_ignore_ascii_case(text));
        Ok(known.map_or(Self::Other, |(_, key)| *key))
    }
}

/// Reads one element; gives it, and what is behind its comma.
fn element(mut rest: &str) -> Result<(Element<'_>, Option<&str>), MalformedXfcc> {
    let mut element = Element::default();
    let mut seen = 0_u8;
    let mut only_by = true;
    loop {
        if rest.is_empty() || rest.starts_with([',', ';']) {
            return Err(MalformedXfcc::Empty);
        }
        let (key, behind) = rest.split_once('=').ok_or(MalformedXfcc::NotAPair)?;
        let key = Key::read(key)?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => plain(behind)?,
        };
        match key {
            Key::By if only_by => element.by.push(value),
            Key::By => return Err(MalformedXfcc::Key),
            Key::Uri => element.uris.push(value),
            Key::Once(bit) if seen & bit != 0 => return Err(MalformedXfcc::Key),
            Key::Once(bit) => seen |= bit,
            Key::Dns | Key::Other => {}
        }
        only_by &= key == Key::By;
        if let Some(behind) = behind.strip_prefix(';') {
            rest = behind;
            continue;
        }
        let behind = behind.trim_start_matches(BLANK);
        return match behind.strip_prefix(',') {
            None if !behind.is_empty() => Err(MalformedXfcc::Quote),
            behind => Ok((element, behind)),
        };
    }
}

/// A value without quotes, and what is behind it. Envoy writes URIs so, whatever is in them.
fn plain(text: &str) -> Result<(Cow<'_, str>, &str), MalformedXfcc> {
    let end = text.find([',', ';']).unwrap_or(text.len());
    let (value, behind) = text.split_at_checked(end).unwrap_or((text, ""));
    if value.contains('"') {
        return Err(MalformedXfcc::Quote);
    }
    // What is behind an element is nobody's; what is inside one is the value's.
    let value = match behind.starts_with(';') {
        true => value,
        false => value.trim_end_matches(BLANK),
    };
    Ok((Cow::Borrowed(value), behind))
}

/// A value behind its first quote, and what is behind its last. A backslash takes whatever is
/// behind it along: in a subject, where Envoy writes a distinguished name's own escapes, `\\"` is
/// the end, and `\"` is not. Only `\"` is read as another text than it is written in.
fn unquote(text: &str) -> Result<(Cow<'_, str>, &str), MalformedXfcc> {
    let mut escaped = false;
    let mut quotes = false;
    for (at, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => {
                quotes |= b == b'"';
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => {
                let (value, behind) = text.split_at_checked(at).ok_or(MalformedXfcc::Quote)?;
                let behind = behind.strip_prefix('"').ok_or(MalformedXfcc::Quote)?;
                let value = match quotes {
                    true => Cow::Owned(without_escapes(value)),
                    false => Cow::Borrowed(value),
                };
                return Ok((value, behind));
            }
            _ => {}
        }
    }
    Err(MalformedXfcc::Quote)
}

fn without_escapes(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let next = if c == '\\' { chars.next() } else { None };
        if next != Some('"') {
            text.push(c);
        }
        text.extend(next);
    }
    text
}
