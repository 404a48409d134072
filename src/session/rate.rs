//! How fast one socket may ask.

use std::{num::NonZeroU32, time::Duration};

use governor::{DefaultDirectRateLimiter, Quota, clock::Clock as _};
use rowcast_protocol::CloseCode;

use super::SessionSettings;

/// One socket's budget of requests.
#[derive(Debug)]
pub(super) struct Rate {
    limiter: DefaultDirectRateLimiter,
    refused_in_a_row: u32,
    patience: u32,
}

impl Rate {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        let positive = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(settings.requests_per_second))
            .allow_burst(positive(settings.requests_burst));
        let patience = settings.requests_burst.saturating_mul(4);
        Self { limiter: DefaultDirectRateLimiter::direct(quota), refused_in_a_row: 0, patience }
    }

    /// Takes one request out of the budget; or says how long to wait.
    ///
    /// # Errors
    /// If the client has long stopped listening to refusals.
    pub(super) fn take(&mut self) -> Result<Option<Duration>, CloseCode> {
        match self.limiter.check() {
            Ok(()) => {
                self.refused_in_a_row = 0;
                Ok(None)
            }
            Err(_) if self.refused_in_a_row >= self.patience => Err(CloseCode::Flooding),
            Err(until) => {
                self.refused_in_a_row += 1;
                Ok(Some(until.wait_time_from(self.limiter.clock().now())))
            }
        }
    }
}
