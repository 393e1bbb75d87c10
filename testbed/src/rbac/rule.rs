//! One rule as one RBAC policy: who asks under `principals`, what is asked under `permissions`,
//! and each condition under the one of them that it belongs to.

use serde_json::{Value, json};

use super::attribute::{Attribute, Side};
use super::trust_domain::Bundle;
use super::{Action, Malformed, Unusable};

/// The fields of a source, with what they ask about.
const SOURCE: [(&str, Attribute); 7] = [
    ("principals", Attribute::Principal),
    ("requestPrincipals", Attribute::RequestPrincipal),
    ("trustDomains", Attribute::TrustDomain),
    ("serviceAccounts", Attribute::ServiceAccount),
    ("namespaces", Attribute::Namespace),
    ("remoteIpBlocks", Attribute::RemoteIp),
    ("ipBlocks", Attribute::SourceIp),
];

/// The fields of an operation, with what they ask about.
const OPERATION: [(&str, Attribute); 4] = [
    ("hosts", Attribute::Host),
    ("methods", Attribute::Method),
    ("paths", Attribute::Path),
    ("ports", Attribute::Port),
];

/// An attribute, what it must be, and what it must not be.
#[derive(Debug, Clone)]
struct Test {
    attribute: Attribute,
    values: Vec<String>,
    not_values: Vec<String>,
}

/// Where a rule stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) namespace: &'a str,
    pub(super) action: Action,
    pub(super) bundle: &'a Bundle,
}

/// The RBAC policy of a rule; none where istiod leaves the rule out.
pub(super) fn rule(rule: &Value, place: Place<'_>) -> Result<Option<Value>, Malformed> {
    let mut conditions = Vec::new();
    for condition in list(rule, "when")? {
        let key = text(condition, "key")?;
        let Some(attribute) = Attribute::of_key(key) else {
            return Ok(None);
        };
        conditions.push(Test {
            attribute,
            values: strings(condition, "values")?,
            not_values: strings(condition, "notValues")?,
        });
    }
    let sources = alternatives(rule, "from", "source", &SOURCE, &conditions)?;
    let operations = alternatives(rule, "to", "operation", &OPERATION, &conditions)?;
    let both = match_all(&sources, Side::Source, place)
        .and_then(|ids| Ok((ids, match_all(&operations, Side::Operation, place)?)));
    Ok(match both {
        Ok((principals, permissions)) => {
            Some(json!({"permissions": permissions, "principals": principals}))
        }
        // It allows less than its author meant.
        Err(Unusable(_)) => None,
    })
}

/// Each entry of `from` or `to`, with the conditions that belong to the same side.
fn alternatives(
    rule: &Value,
    outer: &str,
    inner: &str,
    fields: &[(&str, Attribute)],
    conditions: &[Test],
) -> Result<Vec<Vec<Test>>, Malformed> {
    let side = fields[0].1.side();
    let conditions = conditions.iter().filter(|c| c.attribute.side() == side);
    let entries = list(rule, outer)?;
    if entries.is_empty() {
        return Ok(vec![conditions.cloned().collect()]);
    }
    let mut all = Vec::new();
    for entry in entries {
        let mut tests = Vec::new();
        let entry = entry.get(inner).unwrap_or(&Value::Null);
        for (field, attribute) in fields {
            tests.push(Test {
                attribute: attribute.clone(),
                values: strings(entry, field)?,
                not_values: strings(entry, &negative(field))?,
            });
        }
        tests.extend(conditions.clone().cloned());
        all.push(tests);
    }
    Ok(all)
}

/// `notPrincipals` of `principals`.
fn negative(field: &str) -> String {
    let (first, rest) = field.split_at(1);
    format!("not{}{rest}", first.to_ascii_uppercase())
}

impl Side {
    fn all(self, of: Vec<Value>) -> Value {
        match self {
            Self::Source => json!({"and_ids": {"ids": of}}),
            Self::Operation => json!({"and_rules": {"rules": of}}),
        }
    }

    fn any(self, of: Vec<Value>) -> Value {
        match self {
            Self::Source => json!({"or_ids": {"ids": of}}),
            Self::Operation => json!({"or_rules": {"rules": of}}),
        }
    }

    fn not(self, what: Value) -> Value {
        match self {
            Self::Source => json!({"not_id": what}),
            Self::Operation => json!({"not_rule": what}),
        }
    }
}

fn match_all(
    alternatives: &[Vec<Test>],
    side: Side,
    place: Place<'_>,
) -> Result<Vec<Value>, Unusable> {
    let one = |tests: &Vec<Test>| {
        let mut matchers = Vec::new();
        for test in tests {
            matchers.extend(test.values(&test.values, side, place)?);
            let not = test.values(&test.not_values, side, place)?;
            matchers.extend(not.map(|it| side.not(it)));
        }
        if matchers.is_empty() {
            matchers.push(json!({"any": true}));
        }
        Ok(side.all(matchers))
    };
    alternatives.iter().map(one).collect()
}

impl Test {
    /// One matcher for any of the values; none if there are none. A value that cannot be used ends
    /// a rule that allows; in a rule that denies it is as if it were not there.
    fn values(
        &self,
        values: &[String],
        side: Side,
        place: Place<'_>,
    ) -> Result<Option<Value>, Unusable> {
        let values = match self.attribute {
            Attribute::Principal => place.bundle.principals(values),
            Attribute::TrustDomain => place.bundle.trust_domains(values),
            _ => values.to_vec(),
        };
        if values.is_empty() {
            return Ok(None);
        }
        let tolerant = place.action != Action::Allow;
        match self.attribute.together(&values) {
            Some(Ok(matcher)) => return Ok(Some(matcher)),
            Some(Err(_)) if tolerant => return Ok(None),
            Some(Err(unusable)) => return Err(unusable),
            None => {}
        }
        let mut any = Vec::new();
        for value in &values {
            match self.attribute.single(value, place.namespace) {
                Ok(matcher) => any.push(matcher),
                Err(_) if tolerant => {}
                Err(unusable) => return Err(unusable),
            }
        }
        Ok((!any.is_empty()).then(|| side.any(any)))
    }
}

/// A list; nothing is an empty one.
pub(super) fn list<'a>(of: &'a Value, key: &str) -> Result<&'a [Value], Malformed> {
    match of.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Malformed(format!("`{key}` is not a list"))),
    }
}

fn strings(of: &Value, key: &str) -> Result<Vec<String>, Malformed> {
    let string = |item: &Value| item.as_str().map(str::to_owned);
    let all: Option<Vec<_>> = list(of, key)?.iter().map(string).collect();
    all.ok_or_else(|| Malformed(format!("`{key}` is not a list of strings")))
}

pub(super) fn text<'a>(of: &'a Value, key: &str) -> Result<&'a str, Malformed> {
    let text = of.get(key).and_then(Value::as_str);
    text.ok_or_else(|| Malformed(format!("`{key}` is missing or not a string")))
}
