//! What the targets do that read whose words a proxy passes on: a gateway's `xfcc`, and the `dn` of
//! a certificate's issuer. Most of their laws are about texts that somebody signed who would like
//! to be taken for another.

use landbridge_engine::{Client, Element, MalformedXfcc, elements, forwarded_by};
use landbridge_model::DistinguishedName;

const GATEWAY: &str = "spiffe://mesh/ns/istio-system/sa/gateway";
const BY_GATEWAY: &str = "By=spiffe://mesh/ns/istio-system/sa/gateway;Hash=0a;";
const CLIENT: &str = "spiffe://b/x";
/// What the proxy that we run in appends about the gateway.
const OURS: &str =
    ",By=spiffe://a/y;Hash=0b;Subject=\"\";URI=spiffe://mesh/ns/istio-system/sa/gateway";

/// An `x-forwarded-client-cert`: as it is, as parts of what a gateway writes, and as pairs.
pub fn xfcc(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    ours_changes_nothing(text);
    gateway_is_not_overheard(text);
    quoting_changes_nothing(text);
}

fn asked(value: &str) -> Result<Option<String>, MalformedXfcc> {
    forwarded_by(value, GATEWAY).map(|client| match client {
        Client::Nobody => None,
        Client::Unnamed => Some(String::new()),
        Client::Named(uri) => Some(uri.into_owned()),
    })
}

/// Who is vouched for, is so whether or not our own proxy appends its element.
fn ours_changes_nothing(text: &str) {
    if text.is_empty() {
        assert_eq!(asked(OURS.trim_start_matches(',')), Ok(None));
        return;
    }
    let appended = format!("{text}{OURS}");
    let read = match elements(text) {
        Ok(read) => read,
        Err(_) => {
            assert!(elements(&appended).is_err(), "mended by {appended:?}");
            return;
        }
    };
    let is_ours = |e: &Element<'_>| {
        matches!(&*e.uris, [uri] if uri == GATEWAY) && !e.by.iter().any(|by| by == GATEWAY)
    };
    match elements(&appended) {
        Ok(longer) => assert_eq!(longer.split_last().map(|(_, rest)| rest), Some(&*read)),
        Err(error) => {
            let limits = [MalformedXfcc::TooLong, MalformedXfcc::TooManyElements];
            assert!(limits.contains(&error), "{appended:?}: {error}");
            return;
        }
    }
    if !read.last().is_some_and(is_ours) {
        assert_eq!(asked(&appended), asked(text), "{text:?}");
    }
    if let Ok(Some(uri)) = asked(text) {
        let is_there = read.iter().any(|e| e.uris.iter().any(|u| *u == uri));
        assert!(uri.is_empty() || is_there);
    }
}

/// Nothing that a client sends, or has signed, makes the gateway's words another's.
fn gateway_is_not_overheard(text: &str) {
    let subject = text.replace('\\', "\\\\").replace('"', "\\\"");
    let values = [
        format!("{text},{BY_GATEWAY}URI={CLIENT}"),
        format!("{text},{BY_GATEWAY}Subject=\"\";URI={CLIENT}"),
        format!("{BY_GATEWAY}Subject=\"CN={subject}\";URI={CLIENT}"),
        format!("{BY_GATEWAY}URI={CLIENT};DNS={text}"),
        // A URI that Envoy does not quote; it may be longer than it seems.
        format!("{BY_GATEWAY}URI={CLIENT}{text}"),
        format!("Hash=0a;Subject=\"\";URI={CLIENT}{text}"),
    ];
    for value in values {
        for value in [format!("{value}{OURS}"), value] {
            let Ok(uri) = asked(&value) else {
                continue;
            };
            let uri = uri.unwrap_or_else(|| panic!("nobody is vouched for in {value:?}"));
            let signed = format!("{CLIENT}{text}");
            let is_clients = uri == CLIENT || (signed.starts_with(&uri) && uri.starts_with(CLIENT));
            assert!(is_clients, "{uri:?} is vouched for in {value:?}");
        }
    }
}

/// Each line of the text is a pair, and one that is empty begins an element.
fn quoting_changes_nothing(text: &str) {
    let written = |quoted: bool| {
        let pair = |line: &str| match line.split_once('=') {
            Some((key, value)) if quoted => format!("{key}=\"{}\"", value.replace('"', "\\\"")),
            _ => line.to_owned(),
        };
        let element = |lines: &str| lines.lines().map(pair).collect::<Vec<_>>().join(";");
        let all: Vec<_> = text.split("\n\n").map(element).collect();
        all.join(",")
    };
    let needs_quotes = |line: &str| {
        let value = line.split_once('=').map_or("", |(_, value)| value);
        value.contains(['"', ',', ';', '\\']) || value.trim() != value
    };
    if text.lines().any(needs_quotes) {
        return;
    }
    let (plain, quoted) = (written(false), written(true));
    if let Ok(read) = elements(&plain) {
        match elements(&quoted) {
            Err(MalformedXfcc::TooLong) => return,
            again => assert_eq!(again.as_ref(), Ok(&read), "{plain:?} and {quoted:?}"),
        }
        assert_eq!(asked(&plain), asked(&quoted));
    }
}

/// A distinguished name: as it is, and as relative names written in several ways.
pub fn dn(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(name) = DistinguishedName::parse(text) {
        let printed = name.to_string();
        assert!(!printed.is_empty());
        assert_eq!(DistinguishedName::parse(&printed), Some(name), "{text:?}");
    }
    one_name_however_written(text);
}

/// Each line of the text is an attribute; one that begins with `+` belongs to the one before.
fn one_name_however_written(text: &str) {
    let mut names: Vec<Vec<(&str, &str)>> = Vec::new();
    for line in text.lines() {
        let Some((kind, value)) = line.trim_start_matches('+').split_once('=') else {
            return;
        };
        match names.last_mut() {
            Some(relative) if line.starts_with('+') => relative.push((kind, value)),
            _ => names.push(vec![(kind, value)]),
        }
    }
    let write = |attribute: fn(&str, &str) -> String, and: &str, next: &str| {
        let relative = |attributes: &Vec<(&str, &str)>| {
            let all: Vec<_> = attributes.iter().map(|(k, v)| attribute(k, v)).collect();
            all.join(and)
        };
        names.iter().map(relative).collect::<Vec<_>>().join(next)
    };
    let escaped = write(|kind, value| format!("{kind}={}", escape(value)), "+", ",");
    let ways = [
        write(
            |kind, value| format!("{kind}={}", hexadecimal(value)),
            "+",
            ",",
        ),
        write(
            |kind, value| format!("{} = {}", kind.to_ascii_lowercase(), escape(value)),
            " + ",
            " ; ",
        ),
        write(
            |kind, value| format!(" {}=\"{}\"", kind.to_ascii_uppercase(), quote(value)),
            "+",
            ",",
        ),
    ];
    if ways.iter().any(|way| way.len() > 4096) {
        return;
    }
    let name = DistinguishedName::parse(&escaped);
    for way in ways {
        assert_eq!(
            DistinguishedName::parse(&way),
            name,
            "{escaped:?} and {way:?}"
        );
    }
    // The attributes of one relative name are a set; its names are a list.
    names.iter_mut().for_each(|relative| relative.reverse());
    let all = names.iter().map(|relative| {
        let all: Vec<_> = relative
            .iter()
            .map(|(k, v)| format!("{k}={}", escape(v)))
            .collect();
        all.join("+")
    });
    let reversed = all.collect::<Vec<_>>().join(",");
    assert_eq!(DistinguishedName::parse(&reversed), name, "{escaped:?}");
    if let Some(name) = name {
        let longer = format!("{escaped},CN=x");
        assert_ne!(DistinguishedName::parse(&longer), Some(name), "{longer:?}");
    }
}

fn escape(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if !c.is_ascii_hexdigit() && (c.is_ascii_punctuation() || c.is_whitespace()) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

fn hexadecimal(value: &str) -> String {
    value.bytes().map(|b| format!("\\{b:02X}")).collect()
}

fn quote(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}
