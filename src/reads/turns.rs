//! Heavy reads of one person come one after the other, and after a long one the next waits as long as it
//! took: lists, history and entries share few connections and the processor, and whoever asks from twenty
//! sockets must not keep everybody else waiting.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rowcast_protocol::{ErrorCode, ErrorReply};
use tokio::{
    sync::{Mutex as Queue, OwnedMutexGuard},
    time::Instant,
};

/// Heavy reads of one person that may wait for another.
const WAITING: usize = 64;
/// A read that takes no longer keeps the next one from nothing.
const LIGHT: Duration = Duration::from_millis(5);
/// People that are remembered before those who have rested are forgotten.
const REMEMBERED: usize = 1_000;

/// Until when a person rests.
type Rest = Arc<Queue<Instant>>;

/// Whose heavy reads are under way.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<Arc<str>, Rest>>>);

/// The right to one heavy read, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    rest: OwnedMutexGuard<Instant>,
    began: Instant,
}

impl Turns {
    /// Waits until this person may read.
    ///
    /// # Errors
    /// `rate_limited` if too many of the person's reads wait already.
    pub async fn take(&self, user: &Arc<str>) -> Result<Turn, ErrorReply> {
        let rest = self.rest_of(user);
        // One is the map's, one is this call's, one may be the reader's.
        if Arc::strong_count(&rest) > 3 + WAITING {
            let words = "too many of your lists and histories are being read; wait for some";
            return Err(ErrorReply::new(ErrorCode::RateLimited, words));
        }
        let rest = rest.lock_owned().await;
        tokio::time::sleep_until(*rest).await;
        Ok(Turn { rest, began: Instant::now() })
    }

    fn rest_of(&self, user: &Arc<str>) -> Rest {
        let (mut people, now) = (self.0.lock(), Instant::now());
        if people.len() >= REMEMBERED {
            people.retain(|_, rest| rest.try_lock().map_or(true, |until| *until > now));
        }
        Arc::clone(people.entry(Arc::clone(user)).or_insert_with(|| Arc::new(Queue::new(now))))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        if took > LIGHT {
            *self.rest = Instant::now() + took;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_person_waits_for_the_own_reads_and_for_nobody_elses() {
        let turns = Turns::default();
        let (ada, ben) = (Arc::from("ada"), Arc::from("ben"));
        let first = turns.take(&ada).await.unwrap();
        assert!(turns.take(&ada).now_or_never().is_none(), "one at once");
        assert!(turns.take(&ben).now_or_never().is_some(), "somebody else reads");
        drop(first);
        assert!(turns.take(&ada).now_or_never().is_some(), "it is the next one's turn");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_long_read_the_next_waits_as_long() {
        let turns = Turns::default();
        let ada = Arc::from("ada");
        let long = turns.take(&ada).await.unwrap();
        tokio::time::advance(Duration::from_millis(300)).await;
        drop(long);
        let ended = Instant::now();
        drop(turns.take(&ada).await.unwrap());
        assert_eq!(ended.elapsed(), Duration::from_millis(300));
        drop(turns.take(&ada).now_or_never().expect("that one took no time"));
    }

    #[tokio::test(start_paused = true)]
    async fn not_any_number_of_reads_may_wait() {
        let turns = Turns::default();
        let ada = Arc::from("ada");
        let under_way = turns.take(&ada).await.unwrap();
        let mut waiting: Vec<_> = (0..200).map(|_| Box::pin(turns.take(&ada))).collect();
        let answers: Vec<_> = waiting.iter_mut().map(|one| one.now_or_never()).collect();
        let refused = answers.iter().flatten().filter(|answer| answer.is_err()).count();
        assert!((100..200).contains(&refused), "{refused}");
        drop((waiting, answers, under_way));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_rested_is_forgotten() {
        let turns = Turns::default();
        let ada = turns.take(&"ada".into()).await.unwrap();
        for number in 0..2 * REMEMBERED {
            turns.take(&number.to_string().into()).await.unwrap();
        }
        assert!(turns.0.lock().len() <= REMEMBERED);
        assert!(turns.0.lock().contains_key("ada"));
        drop(ada);
    }
}
