//! The hygiene of headers, and what is read of them.

use super::Rejection;
use crate::decision::Reason;
use crate::path::normalize;
use crate::policy_set::PolicySet;
use std::borrow::Cow;

/// The header in which a gateway says whom it speaks for.
pub(super) const XFCC: &str = "x-forwarded-client-cert";
/// The most headers that are looked through. Envoy's own default limit is 100.
const MOST_HEADERS: usize = 1000;
/// The longest value of a header that a policy reads.
const LONGEST_VALUE: usize = 8192;

/// What is read of the headers.
pub(super) struct Headers<'a> {
    pub(super) method: Option<&'a str>,
    pub(super) authority: Option<&'a str>,
    pub(super) path: Option<Cow<'a, str>>,
    pub(super) forwarded: Option<&'a [u8]>,
    pub(super) headers: Vec<Option<&'a str>>,
}

impl<'a> Headers<'a> {
    pub(super) fn read(raw: &'a [(String, Vec<u8>)], set: &PolicySet) -> Result<Self, Rejection> {
        if raw.len() > MOST_HEADERS {
            let detail = format!("more than {MOST_HEADERS} headers");
            return Err(Rejection::new(Reason::TooManyHeaders, detail));
        }
        let plan = set.plan();
        let mut method = None;
        let mut authority = None;
        let mut path = None;
        let mut forwarded = None;
        let mut headers: Vec<Option<&'a str>> = vec![None; plan.headers.len()];
        for (name, value) in raw {
            let again = name == XFCC && forwarded.replace(value.as_slice()).is_some();
            if again && !set.gateways.is_empty() {
                return Err(duplicate(name));
            }
            let slot = match name.as_str() {
                ":method" => &mut method,
                ":authority" => &mut authority,
                ":path" => {
                    if path.replace(value.as_slice()).is_some() {
                        return Err(duplicate(name));
                    }
                    continue;
                }
                name => match slot(&plan.headers, name)?.and_then(|slot| headers.get_mut(slot)) {
                    Some(slot) => slot,
                    None => continue,
                },
            };
            if slot.replace(readable(name, value)?).is_some() {
                return Err(duplicate(name));
            }
        }
        // A proxy gives the `Host` of HTTP/1.1 as `:authority`, and only so.
        let host_slot = plan.headers.iter().position(|h| **h == *"host");
        if let Some(slot) = host_slot.and_then(|slot| headers.get_mut(slot)) {
            *slot = authority.or(*slot);
        }
        let path = match path {
            Some(path) => Some(
                normalize(path, set.settings().path_normalization)
                    .map_err(|e| Rejection::new(Reason::MalformedPath, format!("the path {e}")))?,
            ),
            None => None,
        };
        Ok(Self {
            method,
            authority,
            path,
            forwarded,
            headers,
        })
    }
}

/// The place of a header among those that policies read.
fn slot(read: &[Box<str>], name: &str) -> Result<Option<usize>, Rejection> {
    let mut is_another = false;
    for (slot, header) in read.iter().enumerate() {
        if are_one_to_cgi(header, name) {
            if **header == *name {
                return Ok(Some(slot));
            }
            is_another = true;
        }
    }
    if is_another {
        let detail = "a header that a policy reads, with `_` for `-`";
        return Err(Rejection::new(Reason::MalformedHeader, detail));
    }
    Ok(None)
}

fn duplicate(name: &str) -> Rejection {
    Rejection::new(
        Reason::DuplicateHeader,
        format!("`{name}` is there more than once"),
    )
}

fn readable<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, Rejection> {
    if value.len() > LONGEST_VALUE {
        let detail = format!("`{name}` is longer than {LONGEST_VALUE} bytes");
        return Err(Rejection::new(Reason::MalformedHeader, detail));
    }
    // RFC 9110, section 5.5. HTTP/2 carries space around a value, and whoever sends it on as
    // HTTP/1.1 drops it.
    let is_blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    let is_control = |b: &u8| (*b < b' ' && *b != b'\t') || *b == 0x7f;
    if is_blank(value.first()) || is_blank(value.last()) || value.iter().any(is_control) {
        let detail = format!("`{name}` has space around it or a control character");
        return Err(Rejection::new(Reason::MalformedHeader, detail));
    }
    std::str::from_utf8(value)
        .map_err(|_| Rejection::new(Reason::MalformedHeader, format!("`{name}` is not UTF-8")))
}

/// Whether servers that hand headers on as CGI does (`HTTP_X_ROLE`) take two names for one.
fn are_one_to_cgi(a: &str, b: &str) -> bool {
    let fold = |b: u8| if b == b'_' { b'-' } else { b };
    a.len() == b.len() && a.bytes().map(fold).eq(b.bytes().map(fold))
}

#[cfg(test)]
mod tests {
    use super::{are_one_to_cgi, readable, slot};

    #[test]
    fn a_value_is_read_as_every_server_reads_it() {
        for value in [&b"a b"[..], b"", b"a\tb", b"a,b"] {
            assert!(readable("x", value).is_ok(), "{value:?}");
        }
        for value in [&b" a"[..], b"a\t", b"a\x0b", b"a\0", b"a\x7f", b"\xff"] {
            assert!(readable("x", value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn a_header_that_is_read_is_not_taken_for_another() {
        let read = ["x_role".into(), "x-role".into()];
        assert_eq!(slot(&read, "x-role"), Ok(Some(1)));
        assert_eq!(slot(&read, "x_role"), Ok(Some(0)));
        assert_eq!(slot(&read, "x-rule"), Ok(None));
        let [_, read] = read;
        assert!(slot(&[read], "x_role").is_err());
    }

    #[test]
    fn names_that_cgi_cannot_tell_apart() {
        assert!(are_one_to_cgi("x-role", "x_role"));
        assert!(are_one_to_cgi("x_a-b", "x-a_b"));
        assert!(!are_one_to_cgi("x-role", "x-role-"));
        assert!(!are_one_to_cgi("x-role", "xxrole"));
    }
}
