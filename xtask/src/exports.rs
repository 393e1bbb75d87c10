//! What a module lets the proxy call.
//!
//! proxy-wasm's Rust SDK exports every callback there is, and a proxy calls every callback that is
//! exported: for a plain request those of the bodies, of the end and of the log cross into the
//! module to do nothing. A callback that is not exported is not called. So each module is left
//! with those callbacks that its `Filter` (see `filters/host`) has, and what a proxy cannot do
//! without.

use crate::{Error, Result};

/// What every filter is left with, where it is there.
const KEPT: &[&str] = &[
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "malloc",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_delete",
];

/// The section of a module that lists its exports (WebAssembly core specification, 5.5.10).
const EXPORT_SECTION: u8 = 7;
/// The magic number and the version that a module begins with.
const HEADER: usize = 8;

/// The module with the exports that every filter is left with, and these callbacks.
pub(crate) fn trim(module: &[u8], callbacks: &[&str]) -> Result<Vec<u8>> {
    let mut missing = callbacks.to_vec();
    let trimmed = trimmed(module, &mut missing)
        .ok_or_else(|| Error::new("what cargo built is not a WebAssembly module"))?;
    match missing.first() {
        None => Ok(trimmed),
        Some(name) => Err(Error::new(format!("the module has no callback `{name}`"))),
    }
}

/// Keeps the callbacks that are wanted, and leaves of them those that are not there.
fn trimmed(module: &[u8], wanted: &mut Vec<&str>) -> Option<Vec<u8>> {
    let (header, mut rest) = module.split_at_checked(HEADER)?;
    let mut out = header.to_vec();
    while let Some((id, behind)) = rest.split_first() {
        let (size, behind) = number(behind)?;
        let (body, behind) = behind.split_at_checked(size)?;
        rest = behind;
        let body = match *id {
            EXPORT_SECTION => exports(body, wanted)?,
            _ => body.to_vec(),
        };
        out.push(*id);
        push_number(&mut out, body.len());
        out.extend(body);
    }
    Some(out)
}

fn exports(section: &[u8], wanted: &mut Vec<&str>) -> Option<Vec<u8>> {
    let (count, mut rest) = number(section)?;
    let mut kept = Vec::new();
    let mut entries = Vec::new();
    for _ in 0..count {
        let start = rest;
        let (length, behind) = number(rest)?;
        let (name, behind) = behind.split_at_checked(length)?;
        let (_kind, behind) = behind.split_first()?;
        let (_index, behind) = number(behind)?;
        let entry = start.get(..start.len() - behind.len())?;
        let before = wanted.len();
        wanted.retain(|wanted| wanted.as_bytes() != name);
        if wanted.len() < before || KEPT.iter().any(|kept| kept.as_bytes() == name) {
            kept.push(name);
            entries.extend_from_slice(entry);
        }
        rest = behind;
    }
    let mut out = Vec::new();
    push_number(&mut out, kept.len());
    out.extend(entries);
    Some(out)
}

/// A number in LEB128 (5.2.2), and what is behind it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

fn push_number(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(exports: &[&str]) -> Vec<u8> {
        let mut section = Vec::new();
        push_number(&mut section, exports.len());
        for name in exports {
            push_number(&mut section, name.len());
            section.extend(name.bytes());
            section.extend([0, 1]);
        }
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 1, 0]);
        module.push(EXPORT_SECTION);
        push_number(&mut module, section.len());
        module.extend(section);
        module.extend([10, 1, 0]);
        module
    }

    #[test]
    fn what_a_filter_does_not_have_is_not_exported() {
        let all = module(&[
            "memory",
            "proxy_on_log",
            "proxy_on_request_headers",
            "proxy_on_done",
        ]);
        let kept = module(&["memory", "proxy_on_request_headers"]);
        assert_eq!(trim(&all, &[]).unwrap(), kept);
        assert_eq!(trim(&kept, &[]).unwrap(), kept);
    }

    #[test]
    fn what_a_filter_has_is_exported() {
        let all = module(&["memory", "proxy_on_log", "proxy_on_done"]);
        let kept = module(&["memory", "proxy_on_log"]);
        assert_eq!(trim(&all, &["proxy_on_log"]).unwrap(), kept);
        assert!(trim(&all, &["proxy_on_lock"]).is_err(), "no such callback");
    }

    #[test]
    fn numbers_of_any_length_come_back() {
        for value in [0, 1, 127, 128, 300, 16_384, 600_000] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, value);
            assert_eq!(number(&bytes), Some((value, &[][..])));
        }
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        for bytes in [
            &b""[..],
            b"\0asm",
            b"\0asm\x01\0\0\0\x07\xff",
            b"\0asm\x01\0\0\0\x07\x05\x09",
        ] {
            assert!(trim(bytes, &[]).is_err(), "{bytes:?}");
        }
    }
}
