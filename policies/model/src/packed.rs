//! A configuration that is packed, because as it is it would not fit a Kubernetes object.
//!
//! `{"apiVersion": …, "packed": {"encoding", "digest", "size", "data"}}`: the same JSON, deflated.
//! Whoever packs states the size and the digest of what was packed, and a filter holds the data to
//! both: it gives the unpacked text exactly the room that was stated, within its limits, and stops
//! where that is full. A small text that unpacks to gigabytes costs no more than one that is good,
//! which matters in a Wasm module, since that never gives memory back.

use crate::decode::{Problems, decode};
use crate::filter_config::{Limits, known_version, syntax};
use crate::node::{Node, Value};
use crate::record::document;
use crate::{Code, Diagnostic, document};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deserr::ValuePointerRef;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// From how many bytes on a configuration is packed: the rest of the 1.5 MB that a Kubernetes
/// object holds is for what stands around it.
pub const THRESHOLD: usize = 1_000_000;

/// The one encoding there is.
const ENCODING: &str = "deflate+base64";
/// How hard [`pack`] tries: the most that is worth its time. What is packed twice is the same twice.
const LEVEL: u8 = 9;
/// What deflate makes of one byte at the most: 258 for every two bits.
const MOST_OF_A_BYTE: usize = 1032;

document! {
    /// A configuration of which all but the `apiVersion` is packed.
    pub struct PackedConfig {
        /// `landbridge.dev/v1alpha1`.
        pub api_version: String,
        /// The whole configuration.
        pub packed: Packed,
    }

    /// A configuration's JSON, packed.
    pub struct Packed {
        /// `deflate+base64`: raw deflate (RFC 1951), in base64 with its padding.
        pub encoding: String,
        /// `sha256:` and the SHA-256 of the unpacked JSON, in lower-case hexadecimal.
        pub digest: String,
        /// How many bytes the unpacked JSON has.
        pub size: u64,
        /// The data.
        pub data: String,
    }
}

/// Packs a configuration.
pub fn pack(json: &str) -> String {
    let data = BASE64.encode(compress_to_vec(json.as_bytes(), LEVEL));
    format!(
        "{{\"apiVersion\":\"{}\",\"packed\":{{\"encoding\":\"{ENCODING}\",\"digest\":\"{}\",\"size\":{},\"data\":\"{data}\"}}}}",
        document::API_VERSION,
        sha256(json.as_bytes()),
        json.len(),
    )
}

/// The configuration's JSON: what was packed, or the text as it is where it is not packed.
pub fn unpack<'a>(json: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, Vec<Diagnostic>> {
    if !is_packed(json) {
        return Ok(Cow::Borrowed(json));
    }
    if json.len() > limits.packed {
        let message = format!(
            "the packed configuration has {} bytes, the limit is {}",
            json.len(),
            limits.packed
        );
        return Err(vec![Diagnostic::new(Code::PackedTooLarge, "", message)]);
    }
    let packed = read(json)?;
    inflate(packed, limits).map(Cow::Owned)
}

/// Whether a configuration is packed, as far as can be told before the first key that a packed one
/// does not have: one that is not packed is not read twice.
pub fn is_packed(json: &[u8]) -> bool {
    struct Peek<'a>(&'a mut bool);

    impl<'de> Visitor<'de> for Peek<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a filter's configuration")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                if key != "apiVersion" {
                    *self.0 = key == "packed";
                    return Err(A::Error::custom("that is known"));
                }
                map.next_value::<serde::de::IgnoredAny>()?;
            }
            Ok(())
        }
    }

    impl<'de> DeserializeSeed<'de> for Peek<'_> {
        type Value = ();

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    let mut packed = false;
    // What is no configuration is told by whoever reads it.
    let _ = Peek(&mut packed).deserialize(&mut serde_json::Deserializer::from_slice(json));
    packed
}

/// What is said of `packed` beside what it should hold.
pub(crate) fn beside(path: &str) -> Diagnostic {
    let message = "`packed` stands alone beside `apiVersion`, and is not packed again";
    Diagnostic::new(Code::Damaged, path, message)
        .hint("pack the whole configuration, or nothing of it")
}

fn read(json: &[u8]) -> Result<Packed, Vec<Diagnostic>> {
    let node: Node = serde_json::from_slice(json).map_err(|e| vec![syntax(&e, "")])?;
    if let Value::Map(entries) = &node.value {
        let other = |key: &&str| !["apiVersion", "packed"].contains(key);
        let others = entries.iter().map(|e| e.key.as_str()).filter(other);
        let found: Vec<Diagnostic> = others.map(beside).collect();
        if !found.is_empty() {
            return Err(found);
        }
    }
    let config: PackedConfig =
        decode(&node, ValuePointerRef::Origin).map_err(|Problems(found)| found)?;
    known_version(&config.api_version)?;
    Ok(config.packed)
}

fn inflate(packed: Packed, limits: &Limits) -> Result<Vec<u8>, Vec<Diagnostic>> {
    if packed.encoding != ENCODING {
        let message = format!("unknown encoding: `{}`", packed.encoding);
        let hint = format!("there is `{ENCODING}`");
        let unknown = Diagnostic::new(Code::Damaged, "packed.encoding", message);
        return Err(vec![unknown.hint(hint)]);
    }
    let size = usize::try_from(packed.size).unwrap_or(usize::MAX);
    if size > limits.bytes {
        let message = format!(
            "unpacked, the configuration has {} bytes, the limit is {}",
            packed.size, limits.bytes
        );
        let too_large = Diagnostic::new(Code::PackedTooLarge, "packed.size", message);
        return Err(vec![too_large]);
    }
    let data = BASE64
        .decode(packed.data)
        .map_err(|e| damaged("data", format!("no base64: {}", reason(&e))))?;
    // No room is made for what cannot come.
    if size > data.len().saturating_mul(MOST_OF_A_BYTE) {
        let message = format!("{} bytes of data never unpack to {size}", data.len());
        return Err(damaged("size", message));
    }
    let mut json = vec![0; size];
    let mut inflater: Box<DecompressorOxide> = Box::default();
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) = decompress(&mut inflater, &data, &mut json, 0, flags);
    match status {
        TINFLStatus::Done => {}
        TINFLStatus::HasMoreOutput => {
            let message = format!("the data unpacks to more than {size} bytes");
            return Err(damaged("size", message));
        }
        TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
            return Err(damaged("data", "the data ends too soon"));
        }
        _ => return Err(damaged("data", "the data is not deflated")),
    }
    if read != data.len() {
        let left = data.len().saturating_sub(read);
        let message = format!("{left} bytes of data stand behind its end");
        return Err(damaged("data", message));
    }
    if written != size {
        let message = format!("the data unpacks to {written} bytes, not to {size}");
        return Err(damaged("size", message));
    }
    let digest = sha256(&json);
    if packed.digest != digest {
        let message = format!("the data unpacks to what has the digest `{digest}`");
        return Err(damaged("digest", message));
    }
    Ok(json)
}

fn damaged(field: &str, message: impl Into<String>) -> Vec<Diagnostic> {
    let damaged = Diagnostic::new(Code::Damaged, format!("packed.{field}"), message);
    vec![damaged.hint("pack the configuration again: it is not what was packed")]
}

/// In the words of these messages: lower case.
fn reason(error: &base64::DecodeError) -> &'static str {
    match error {
        base64::DecodeError::InvalidByte(..) => "there is a byte that is none of its letters",
        base64::DecodeError::InvalidLength(_) => "its length is wrong",
        base64::DecodeError::InvalidLastSymbol { .. } => "its last letter is wrong",
        base64::DecodeError::InvalidPadding => "its padding is wrong",
    }
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
