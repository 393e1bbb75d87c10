//! Packed configurations: what comes out is what was packed, or nothing does.

use super::LIMITS;
use landbridge_model::packed::{is_packed, pack, unpack};

/// The bytes as a packed configuration; and as one that is packed and then has a byte changed:
/// the first two bytes say which, the third what it becomes.
pub fn packed(bytes: &[u8]) {
    match unpack(bytes, &LIMITS) {
        Ok(json) if is_packed(bytes) => {
            assert!(json.len() <= LIMITS.bytes);
            assert!(bytes.len() <= LIMITS.packed);
            if let Ok(text) = std::str::from_utf8(&json) {
                whole(text);
            }
        }
        Ok(json) => assert_eq!(json, bytes),
        Err(found) => assert!(!found.is_empty() && found.iter().all(|d| d.is_error())),
    }
    let [high, low, byte, rest @ ..] = bytes else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let mut damaged = whole(text).into_bytes();
    let at = usize::from(u16::from_be_bytes([*high, *low])) % damaged.len();
    damaged[at] = *byte;
    if !is_packed(&damaged) {
        return;
    }
    if let Ok(json) = unpack(&damaged, &LIMITS) {
        assert_eq!(json, text.as_bytes());
    }
}

/// A text packed, and that it comes out again where it is within the limits.
fn whole(text: &str) -> String {
    let packed = pack(text);
    match unpack(packed.as_bytes(), &LIMITS) {
        Ok(json) => assert_eq!(json, text.as_bytes()),
        Err(found) => {
            let large = text.len() > LIMITS.bytes || packed.len() > LIMITS.packed;
            assert!(large, "{found:#?}");
        }
    }
    packed
}
