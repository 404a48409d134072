//! What is under way, and what was measured.

use std::{collections::VecDeque, rc::Rc};

use tokio::{sync::Notify, time::Instant};

use super::figures::WindowFigures;
use crate::{
    error::LoadError, findings::Findings, latency::Latencies, target::Used, wire::LinkError,
};

/// A publish that not everybody has yet.
#[derive(Debug)]
struct Publish {
    at: Instant,
    left: usize,
}

/// Shared by the publisher and all subscribers.
#[derive(Debug)]
pub(super) struct Board {
    subscribers: usize,
    window: usize,
    /// The number of the oldest publish below.
    oldest: u64,
    publishes: VecDeque<Publish>,
    under_way: usize,
    deliveries: u64,
    whole: u64,
    each: Latencies,
    last: Latencies,
    findings: Findings,
    failure: Option<LoadError>,
    wake: Rc<Notify>,
    quiet: Rc<Notify>,
    failed: Rc<Notify>,
}

impl Board {
    /// Nothing is under way and nothing may be.
    pub(super) fn new(subscribers: usize) -> Self {
        Self {
            subscribers,
            window: 0,
            oldest: 0,
            publishes: VecDeque::new(),
            under_way: 0,
            deliveries: 0,
            whole: 0,
            each: Latencies::default(),
            last: Latencies::default(),
            findings: Findings::default(),
            failure: None,
            wake: Rc::default(),
            quiet: Rc::default(),
            failed: Rc::default(),
        }
    }

    /// Lets so many be under way; 0: no more.
    pub(super) fn open_window(&mut self, window: usize) {
        self.window = window;
    }

    /// Wakes the publisher.
    pub(super) fn wake(&self) -> Rc<Notify> {
        Rc::clone(&self.wake)
    }

    /// Told when nothing is under way any more.
    pub(super) fn quiet(&self) -> Rc<Notify> {
        Rc::clone(&self.quiet)
    }

    /// Told when the run cannot go on.
    pub(super) fn failed(&self) -> Rc<Notify> {
        Rc::clone(&self.failed)
    }

    /// Whether nothing is under way.
    pub(super) fn is_quiet(&self) -> bool {
        self.under_way == 0
    }

    /// What is missing, in words.
    pub(super) fn missing(&self) -> String {
        let missing = (self.oldest..).zip(&self.publishes).filter(|(_, publish)| publish.left > 0);
        let words = missing.map(|(number, publish)| format!("{number} at {}", publish.left));
        let words: Vec<_> = words.take(10).collect();
        let (count, all) = (self.under_way, self.subscribers);
        format!("{count} publishes did not reach all {all} subscribers: {}", words.join(", "))
    }

    /// The number of the next publish, if one may go out now.
    pub(super) fn publish(&mut self, at: Instant) -> Option<u64> {
        if self.under_way >= self.window {
            return None;
        }
        self.under_way += 1;
        self.publishes.push_back(Publish { at, left: self.subscribers });
        Some(self.oldest + self.publishes.len() as u64 - 1)
    }

    /// A subscriber that waited for `expected` has these, in one frame; returns what it waits for
    /// then.
    pub(super) fn delivered(&mut self, numbers: &[u64], mut expected: u64) -> u64 {
        let now = Instant::now();
        for number in numbers.iter().copied() {
            if number != expected {
                self.findings.add(|| format!("publish {number} came where {expected} was due"));
            }
            expected = number + 1;
            self.one_delivered(number, now);
        }
        self.forget_whole();
        expected
    }

    fn one_delivered(&mut self, number: u64, now: Instant) {
        self.deliveries += 1;
        let index = number.checked_sub(self.oldest).and_then(|index| usize::try_from(index).ok());
        let Some(publish) = index.and_then(|index| self.publishes.get_mut(index)) else {
            return self.findings.add(|| format!("publish {number} came once too often"));
        };
        let latency = now.saturating_duration_since(publish.at);
        self.each.record(latency);
        publish.left = publish.left.saturating_sub(1);
        if publish.left == 0 {
            self.last.record(latency);
            self.whole += 1;
            self.under_way -= 1;
        }
    }

    fn forget_whole(&mut self) {
        while self.publishes.front().is_some_and(|publish| publish.left == 0) {
            self.publishes.pop_front();
            self.oldest += 1;
        }
        if self.under_way < self.window {
            self.wake.notify_one();
        }
        if self.under_way == 0 {
            self.quiet.notify_one();
        }
    }

    /// Something that must not be, though the run goes on.
    pub(super) fn find(&mut self, words: impl FnOnce() -> String) {
        self.findings.add(words);
    }

    /// A socket is of no use any more: the run cannot go on.
    pub(super) fn fail(&mut self, what: String, error: LinkError) {
        self.failure.get_or_insert(LoadError::Link { what, error });
        self.failed.notify_one();
    }

    /// Why the run cannot go on.
    pub(super) fn failure(&mut self) -> LoadError {
        self.failure.take().unwrap_or(LoadError::Interrupted)
    }

    /// Forgets what was measured.
    pub(super) fn begin_measuring(&mut self) {
        (self.deliveries, self.whole) = (0, 0);
        self.each.clear();
        self.last.clear();
    }

    /// What was measured.
    pub(super) fn figures(&self, window: usize, used: Used) -> WindowFigures {
        let per_second = |count: u64| count as f64 / used.seconds;
        WindowFigures {
            window,
            deliveries: self.deliveries,
            deliveries_per_second: per_second(self.deliveries),
            publishes_per_second: per_second(self.whole),
            deliveries_per_hub_cpu_second: used
                .hub_cpu_seconds
                .filter(|cpu| *cpu > 0.0)
                .map(|cpu| self.deliveries as f64 / cpu),
            each: self.each.summary(),
            last: self.last.summary(),
            used,
        }
    }

    /// What was wrong.
    pub(super) fn take_findings(&mut self) -> Findings {
        std::mem::take(&mut self.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn open_board() -> Board {
        let mut board = Board::new(2);
        board.open_window(2);
        board
    }

    #[test]
    fn the_window_opens_when_everybody_has_a_publish() {
        let (mut board, now) = (open_board(), Instant::now());
        assert_eq!([0; 3].map(|_| board.publish(now)), [Some(0), Some(1), None]);
        assert_eq!(board.delivered(&[0, 1], 0), 2);
        assert_eq!(board.publish(now), None, "the second subscriber has neither");
        assert_eq!(board.delivered(&[0], 0), 1);
        assert_eq!([0; 2].map(|_| board.publish(now)), [Some(2), None]);
        assert!(board.take_findings().is_empty());
    }

    #[test]
    fn a_hole_and_a_repetition_are_found() {
        let (mut board, now) = (open_board(), Instant::now());
        board.publish(now);
        board.publish(now);
        board.delivered(&[1], 0);
        assert_eq!(board.take_findings().told().0, 1, "a hole");
        board.delivered(&[0], 1);
        assert_eq!(board.take_findings().told().0, 1, "an old one");
        board.delivered(&[0, 1], 0);
        board.delivered(&[1], 1);
        assert!(board.take_findings().told().0 > 0, "once too often");
    }

    #[test]
    fn it_is_quiet_when_all_have_all() {
        let mut board = open_board();
        board.publish(Instant::now());
        board.delivered(&[0], 0);
        assert!(!board.is_quiet());
        board.delivered(&[0], 0);
        assert!(board.is_quiet());
    }
}
