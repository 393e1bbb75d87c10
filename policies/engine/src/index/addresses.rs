//! Rules by a block of addresses: a request's address is looked up once for each length of prefix
//! that occurs.

use super::{Lists, Ordinal, push};
use hashbrown::HashMap;
use landbridge_model::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

#[derive(Debug, Default)]
pub(super) struct AddressIndex {
    by_block: HashMap<IpNet, Vec<Ordinal>>,
    /// The lengths of the blocks, those of IPv4 and those of IPv6 by themselves.
    lengths: BTreeSet<(bool, u8)>,
    all: Vec<Ordinal>,
}

impl AddressIndex {
    pub(super) fn file(&mut self, block: IpNet, rule: Ordinal) {
        push(&mut self.all, rule);
        self.lengths
            .insert((is_v6(&block.addr()), block.prefix_len()));
        push(self.by_block.entry(block.trunc()).or_default(), rule);
    }

    pub(super) fn all(&self) -> &[Ordinal] {
        &self.all
    }

    pub(super) fn find<'a>(&'a self, address: IpAddr, lists: &mut Lists<'a>) {
        let family = is_v6(&address);
        for (_, length) in self.lengths.range((family, 0)..=(family, u8::MAX)) {
            let block = IpNet::new(address, *length).ok().map(|block| block.trunc());
            let found = block.and_then(|block| self.by_block.get(&block));
            lists.extend(found);
        }
    }
}

fn is_v6(address: &IpAddr) -> bool {
    address.is_ipv6()
}
