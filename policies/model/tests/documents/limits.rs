//! Hostile and huge texts are refused soon, with a clear finding, or read in bounded time.

use crate::tables::{MESH, check, line, policy};
use landbridge_model::Code;
use std::time::{Duration, Instant};

/// Generous, for a build without optimisation on a busy machine; what is quadratic takes longer.
const SOON: Duration = Duration::from_secs(60);

fn codes_soon(text: &str) -> Vec<Code> {
    let start = Instant::now();
    let found = check(text, MESH);
    let took = start.elapsed();
    assert!(took < SOON, "{took:?}");
    for diagnostic in &found {
        assert!(!diagnostic.message.contains("Budget"), "{diagnostic}");
        assert!(!diagnostic.message.contains('{'), "{diagnostic}");
    }
    let mut codes: Vec<Code> = found.iter().map(|d| d.code).collect();
    codes.dedup();
    codes
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, before) in "bcdefghijk".chars().zip("abcdefghij".chars()) {
        let nine = vec![format!("*{before}"); 9].join(",");
        text.push_str(&format!("{name}: &{name} [{nine}]\n"));
    }
    assert_eq!(codes_soon(&text), [Code::TooMany]);
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        format!("a: {}{}", "[".repeat(200), "]".repeat(200)),
        "[".repeat(100_000),
        "{\"a\":".repeat(3000),
        format!("{}1", "- ".repeat(5000)),
        (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
    ] {
        assert_eq!(codes_soon(&text), [Code::TooDeep]);
    }
}

#[test]
fn ten_megabytes_are_read_in_bounded_time() {
    let long = "a".repeat(10 << 20);
    let text = policy("", "rules: [{to: [{operation: {paths: [/PATH]}}]}]", &[]).text();
    assert_eq!(codes_soon(&text.replace("PATH", &long)), []);

    let comments = "# nothing\n".repeat(1 << 20);
    assert_eq!(codes_soon(&format!("{comments}{text}")), []);

    let paths: Vec<String> = (0..100_000).map(|n| format!("/a/{n:0100}")).collect();
    assert_eq!(codes_soon(&text.replace("/PATH", &paths.join(", "))), []);
}

#[test]
fn many_keys_do_not_take_quadratic_time() {
    let keys: String = (0..200_000).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(codes_soon(&keys), [Code::MissingField]);
}

#[test]
fn more_values_than_the_limit_are_refused() {
    let text = format!("a: [{}]\n", "1,".repeat(2_000_001));
    assert_eq!(codes_soon(&text), [Code::TooMany]);
    let text = "---\na\n".repeat(25_001);
    assert_eq!(codes_soon(&text), [Code::TooMany]);
}

#[test]
fn a_document_with_endless_faults_is_given_up() {
    let fields: Vec<String> = (0..50_000).map(|n| format!("f{n}: 1")).collect();
    let spec = format!("target: {{{}}}", fields.join(", "));
    let text = policy("", "SPEC", &[]).text().replace("SPEC", &spec);
    let start = Instant::now();
    let found = check(&text, MESH);
    assert!(start.elapsed() < SOON);
    assert_eq!(found.len(), 1000);
    assert_eq!(line(&found[0]), "LB0101 5:12 spec.target.f0");
}
