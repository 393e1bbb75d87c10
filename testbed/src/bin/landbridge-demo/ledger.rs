//! What was expected and what came: the demo's last line.

use landbridge_testbed::{Call, CallError, Mesh, Side, eventually};
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

use crate::show;

/// One request and what is expected of it.
pub(crate) struct Scene<'a> {
    /// Who asks what, as the story tells it.
    pub(crate) who: &'a str,
    pub(crate) what: &'a str,
    pub(crate) to: &'a str,
    pub(crate) call: Call,
    /// `allow`, `deny`, `reject`, or `no HTTP` where TLS refuses.
    pub(crate) verdict: &'a str,
    /// `policy rule`, or nothing where none decided.
    pub(crate) by: &'a str,
    pub(crate) reason: &'a str,
}

#[derive(Default)]
pub(crate) struct Ledger {
    as_expected: usize,
    all: usize,
    amiss: bool,
}

impl Ledger {
    /// Sends one request, shows what was decided, and compares.
    /// Lines of the access log that are those of `stream`, a cluster whose traffic runs beside it,
    /// are passed over.
    pub(crate) async fn play(
        &mut self,
        mesh: &Mesh,
        scene: Scene<'_>,
        stream: Option<&str>,
    ) -> Result<(), Box<dyn Error>> {
        let Scene {
            who,
            what,
            to,
            call,
            verdict,
            by,
            reason,
        } = scene;
        let beside = stream.map(|cluster| format!("spiffe://{cluster}."));
        let lines = || -> Option<Vec<Value>> {
            let mut lines = mesh.access_log(to, Side::Server).ok()?;
            lines.retain(|line| {
                let peer = line["downstream_peer_uri_san"].as_str().unwrap_or_default();
                !beside
                    .as_ref()
                    .is_some_and(|beside| peer.starts_with(beside))
            });
            Some(lines)
        };
        let before = lines().map_or(0, |lines| lines.len());
        let (got, got_by, got_reason) = match mesh.call(call.to(to)).await {
            Ok(reply) => {
                let line = eventually(Duration::from_secs(5), "the access log", async || {
                    lines()?.into_iter().nth(before)
                });
                let line = line.await?;
                let told: Value =
                    serde_json::from_str(line["landbridge_decision"].as_str().unwrap_or("null"))?;
                let part = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
                let answer = match (part("verdict").as_str(), reply.status, reply.grpc_status()) {
                    ("allow", 200, _)
                    | ("deny", 403, None)
                    | ("deny", 200, Some(7))
                    | ("reject", 400, None) => part("verdict"),
                    (verdict, status, grpc) => format!("{verdict} yet {status} {grpc:?}"),
                };
                (
                    answer,
                    format!("{} {}", part("policy"), part("rule"))
                        .trim()
                        .to_owned(),
                    part("reason"),
                )
            }
            Err(CallError::Tls(_) | CallError::Http(_)) => (
                "no HTTP".to_owned(),
                String::new(),
                "refused before HTTP".to_owned(),
            ),
            Err(error) => return Err(error.into()),
        };
        let as_expected = got == verdict && got_by == by && got_reason == reason;
        let decided = if got_by.is_empty() {
            "-".to_owned()
        } else {
            got_by
        };
        println!(
            "  {who:<28} {what:<26} ▸ {to:<7} {} {decided:<39} {}",
            show::verdict(&got),
            show::faint(&got_reason),
        );
        if !as_expected {
            println!(
                "  {}",
                show::wrong(&format!("expected: {verdict} {by} {reason}"))
            );
        }
        self.count_all(1, usize::from(as_expected));
        Ok(())
    }

    /// Counts requests that were sent in a stream.
    pub(crate) fn count_all(&mut self, all: usize, as_expected: usize) {
        self.all += all;
        self.as_expected += as_expected;
    }

    /// Notes what is no request: that a configuration was taken, or refused and told.
    pub(crate) fn check(&mut self, what: &str, holds: bool) {
        if !holds {
            println!("  {}", show::wrong(&format!("expected: {what}")));
            self.amiss = true;
        }
    }

    /// The last line; whether all went as expected.
    pub(crate) fn close(&self) -> bool {
        println!(
            "\ndemo: {} of {} requests decided as expected",
            self.as_expected, self.all
        );
        !self.amiss && self.all > 0 && self.as_expected == self.all
    }
}
