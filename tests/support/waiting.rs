//! Waiting: always for something, never for longer than a bound.

use std::{future::Future, panic::Location, time::Duration};

/// How long anything may take before a test fails. Generous: the machine may be busy.
/// `ROWCAST_PATIENCE` says otherwise, in seconds.
pub(crate) fn patience() -> Duration {
    let told = std::env::var_os("ROWCAST_PATIENCE").and_then(|told| told.into_string().ok());
    Duration::from_secs(told.and_then(|told| told.parse().ok()).unwrap_or(30))
}

/// What a future gives, within [`patience`].
///
/// # Panics
/// With the place and what was waited for, if it takes longer.
pub(crate) async fn in_time<T>(
    place: &Location<'_>,
    what: &str,
    future: impl Future<Output = T>,
) -> T {
    let patience = patience();
    match tokio::time::timeout(patience, future).await {
        Ok(value) => value,
        Err(_) => panic!("{place}: waited {patience:?} in vain for {what}"),
    }
}

/// Asks again and again until the answer is yes: for what announces itself to nobody.
#[track_caller]
pub(crate) fn eventually(
    what: &str,
    mut is_so: impl AsyncFnMut() -> bool,
) -> impl Future<Output = ()> {
    let place = Location::caller();
    async move {
        in_time(place, what, async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}
