//! How the story looks in a terminal.

use std::io::IsTerminal;
use std::sync::OnceLock;

const MESH: &str = r"
  One application in three clusters, two jurisdictions, one mesh (mTLS everywhere):

    us-east-1 (US)                                      eu-west-1 (EU)
  ┌─ use1-a ─────────────────┐                        ┌─ euw1-a ─────────────────┐
  │ frontend ▸ envoy ────────┼───────── mTLS ─────────┼▸ envoy [authz] ▸ orders  │
  │ orders ◂ [authz] envoy ◂─┼───────── mTLS ─────────┼─────── envoy ◂ frontend  │
  └──────────┬───────────────┘                        └──────────┬───────────────┘
  ┌─ use1-b ─┴───────────────┐                                   │
  │ frontend ▸ envoy ────────┼─────── mTLS, each to each ────────┘
  │ orders ◂ [authz] envoy ◂─┼──      [authz]: Landbridge, a Wasm filter by ECDS
  └──────────────────────────┘
";

fn coloured() -> bool {
    static COLOURED: OnceLock<bool> = OnceLock::new();
    *COLOURED
        .get_or_init(|| std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal())
}

fn paint(text: &str, code: &str) -> String {
    if coloured() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

pub(crate) fn bold(text: &str) -> String {
    paint(text, "1")
}

pub(crate) fn faint(text: &str) -> String {
    paint(text, "2")
}

/// A verdict, padded to its column before it is painted.
pub(crate) fn verdict(text: &str) -> String {
    let padded = format!("{text:<8}");
    match text {
        "allow" => paint(&padded, "32"),
        _ => paint(&padded, "31"),
    }
}

/// What an outcome other than the expected one is marked with.
pub(crate) fn wrong(text: &str) -> String {
    paint(text, "1;31")
}

pub(crate) fn picture() {
    print!("{MESH}");
}

pub(crate) fn chapter(title: &str, lines: &[&str]) {
    println!("\n{}", bold(title));
    for line in lines {
        println!("  {line}");
    }
    if !lines.is_empty() {
        println!();
    }
}
