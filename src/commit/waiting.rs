//! Edits that wait in a lane: each person's in order, taken in turn, so that nobody's many or heavy
//! edits keep the others waiting for more than a batch.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::lane::{CommitSettings, Queued};

/// Edits that wait.
#[derive(Default)]
pub(super) struct Waiting {
    /// By person, oldest first; none is empty.
    queues: HashMap<Arc<str>, VecDeque<Queued>>,
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
            self.turns.push_back(Arc::clone(user));
        }
        self.queues.entry(Arc::clone(user)).or_default()
    }

    /// A batch within its bounds, `most` edits at most: one edit of each person in turn. The same
    /// edit sent twice waits for the next batch, where it finds the outcome of the first.
    pub(super) fn gather(&mut self, settings: &CommitSettings, most: usize) -> Vec<Queued> {
        let (mut ids, mut ops, mut bytes) = (HashSet::new(), 0, 0);
        let (mut batch, mut later) = (Vec::new(), Vec::new());
        while batch.len() < most.min(settings.batch_edits) {
            let Some(user) = self.turns.pop_front() else { break };
            let queue = self.queues.get_mut(&user);
            let Some(queued) = queue.and_then(VecDeque::pop_front) else { continue };
            ops += queued.edit.ops.len();
            bytes += queued.bytes;
            let fits = ops <= settings.batch_ops && bytes <= settings.batch_bytes;
            let is_new = ids.insert((Arc::clone(&user), queued.edit.id));
            if (fits || batch.is_empty()) && is_new {
                batch.push(queued);
                self.count -= 1;
                self.end_turn(user);
                continue;
            }
            self.queues.entry(Arc::clone(&user)).or_default().push_front(queued);
            if fits {
                later.push(user);
            } else {
                self.turns.push_front(user);
                break;
            }
        }
        self.turns.extend(later);
        batch
    }

    /// Lets others pass, if the person has more edits.
    fn end_turn(&mut self, user: Arc<str>) {
        if self.queues.get(&user).is_some_and(VecDeque::is_empty) {
            self.queues.remove(&user);
        } else {
            self.turns.push_back(user);
        }
    }
}

#[cfg(test)]
mod tests {
    use rowcast_protocol::{ChannelName, EditId};

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
        for n in 0..4 {
            waiting.push(queued("a", n, 1));
        }
        waiting.push(queued("b", 0, 1));
        let settings = bounded(3, 100);
        assert_eq!(names(&waiting.gather(&settings, 9)), ["a0", "b0", "a1"]);
        assert_eq!(names(&waiting.gather(&settings, 9)), ["a2", "a3"]);
        assert!(waiting.is_empty() && waiting.gather(&settings, 9).is_empty());
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
        assert_eq!(names(&waiting.gather(&settings, 9)), ["a1", "b0", "a2", "a3"]);
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
