//! How fast one person and one address may ask over HTTP.

use std::{hash::Hash, num::NonZeroU32, sync::Arc, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::{NoOpMiddleware, StateInformationMiddleware},
    state::keyed::DashMapStateStore,
};
use parking_lot::Mutex;
use rowcast_protocol::ErrorCode;

use super::problem::Problem;
use crate::{config::HttpConfig, network::Network};

/// Callers that are remembered before those that have rested are forgotten.
const REMEMBERED: usize = 50_000;

type Limiter<K> = RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The budgets of all callers.
#[derive(Debug)]
pub struct Rates {
    people: Option<Budgets<Arc<str>>>,
    addresses: Option<Budgets<Network>>,
}

/// The budgets of one kind of caller.
#[derive(Debug)]
struct Budgets<K: Clone + Hash + Eq> {
    name: &'static str,
    per_second: u32,
    burst: u32,
    limiter: Limiter<K>,
}

/// Where a request stands in its budgets; the answer's headers say so.
#[derive(Debug, Clone, Default)]
pub struct Standings(Arc<Mutex<Vec<Standing>>>);

/// How much of one budget is left.
#[derive(Debug, Clone, Copy)]
struct Standing {
    name: &'static str,
    quota: u32,
    window: u32,
    left: u32,
    full_in: u32,
}

impl Rates {
    /// Full budgets.
    #[must_use]
    pub fn new(settings: &HttpConfig) -> Self {
        Self {
            people: Budgets::new("person", settings.person_per_second, settings.person_burst),
            addresses: Budgets::new("address", settings.address_per_second, settings.address_burst),
        }
    }

    /// Takes one request out of an address's budget.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take_address(&self, network: Network, standings: &Standings) -> Result<(), Problem> {
        let Some(budgets) = &self.addresses else { return Ok(()) };
        budgets.take(&network, standings)
    }

    /// Takes one request out of a person's budget.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take_person(&self, user: &Arc<str>, standings: &Standings) -> Result<(), Problem> {
        let Some(budgets) = &self.people else { return Ok(()) };
        budgets.take(user, standings)
    }
}

impl<K: Clone + Hash + Eq> Budgets<K> {
    /// 0 requests a second: no limit.
    fn new(name: &'static str, per_second: u32, burst: u32) -> Option<Self> {
        let rate = NonZeroU32::new(per_second)?;
        let most = NonZeroU32::new(burst.max(per_second))?;
        let limiter = RateLimiter::<K, _, _, NoOpMiddleware>::new(
            Quota::per_second(rate).allow_burst(most),
            DashMapStateStore::default(),
            DefaultClock::default(),
        )
        .with_middleware();
        Some(Self { name, per_second, burst: most.get(), limiter })
    }

    fn take(&self, key: &K, standings: &Standings) -> Result<(), Problem> {
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(key) {
            Ok(snapshot) => {
                standings.0.lock().push(self.standing(snapshot.remaining_burst_capacity()));
                Ok(())
            }
            Err(until) => {
                standings.0.lock().push(self.standing(0));
                let wait = until.wait_time_from(self.limiter.clock().now());
                Err(self.refusal(wait))
            }
        }
    }

    fn standing(&self, left: u32) -> Standing {
        Standing {
            name: self.name,
            quota: self.burst,
            window: self.burst.div_ceil(self.per_second),
            left,
            full_in: self.burst.saturating_sub(left).div_ceil(self.per_second),
        }
    }

    fn refusal(&self, wait: Duration) -> Problem {
        let words = format!(
            "one {} may ask {} times a second, {} times at once",
            self.name, self.per_second, self.burst
        );
        Problem::new(ErrorCode::RateLimited, words).retry_after(wait)
    }
}

impl Standings {
    /// Writes the standard headers, the narrowest budget last.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let standings = self.0.lock();
        let policy =
            joined(&standings, |of| format!("\"{}\";q={};w={}", of.name, of.quota, of.window));
        let left =
            joined(&standings, |of| format!("\"{}\";r={};t={}", of.name, of.left, of.full_in));
        for (name, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::from_str(&text)
                && !text.is_empty()
            {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

fn joined(standings: &[Standing], text: impl Fn(&Standing) -> String) -> String {
    standings.iter().map(text).collect::<Vec<_>>().join(", ")
}
