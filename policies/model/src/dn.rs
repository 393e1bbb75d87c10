//! Distinguished names, as Envoy prints them (RFC 2253), parsed so that they are not compared as
//! text.

use crate::text_value::text_values;
use std::fmt;

/// The longest text that is read, in bytes.
const LONGEST_TEXT: usize = 4096;
/// The most bytes that a name's types and values have together. Each is printed as three at the
/// most, and what stands between them is shorter than they are: what is printed can be read again.
const LONGEST: usize = 1024;

/// A distinguished name: its relative names in Envoy's order (most specific first), each a set of
/// attributes. Attribute types are compared without case, values with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DistinguishedName(Vec<Vec<Attribute>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Attribute {
    kind: String,
    /// Whether the value is not text, but the digits of its BER encoding, behind a `#`.
    encoded: bool,
    value: String,
}

impl DistinguishedName {
    /// Reads one, e.g. `L=use1-a,CN=Intermediate CA,O=Istio`; `None` where it is not one.
    pub fn parse(s: &str) -> Option<Self> {
        if s.len() > LONGEST_TEXT {
            return None;
        }
        let mut names = Vec::new();
        let mut relative = Vec::new();
        let mut rest = s;
        let mut length: usize = 0;
        loop {
            let (attribute, separator, behind) = attribute(rest)?;
            let longer = attribute.kind.len().checked_add(attribute.value.len())?;
            length = length.checked_add(longer)?;
            if length > LONGEST {
                return None;
            }
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
fn attribute(s: &str) -> Option<(Attribute, Option<char>, &str)> {
    let (kind, s) = s.split_once('=')?;
    let kind = kind.trim_matches(' ');
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if kind.is_empty() || !kind.bytes().all(valid) {
        return None;
    }
    let s = s.trim_start_matches(' ');
    let (value, behind) = match s.strip_prefix('"') {
        Some(quoted) => quoted_value(quoted)?,
        None => plain_value(s)?,
    };
    let value = String::from_utf8(value).ok()?;
    let encoded = s.starts_with('#');
    let attribute = Attribute {
        kind: kind.to_ascii_uppercase(),
        encoded,
        value: match encoded {
            true => digits(&value)?,
            false => value,
        },
    };
    if attribute.value.is_empty() {
        return None;
    }
    match behind.chars().next() {
        None => Some((attribute, None, "")),
        Some(separator) => Some((attribute, Some(separator), behind.get(1..)?)),
    }
}

/// What separates attributes and relative names.
const SEPARATORS: [char; 3] = [',', '+', ';'];

/// A value, and what is behind it from its separator on. Spaces behind it are not its own, unless
/// escaped.
fn plain_value(s: &str) -> Option<(Vec<u8>, &str)> {
    let mut value = Vec::new();
    let mut kept: usize = 0;
    let mut rest = s;
    while let Some(c) = rest.chars().next() {
        match c {
            '"' => return None,
            c if SEPARATORS.contains(&c) => break,
            '\\' => {
                rest = escaped(rest, &mut value)?;
                kept = value.len();
            }
            c => {
                rest = rest.get(c.len_utf8()..)?;
                push(&mut value, c);
                if c != ' ' {
                    kept = value.len();
                }
            }
        }
    }
    value.truncate(kept);
    Some((value, rest))
}

/// A value behind its first quote, and what is behind its last, from the separator on.
fn quoted_value(s: &str) -> Option<(Vec<u8>, &str)> {
    let mut value = Vec::new();
    let mut rest = s;
    loop {
        match rest.chars().next()? {
            '"' => break,
            '\\' => rest = escaped(rest, &mut value)?,
            c => {
                rest = rest.get(c.len_utf8()..)?;
                push(&mut value, c);
            }
        }
    }
    let behind = rest.get(1..)?.trim_start_matches(' ');
    let ends = behind.is_empty() || behind.starts_with(SEPARATORS);
    ends.then_some((value, behind))
}

/// Reads the escape that `s` begins with; gives what is behind it.
fn escaped<'s>(s: &'s str, value: &mut Vec<u8>) -> Option<&'s str> {
    let mut chars = s.chars();
    chars.next()?;
    let next = chars.next()?;
    match next.to_digit(16) {
        Some(high) => {
            let low = chars.next()?.to_digit(16)?;
            value.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
        }
        None => push(value, next),
    }
    Some(chars.as_str())
}

fn push(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The digits of `#04024869`, in one case.
fn digits(value: &str) -> Option<String> {
    let digits = value.strip_prefix('#')?;
    let are_pairs = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    are_pairs.then(|| digits.to_ascii_uppercase())
}

/// As it can be read again.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, relative) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            for (j, attribute) in relative.iter().enumerate() {
                if j > 0 {
                    f.write_str("+")?;
                }
                attribute.fmt(f)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, value, .. } = self;
        if self.encoded {
            return write!(f, "{kind}=#{value}");
        }
        write!(f, "{kind}=")?;
        for (at, c) in value.char_indices() {
            let first = at == 0;
            let last = at.checked_add(c.len_utf8()) == Some(value.len());
            match c {
                ',' | '+' | ';' | '"' | '\\' | '<' | '>' => write!(f, "\\{c}")?,
                '#' if first => f.write_str("\\#")?,
                ' ' if first || last => f.write_str("\\ ")?,
                c if c.is_control() => {
                    for b in c.encode_utf8(&mut [0; 4]).bytes() {
                        write!(f, "\\{b:02X}")?;
                    }
                }
                c => write!(f, "{c}")?,
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
    use proptest::prelude::*;

    fn dn(s: &str) -> Option<DistinguishedName> {
        DistinguishedName::parse(s)
    }

    #[test]
    fn what_is_the_same_name_and_what_is_not() {
        let istio = dn("L=use1-a,CN=Intermediate CA,O=Istio");
        assert!(istio.is_some());
        for same in [
            "l=use1-a,cn=Intermediate CA,o=Istio",
            "L=use1-a, CN=Intermediate CA, O=Istio",
            "L = use1-a , CN = Intermediate CA,O=Istio ",
            "L=use1\\-a,CN=Intermediate\\20CA,O=Istio",
            "L=use1-a,CN=\"Intermediate CA\" ,O=Istio",
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
            "L=use1-a,CN=\"Intermediate CA \",O=Istio",
            "L=use1-a,CN=\\ Intermediate CA,O=Istio",
            "L=use1-a,CN=\tIntermediate CA,O=Istio",
            "L=use1-a,CN=\u{a0}Intermediate CA,O=Istio",
        ] {
            assert_ne!(dn(other), istio, "{other}");
        }
        assert_eq!(dn("CN=a+O=b"), dn("O=b+CN=a"), "a set has no order");
    }

    #[test]
    fn spaces_at_the_ends_are_a_values_own_where_it_is_quoted_or_they_are_escaped() {
        for value in ["\" x \"", "\\ x\\ ", "\\20x\\20", "  \\ x\\   "] {
            assert_eq!(
                dn(&format!("CN={value},O=y")),
                dn("CN=\" x \",O=y"),
                "{value}"
            );
        }
        assert_ne!(dn("CN=\" x \""), dn("CN= x "));
        assert_eq!(dn("CN=\" \""), dn("CN=\\ "));
    }

    #[test]
    fn an_encoded_value_is_not_the_text_that_it_looks_like() {
        assert_eq!(dn("1.2=#0c014a"), dn("1.2=#0C014A"));
        for text in ["1.2=\\#0C014A", "1.2=\"#0C014A\"", "1.2=\\230C014A"] {
            assert!(dn(text).is_some());
            assert_ne!(dn(text), dn("1.2=#0C014A"), "{text}");
        }
    }

    #[test]
    fn what_is_no_name() {
        for s in [
            "", "L", "=x", "L=", "L=a,", "L=\\", "L=\\4", "L=\"a", "L=\\ff", ",L=a", "a b=c",
            "L=\"\"", "L=\"a\"b", "L=a\"b\"", "L=#", "L=#0", "L=#0g", "L= ",
        ] {
            assert_eq!(dn(s), None, "{s:?}");
        }
        assert!(dn(&format!("CN={}", "\\,".repeat(1022))).is_some());
        assert_eq!(dn(&format!("CN={}", "a".repeat(1023))), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_the_same_name(
            text in r#"[A-c=,+;" \\#<>éä\t\u{a0}0-9]{0,24}"#,
            values in prop::collection::vec(any::<String>(), 1..4),
        ) {
            let hexadecimal = |value: &String| {
                value.bytes().map(|b| format!("\\{b:02x}")).collect::<String>()
            };
            let written = |separator: &str| {
                let all = values.iter().map(|value| format!("CN={}", hexadecimal(value)));
                all.collect::<Vec<_>>().join(separator)
            };
            for text in [text.clone(), format!("CN={text}"), written(","), written("+")] {
                if let Some(name) = dn(&text) {
                    prop_assert_eq!(dn(&name.to_string()), Some(name), "{:?}", text);
                }
            }
        }
    }

    #[test]
    fn the_longest_names_are_printed_so_that_they_can_be_read() {
        let short = vec!["A=,".replace(',', "\\,"); 512].join("+");
        let control = format!("A={}", "\\01".repeat(1023));
        for text in [short, control] {
            let name = dn(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(dn(&name.to_string()), Some(name));
        }
    }
}
