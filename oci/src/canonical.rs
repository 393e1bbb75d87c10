//! JSON that is the same whenever it says the same: keys sorted, no spaces.

use olpc_cjson::CanonicalFormatter;
use serde::Serialize;
use serde_json::Serializer;

use crate::{Error, Result};

pub(crate) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut out = Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    value
        .serialize(&mut out)
        .map_err(|why| Error::new(format!("cannot write JSON: {why}")))?;
    Ok(bytes)
}
