//! `landbridge status`: which version and configuration each proxy runs, and which of them lag.

use crate::exit::{Failure, Outcome, print};
use crate::fleet::expected::{self, Lock};
use crate::fleet::verdict::{self, Row};
use crate::fleet::{Proxy, ask};
use crate::{input, proxy, report};
use reqwest::Url;
use serde::Serialize;
use std::path::PathBuf;

/// Say which version and configuration each proxy runs, and which lag
///
/// What a filter says of itself is compared with the configurations of --expect and the lock file of
/// --lock; without --expect, proxies are compared with each other. The exit code is 1 if any lags,
/// or cannot be asked.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The admin interface of a proxy; may be given many times
    #[arg(long, value_name = "URL", value_parser = url, required_unless_present_any = ["prometheus", "file"])]
    admin: Vec<Url>,
    /// A Prometheus that scrapes the proxies
    #[arg(long, value_name = "URL", value_parser = url)]
    prometheus: Option<Url>,
    /// What was scraped of one proxy: its /stats or /stats/prometheus
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// What should be in force: rendered manifests, pluginConfigs, or else documents
    #[arg(long, value_name = "FILE|DIR")]
    expect: Vec<PathBuf>,
    /// The lock file of the modules that should run
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    // For documents that are expected: what else was rendered with them.
    #[command(flatten)]
    proxy: proxy::Proxy,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `http://HOST:PORT`; the scheme may be left out.
fn url(text: &str) -> Result<Url, String> {
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&whole).map_err(|e| e.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("`{other}` is neither `http` nor `https`")),
    }
}

pub(crate) fn run(args: &Args) -> Result<Outcome, Failure> {
    let lock = args.lock.as_deref().map(Lock::read).transpose()?;
    let expected = if args.expect.is_empty() {
        None
    } else {
        match expected::read(&args.expect, &args.proxy)? {
            Ok(expected) => Some(expected),
            Err(input) => {
                report::findings(&input);
                report::summary(&input);
                return Ok(Outcome::Errors);
            }
        }
    };
    let proxies = ask(args)?;
    if proxies.is_empty() {
        return Err(Failure::new("no proxy has told of a Landbridge filter"));
    }
    let rows = verdict::rows(&proxies, expected.as_deref(), lock.as_ref());
    let lagging = rows.iter().filter(|row| !row.current).count();
    let text = if args.json {
        let report = Report {
            proxies: proxies.len(),
            lagging,
            rows: &rows,
        };
        let text = serde_json::to_string_pretty(&report);
        text.map_err(|e| Failure::new(format!("cannot write JSON: {e}")))? + "\n"
    } else {
        table(&rows)
    };
    print(&text)?;
    Ok(match lagging {
        0 => Outcome::Fine,
        _ => Outcome::Errors,
    })
}

fn ask(args: &Args) -> Result<Vec<Proxy>, Failure> {
    let mut proxies = Vec::new();
    for path in &args.file {
        let source = input::source(path).map_err(Failure::new)?;
        proxies.push(ask::scraped(&source.name, &source.text));
    }
    if !args.admin.is_empty() {
        proxies.extend(ask::admin(&args.admin)?);
    }
    if let Some(endpoint) = &args.prometheus {
        proxies.extend(ask::prometheus(endpoint)?);
    }
    Ok(proxies)
}

#[derive(Serialize)]
struct Report<'a> {
    proxies: usize,
    lagging: usize,
    rows: &'a [Row],
}

/// A line for each filter of each proxy.
fn table(rows: &[Row]) -> String {
    let titles = [
        "PROXY", "FILTER", "VERSION", "MODULE", "DIGEST", "POLICIES", "STATUS",
    ];
    let mut lines: Vec<[String; 7]> = vec![titles.map(str::to_owned)];
    for row in rows {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let policies = row.policies.map(|n| n.to_string());
        lines.push([
            row.proxy.clone(),
            or_dash(&row.filter),
            or_dash(&row.version),
            row.module.as_deref().map_or_else(|| "-".to_owned(), short),
            or_dash(&row.digest),
            or_dash(&policies),
            status(row),
        ]);
    }
    let mut widths = [0_usize; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut cells = String::new();
        for (cell, width) in line.iter().zip(widths) {
            cells.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    text
}

/// As much of a digest as tells modules apart.
fn short(module: &str) -> String {
    match module.strip_prefix("sha256:").and_then(|hex| hex.get(..12)) {
        Some(hex) => format!("sha256:{hex}"),
        None => module.to_owned(),
    }
}

fn status(row: &Row) -> String {
    let mut status = match (&row.is, row.lags.is_empty()) {
        (Some(place), true) => format!("current: {place}"),
        (None, true) => "current".to_owned(),
        // A proxy of which nothing is known says why, no more.
        (_, false) if row.filter.is_none() => row.lags.join("; "),
        (_, false) => format!("LAGS: {}", row.lags.join("; ")),
    };
    if !row.refused.is_empty() {
        let refused = row.refused.iter().map(|(code, n)| format!("{code} ×{n}"));
        let refused = refused.collect::<Vec<_>>().join(", ");
        status.push_str(&format!(" (refused: {refused})"));
    }
    status
}
