//! The metrics of filters, in either of the forms that they are had in.
//!
//! In Prometheus' form the tags are labels, if the proxy was told of the tags. In Envoy's own
//! (`/stats`) they stand in the name, `landbridge.config.filter=.=authz;.;digest=.=…;.;info`, told
//! of or not: so that one is asked for where there is a choice.

use super::{InForce, Says};

/// Reads a text that was scraped; lines of other metrics are passed over.
pub(crate) fn read(text: &str) -> Says {
    let mut says = Says::default();
    for line in text.lines() {
        if let Some(sample) = prometheus(line).or_else(|| envoy(line)) {
            take(&mut says, &sample);
        }
    }
    says.in_force.sort();
    says.in_force.dedup();
    says
}

/// A metric of Landbridge's about configurations.
pub(crate) struct Sample {
    /// `info`, `rejected_total` and others.
    pub(crate) what: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) value: f64,
}

impl Sample {
    fn tag(&self, key: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        tags.find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// Adds what a metric says.
pub(crate) fn take(says: &mut Says, sample: &Sample) {
    // A configuration that is no longer in force has a gauge of 0.
    if sample.value <= 0.0 {
        return;
    }
    let Some(filter) = sample.tag("filter") else {
        return;
    };
    match sample.what.as_str() {
        "info" => says.in_force.push(InForce {
            filter: filter.to_owned(),
            version: sample.tag("version").unwrap_or("?").to_owned(),
            digest: sample.tag("digest").unwrap_or("?").to_owned(),
        }),
        "rejected_total" => {
            let code = sample.tag("code").unwrap_or("?").to_owned();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a counter, above 0"
            )]
            let times = sample.value as u64;
            let key = (filter.to_owned(), code);
            let sum = says.refused.entry(key).or_default();
            *sum = sum.saturating_add(times);
        }
        _ => {}
    }
}

/// `landbridge_config_info{filter="authz",digest="…"} 1`.
fn prometheus(line: &str) -> Option<Sample> {
    let (name, rest) = line.split_once('{')?;
    let (_, what) = name.split_once("landbridge_config_")?;
    let (tags, value) = rest.rsplit_once('}')?;
    let value = value.split_whitespace().next()?.parse().ok()?;
    let tags = tags.split("\",").filter_map(|tag| {
        let (key, value) = tag.trim_start_matches(',').split_once("=\"")?;
        Some((key.to_owned(), value.trim_end_matches('"').to_owned()))
    });
    Some(Sample {
        what: what.to_owned(),
        tags: tags.collect(),
        value,
    })
}

/// `wasmcustom.landbridge.config.filter=.=authz;.;digest=.=…;.;info: 1`, or as modules wrote it that are
/// older than Istio's form of it: `filter.=.authz;.digest.=.…;.info`.
fn envoy(line: &str) -> Option<Sample> {
    let (name, value) = line.rsplit_once(": ")?;
    let (_, name) = name.split_once("landbridge.config.")?;
    let (is, end) = match name.contains("=.=") {
        true => ("=.=", ";.;"),
        false => (".=.", ";."),
    };
    let (tags, what) = name.rsplit_once(end)?;
    let tags = tags.split(end).filter_map(|tag| {
        let (key, value) = tag.split_once(is)?;
        Some((key.to_owned(), value.to_owned()))
    });
    Some(Sample {
        what: what.to_owned(),
        tags: tags.collect(),
        value: value.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::fleet::InForce;

    #[test]
    fn both_forms_say_the_same() {
        let prometheus = r#"
# TYPE landbridge_config_info gauge
landbridge_config_info{filter="authz",digest="00112233445566aa",version="0.1.0"} 1
landbridge_config_info{filter="authz",digest="ffffffffffffffff",version="0.1.0"} 0
landbridge_config_rejected_total{filter="authz",code="LB0004"} 3
landbridge_authz_requests_total{policy="a{b}",decision="allow"} 7
"#;
        let envoy = "
wasmcustom.landbridge.config.filter=.=authz;.;digest=.=00112233445566aa;.;version=.=0.1.0;.;info: 1
wasmcustom.landbridge.config.filter=.=authz;.;digest=.=ffffffffffffffff;.;version=.=0.1.0;.;info: 0
wasmcustom.landbridge.config.filter=.=authz;.;code=.=LB0004;.;rejected_total: 3
wasmcustom.landbridge.config.filter=.=authz;.;load_milliseconds: 12
";
        let older = envoy.replace("=.=", ".=.").replace(";.;", ";.");
        let says = read(prometheus);
        assert_eq!(says, read(envoy));
        assert_eq!(says, read(&older));
        let in_force = InForce {
            filter: "authz".to_owned(),
            version: "0.1.0".to_owned(),
            digest: "00112233445566aa".to_owned(),
        };
        assert_eq!(says.in_force, [in_force]);
        let refused: Vec<_> = says.refused.into_iter().collect();
        let key = ("authz".to_owned(), "LB0004".to_owned());
        assert_eq!(refused, [(key, 3)]);
    }
}
