//! The layer that Istio's agent takes: a gzipped tar that holds `plugin.wasm` and nothing else.
//!
//! Packing leaves out whatever differs between two runs: times, owners, the name and the system in
//! the gzip header. Unpacking believes nothing, sizes least of all: a layer of a few bytes can say that it
//! is as large as the disk.

use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};

use crate::module::LARGEST;
use crate::{Error, Result};

/// What Istio's agent looks for.
const NAME: &str = "plugin.wasm";
/// What RFC 1952 has for a system that is not known.
const NO_SYSTEM: u8 = 255;

/// The layer, and the tar that is in it.
pub(crate) struct Layer {
    pub(crate) packed: Vec<u8>,
    pub(crate) tar: Vec<u8>,
}

pub(crate) fn pack(module: &[u8]) -> Result<Layer> {
    let failed = |why: std::io::Error| Error::new(format!("cannot pack a layer: {why}"));
    let mut header = tar::Header::new_ustar();
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, NAME, module).map_err(failed)?;
    let tar = tar.into_inner().map_err(failed)?;
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(NO_SYSTEM)
        .write(Vec::new(), Compression::best());
    gzip.write_all(&tar).map_err(failed)?;
    let packed = gzip.finish().map_err(failed)?;
    Ok(Layer { packed, tar })
}

/// The module in a layer.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>> {
    let damaged = |why: std::io::Error| Error::new(format!("it is no gzipped tar: {why}"));
    // Headers and padding are room beyond the module.
    let limit = LARGEST.saturating_add(1 << 20);
    let unzipped = MultiGzDecoder::new(packed).take(limit);
    let mut archive = tar::Archive::new(unzipped);
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let is_it = entry
            .path()
            .is_ok_and(|path| path.file_name().is_some_and(|name| name == NAME));
        if !is_it || !entry.header().entry_type().is_file() {
            continue;
        }
        let mut module = Vec::new();
        let size = entry.size();
        if size > LARGEST {
            return Err(Error::new(format!(
                "its `{NAME}` has {size} bytes, and the most is {LARGEST}"
            )));
        }
        entry
            .take(LARGEST)
            .read_to_end(&mut module)
            .map_err(damaged)?;
        if module.len() as u64 != size {
            return Err(Error::new(format!("its `{NAME}` ends early")));
        }
        return Ok(module);
    }
    Err(Error::new(format!("it holds no `{NAME}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_says_nothing_of_the_machine() {
        let packed = pack(b"module").unwrap().packed;
        // magic, deflate, no flags, no time, the best compression, no system
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }

    #[test]
    fn a_layer_without_a_module_is_an_error() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        tar.append_data(&mut header, "other.wasm", &b"x"[..])
            .unwrap();
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
        gzip.write_all(&tar.into_inner().unwrap()).unwrap();
        let error = unpack(&gzip.finish().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "it holds no `plugin.wasm`");
    }

    #[test]
    fn what_says_that_it_is_huge_is_not_read() {
        let mut header = tar::Header::new_ustar();
        header.set_path(NAME).unwrap();
        header.set_size(LARGEST + 1);
        header.set_cksum();
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
        gzip.write_all(header.as_bytes()).unwrap();
        let error = unpack(&gzip.finish().unwrap()).unwrap_err();
        assert!(error.to_string().contains("the most is"), "{error}");
    }

    #[test]
    fn a_layer_that_ends_early_is_an_error() {
        let module: Vec<u8> = (0..100_000_u32)
            .map(|n| (n.wrapping_mul(n) % 251) as u8)
            .collect();
        let packed = pack(&module).unwrap().packed;
        assert!(unpack(&packed[..packed.len() / 2]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(module in prop::collection::vec(any::<u8>(), 0..5000)) {
            let layer = pack(&module).unwrap();
            prop_assert_eq!(unpack(&layer.packed).unwrap(), module);
        }

        #[test]
        fn any_bytes_are_a_layer_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = unpack(&bytes);
        }
    }
}
