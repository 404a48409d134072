//! Edits that wait in a lane: each person's in order, some of each in turn, and whoever had none waiting
//! first, so that nobody's many or heavy edits keep the others waiting for more than a batch. (Round robin
//! with new flows first, as in RFC 8290; but whoever has nothing waiting any more is new again.)

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use rowcast_protocol::EditId;

use super::lane::{CommitSettings, Queued};

/// Edits of one person in a turn: taken and answered together they cost less.
const RUN: usize = 64;
/// Bytes of edits in one turn, unless one alone has more.
const RUN_BYTES: usize = 64 * 1024;

/// Edits that wait.
#[derive(Default)]
pub(super) struct Waiting {
    /// By person, oldest first; none is empty.
    queues: HashMap<Arc<str>, VecDeque<Queued>>,
    /// People who had nothing waiting, before those whose turn comes again.
    fresh: VecDeque<Arc<str>>,
    /// Whose turn it is.
    turns: VecDeque<Arc<str>>,
    count: usize,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// How many edits of a person wait.
    pub(super) fn of(&self, user: &Arc<str>) -> usize {
        self.queues.get(user).map_or(0, VecDeque::len)
    }

    /// Adds an edit behind its person's others.
    pub(super) fn push(&mut self, queued: Queued) {
        self.queue_of(&queued).push_back(queued);
        self.count += 1;
    }

    /// Takes edits back that a batch did not come to, in their order, before their persons' others.
    pub(super) fn put_back(&mut self, batch: impl DoubleEndedIterator<Item = Queued>) {
        for queued in batch.rev() {
            self.queue_of(&queued).push_front(queued);
            self.count += 1;
        }
    }

    fn queue_of(&mut self, queued: &Queued) -> &mut VecDeque<Queued> {
        let user = &queued.edit.user;
        if !self.queues.contains_key(user) {
            self.fresh.push_back(Arc::clone(user));
        }
        self.queues.entry(Arc::clone(user)).or_default()
    }

    /// A batch within its bounds, `most` edits at most: a run of each person's edits in turn. The same
    /// edit sent twice waits for the next batch, where it finds the outcome of the first.
    pub(super) fn gather(&mut self, settings: &CommitSettings, most: usize) -> Vec<Queued> {
        let mut batch = Gathering::default();
        let most = most.min(settings.batch_edits);
        let mut later = Vec::new();
        while batch.edits.len() < most {
            let Some(user) = self.fresh.pop_front().or_else(|| self.turns.pop_front()) else {
                break;
            };
            let queue = self.queues.entry(Arc::clone(&user)).or_default();
            let before = batch.edits.len();
            let end = batch.take_run(queue, settings, most);
            self.count -= batch.edits.len() - before;
            match end {
                _ if queue.is_empty() => drop(self.queues.remove(&user)),
                RunEnd::Over => self.turns.push_back(user),
                RunEnd::Twice => later.push(user),
                RunEnd::Full => {
                    self.turns.push_front(user);
                    break;
                }
            }
        }
        self.turns.extend(later);
        batch.edits
    }
}

/// A batch that is being gathered.
#[derive(Default)]
struct Gathering {
    edits: Vec<Queued>,
    ids: HashSet<(Arc<str>, EditId)>,
    ops: usize,
    bytes: usize,
}

/// Why a person's run ends.
enum RunEnd {
    /// It is somebody else's turn.
    Over,
    /// The next edit is in the batch already.
    Twice,
    /// The next edit does not fit in the batch.
    Full,
}

impl Gathering {
    fn take_run(
        &mut self,
        queue: &mut VecDeque<Queued>,
        settings: &CommitSettings,
        most: usize,
    ) -> RunEnd {
        let (mut count, mut bytes) = (0, 0);
        while let Some(next) = queue.front() {
            let is_over = count > 0 && (count == RUN || bytes + next.bytes > RUN_BYTES);
            if is_over || self.edits.len() >= most {
                return RunEnd::Over;
            }
            if !self.has_room(next, settings) {
                return RunEnd::Full;
            }
            if !self.ids.insert((Arc::clone(&next.edit.user), next.edit.id)) {
                return RunEnd::Twice;
            }
            count += 1;
            bytes += next.bytes;
            self.ops += next.edit.ops.len();
            self.bytes += next.bytes;
            self.edits.extend(queue.pop_front());
        }
        RunEnd::Over
    }

    fn has_room(&self, next: &Queued, settings: &CommitSettings) -> bool {
        self.edits.is_empty()
            || (self.ops + next.edit.ops.len() <= settings.batch_ops
                && self.bytes + next.bytes <= settings.batch_bytes)
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::ChannelName;

    use super::*;
    use crate::store::{CheckedEdit, LiveSchema, rights::Looked};

    /// The n-th edit of a person.
    fn queued(user: &str, n: u128, bytes: usize) -> Queued {
        let schema = LiveSchema::of(Vec::new());
        let edit = CheckedEdit {
            schema: Arc::new(schema),
            user: user.into(),
            id: EditId(uuid::Uuid::from_u128(n)),
            hash: [0; 16],
            channel: ChannelName::new("board:b").unwrap(),
            ops: Vec::new(),
        };
        let looked = Looked { number: 0, at: tokio::time::Instant::now() };
        Queued { edit, bytes, looked, reply: Box::new(drop) }
    }

    fn names(batch: &[Queued]) -> Vec<String> {
        let name = |queued: &Queued| format!("{}{}", queued.edit.user, queued.edit.id.0.as_u128());
        batch.iter().map(name).collect()
    }

    fn bounded(batch_edits: usize, batch_bytes: usize) -> CommitSettings {
        CommitSettings { batch_edits, batch_bytes, ..CommitSettings::default() }
    }

    #[test]
    fn everybody_has_a_turn_and_each_persons_edits_stay_in_order() {
        let mut waiting = Waiting::default();
        let run = u128::try_from(RUN).unwrap();
        for n in 0..2 * run {
            waiting.push(queued("a", n, 1));
        }
        waiting.push(queued("b", 0, 1));
        let settings = bounded(RUN + 2, 1_000);
        let expected: Vec<_> = (0..run).map(|n| format!("a{n}")).collect();
        let batch = names(&waiting.gather(&settings, 999));
        assert_eq!(batch, [&expected[..], &["b0".to_owned(), format!("a{run}")]].concat());
        assert_eq!(waiting.gather(&settings, 999).len(), RUN - 1);
        assert!(waiting.is_empty() && waiting.gather(&settings, 9).is_empty());
    }

    #[test]
    fn whoever_had_nothing_waiting_goes_before_those_who_have_more() {
        let mut waiting = Waiting::default();
        for n in 0..9 {
            waiting.push(queued("a", n, 1));
            waiting.push(queued("b", n, 1));
        }
        assert_eq!(names(&waiting.gather(&bounded(2, 100), 9)), ["a0", "a1"]);
        waiting.push(queued("c", 0, 1));
        assert_eq!(names(&waiting.gather(&bounded(2, 100), 9)), ["b0", "b1"]);
        assert_eq!(names(&waiting.gather(&bounded(2, 100), 9)), ["c0", "a2"]);
    }

    #[test]
    fn heavy_edits_are_few_in_a_turn() {
        let mut waiting = Waiting::default();
        for n in 0..4 {
            waiting.push(queued("a", n, RUN_BYTES / 2));
            waiting.push(queued("b", n, RUN_BYTES));
        }
        let batch = names(&waiting.gather(&bounded(5, RUN_BYTES * 9), 9));
        assert_eq!(batch, ["a0", "a1", "b0", "a2", "a3"]);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_but_has_an_edit() {
        let mut waiting = Waiting::default();
        for (n, bytes) in [(0, 500), (1, 60), (2, 60)] {
            waiting.push(queued("a", n, bytes));
        }
        let settings = bounded(9, 100);
        for expected in ["a0", "a1", "a2"] {
            assert_eq!(names(&waiting.gather(&settings, 9)), [expected]);
        }
    }

    #[test]
    fn what_a_batch_did_not_come_to_is_next() {
        let mut waiting = Waiting::default();
        for n in 0..3 {
            waiting.push(queued("a", n, 1));
        }
        let settings = bounded(9, 100);
        let batch = waiting.gather(&settings, 3);
        waiting.push(queued("a", 3, 1));
        waiting.push(queued("b", 0, 1));
        waiting.put_back(batch.into_iter().skip(1));
        assert_eq!(names(&waiting.gather(&settings, 9)), ["a1", "a2", "a3", "b0"]);
    }

    #[test]
    fn the_same_edit_twice_waits_for_the_next_batch() {
        let mut waiting = Waiting::default();
        for n in [0, 0, 1] {
            waiting.push(queued("a", n, 1));
        }
        waiting.push(queued("b", 0, 1));
        let settings = bounded(9, 100);
        assert_eq!(names(&waiting.gather(&settings, 9)), ["a0", "b0"]);
        assert_eq!(names(&waiting.gather(&settings, 9)), ["a0", "a1"]);
    }
}
