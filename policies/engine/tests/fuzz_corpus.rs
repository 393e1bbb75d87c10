//! What fuzzing found worth keeping, replayed: the laws of `fuzz/bodies.rs` over `fuzz/corpus`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails loudly"
)]

use std::path::Path;

#[path = "../../../fuzz/bodies.rs"]
#[expect(unreachable_pub, reason = "a library of its own, under libFuzzer")]
mod bodies;

/// A corpus is read by people and replayed by everyone: few inputs, and small ones.
const MOST: usize = 50;
const LONGEST: usize = 2048;

fn replay(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let entries = std::fs::read_dir(corpus.join(target)).unwrap();
    let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        assert!(bytes.len() <= LONGEST, "{} is too long", file.display());
        // Shown only if the next line fails.
        println!("{}", file.display());
        body(&bytes);
    }
    let inputs = files.len();
    assert!((1..=MOST).contains(&inputs), "{target}: {inputs} inputs");
}

#[test]
fn config() {
    replay("config", bodies::config);
}

#[test]
fn decide() {
    replay("decide", bodies::decide);
}

#[test]
fn dn() {
    replay("dn", bodies::dn);
}

#[test]
fn failover() {
    replay("failover", bodies::failover);
}

#[test]
fn shaping() {
    replay("shaping", bodies::shaping);
}

#[test]
fn packed() {
    replay("packed", bodies::packed);
}

#[test]
fn path() {
    replay("path", bodies::path);
}

#[test]
fn spiffe() {
    replay("spiffe", bodies::spiffe);
}

#[test]
fn xfcc() {
    replay("xfcc", bodies::xfcc);
}

#[test]
fn yaml() {
    replay("yaml", bodies::yaml);
}
