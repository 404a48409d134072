//! How much may come in: of one socket, and of all sockets of one person on this node.
//!
//! Everything is counted before it is worked on: frames before they are parsed, messages and their
//! bytes before they are decoded. What is over is refused with a time to come back; whoever goes on
//! in spite of refusals is closed. Refusals are forgotten slowly, so that a burst is forgiven and a
//! flood is not, however many of its requests are granted in between.

use std::{sync::Arc, time::Duration};

use dashmap::DashMap;
use parking_lot::Mutex;
use rowcast_protocol::CloseCode;
use tokio::time::Instant;

use super::SessionSettings;

/// How many seconds' worth of frames, and of bytes, may come at once after a pause.
const BURST_SECONDS: u64 = 4;
/// A refused message counts once, and once more for so many of its bytes.
const REFUSED_BYTES: u64 = 4096;
/// People that are remembered before those who have rested are forgotten.
const REMEMBERED: usize = 10_000;

/// What a bucket lets through.
#[derive(Debug, Clone, Copy)]
struct Flow {
    per_second: u64,
    most: u64,
}

impl Flow {
    fn of_requests(settings: &SessionSettings) -> Self {
        Self {
            per_second: settings.requests_per_second.into(),
            most: settings.requests_burst.into(),
        }
    }

    /// The wider of both; `None`: no limit.
    fn or_wider(own: Option<Self>, other: Self) -> Self {
        own.map_or(Self { per_second: u64::MAX, most: u64::MAX }, |own| Self {
            per_second: own.per_second.max(other.per_second),
            most: own.most.max(other.most),
        })
    }

    fn in_bursts(per_second: u64) -> Self {
        Self { per_second, most: per_second.saturating_mul(BURST_SECONDS) }
    }
}

/// A leaky bucket. It has no clock of its own: whoever pours says how late it is, in milliseconds.
/// (The crate governor, which counts over HTTP, holds a clock in each of its limiters.)
#[derive(Debug, Default)]
struct Bucket {
    /// Thousandths of a unit.
    level: u64,
    at: u64,
}

impl Bucket {
    /// Pours some units in; or says how long to wait until they have room. What is more than the
    /// whole bucket has room when it is empty.
    fn pour(&mut self, units: u64, now: u64, flow: Flow) -> Result<(), Duration> {
        let leaked = now.saturating_sub(self.at).saturating_mul(flow.per_second);
        self.level = self.level.saturating_sub(leaked);
        self.at = now;
        let after = self.level.saturating_add(units.saturating_mul(1000));
        let over = after.saturating_sub(flow.most.saturating_mul(1000));
        if over > 0 && self.level > 0 {
            let wait = over.min(self.level).div_ceil(flow.per_second.max(1));
            return Err(Duration::from_millis(wait.max(1)));
        }
        self.level = after;
        Ok(())
    }

    fn has_rested(&self, now: u64, flow: Flow) -> bool {
        self.level <= now.saturating_sub(self.at).saturating_mul(flow.per_second)
    }
}

/// One socket's budget of frames.
#[derive(Debug)]
pub(super) struct FrameRate {
    bucket: Bucket,
    flow: Flow,
}

impl FrameRate {
    /// So many frames a second, averaged; never less than twice the requests.
    pub(super) fn new(settings: &SessionSettings) -> Self {
        let frames = Flow::in_bursts(settings.frames_per_second.into());
        let requests = Flow::of_requests(settings);
        let flow = Flow {
            per_second: frames.per_second.max(requests.per_second.saturating_mul(2)),
            most: frames.most.max(requests.most.saturating_mul(2)),
        };
        Self { bucket: Bucket::default(), flow }
    }

    /// A budget for a test.
    #[cfg(test)]
    pub(super) fn of(per_second: u64) -> Self {
        Self { bucket: Bucket::default(), flow: Flow::in_bursts(per_second) }
    }

    /// Takes frames out of the budget, control frames and fragments included.
    ///
    /// # Errors
    /// If there are too many.
    pub(super) fn take(&mut self, frames: u64, now: u64) -> Result<(), CloseCode> {
        self.bucket.pour(frames, now, self.flow).map_err(|_| CloseCode::Flooding)
    }
}

/// What one socket may ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageLimits {
    requests: Flow,
    bytes: Flow,
}

impl MessageLimits {
    pub(super) fn of(settings: &SessionSettings) -> Self {
        let requests = Flow::of_requests(settings);
        Self { requests, bytes: Flow::in_bursts(settings.bytes_per_second) }
    }
}

/// One socket's budget of messages.
#[derive(Debug, Default)]
pub(super) struct Rate {
    requests: Bucket,
    bytes: Bucket,
    refusals: Bucket,
    /// Shared with the other sockets of the person who greeted.
    person: Option<Arc<PersonRate>>,
}

impl Rate {
    /// From now on the socket also takes from this person's budget.
    pub(super) fn belongs_to(&mut self, person: Arc<PersonRate>) {
        self.person = Some(person);
    }

    /// Takes one message out of the budgets; or says how long to wait.
    ///
    /// # Errors
    /// If the client has long stopped listening to refusals.
    pub(super) fn take(
        &mut self,
        bytes: usize,
        now: u64,
        limits: MessageLimits,
    ) -> Result<Option<Duration>, CloseCode> {
        let bytes = bytes as u64;
        let Err(wait) = self.pour(bytes, now, limits) else { return Ok(None) };
        let patience = Flow {
            per_second: (limits.requests.per_second / 4).max(1),
            most: limits.requests.most.saturating_mul(4),
        };
        let weight = 1 + bytes / REFUSED_BYTES;
        match self.refusals.pour(weight, now, patience) {
            Ok(()) => Ok(Some(wait)),
            Err(_) => Err(CloseCode::Flooding),
        }
    }

    fn pour(&mut self, bytes: u64, now: u64, limits: MessageLimits) -> Result<(), Duration> {
        self.requests.pour(1, now, limits.requests)?;
        self.bytes.pour(bytes, now, limits.bytes)?;
        self.person.as_ref().map_or(Ok(()), |person| person.pour(bytes))
    }
}

/// What all sockets of one person on this node may ask together.
#[derive(Debug)]
pub(super) struct PersonRate {
    began: Instant,
    requests: Flow,
    bytes: Flow,
    poured: Mutex<(Bucket, Bucket)>,
}

impl PersonRate {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn pour(&self, bytes: u64) -> Result<(), Duration> {
        let now = self.now();
        let mut poured = self.poured.lock();
        poured.0.pour(1, now, self.requests)?;
        poured.1.pour(bytes, now, self.bytes)
    }

    fn has_rested(&self) -> bool {
        let (now, poured) = (self.now(), self.poured.lock());
        poured.0.has_rested(now, self.requests) && poured.1.has_rested(now, self.bytes)
    }
}

/// What all sockets of one person may ask; 0 a second: no limit.
#[derive(Debug, Clone, Copy)]
pub struct PersonLimits {
    /// Requests a second, averaged.
    pub requests_per_second: u64,
    /// Requests at once after a pause.
    pub requests_burst: u64,
    /// Bytes of messages a second, averaged.
    pub bytes_per_second: u64,
}

/// The budgets of the people who have greeted here.
#[derive(Debug)]
pub struct PersonRates {
    known: DashMap<Arc<str>, Arc<PersonRate>>,
    requests: Flow,
    bytes: Flow,
}

impl PersonRates {
    /// Full budgets; never less than one socket has.
    #[must_use]
    pub fn new(person: PersonLimits, socket: &SessionSettings) -> Self {
        let limited = |per_second: u64, flow| (per_second > 0).then_some(flow);
        let requests = Flow { per_second: person.requests_per_second, most: person.requests_burst };
        let bytes = Flow::in_bursts(person.bytes_per_second);
        Self {
            known: DashMap::new(),
            requests: Flow::or_wider(
                limited(requests.per_second, requests),
                Flow::of_requests(socket),
            ),
            bytes: Flow::or_wider(
                limited(bytes.per_second, bytes),
                Flow::in_bursts(socket.bytes_per_second),
            ),
        }
    }

    /// A person's budget. It outlives the person's sockets until it is full again, so that nobody
    /// gets a new one by connecting again.
    pub(super) fn of(&self, user: &Arc<str>) -> Arc<PersonRate> {
        if self.known.len() >= REMEMBERED {
            self.known.retain(|_, rate| Arc::strong_count(rate) > 1 || !rate.has_rested());
        }
        let made = || {
            let (requests, bytes) = (self.requests, self.bytes);
            Arc::new(PersonRate {
                began: Instant::now(),
                requests,
                bytes,
                poured: Mutex::default(),
            })
        };
        Arc::clone(self.known.entry(Arc::clone(user)).or_insert_with(made).value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: Flow = Flow { per_second: 10, most: 20 };

    #[test]
    fn a_bucket_takes_a_burst_and_then_what_leaks() {
        let mut bucket = Bucket::default();
        for _ in 0..20 {
            assert_eq!(bucket.pour(1, 5, FLOW), Ok(()));
        }
        assert_eq!(bucket.pour(1, 5, FLOW), Err(Duration::from_millis(100)));
        assert_eq!(bucket.pour(1, 105, FLOW), Ok(()));
        assert!(bucket.pour(1, 105, FLOW).is_err());
        assert!(!bucket.has_rested(2104, FLOW) && bucket.has_rested(2105, FLOW));
    }

    #[test]
    fn what_is_more_than_the_bucket_has_room_when_it_is_empty() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.pour(50, 0, FLOW), Ok(()));
        assert!(bucket.pour(50, 4999, FLOW).is_err());
        assert_eq!(bucket.pour(50, 5000, FLOW), Ok(()));
    }

    const LIMITS: MessageLimits = MessageLimits {
        requests: Flow { per_second: 100, most: 400 },
        bytes: Flow { per_second: 1 << 20, most: 4 << 20 },
    };

    /// Sends so many a second, evenly, for a minute: after how many seconds the socket is closed.
    fn closed_after(per_second: u64, bytes: usize) -> Option<u64> {
        let mut rate = Rate::default();
        (0..60 * per_second)
            .map(|number| number * 1000 / per_second)
            .find(|&now| rate.take(bytes, now, LIMITS).is_err())
            .map(|now| now / 1000)
    }

    #[test]
    fn a_flood_is_closed_although_some_of_it_is_granted() {
        assert!(closed_after(500, 100).is_some_and(|second| second < 10));
        assert!(closed_after(90, 100).is_none(), "within the budget");
        assert!(closed_after(110, 100).is_none(), "a little too fast");
    }

    #[test]
    fn long_messages_are_a_flood_at_a_lower_rate() {
        assert!(closed_after(90, 64 * 1024).is_some_and(|second| second < 10));
        assert!(closed_after(15, 64 * 1024).is_none(), "within the budget");
    }

    #[test]
    fn a_burst_is_forgiven() {
        let mut rate = Rate::default();
        for minute in 0..10 {
            let refused = (0..1_500)
                .filter(|_| rate.take(100, minute * 60_000, LIMITS).unwrap().is_some())
                .count();
            assert_eq!(refused, 1_100);
        }
    }

    #[test]
    fn the_sockets_of_a_person_share_a_budget() {
        let requests = Flow { per_second: 1, most: 3 };
        let bytes = Flow::in_bursts(1000);
        let people = PersonRates { known: DashMap::new(), requests, bytes };
        let ada: Arc<str> = "ada".into();
        let mut sockets: Vec<_> = (0..3).map(|_| Rate::default()).collect();
        for socket in &mut sockets {
            socket.belongs_to(people.of(&ada));
        }
        let mut granted = |_| {
            sockets.iter_mut().map(|socket| socket.pour(1, 0, LIMITS)).filter(Result::is_ok).count()
        };
        assert_eq!((0..2).map(&mut granted).sum::<usize>(), 3);
        assert!(people.of(&"bob".into()).pour(1).is_ok());
    }
}
