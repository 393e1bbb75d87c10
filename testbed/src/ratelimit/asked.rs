//! What a rate-limit service was asked, for tests to look at.

use std::time::Duration;

use tokio::time::Instant;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// When it came.
    pub at: Instant,
    /// Its domain.
    pub domain: String,
    /// Its descriptors.
    pub descriptors: Vec<Descriptor>,
}

/// One descriptor of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Its keys and values.
    pub entries: Vec<(String, String)>,
    /// The limit it brought along: so many, in so long.
    pub limit: Option<(u32, Duration)>,
    /// The hits it asked for.
    pub hits: u64,
    /// Whether they were granted; none if it was not judged, because the service was not well.
    pub granted: Option<bool>,
}

impl Descriptor {
    /// The value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        let mut entries = self.entries.iter();
        let (_, value) = entries.find(|(known, _)| known == key)?;
        Some(value)
    }
}
