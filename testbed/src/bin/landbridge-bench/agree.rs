//! Both filters must mean the same by the same policies, or comparing their
//! speed means nothing.

use landbridge_testbed::random::Random;

use crate::client;
use crate::generate::{self, Kind};
use crate::policies::{Request, principal};
use crate::variant::{Runner, SIZES, Variant};
use crate::{Result, problem};

/// How many callers send how many requests each, to each pair of Envoys.
const CALLERS: usize = 24;
const REQUESTS: usize = 16;
/// Of a hundred requests, at least so many must be let through, and denied.
const LEAST: usize = 10;

/// Fails unless, for each number of policies, both filters give the measured
/// and several hundred random requests the status that the policies say.
/// Returns how many requests each was asked.
pub async fn check(runners: &[Runner]) -> Result<usize> {
    let mut asked = 0;
    for size in SIZES {
        let policies = generate::policies(size);
        let mut random = Random::new(size as u64);
        let mut groups: Vec<Vec<Request>> =
            Kind::ALL.iter().map(|kind| vec![kind.request()]).collect();
        groups.extend((0..CALLERS).map(|_| generate::requests(&mut random, &policies, REQUESTS)));
        let (mut allowed, mut all) = (0, 0);
        for group in groups {
            let expected: Vec<u16> = group
                .iter()
                .map(|request| generate::status(&policies, request))
                .collect();
            allowed += expected.iter().filter(|status| **status == 200).count();
            all += expected.len();
            for variant in [Variant::Rbac(size), Variant::Landbridge(size)] {
                let runner = runners.iter().find(|runner| runner.variant == variant);
                let runner = runner.ok_or_else(|| problem("a variant does not run"))?;
                compare(runner, &group, &expected).await?;
            }
        }
        if allowed * 100 < all * LEAST || (all - allowed) * 100 < all * LEAST {
            let what = format!("{allowed} of {all} requests are let through: too one-sided a test");
            return Err(problem(what));
        }
        asked += all;
    }
    Ok(asked)
}

async fn compare(runner: &Runner, group: &[Request], expected: &[u16]) -> Result<()> {
    let Some(first) = group.first() else {
        return Ok(());
    };
    let mut connection = client::connect(&runner.solo, &first.caller).await?;
    for (request, expected) in group.iter().zip(expected) {
        let status = connection.exchange(&request.bytes()).await?.status;
        if status != *expected {
            let Request {
                caller,
                method,
                host,
                path,
                query,
            } = request;
            return Err(problem(format!(
                "`{}` answers {status} instead of {expected} to {method} {host}{path}{query} from {}",
                runner.variant.name(),
                principal(caller)
            )));
        }
    }
    Ok(())
}
