//! Slows down those who guess.
//!
//! Three bounds, none of which asks whether there is such an account: attempts of one network a
//! minute; attempts on one address of e-mail, wherever they come from; and for one network on one
//! address of e-mail a wait that doubles with each failure after the fifth. An attempt counts as
//! failed from its beginning, so that many at once gain nothing; success takes it back.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    num::NonZeroU32,
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::AccountError;
use crate::network::Network;

/// Failures that cost no wait.
const FREE: u32 = 5;

/// The longest wait after a failure.
const LONGEST: Duration = Duration::from_mins(15);

/// After how long failures are forgotten.
const FORGIVEN: Duration = Duration::from_hours(1);

/// Attempts an hour on one account from everywhere; as many may come at once.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// Entries that are kept before what has rested is forgotten.
const MOST: usize = 50_000;

/// Slows down those who guess.
#[derive(Debug)]
pub struct Throttle {
    networks: Option<DefaultKeyedRateLimiter<Network>>,
    accounts: DefaultKeyedRateLimiter<u64>,
    failures: Mutex<HashMap<(u64, Network), Failures>>,
    /// What addresses of e-mail are kept as.
    key: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(&self) -> Duration {
        let doublings = self.count.saturating_sub(FREE);
        let wait = match (self.count.checked_sub(FREE), doublings) {
            (None, _) => Duration::ZERO,
            (Some(_), doublings) => Duration::from_secs(1 << doublings.min(10)).min(LONGEST),
        };
        wait.saturating_sub(self.last.elapsed())
    }
}

impl Throttle {
    /// Lets one network try so many times a minute; 0: as often as it likes.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        let networks = NonZeroU32::new(per_minute).map(Quota::per_minute).map(RateLimiter::keyed);
        let accounts = RateLimiter::keyed(Quota::per_hour(PER_ACCOUNT));
        Self { networks, accounts, failures: Mutex::default(), key: RandomState::new() }
    }

    /// Takes down an attempt from a network.
    ///
    /// # Errors
    /// [`AccountError::TooMany`].
    pub fn attempt(&self, network: Network) -> Result<(), AccountError> {
        self.networks.as_ref().map_or(Ok(()), |networks| take(networks, &network))
    }

    /// Takes down an attempt from a network to be the person of an e-mail address (or whatever else
    /// names one), as failed until [`Throttle::succeeded`]. Attempts from everywhere are counted by
    /// [`Throttle::attempt_from_anywhere`].
    ///
    /// # Errors
    /// [`AccountError::TooMany`], whether there is such an account or not.
    pub fn attempt_on(&self, network: Network, name: &str) -> Result<(), AccountError> {
        self.attempt(network)?;
        let key = (self.key_of(name), network);
        let mut failures = self.failures.lock();
        make_room(&mut failures);
        let known = failures.get(&key).copied().filter(|known| known.last.elapsed() < FORGIVEN);
        let wait = known.map_or(Duration::ZERO, |known| known.wait());
        if !wait.is_zero() {
            return Err(AccountError::TooMany { wait });
        }
        let count = known.map_or(0, |known| known.count).saturating_add(1);
        failures.insert(key, Failures { count, last: Instant::now() });
        Ok(())
    }

    /// Takes down an attempt to be the person of an e-mail address, from a network where the person was never
    /// signed in: all of these count as one, so that many networks guess no faster than few. Where the person
    /// was signed in before, strangers' guesses do not count.
    ///
    /// # Errors
    /// [`AccountError::TooMany`], whether there is such an account or not.
    pub fn attempt_from_anywhere(&self, name: &str) -> Result<(), AccountError> {
        take(&self.accounts, &self.key_of(name))
    }

    /// An attempt was right: earlier failures from that network are forgiven.
    pub fn succeeded(&self, network: Network, name: &str) {
        self.failures.lock().remove(&(self.key_of(name), network));
    }

    fn key_of(&self, name: &str) -> u64 {
        self.key.hash_one(name.trim().to_lowercase())
    }
}

fn take<K: Hash + Eq + Clone>(
    limiter: &DefaultKeyedRateLimiter<K>,
    key: &K,
) -> Result<(), AccountError> {
    if limiter.len() > MOST {
        limiter.retain_recent();
    }
    limiter.check_key(key).map_err(|until| AccountError::TooMany {
        wait: until.wait_time_from(limiter.clock().now()),
    })
}

fn make_room(failures: &mut HashMap<(u64, Network), Failures>) {
    if failures.len() >= MOST {
        failures.retain(|_, known| !known.wait().is_zero());
    }
    if failures.len() >= MOST {
        failures.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(number: u32) -> Network {
        Network::of(std::net::Ipv4Addr::from_bits(number).into())
    }

    #[track_caller]
    fn wait_of(attempt: Result<(), AccountError>) -> u64 {
        match attempt {
            Ok(()) => 0,
            Err(AccountError::TooMany { wait }) => wait.as_secs().max(1),
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_failure_after_the_fifth_doubles_the_wait() {
        let throttle = Throttle::new(0);
        for _ in 0..5 {
            assert_eq!(wait_of(throttle.attempt_on(from(1), "ada@example.org")), 0);
        }
        for wait in [1, 2, 4, 8] {
            assert_eq!(wait_of(throttle.attempt_on(from(1), "ADA@example.org ")), wait);
            tokio::time::advance(Duration::from_secs(wait)).await;
            assert_eq!(wait_of(throttle.attempt_on(from(1), "ada@example.org")), 0);
        }
        assert_eq!(wait_of(throttle.attempt_on(from(1), "bob@example.org")), 0);
        throttle.succeeded(from(1), "ada@example.org");
        assert_eq!(wait_of(throttle.attempt_on(from(1), "ada@example.org")), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgiven_after_a_while() {
        let throttle = Throttle::new(0);
        for _ in 0..5 {
            throttle.attempt_on(from(1), "ada").unwrap();
        }
        assert_eq!(wait_of(throttle.attempt_on(from(1), "ada")), 1);
        tokio::time::advance(FORGIVEN).await;
        for _ in 0..5 {
            assert_eq!(wait_of(throttle.attempt_on(from(1), "ada")), 0);
        }
    }

    #[tokio::test]
    async fn one_network_has_so_many_attempts_a_minute() {
        let throttle = Throttle::new(3);
        let tries =
            (0..4).map(|n| wait_of(throttle.attempt_on(from(1), &format!("{n}")))).collect();
        let tries: Vec<u64> = tries;
        assert_eq!(tries[..3], [0, 0, 0]);
        assert!((15..=20).contains(&tries[3]), "{tries:?}");
    }

    #[tokio::test]
    async fn one_account_has_so_many_attempts_wherever_they_come_from() {
        let throttle = Throttle::new(0);
        let tries: Vec<u64> = (0..=PER_ACCOUNT.get())
            .map(|_| wait_of(throttle.attempt_from_anywhere("ada")))
            .collect();
        assert_eq!(tries.iter().filter(|wait| **wait > 0).count(), 1);
    }
}
