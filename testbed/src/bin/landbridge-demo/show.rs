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

/// How wide a bar of all requests is.
const BAR: usize = 40;

/// One row of a chart: which part of a second's requests each cluster served.
pub(crate) fn shares(second: u64, served: &[(&str, usize)], event: &str) {
    let all: usize = served.iter().map(|(_, count)| count).sum();
    let percent = |count: usize| (count * 100).checked_div(all).unwrap_or(0);
    let told = |(cluster, count): &(&str, usize)| format!("{cluster} {:>3} %", percent(*count));
    row(second, served, all, &told, event);
}

/// One row of a chart: how many of a second's requests came from each cluster, beside how many the
/// bar has room for.
pub(crate) fn counts(second: u64, came: &[(&str, usize)], room: usize, event: &str) {
    let told = |(cluster, count): &(&str, usize)| format!("{cluster} {count:>4}/s");
    row(second, came, room, &told, event);
}

fn row(
    second: u64,
    parts: &[(&str, usize)],
    whole: usize,
    told: &dyn Fn(&(&str, usize)) -> String,
    event: &str,
) {
    let mut bar = String::new();
    let mut drawn = 0;
    let mut sum = 0;
    let looks = [('▓', "34"), ('░', "36"), ('█', "33")];
    for ((_, count), (glyph, code)) in parts.iter().zip(looks) {
        sum += count;
        let upto = (sum * BAR).checked_div(whole).unwrap_or(0).min(BAR);
        let part: String = std::iter::repeat_n(glyph, upto - drawn).collect();
        drawn = upto;
        bar.push_str(&paint(&part, code));
    }
    let legend: Vec<String> = parts.iter().map(told).collect();
    let rest: String = std::iter::repeat_n(' ', BAR - drawn).collect();
    let event = if event.is_empty() {
        String::new()
    } else {
        format!("  ◂ {event}")
    };
    println!(
        "  {second:>3} s  {bar}{rest}  {}{event}",
        faint(&legend.join("  "))
    );
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
