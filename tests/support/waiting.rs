//! Waiting: always for something, never for longer than a bound.

use std::{future::Future, panic::Location, time::Duration};

/// How long anything may take before a test fails. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a future gives, within [`PATIENCE`].
///
/// # Panics
/// With the place and what was waited for, if it takes longer.
pub(crate) async fn in_time<T>(
    place: &Location<'_>,
    what: &str,
    future: impl Future<Output = T>,
) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{place}: waited {PATIENCE:?} in vain for {what}"),
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
