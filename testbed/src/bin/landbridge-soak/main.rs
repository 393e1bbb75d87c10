//! `landbridge-soak authz [--minutes N] [--seed S] [--case C] [--native PAIRS]`: for so many
//! minutes, random policies of Istio's in two real Envoys, one with its own RBAC and one with
//! Landbridge, and random requests to both; any difference ends it, shrunk. Before that, every value
//! that a policy may have by itself; and before that, as many pairs natively: the engine's index
//! beside walking every rule. With a case, only that one, to see it again.
//!
//! What is compared, and how, is in `testbed/src/soak`.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use landbridge_testbed::failed;
use landbridge_testbed::soak::{self, Soak};

type Error = Box<dyn std::error::Error>;

const USAGE: &str =
    "usage: landbridge-soak authz [--minutes N] [--seed S] [--case C] [--native PAIRS]";
/// How often is told how far it is.
const TELL: Duration = Duration::from_secs(20);

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Args {
    minutes: f64,
    seed: u64,
    /// The one case to compare.
    case: Option<u64>,
    native: u64,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        if args.next()? != "authz" {
            return None;
        }
        let mut parsed = Self {
            minutes: 10.0,
            seed: SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs(),
            case: None,
            native: 1_000_000,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--minutes" => parsed.minutes = args.next()?.parse().ok()?,
                "--seed" => parsed.seed = args.next()?.parse().ok()?,
                "--case" => parsed.case = Some(args.next()?.parse().ok()?),
                "--native" => parsed.native = args.next()?.parse().ok()?,
                _ => return None,
            }
        }
        Some(parsed).filter(|args| args.minutes >= 0.0)
    }
}

fn main() -> ExitCode {
    let Some(args) = Args::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed("landbridge-soak", error.as_ref()),
    }
}

fn run(args: &Args) -> Result<(), Error> {
    println!("seed {}", args.seed);
    if args.native > 0 && args.case.is_none() {
        let ours = soak::ours(args.seed, args.native)?;
        println!("natively, our own kind: {ours}");
        let imported = soak::imported(args.seed, args.native)?;
        println!("natively, Istio's kind: {imported}");
    }
    if args.minutes == 0.0 && args.case.is_none() {
        return Ok(());
    }
    // One thread for the requests: the Envoys want the rest.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(authz(args))
}

async fn authz(args: &Args) -> Result<(), Error> {
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let mut soak = Soak::start("soak", args.seed).await?;
    if let Some(case) = args.case {
        soak.case(case).await?;
        println!("in Envoys: {}", soak.tally());
        return Ok(());
    }
    soak.singles().await?;
    eprintln!("each value by itself: {}", soak.tally());
    let start = Instant::now();
    let mut told = start;
    while start.elapsed() < length {
        soak.round().await?;
        if told.elapsed() > TELL {
            told = Instant::now();
            eprintln!("{}", soak.tally());
        }
    }
    let tally = soak.tally();
    println!("in Envoys: {tally}");
    tally.check()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Args;

    #[test]
    fn the_command_line() {
        let parse = |args: &str| Args::parse(args.split_whitespace().map(str::to_owned));
        let args = parse("authz --minutes 0.5 --seed 7 --case 3 --native 0").unwrap();
        assert_eq!((args.minutes, args.seed), (0.5, 7));
        assert_eq!((args.case, args.native), (Some(3), 0));
        assert!(parse("authz").is_some());
        for bad in [
            "",
            "bench",
            "authz --minutes",
            "authz --minutes -1",
            "authz now",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
