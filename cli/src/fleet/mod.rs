//! What the proxies of a mesh say they run, however they are asked.
//!
//! Each filter tells by a metric which version it is and which configuration is in force in it
//! (`landbridge_config_info`); that is asked of Envoy's admin interface, of a Prometheus that
//! scrapes it, or of a text that someone scraped before. Only the admin interface also tells which
//! module an Envoy was given, so that alone is where it is looked for.

pub(crate) mod ask;
mod dump;
pub(crate) mod expected;
mod scrape;
pub(crate) mod verdict;

use std::collections::BTreeMap;

/// A proxy, and what it says or why it says nothing.
pub(crate) struct Proxy {
    pub(crate) name: String,
    pub(crate) says: Result<Says, String>,
}

/// What a proxy says of all its Landbridge filters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Says {
    pub(crate) in_force: Vec<InForce>,
    /// How often each filter refused a configuration, by the code that it told.
    pub(crate) refused: BTreeMap<(String, String), u64>,
    /// What Envoy was given, where its admin interface was asked.
    pub(crate) given: Vec<Given>,
}

/// A configuration in force in a filter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct InForce {
    pub(crate) filter: String,
    pub(crate) version: String,
    pub(crate) digest: String,
}

/// A filter as Envoy was given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) filter: String,
    /// `sha256:…` where that is known, and the file's name where it is not.
    pub(crate) module: String,
    /// What the filter calls the configuration, where it can be read.
    pub(crate) digest: Option<String>,
    /// How many policies it has.
    pub(crate) policies: Option<usize>,
}
