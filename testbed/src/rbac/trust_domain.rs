//! Trust domains that are one to a mesh: a principal in one of them stands for the same principal
//! in each.

/// The mesh's own trust domain, and then its aliases.
#[derive(Debug, Clone)]
pub(super) struct Bundle(Vec<String>);

/// What stands for the mesh's own trust domain, whatever that is called.
const POINTER: &str = "cluster.local";

impl Bundle {
    pub(super) fn new(trust_domain: &str, aliases: &[String]) -> Self {
        let own = std::iter::once(trust_domain.to_owned());
        Self(own.chain(aliases.iter().cloned()).collect())
    }

    /// Each principal in every trust domain that its own stands for.
    pub(super) fn principals(&self, principals: &[String]) -> Vec<String> {
        principals.iter().flat_map(|p| self.principal(p)).collect()
    }

    fn principal(&self, principal: &str) -> Vec<String> {
        // Only `<trust domain>/ns/<namespace>/sa/<service account>` is looked at.
        let known = principal.split_once('/').filter(|(domain, rest)| {
            rest.split('/').count() == 4
                && *domain != "*"
                && (*domain == POINTER || self.0.iter().any(|own| are_akin(domain, own)))
        });
        let Some((domain, rest)) = known else {
            return vec![principal.to_owned()];
        };
        let mut found = Vec::new();
        for own in &self.0 {
            let one = match domain.strip_prefix('*') {
                Some(end) if own.ends_with(end) => principal.to_owned(),
                _ => format!("{own}/{rest}"),
            };
            if !found.contains(&one) {
                found.push(one);
            }
        }
        found
    }

    /// Each trust domain with those that are one with it. Here `cluster.local` is a name like any.
    pub(super) fn trust_domains(&self, domains: &[String]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for domain in domains {
            let all = if self.0.contains(domain) {
                self.0.clone()
            } else {
                vec![domain.clone()]
            };
            for one in all {
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        found
    }
}

/// Whether two trust domains, either of which may have a `*` at an end, can be the same.
fn are_akin(one: &str, other: &str) -> bool {
    let fits = |text: &str, pattern: &str| {
        pattern
            .strip_prefix('*')
            .is_some_and(|end| text.ends_with(end))
            || pattern
                .strip_suffix('*')
                .is_some_and(|start| text.starts_with(start))
    };
    one == other || other == "*" || fits(one, other) || fits(other, one)
}

#[cfg(test)]
mod tests {
    use super::Bundle;

    fn bundle() -> Bundle {
        Bundle::new("new-td", &["old-td".to_owned(), "other".to_owned()])
    }

    #[test]
    fn a_principal_of_one_trust_domain_is_one_of_all() {
        let all = |principal: &str| bundle().principals(&[principal.to_owned()]);
        let spread = ["new-td/ns/a/sa/b", "old-td/ns/a/sa/b", "other/ns/a/sa/b"];
        assert_eq!(all("old-td/ns/a/sa/b"), spread);
        assert_eq!(all("cluster.local/ns/a/sa/b"), spread);
        assert_eq!(all("*-td/ns/a/sa/b"), ["*-td/ns/a/sa/b", "other/ns/a/sa/b"]);
        // A `*` at the end is spread, but does not stay.
        assert_eq!(all("old*/ns/a/sa/b"), spread);
        for alone in [
            "stranger/ns/a/sa/b",
            "*/ns/a/sa/b",
            "old-td/ns/a/sa/b/c",
            "old-td/*",
            "*",
        ] {
            assert_eq!(all(alone), [alone]);
        }
    }

    #[test]
    fn a_trust_domain_is_spread_where_it_is_named_in_full() {
        let all = |domain: &str| bundle().trust_domains(&[domain.to_owned()]);
        assert_eq!(all("old-td"), ["new-td", "old-td", "other"]);
        assert_eq!(all("*-td"), ["*-td"]);
        assert_eq!(all("cluster.local"), ["cluster.local"]);
    }
}
