//! Heavy reads of one person come one after the other: lists, history and entries share few connections,
//! and whoever asks from twenty sockets must not keep everybody else waiting.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use rowcast_protocol::{ErrorCode, ErrorReply};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Heavy reads of one person at once.
const AT_ONCE: usize = 2;

/// Heavy reads of one person that may wait for that.
const WAITING: usize = 64;

type People = Mutex<HashMap<Arc<str>, Arc<Semaphore>>>;

/// Whose heavy reads are under way.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<People>);

/// The right to one heavy read, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    people: Arc<People>,
    user: Arc<str>,
    permits: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits until this person may read.
    ///
    /// # Errors
    /// `rate_limited` if too many of the person's reads wait already.
    pub async fn take(&self, user: &Arc<str>) -> Result<Turn, ErrorReply> {
        let permits = Arc::clone(
            self.0
                .lock()
                .entry(Arc::clone(user))
                .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))),
        );
        // One is the map's, one is this call's.
        if Arc::strong_count(&permits) > 2 + AT_ONCE * 2 + WAITING {
            let words = "too many of your lists and histories are being read; wait for some";
            return Err(ErrorReply::new(ErrorCode::RateLimited, words));
        }
        let mut turn = Turn {
            people: Arc::clone(&self.0),
            user: Arc::clone(user),
            permits: Some(Arc::clone(&permits)),
            permit: None,
        };
        turn.permit = permits.acquire_owned().await.ok();
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.permit = None;
        self.permits = None;
        let mut people = self.people.lock();
        if people.get(&self.user).is_some_and(|permits| Arc::strong_count(permits) == 1) {
            people.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_person_waits_for_the_own_reads_and_for_nobody_elses() {
        let turns = Turns::default();
        let (ada, ben) = (Arc::from("ada"), Arc::from("ben"));
        let first = turns.take(&ada).await.unwrap();
        let second = turns.take(&ada).await.unwrap();
        assert!(turns.take(&ada).now_or_never().is_none(), "two at once");
        let other = turns.take(&ben).now_or_never().expect("somebody else reads").unwrap();
        drop(first);
        let third = turns.take(&ada).now_or_never().expect("it is the next one's turn").unwrap();
        drop((second, third, other));
        assert!(turns.0.lock().is_empty());
    }

    #[tokio::test]
    async fn not_any_number_of_reads_may_wait() {
        let turns = Turns::default();
        let ada = Arc::from("ada");
        let under_way = (turns.take(&ada).await.unwrap(), turns.take(&ada).await.unwrap());
        let mut waiting: Vec<_> = (0..200).map(|_| Box::pin(turns.take(&ada))).collect();
        let answers: Vec<_> = waiting.iter_mut().map(|one| one.now_or_never()).collect();
        let refused = answers.iter().flatten().filter(|answer| answer.is_err()).count();
        assert!((100..200).contains(&refused), "{refused}");
        drop((waiting, answers, under_way));
        assert!(turns.0.lock().is_empty());
    }
}
