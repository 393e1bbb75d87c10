//! The attribute plan: all that a policy set can ever ask of a request.

/// What a host fetches, each once, beside what every decision needs: the caller's certificate, by
/// whose cluster decisions are counted, and the request's headers. The headers are fetched whole: `:path`,
/// `:method` and `:authority` alone would already cost more than the map (see
/// `docs/performance.md`), and forged headers could not be seen without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether the issuer of the caller's certificate is asked for, also of one that only the
    /// filter state knows: a cluster is proven by it.
    pub issuer: bool,
    /// Whether the caller's SPIFFE ID is asked for in the filter state, where there is no
    /// certificate.
    pub peer_principal: bool,
    /// Whether the port that the request arrived at is.
    pub port: bool,
    /// Whether the address that the connection came from is.
    pub source_ip: bool,
    /// Whether the client's address, as forwarded, is.
    pub remote_ip: bool,
    /// Whether the address that the connection came to is.
    pub destination_ip: bool,
    /// Whether the server name in TLS is.
    pub sni: bool,
    /// Whether the cluster that the request is routed to is, which names a waypoint's service.
    pub service: bool,
    /// Whether the time is.
    pub time: bool,
    /// What other filters keep of the request, each once: its place is its slot. Where there is
    /// any, all dynamic metadata is asked for.
    pub metadata: Vec<MetadataPath>,
    /// The request headers that conditions read, lower case, each once: their place is their
    /// slot.
    pub headers: Vec<Box<str>>,
    /// Whether a match looks at the authority as it came.
    pub(crate) authority: bool,
    /// Whether a match looks for the namespaces in the peer's URI.
    pub(crate) peer_namespaces: bool,
}

/// Where in the dynamic metadata a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataPath {
    /// The filter that keeps it.
    pub filter: Box<str>,
    /// The keys, outermost first.
    pub keys: Box<[Box<str>]>,
}

impl Plan {
    /// The slot of a header, made where there is none.
    pub(crate) fn header(&mut self, name: &str) -> u16 {
        slot(&mut self.headers, |h| **h == *name, || name.into())
    }

    /// The slot of what a filter keeps, made where there is none.
    pub(crate) fn metadata<'k>(
        &mut self,
        filter: &str,
        keys: impl Iterator<Item = &'k str>,
    ) -> u16 {
        let path = MetadataPath {
            filter: filter.into(),
            keys: keys.map(Box::from).collect(),
        };
        slot(&mut self.metadata, |known| *known == path, || path.clone())
    }
}

fn slot<T>(list: &mut Vec<T>, is_it: impl FnMut(&T) -> bool, make: impl FnOnce() -> T) -> u16 {
    let found = list.iter().position(is_it);
    let slot = found.unwrap_or_else(|| {
        list.push(make());
        list.len().saturating_sub(1)
    });
    u16::try_from(slot).unwrap_or(u16::MAX)
}
