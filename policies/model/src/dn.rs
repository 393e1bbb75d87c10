//! Distinguished names, as Envoy prints them (RFC 2253), parsed so that they are not compared as
//! text.

use crate::text_value::text_values;
use std::fmt;

/// The longest name that is read, in bytes.
const LONGEST: usize = 1024;

/// A distinguished name: its relative names in Envoy's order (most specific first), each a set of
/// attributes. Attribute types are compared without case, values with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistinguishedName(Vec<Vec<(String, String)>>);

impl DistinguishedName {
    /// Reads one, e.g. `L=use1-a,CN=Intermediate CA,O=Istio`; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        if s.len() > LONGEST {
            return None;
        }
        let mut names = Vec::new();
        let mut relative = Vec::new();
        let mut rest = s;
        loop {
            let (attribute, separator, behind) = attribute(rest)?;
            relative.push(attribute);
            if separator != Some('+') {
                relative.sort_unstable();
                names.push(std::mem::take(&mut relative));
            }
            match separator {
                Some(_) => rest = behind,
                None => return Some(Self(names)),
            }
        }
    }
}

/// One `type=value`, what separates it from the next, and what is behind that.
fn attribute(s: &str) -> Option<((String, String), Option<char>, &str)> {
    let (kind, s) = s.split_once('=')?;
    let kind = kind.trim();
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if kind.is_empty() || !kind.bytes().all(valid) {
        return None;
    }
    let s = s.trim_start();
    let mut value: Vec<u8> = Vec::new();
    // Up to where the value is kept: spaces behind it are not its own, unless escaped.
    let mut kept: usize = 0;
    let mut quoted = false;
    let mut chars = s.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                let (_, next) = chars.next()?;
                match next.to_digit(16) {
                    Some(high) => {
                        let low = chars.next()?.1.to_digit(16)?;
                        value.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
                    }
                    None => push(&mut value, next),
                }
                kept = value.len();
            }
            '"' => quoted = !quoted,
            ',' | '+' | ';' if !quoted => {
                value.truncate(kept);
                let behind = s.get(at.checked_add(1)?..)?;
                return Some((pair(kind, value)?, Some(c), behind));
            }
            c => {
                push(&mut value, c);
                if c != ' ' {
                    kept = value.len();
                }
            }
        }
    }
    if quoted {
        return None;
    }
    value.truncate(kept);
    Some((pair(kind, value)?, None, ""))
}

fn push(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn pair(kind: &str, value: Vec<u8>) -> Option<(String, String)> {
    let value = String::from_utf8(value).ok()?;
    (!value.is_empty()).then(|| (kind.to_ascii_uppercase(), value))
}

/// For people; not what is compared.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, relative) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            for (j, (kind, value)) in relative.iter().enumerate() {
                if j > 0 {
                    f.write_str("+")?;
                }
                write!(f, "{kind}={value}")?;
            }
        }
        Ok(())
    }
}

text_values! {
    DistinguishedName: Self::parse,
        "is not a distinguished name",
        "write it as Envoy does (RFC 2253), e.g. `L=use1-a,CN=Intermediate CA,O=Istio`",
        {
            "description": "A distinguished name as Envoy prints it (RFC 2253), e.g. `L=use1-a,CN=Intermediate CA,O=Istio`.",
            "type": "string",
            "minLength": 1
        };
}

#[cfg(test)]
mod tests {
    use super::DistinguishedName;

    #[test]
    fn what_is_the_same_name_and_what_is_not() {
        let dn = |s: &str| DistinguishedName::parse(s);
        let istio = dn("L=use1-a,CN=Intermediate CA,O=Istio");
        assert!(istio.is_some());
        for same in [
            "l=use1-a,cn=Intermediate CA,o=Istio",
            "L=use1-a, CN=Intermediate CA, O=Istio",
            "L = use1-a , CN = Intermediate CA,O=Istio ",
            "L=use1\\-a,CN=Intermediate\\20CA,O=Istio",
            "L=use1-a,CN=\"Intermediate CA\",O=Istio",
        ] {
            assert_eq!(dn(same), istio, "{same}");
        }
        for other in [
            "O=Istio,CN=Intermediate CA,L=use1-a",
            "L=USE1-A,CN=Intermediate CA,O=Istio",
            "L=use1-a,CN=Intermediate CA",
            "L=use1-a\\,CN=Intermediate CA,O=Istio",
            "L=use1-a+CN=Intermediate CA,O=Istio",
            "L=use1-a,CN=Intermediate  CA,O=Istio",
            "L=use1-a,CN=Intermediate CA,O=Istio,C=US",
        ] {
            assert_ne!(dn(other), istio, "{other}");
        }
        assert_eq!(dn("CN=a+O=b"), dn("O=b+CN=a"), "a set has no order");
    }

    #[test]
    fn what_is_no_name() {
        for s in [
            "", "L", "=x", "L=", "L=a,", "L=\\", "L=\\4", "L=\"a", "L=\\ff", ",L=a", "a b=c",
        ] {
            assert_eq!(DistinguishedName::parse(s), None, "{s:?}");
        }
        assert_eq!(
            DistinguishedName::parse(&format!("CN={}", "a".repeat(2000))),
            None
        );
    }
}
