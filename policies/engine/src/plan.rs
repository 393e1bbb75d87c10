//! The attribute plan: all that a policy set can ever ask of a request.

/// What a host fetches, each once, beside what every decision needs: the caller's certificate, by
/// whose cluster decisions are counted, and the request's headers. The headers are fetched whole: `:path`,
/// `:method` and `:authority` alone would already cost more than the map (see
/// `docs/performance.md`), and forged headers could not be seen without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether the issuer of the caller's certificate is asked for: a cluster is proven by it.
    pub issuer: bool,
    /// Whether the port that the request arrived at is.
    pub port: bool,
    /// The request headers that conditions read, lower case, each once: their place is their
    /// slot.
    pub headers: Vec<Box<str>>,
}

impl Plan {
    /// The slot of a header, made where there is none.
    pub(crate) fn header(&mut self, name: &str) -> u16 {
        let found = self.headers.iter().position(|h| &**h == name);
        let slot = found.unwrap_or_else(|| {
            self.headers.push(name.into());
            self.headers.len().saturating_sub(1)
        });
        u16::try_from(slot).unwrap_or(u16::MAX)
    }
}
