//! A filter's module, as it was built.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use crate::{Digest, Error, Result};

/// The most that Istio's agent takes.
pub(crate) const LARGEST: u64 = 256 << 20;

/// How every core module begins: the magic number and version 1. A component has another version,
/// and no Envoy loads it.
const MAGIC: &[u8; 8] = b"\0asm\x01\0\0\0";

/// A module and the name of its filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The filter's short name, such as `authz`.
    pub name: String,
    /// The module itself.
    pub bytes: Bytes,
}

impl Module {
    /// The module of a filter, `NAME.wasm` in a folder.
    pub fn read(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("{name}.wasm"));
        let bytes = fs::read(&path).map_err(|why| {
            Error::file("read", &path)(why)
                .hint("build the filters with `cargo xtask build`, or say with `--modules` where they are")
        })?;
        check(&bytes).map_err(|why| Error::new(format!("`{}` is {why}", path.display())))?;
        Ok(Self {
            name: name.to_owned(),
            bytes: bytes.into(),
        })
    }

    /// The digest of the module itself, whatever it is wrapped in.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// Whether this is a module that Envoy could load; says what it is if not.
pub(crate) fn check(bytes: &[u8]) -> std::result::Result<(), &'static str> {
    if bytes.starts_with(MAGIC) {
        Ok(())
    } else if bytes.starts_with(b"\0asm") {
        Err("no core Wasm module: Envoy loads no components")
    } else {
        Err("no Wasm module")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_core_modules_are_modules() {
        assert!(check(b"\0asm\x01\0\0\0 and more").is_ok());
        for (bytes, said) in [
            (&b""[..], "no Wasm module"),
            (b"\0as", "no Wasm module"),
            (b"#!/bin/sh", "no Wasm module"),
            (b"\0asm\x0d\0\x01\0", "components"),
        ] {
            assert!(check(bytes).unwrap_err().contains(said));
        }
    }
}
