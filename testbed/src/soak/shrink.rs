//! From a difference to the least that shows it: what can be left out is left out, one thing after
//! the other, as long as both Envoys go on disagreeing.

use super::case::Case;
use super::compare::Fault;
use super::pair::{Pair, Trouble};
use super::request::Request;

/// How often the Envoys are asked, at most: each time costs some hundredths of a second.
const MOST: usize = 1500;

/// The smallest that was found.
pub(super) async fn shrink(
    pair: &mut Pair,
    mut case: Case,
    mut request: Request,
    mut fault: Fault,
) -> Result<(Case, Request, Fault), Trouble> {
    let mut tries = 0;
    loop {
        let before = (case.clone(), request.clone());
        let mut next = 0;
        while let Some(smaller) = case.smaller().into_iter().nth(next) {
            tries += 1;
            match faulty(pair, &smaller, &request).await? {
                // What stood there is gone: what is there now is tried next.
                Some(same) if same.is_like(&fault) => (case, fault) = (smaller, same),
                _ => next += 1,
            }
            if tries > MOST {
                return Ok((case, request, fault));
            }
        }
        // Where the policies are refused, nobody was asked for anything.
        if pair.apply(&case).await?.is_ok() {
            next = 0;
            while let Some(plainer) = request.plainer().into_iter().nth(next) {
                match ask(pair, &plainer).await? {
                    Some(same) if same.is_like(&fault) => (request, fault) = (plainer, same),
                    _ => next += 1,
                }
            }
        }
        if before == (case.clone(), request.clone()) {
            return Ok((case, request, fault));
        }
    }
}

async fn faulty(pair: &mut Pair, case: &Case, request: &Request) -> Result<Option<Fault>, Trouble> {
    match pair.apply(case).await? {
        Err(why) => Ok(Some(Fault::Refused(why))),
        Ok(()) => ask(pair, request).await,
    }
}

async fn ask(pair: &mut Pair, request: &Request) -> Result<Option<Fault>, Trouble> {
    let outcomes = pair.ask(std::slice::from_ref(request)).await?;
    let differs = outcomes
        .into_iter()
        .find(|(rbac, landbridge)| !rbac.agrees(landbridge));
    Ok(differs.map(|(rbac, landbridge)| Fault::Differs(rbac, landbridge)))
}
