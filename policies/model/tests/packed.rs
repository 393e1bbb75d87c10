//! A configuration that is packed: what was packed comes out, and nothing else ever does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use landbridge_model::{Diagnostic, Limits, RawConfig, packed};
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CONFIG: &str = r#"{"apiVersion":"landbridge.dev/v1alpha1","mesh":{"regions":[{"name":"r","jurisdiction":"J"}],"clusters":[{"name":"c","identity":{"trustDomains":["t"]},"region":"r"}]},"policies":[]}"#;

/// The fields of `packed`, to be damaged.
fn fields() -> Value {
    serde_json::from_str::<Value>(&packed::pack(CONFIG)).unwrap()["packed"].take()
}

fn with(fields: &Value) -> Value {
    json!({"apiVersion": "landbridge.dev/v1alpha1", "packed": fields})
}

fn refused(config: &str, limits: &Limits) -> Vec<Diagnostic> {
    match packed::unpack(config.as_bytes(), limits) {
        Err(found) => found,
        Ok(_) => panic!("{config} is taken"),
    }
}

/// `code path: message`, of each finding.
fn told(config: &Value) -> Vec<String> {
    let found = refused(&config.to_string(), &Limits::default());
    let line = |d: &Diagnostic| format!("{} {}: {}", d.code, d.path, d.message);
    found.iter().map(line).collect()
}

/// What is said where one field holds something else.
fn told_with(field: &str, value: Value) -> Vec<String> {
    let mut fields = fields();
    fields[field] = value;
    told(&with(&fields))
}

/// The data, deflated or not, in base64.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn what_was_packed_is_a_configuration_again() {
    let text = packed::pack(CONFIG);
    assert!(packed::is_packed(text.as_bytes()));
    let json = packed::unpack(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(json, CONFIG.as_bytes());
    assert!(RawConfig::read(&json, &Limits::default()).is_ok());
    // Packed, it is none.
    let found = RawConfig::read(text.as_bytes(), &Limits::default());
    assert_eq!(found.err().unwrap()[0].code.as_str(), "LB0004");
}

#[test]
fn what_is_not_packed_stays_as_it_is() {
    for json in [CONFIG, "", "{", "[]", "nonsense", r#"{"apiVersion":1"#] {
        let same = packed::unpack(json.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(same, json.as_bytes());
    }
}

#[test]
fn a_proxy_may_be_given_its_keys_in_another_order_and_its_size_as_a_double() {
    let mut text = packed::pack(CONFIG);
    let size = format!("\"size\":{}", CONFIG.len());
    text = text.replace(&size, &format!("{size}.0"));
    text = text.replace(
        r#"{"apiVersion":"landbridge.dev/v1alpha1","packed""#,
        r#"{"packed""#,
    );
    text.pop();
    text.push_str(r#","apiVersion":"landbridge.dev/v1alpha1"}"#);
    let json = packed::unpack(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(json, CONFIG.as_bytes());
}

#[test]
fn every_damage_is_told_where_it_is() {
    let deflated = compress_to_vec(CONFIG.as_bytes(), 9);
    let cut = &deflated[..deflated.len() / 2];
    let longer = [deflated.as_slice(), b"abc"].concat();
    let size = CONFIG.len();
    for (field, value, expected) in [
        ("encoding", json!("zstd"), "LB0004 packed.encoding: unknown encoding: `zstd`".to_owned()),
        (
            "data",
            json!("*"),
            "LB0004 packed.data: no base64: there is a byte that is none of its letters".to_owned(),
        ),
        ("data", json!(base64(cut)), "LB0004 packed.data: the data ends too soon".to_owned()),
        (
            "data",
            json!(base64(&longer)),
            "LB0004 packed.data: 3 bytes of data stand behind its end".to_owned(),
        ),
        (
            "data",
            json!(base64(&[0xff; 200])),
            "LB0004 packed.data: the data is not deflated".to_owned(),
        ),
        (
            "data",
            json!(""),
            format!("LB0004 packed.size: 0 bytes of data never unpack to {size}"),
        ),
        (
            "size",
            json!(size + 1),
            format!("LB0004 packed.size: the data unpacks to {size} bytes, not to {}", size + 1),
        ),
        (
            "size",
            json!(size - 1),
            format!("LB0004 packed.size: the data unpacks to more than {} bytes", size - 1),
        ),
        (
            "size",
            json!(8 << 20),
            format!(
                "LB0004 packed.size: {} bytes of data never unpack to 8388608",
                deflated.len()
            ),
        ),
        (
            "size",
            json!((8 << 20) + 1),
            "LB0404 packed.size: unpacked, the configuration has 8388609 bytes, the limit is 8388608"
                .to_owned(),
        ),
        (
            "size",
            json!(u64::MAX),
            format!(
                "LB0404 packed.size: unpacked, the configuration has {} bytes, the limit is 8388608",
                u64::MAX
            ),
        ),
        (
            "digest",
            json!("sha256:00"),
            format!(
                "LB0004 packed.digest: the data unpacks to what has the digest `{}`",
                fields()["digest"].as_str().unwrap()
            ),
        ),
        ("size", json!("7"), "LB0102 packed.size: expected a whole number, got text".to_owned()),
        ("more", json!(1), "LB0101 packed.more: unknown field `more`".to_owned()),
    ] {
        assert_eq!(told_with(field, value), [expected], "{field}");
    }
}

#[test]
fn a_field_that_is_missing_is_told() {
    for field in ["encoding", "digest", "size", "data"] {
        let mut fields = fields();
        fields.as_object_mut().unwrap().remove(field);
        let told = told(&with(&fields));
        assert!(told[0].starts_with("LB0103 packed"), "{field}: {told:#?}");
    }
}

#[test]
fn packed_stands_alone() {
    // Told by either reader, whatever comes first.
    let mut config = with(&fields());
    config["policies"] = json!([]);
    let text = config.to_string();
    assert!(packed::is_packed(text.as_bytes()), "{text}");
    assert!(told(&config)[0].starts_with("LB0004 policies: "));
    let text = CONFIG.replace(r#""policies":[]"#, &format!(r#""packed":{}"#, fields()));
    assert!(!packed::is_packed(text.as_bytes()));
    let found = RawConfig::read(text.as_bytes(), &Limits::default());
    assert!(
        found.err().unwrap()[0]
            .to_string()
            .contains("[LB0004] at packed")
    );
}

#[test]
fn nothing_is_packed_twice() {
    let twice = packed::pack(&packed::pack(CONFIG));
    let once = packed::unpack(twice.as_bytes(), &Limits::default()).unwrap();
    let found = RawConfig::read(&once, &Limits::default()).err().unwrap();
    assert_eq!(found[0].code.as_str(), "LB0004");
}

#[test]
fn another_version_is_refused() {
    let text = packed::pack(CONFIG).replacen("v1alpha1", "v9", 1);
    let found = refused(&text, &Limits::default());
    assert_eq!(found[0].code.as_str(), "LB0107");
}

#[test]
fn limits_hold_for_what_is_packed_and_for_what_is_unpacked() {
    let text = packed::pack(CONFIG);
    let exact = Limits {
        packed: text.len(),
        bytes: CONFIG.len(),
        ..Limits::default()
    };
    assert!(packed::unpack(text.as_bytes(), &exact).is_ok());
    let (packed, bytes) = (text.len() - 1, CONFIG.len() - 1);
    for smaller in [Limits { packed, ..exact }, Limits { bytes, ..exact }] {
        let found = refused(&text, &smaller);
        assert_eq!(found[0].code.as_str(), "LB0404", "{found:#?}");
    }
}

#[test]
fn a_bomb_is_put_out_where_its_stated_size_ends() {
    // 128 MiB in less than one: what a filter has no room for.
    let bomb = base64(&compress_to_vec(&vec![b' '; 128 << 20], 1));
    let start = Instant::now();
    let mut fields = fields();
    fields["data"] = json!(bomb);
    let found = told(&with(&fields));
    let size = CONFIG.len();
    assert_eq!(
        found,
        [format!(
            "LB0004 packed.size: the data unpacks to more than {size} bytes"
        )]
    );
    assert!(start.elapsed() < Duration::from_secs(1));
}

proptest! {
    #[test]
    fn what_was_packed_comes_out(text in "(?s).{0,2000}") {
        let packed = packed::pack(&text);
        let json = packed::unpack(packed.as_bytes(), &Limits::default()).unwrap();
        prop_assert_eq!(json, text.as_bytes());
    }

    /// One byte of the text is another: what comes out is what was packed, or nothing.
    #[test]
    fn nothing_else_comes_out(text in "(?s).{0,200}", at: prop::sample::Index, byte: u8) {
        let mut packed = packed::pack(&text).into_bytes();
        let at = at.index(packed.len());
        packed[at] = byte;
        if !packed::is_packed(&packed) {
            return Ok(());
        }
        if let Ok(json) = packed::unpack(&packed, &Limits::default()) {
            prop_assert_eq!(json, text.as_bytes());
        }
    }
}
