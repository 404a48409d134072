//! The edits that one editor makes, by chance from a seed.

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use rowcast_protocol::{
    ChannelName, EditId, Fields, Op, Place, Value,
    edit::{Delete, Edit},
};
use uuid::Uuid;

use crate::{cli::MixName, rows};

/// Rows of its own that an editor has at most.
const OWN_ROWS: usize = 20;

/// A project that is edited.
#[derive(Debug, Clone)]
pub(super) struct Board {
    pub(super) channel: ChannelName,
    /// Rows that everybody edits and nobody deletes.
    pub(super) rows: Vec<Uuid>,
}

/// Makes edits. Every edit changes something: none would be acked without standing in an entry.
#[derive(Debug)]
pub(super) struct Mix {
    name: MixName,
    editor: usize,
    made: u64,
    chance: SmallRng,
    /// Rows that this editor made and has not deleted, by project.
    own: Vec<Vec<Uuid>>,
}

impl Mix {
    pub(super) fn new(name: MixName, editor: usize, projects: usize, seed: u64) -> Self {
        let chance = SmallRng::seed_from_u64(seed ^ (editor as u64) << 32);
        Self { name, editor, made: 0, chance, own: vec![Vec::new(); projects] }
    }

    /// The next edit, of one of these projects.
    pub(super) fn next(&mut self, boards: &[Board]) -> Option<Edit> {
        let project = self.chance.random_range(0..boards.len().max(1));
        let board = boards.get(project)?;
        self.made += 1;
        let op = match self.name {
            MixName::Updates => self.titled(board),
            MixName::Mixed => self.mixed(project, board),
        };
        let id = EditId(Uuid::now_v7());
        Some(Edit { id, channel: board.channel.clone(), ops: vec![op?] })
    }

    fn mixed(&mut self, project: usize, board: &Board) -> Option<Op> {
        let own = self.own.get_mut(project)?;
        match self.chance.random_range(0..100) {
            0..8 if own.len() < OWN_ROWS => {
                let row = Uuid::now_v7();
                own.push(row);
                Some(rows::insert(row, self.title()))
            }
            8..15 if !own.is_empty() => {
                let row = own.swap_remove(self.chance.random_range(0..own.len()));
                let (table, key) = ("tasks".to_owned(), row.to_string().into());
                Some(Op::Delete(Delete { table, key, guard: Fields::new() }))
            }
            15..20 => self.moved(board),
            20..50 => self.field(board),
            _ => self.titled(board),
        }
    }

    /// Something that no edit said before.
    fn title(&self) -> String {
        format!("edit {} of editor {}", self.made, self.editor)
    }

    fn row(&mut self, board: &Board) -> Option<Uuid> {
        board.rows.get(self.chance.random_range(0..board.rows.len().max(1))).copied()
    }

    fn titled(&mut self, board: &Board) -> Option<Op> {
        let set = Fields::from_iter([("title", self.title())]);
        Some(Op::Update(rows::update(self.row(board)?, set)))
    }

    fn field(&mut self, board: &Board) -> Option<Op> {
        let mut set = Fields::from_iter([("description", self.title())]);
        let (field, values): (_, &[_]) = match self.chance.random_range(0..3) {
            0 => ("status", &["todo", "doing", "done"]),
            1 => ("priority", &["low", "medium", "high", "urgent"]),
            _ => ("due_date", &["2027-01-01", "2027-06-30"]),
        };
        let value = values.get(self.chance.random_range(0..values.len()))?;
        set.insert(field, Value::from(*value));
        Some(Op::Update(rows::update(self.row(board)?, set)))
    }

    fn moved(&mut self, board: &Board) -> Option<Op> {
        let (row, anchor) = (self.row(board)?, self.row(board)?);
        let place = match self.chance.random_range(0..3) {
            0 => Place::First,
            1 => Place::Last,
            _ if anchor == row => Place::First,
            _ => Place::After(anchor.to_string().into()),
        };
        let set = Fields::from_iter([("title", self.title())]);
        let mut update = rows::update(row, set);
        update.place = Some(place);
        Some(Op::Update(update))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boards() -> Vec<Board> {
        let channel = ChannelName::new("project:1").unwrap();
        vec![Board { channel, rows: (0..10).map(|_| Uuid::now_v7()).collect() }]
    }

    fn kind(op: &Op) -> &'static str {
        match op {
            Op::Insert(_) => "insert",
            Op::Delete(_) => "delete",
            Op::Update(update) if update.place.is_some() => "move",
            Op::Update(_) => "update",
            Op::Move(_) => "leave",
        }
    }

    #[test]
    fn a_mix_holds_every_kind_and_deletes_only_what_it_made() {
        let (boards, mut mix) = (boards(), Mix::new(MixName::Mixed, 0, 1, 1));
        let mut made = Vec::new();
        let mut kinds = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let edit = mix.next(&boards).unwrap();
            kinds.insert(kind(&edit.ops[0]));
            match &edit.ops[0] {
                Op::Insert(insert) => made.push(insert.row.get("id").cloned().unwrap()),
                Op::Delete(delete) => assert!(made.contains(&delete.key)),
                _ => {}
            }
        }
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["delete", "insert", "move", "update"]);
    }

    #[test]
    fn the_same_seed_makes_the_same_edits() {
        let boards = boards();
        let titles = |seed| {
            let mut mix = Mix::new(MixName::Updates, 3, 1, seed);
            (0..20).map(|_| mix.next(&boards).unwrap().ops).collect::<Vec<_>>()
        };
        assert_eq!(titles(5), titles(5));
        assert_ne!(titles(5), titles(6));
    }
}
