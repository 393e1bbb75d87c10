//! The counters: Limitador's in memory, or a Redis.
//!
//! Limitador's own storage for Redis is not used. It brings a TLS library in C, which `deny.toml`
//! bans, and it checks and counts in two steps, between which services that share a Redis would
//! overtake one another; a script is one step.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use limitador::counter::Counter;
use limitador::limit::{Context, Expression, Limit};
use limitador::storage::Authorization;
use limitador::storage::CounterStorage;
use limitador::storage::in_memory::InMemoryStorage;

use super::limit::{Bound, Left};
use super::resp::Client;

/// The variable that a counter is told from others of its limit by.
const COUNTED: &str = "counted";
/// The most counters.
const COUNTERS: u64 = 1 << 20;
/// Takes ARGV[1] of every key, or of none: for each there follow its maximum and its window in
/// milliseconds. Returns whether it took, and for each what was taken before and what is left of the
/// window.
const TAKE: &str = "
local taken = 1
local told = {0}
for i, key in ipairs(KEYS) do
    local value = tonumber(redis.call('get', key) or 0)
    local left = redis.call('pttl', key)
    if left < 0 then left = tonumber(ARGV[2 * i + 1]) end
    if value + ARGV[1] > tonumber(ARGV[2 * i]) then taken = 0 end
    table.insert(told, value)
    table.insert(told, left)
end
if taken == 1 then
    for i, key in ipairs(KEYS) do
        redis.call('incrby', key, ARGV[1])
        if redis.call('pttl', key) < 0 then redis.call('pexpire', key, ARGV[2 * i + 1]) end
    end
end
told[1] = taken
return told";

pub(super) enum Store {
    /// Locked, for it checks and counts in two steps too.
    Memory(Mutex<InMemoryStorage>, Expression),
    Redis(Client),
}

/// What became of the hits that were to be taken.
pub(super) struct Taken {
    pub(super) granted: bool,
    /// For each counter, after that.
    pub(super) left: Vec<Left>,
}

impl Store {
    pub(super) fn memory() -> Self {
        let counted = Expression::parse(COUNTED).expect("a name is an expression");
        Self::Memory(Mutex::new(InMemoryStorage::new(COUNTERS)), counted)
    }

    pub(super) fn redis(address: SocketAddr) -> Self {
        Self::Redis(Client::new(address))
    }

    /// Takes `hits` of every counter, or of none.
    pub(super) async fn take(&self, bounds: &[Bound], hits: u64) -> Result<Taken, String> {
        let (granted, left) = match self {
            Self::Memory(storage, counted) => in_memory(storage, counted, bounds, hits)?,
            Self::Redis(client) => in_redis(client, bounds, hits).await?,
        };
        let taken = if granted { hits } else { 0 };
        let after = |left: Left| Left {
            remaining: left.remaining.saturating_sub(taken),
            ..left
        };
        Ok(Taken {
            granted,
            left: left.into_iter().map(after).collect(),
        })
    }
}

fn in_memory(
    storage: &Mutex<InMemoryStorage>,
    counted: &Expression,
    bounds: &[Bound],
    hits: u64,
) -> Result<(bool, Vec<Left>), String> {
    let counter = |bound: &Bound| {
        let variable = [counted.clone()];
        let limit = Limit::new(
            bound.domain.as_str(),
            bound.max,
            bound.seconds,
            [],
            variable,
        );
        let values = HashMap::from([(COUNTED.to_owned(), bound.counted.clone())]);
        let counter = Counter::new(Arc::new(limit), &Context::from(values));
        counter.map_err(|error| error.to_string())
    };
    let counters: Result<Vec<_>, _> = bounds
        .iter()
        .filter_map(|it| counter(it).transpose())
        .collect();
    let mut counters = counters?;
    let storage = storage.lock().expect("nobody panics with it");
    let judged = storage.check_and_update(&mut counters, hits);
    let judged = judged.map_err(|error| error.to_string())?;
    let left = |counter: &Counter| Left {
        remaining: counter.remaining().unwrap_or_default(),
        reset: counter.expires_in().unwrap_or_default(),
    };
    let granted = matches!(judged, Authorization::Ok);
    Ok((granted, counters.iter().map(left).collect()))
}

async fn in_redis(
    client: &Client,
    bounds: &[Bound],
    hits: u64,
) -> Result<(bool, Vec<Left>), String> {
    let mut words = vec!["EVAL".to_owned(), TAKE.to_owned(), bounds.len().to_string()];
    for Bound {
        domain,
        counted,
        seconds,
        ..
    } in bounds
    {
        words.push(format!("{domain} {seconds} {counted}"));
    }
    words.push(hits.to_string());
    for bound in bounds {
        words.push(bound.max.to_string());
        words.push((bound.seconds * 1000).to_string());
    }
    let told = client.ask(&words).await?;
    let Some((granted, told)) = told.split_first() else {
        return Err("Redis said nothing".to_owned());
    };
    let left = |(bound, told): (&Bound, &[u64])| Left {
        remaining: bound.max.saturating_sub(told[0]),
        reset: Duration::from_millis(told[1]),
    };
    let left = bounds.iter().zip(told.chunks_exact(2)).map(left);
    Ok((*granted == 1, left.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_over_a_limit_takes_nothing_of_any() {
        let store = Store::memory();
        let bound = |key: &str, max| Bound::new("d", &[(key.to_owned(), "v".to_owned())], max, 60);
        let both = [bound("a", 10), bound("b", 4)];
        let left = |taken: &Taken| -> Vec<_> { taken.left.iter().map(|it| it.remaining).collect() };
        let first = store.take(&both, 3).await.unwrap();
        assert_eq!((first.granted, left(&first)), (true, vec![7, 1]));
        let second = store.take(&both, 2).await.unwrap();
        assert_eq!((second.granted, left(&second)), (false, vec![7, 1]));
        let rest = store.take(&both[..1], 7).await.unwrap();
        assert_eq!((rest.granted, left(&rest)), (true, vec![0]));
        assert!(rest.left[0].reset <= Duration::from_secs(60));
        // A limit that grows goes on from what was taken.
        let grown = store.take(&[bound("a", 11)], 1).await.unwrap();
        assert_eq!((grown.granted, left(&grown)), (true, vec![0]));
    }
}
