//! Which proxies lag: told of each filter in each proxy.
//!
//! Against what is expected, where that is known; else against each other, where the digest that most
//! have is taken for the one meant.

use super::expected::{Expected, Lock};
use super::{InForce, Proxy, Says};
use serde::Serialize;
use std::collections::BTreeMap;

/// One filter in one proxy; or a proxy of which no more is known than why.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    pub(crate) proxy: String,
    pub(crate) filter: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) digest: Option<String>,
    pub(crate) policies: Option<usize>,
    /// The expected configuration that it is.
    pub(crate) is: Option<String>,
    pub(crate) current: bool,
    /// What is not as it should be.
    pub(crate) lags: Vec<String>,
    /// The codes by which it refused configurations since it started, and how often.
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Judges every filter of every proxy.
pub(crate) fn rows(
    proxies: &[Proxy],
    expected: Option<&[Expected]>,
    lock: Option<&Lock>,
) -> Vec<Row> {
    let most = most(proxies);
    let mut rows = Vec::new();
    for proxy in proxies {
        let alone = |why: String| Row {
            proxy: proxy.name.clone(),
            lags: vec![why],
            ..Row::default()
        };
        match &proxy.says {
            Err(why) => rows.push(alone(format!("unreachable: {why}"))),
            Ok(says) if says.in_force.is_empty() => {
                let mut row = alone("no filter has a configuration in force".to_owned());
                for ((_, code), times) in &says.refused {
                    row.refused.insert(code.clone(), *times);
                }
                rows.push(row);
            }
            Ok(says) => rows.extend(says.in_force.iter().map(|one| {
                let mut row = row(&proxy.name, one, says);
                match expected {
                    Some(expected) => against(&mut row, one, expected),
                    None => among(&mut row, one, &most),
                }
                if let Some(lock) = lock {
                    locked(&mut row, one, lock);
                }
                row.current = row.lags.is_empty();
                row
            })),
        }
    }
    rows
}

fn row(proxy: &str, one: &InForce, says: &Says) -> Row {
    let mine = || says.given.iter().filter(|given| given.filter == one.filter);
    // Of two plugins of one filter, the one that was given this configuration.
    let given = mine().find(|given| given.digest.as_ref() == Some(&one.digest));
    let refused = says.refused.iter().filter(|((f, _), _)| *f == one.filter);
    Row {
        proxy: proxy.to_owned(),
        filter: Some(one.filter.clone()),
        version: Some(one.version.clone()),
        module: given.or(mine().next()).map(|given| given.module.clone()),
        digest: Some(one.digest.clone()),
        policies: given.and_then(|given| given.policies),
        refused: refused.map(|((_, code), n)| (code.clone(), *n)).collect(),
        ..Row::default()
    }
}

fn against(row: &mut Row, one: &InForce, expected: &[Expected]) {
    let mut mine = expected
        .iter()
        .filter(|e| e.filter.is_none_or(|filter| filter == one.filter));
    match mine.clone().find(|e| e.digest == one.digest) {
        Some(found) => row.is = Some(found.place.clone()),
        None => row.lags.push(match (mine.next(), mine.next()) {
            (None, _) => format!("nothing is expected of {}", one.filter),
            (Some(only), None) => format!("not the configuration expected, {}", only.digest),
            _ => "not one of the configurations expected".to_owned(),
        }),
    }
}

/// The digest that most proxies have, of each filter; where two are had by as many, none.
fn most(proxies: &[Proxy]) -> BTreeMap<String, Option<String>> {
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for says in proxies.iter().filter_map(|proxy| proxy.says.as_ref().ok()) {
        for one in &says.in_force {
            let count = counts.entry(&one.filter).or_default().entry(&one.digest);
            let count = count.or_default();
            *count = count.saturating_add(1);
        }
    }
    let most = counts.into_iter().map(|(filter, counts)| {
        let top = counts.values().copied().max();
        let mut first = counts.iter().filter(|(_, n)| Some(**n) == top);
        let digest = match (first.next(), first.next()) {
            (Some((digest, _)), None) => Some((*digest).to_owned()),
            _ => None,
        };
        (filter.to_owned(), digest)
    });
    most.collect()
}

fn among(row: &mut Row, one: &InForce, most: &BTreeMap<String, Option<String>>) {
    match most.get(&one.filter).and_then(Option::as_ref) {
        Some(digest) if *digest == one.digest => {}
        Some(digest) => row.lags.push(format!("most proxies have {digest}")),
        None => row.lags.push("no configuration is had by most".to_owned()),
    }
}

fn locked(row: &mut Row, one: &InForce, lock: &Lock) {
    if one.version != lock.version {
        row.lags
            .push(format!("version {}, not {}", one.version, lock.version));
    }
    let module = row.module.as_deref();
    if module.and_then(|module| lock.has(&one.filter, module)) == Some(false) {
        row.lags.push("not the module of the lock file".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, InForce, Proxy, Row, Says, rows};

    fn proxy(name: &str, digest: &str) -> Proxy {
        let in_force = InForce {
            filter: "authz".to_owned(),
            version: "0.1.0".to_owned(),
            digest: digest.to_owned(),
        };
        let says = Says {
            in_force: vec![in_force],
            ..Says::default()
        };
        Proxy {
            name: name.to_owned(),
            says: Ok(says),
        }
    }

    fn lagging(rows: &[Row]) -> Vec<&str> {
        let lagging = rows.iter().filter(|row| !row.current);
        lagging.map(|row| row.proxy.as_str()).collect()
    }

    #[test]
    fn what_differs_from_most_lags() {
        let proxies = [proxy("a", "1"), proxy("b", "2"), proxy("c", "2")];
        assert_eq!(lagging(&rows(&proxies, None, None)), ["a"]);
        // Of two, neither is most: somebody has to look.
        let [one, two] = [proxy("a", "1"), proxy("b", "2")];
        assert_eq!(lagging(&rows(&[one, two], None, None)), ["a", "b"]);
    }

    #[test]
    fn what_is_expected_weighs_more_than_what_most_have() {
        let expected = [Expected {
            filter: Some("authz"),
            digest: "1".to_owned(),
            place: "policies".to_owned(),
        }];
        let proxies = [proxy("a", "1"), proxy("b", "2"), proxy("c", "2")];
        assert_eq!(lagging(&rows(&proxies, Some(&expected), None)), ["b", "c"]);
    }

    #[test]
    fn who_says_nothing_is_not_current() {
        let silent = |says| Proxy {
            name: "a".to_owned(),
            says,
        };
        let proxies = [
            silent(Err("refused".to_owned())),
            silent(Ok(Says::default())),
        ];
        assert_eq!(lagging(&rows(&proxies, None, None)), ["a", "a"]);
    }
}
