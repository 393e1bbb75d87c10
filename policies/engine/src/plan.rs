//! The attribute plan: all that a policy set can ever ask of a request.

/// What a host fetches, each once, beside what every decision needs: the caller's certificate, by
/// whose cluster decisions are counted, and the request's headers. The headers are fetched whole: `:path`,
/// `:method` and `:authority` alone would already cost more than the map (see
/// `docs/performance.md`), and forged headers could not be seen without it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is asked for or not.
    pub needs: Needs,
    /// What other filters keep of the request, each once: its place is its slot. Where there is
    /// any, all dynamic metadata is asked for.
    pub metadata: Vec<MetadataPath>,
    /// The request headers that conditions read, lower case, each once: their place is their
    /// slot.
    pub headers: Vec<Box<str>>,
    /// The slots that were asked for since this was taken, in order.
    touched: Vec<Slot>,
}

/// What of a request is asked for, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
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
    /// Whether a match looks at the authority as it came.
    pub(crate) authority: bool,
    /// Whether a match looks for the namespaces in the peer's URI.
    pub(crate) peer_namespaces: bool,
}

/// A slot of the plan, and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Header(u16, Box<str>),
    Metadata(u16, MetadataPath),
}

/// What one policy asks of a request, with the slots that it was compiled for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    needs: Needs,
    slots: Vec<Slot>,
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
        let slot = slot(&mut self.headers, |h| **h == *name, || name.into());
        self.touched.push(Slot::Header(slot, name.into()));
        slot
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
        let slot = slot(&mut self.metadata, |known| *known == path, || path.clone());
        self.touched.push(Slot::Metadata(slot, path));
        slot
    }

    /// What compiling asks for, as its own share.
    pub(crate) fn share<T>(&mut self, compile: impl FnOnce(&mut Self) -> T) -> (T, Share) {
        let others = std::mem::take(&mut self.needs);
        self.touched.clear();
        let compiled = compile(self);
        let needs = std::mem::replace(&mut self.needs, others);
        self.needs.add(needs);
        let slots = std::mem::take(&mut self.touched);
        (compiled, Share { needs, slots })
    }

    /// Takes in what was compiled for another plan; `false`, where its slots are others here. What
    /// it then asks for is here all the same, as compiling it anew will ask for it.
    pub(crate) fn take_in(&mut self, share: &Share) -> bool {
        let mut same = true;
        for slot in &share.slots {
            same &= match slot {
                Slot::Header(slot, name) => self.header(name) == *slot,
                Slot::Metadata(slot, path) => {
                    self.metadata(&path.filter, path.keys.iter().map(|key| &**key)) == *slot
                }
            };
        }
        self.touched.clear();
        if same {
            self.needs.add(share.needs);
        }
        same
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

impl Needs {
    fn add(&mut self, other: Self) {
        self.issuer |= other.issuer;
        self.peer_principal |= other.peer_principal;
        self.port |= other.port;
        self.source_ip |= other.source_ip;
        self.remote_ip |= other.remote_ip;
        self.destination_ip |= other.destination_ip;
        self.sni |= other.sni;
        self.service |= other.service;
        self.time |= other.time;
        self.authority |= other.authority;
        self.peer_namespaces |= other.peer_namespaces;
    }
}
