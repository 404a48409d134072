//! What is known of a hand-made order in memory: stretches of it, kept up while the operations of a
//! batch are gone through.

use std::{cmp::Ordering, collections::HashSet};

use rowcast_protocol::{ColumnType, Value};

use super::keys::{compare, key_columns, name_of};
use crate::store::{
    LiveTable,
    edit::CheckedPlace,
    order::{LONG_KEY, keys_between},
    values::wire_of_checked,
};

/// How long texts may be, tried one after the other: where all texts begin with the same long one, so
/// do those between them.
const LENGTHS: [usize; 5] = [LONG_KEY, 4 * LONG_KEY, 16 * LONG_KEY, 64 * LONG_KEY, usize::MAX];

/// Where an operation puts its row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::store) struct Placement {
    /// The row's text; none: it stands right already.
    pub(in crate::store) text: Option<String>,
    /// Neighbours that get new texts, by their keys in the wire's form.
    pub(in crate::store) others: Vec<(Vec<Value>, String)>,
}

/// A row by its key.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Named {
    /// The key as text, to find the row by.
    name: String,
    /// The key in the wire's form; empty where the database makes it.
    pub(in crate::store) key: Vec<Value>,
}

impl Named {
    /// The row with a key in the wire's form.
    pub(in crate::store) fn new(key: Vec<Value>) -> Self {
        Self { name: name_of(&key), key }
    }

    /// The key as text.
    pub(in crate::store) fn name(&self) -> &str {
        &self.name
    }
}

/// A row in an order.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Place {
    pub(in crate::store) row: Named,
    /// What its order column holds.
    pub(in crate::store) text: Option<String>,
}

/// Neighbouring rows as the database has them.
#[derive(Debug, Default)]
pub(super) struct Stretch {
    pub(super) rows: Vec<Place>,
    pub(super) from_start: bool,
    pub(super) to_end: bool,
}

#[derive(Debug, Clone)]
struct Known {
    place: Place,
    /// Whether the next row here (or the end) is the next in the order.
    is_next_known: bool,
}

impl Known {
    /// Whether it is a new row whose key nobody knows yet: it cannot be given another text.
    fn is_nameless(&self) -> bool {
        self.place.row.key.is_empty()
    }
}

/// What is known of a channel's order.
#[derive(Debug, Clone)]
pub(in crate::store) struct Arrangement {
    kinds: Vec<ColumnType>,
    rows: Vec<Known>,
    /// Whether the first row here (or the end) is the first of the order.
    is_first_known: bool,
    /// Rows that the operations so far have changed, of which the database tells what was.
    changed: HashSet<String>,
    /// How many rows were added whose keys the database makes.
    nameless: usize,
}

impl Arrangement {
    /// Nothing is known yet.
    pub(in crate::store) fn new(table: &LiveTable) -> Self {
        Self {
            kinds: key_columns(table).map(|column| column.kind).collect(),
            rows: Vec::new(),
            is_first_known: false,
            changed: HashSet::new(),
            nameless: 0,
        }
    }

    /// A row that is inserted without a key.
    pub(in crate::store) fn nameless(&mut self) -> Named {
        self.nameless += 1;
        Named { name: format!("new {}", self.nameless), key: Vec::new() }
    }

    /// How many rows the operations so far have changed.
    pub(super) fn changes(&self) -> usize {
        self.changed.len()
    }

    /// Where a row stands, if an operation put it there; `Some(None)`: it is gone.
    pub(super) fn changed(&self, row: &Named) -> Option<Option<&Place>> {
        let place = || self.find(row).and_then(|index| self.rows.get(index));
        self.changed.contains(&row.name).then(|| place().map(|known| &known.place))
    }

    /// An operation takes a row out.
    pub(in crate::store) fn remove(&mut self, row: &Named) {
        self.changed.insert(row.name.clone());
        if let Some(index) = self.find(row) {
            self.take(index);
        }
    }

    /// An operation gives a row this text, or makes one with it.
    pub(in crate::store) fn add(&mut self, row: Named, text: Option<String>) {
        self.remove(&row);
        self.insert_sorted(Place { row, text });
    }

    /// Adds what the database tells of a stretch of the order.
    pub(super) fn absorb(&mut self, stretch: Stretch) {
        let ends = stretch.rows.first().cloned().zip(stretch.rows.last().cloned());
        for place in stretch.rows {
            if !self.changed.contains(&place.row.name) && self.find(&place.row).is_none() {
                self.insert_sorted(place);
            }
        }
        let first = ends.as_ref().map_or(0, |(first, _)| self.before(first));
        let behind = ends.as_ref().map_or(0, |(_, last)| self.behind(last));
        let (first, behind) = (
            if stretch.from_start { 0 } else { first },
            if stretch.to_end { self.rows.len() } else { behind },
        );
        self.is_first_known |= stretch.from_start;
        let pairs = if stretch.to_end { behind } else { behind.saturating_sub(1) };
        for known in self.rows.iter_mut().take(pairs).skip(first) {
            known.is_next_known = true;
        }
    }

    /// Puts a row at a place; `None`: too little is known of the order, or room must be made. At most
    /// so many other rows get new texts.
    pub(super) fn put(
        &mut self,
        row: &Named,
        place: &CheckedPlace,
        most: usize,
    ) -> Option<Placement> {
        let anchor = self.anchor(place);
        if anchor.as_ref().is_some_and(|anchor| anchor.name == row.name) {
            return Some(Placement::default());
        }
        let taken = self.find(row).and_then(|index| Some((index, self.take(index)?)));
        let index = self.index_of(place, anchor.as_ref());
        let stands = |index: usize| match &taken {
            Some((was, taken)) => *was == index && self.stands(index, &taken.known.place),
            None => false,
        };
        if index.is_some_and(stands) {
            self.restore(taken);
            return Some(Placement::default());
        }
        let placement = index.and_then(|index| self.make(index, row, most));
        if placement.is_none() {
            self.restore(taken);
        }
        placement
    }

    /// The row beside which another is placed.
    fn anchor(&self, place: &CheckedPlace) -> Option<Named> {
        match place {
            CheckedPlace::First | CheckedPlace::Last => None,
            CheckedPlace::After(key) | CheckedPlace::Before(key) => Some(self.named(key)),
        }
    }

    /// The row with a checked edit's key.
    pub(in crate::store) fn named(&self, key: &[Value]) -> Named {
        let parts = self.kinds.iter().zip(key);
        Named::new(parts.map(|(kind, value)| wire_of_checked(*kind, value)).collect())
    }

    /// Where a place is among the rows here, if both neighbours are known.
    fn index_of(&self, place: &CheckedPlace, anchor: Option<&Named>) -> Option<usize> {
        let anchor = anchor.map(|anchor| self.find(anchor));
        let index = match place {
            CheckedPlace::First => 0,
            CheckedPlace::Last => self.rows.partition_point(|known| known.place.text.is_some()),
            CheckedPlace::Before(_) => anchor??,
            CheckedPlace::After(_) => anchor?? + 1,
        };
        let is_known = match index.checked_sub(1) {
            Some(before) => self.rows.get(before)?.is_next_known,
            None => self.is_first_known,
        };
        is_known.then_some(index)
    }

    /// Whether a row that was taken out from here stands right without a text of its own: where
    /// people see it is decided by its text or, among rows without one, by its key.
    fn stands(&self, index: usize, place: &Place) -> bool {
        let before = index.checked_sub(1).and_then(|before| self.rows.get(before));
        place.text.is_some() || before.is_some_and(|known| known.place.text.is_none())
    }

    /// Makes a text for a row at an index, and new ones for the fewest neighbours that make room.
    fn make(&mut self, index: usize, row: &Named, most: usize) -> Option<Placement> {
        let (lows, highs) = (self.lows(index, most), self.highs(index, most));
        let (before, mut texts) = fewest(&lows, &highs, most)?;
        let own = texts.remove(before);
        let mut placement = Placement { text: Some(own.clone()), others: Vec::new() };
        let first = index - before;
        for (known, text) in self.rows.iter_mut().skip(first).zip(texts) {
            if known.place.text.as_ref() != Some(&text) {
                placement.others.push((known.place.row.key.clone(), text.clone()));
                known.place.text = Some(text);
                self.changed.insert(known.place.row.name.clone());
            }
        }
        self.changed.insert(row.name.clone());
        let place = Place { row: row.clone(), text: Some(own) };
        self.rows.insert(index, Known { place, is_next_known: true });
        Some(placement)
    }

    /// After which texts new ones may come, if this many rows before an index get new ones.
    fn lows(&self, index: usize, most: usize) -> Vec<Option<Bound<'_>>> {
        let mut lows = Vec::new();
        for before in (0..index).rev().take(most + 1) {
            let Some(known) = self.rows.get(before) else { break };
            if !known.is_next_known {
                return lows;
            }
            lows.push(known.place.text.as_deref().map(Bound::Text));
            if known.is_nameless() {
                return lows;
            }
        }
        if self.is_first_known && index <= most {
            lows.push(Some(Bound::End));
        }
        lows
    }

    /// Before which texts new ones may come, if this many rows from an index on get new ones.
    fn highs(&self, index: usize, most: usize) -> Vec<Bound<'_>> {
        let mut highs = Vec::new();
        for known in self.rows.iter().skip(index).take(most + 1) {
            let Some(text) = &known.place.text else {
                highs.push(Bound::End);
                return highs;
            };
            highs.push(Bound::Text(text));
            if !known.is_next_known || known.is_nameless() {
                return highs;
            }
        }
        if self.rows.len() <= index + most {
            highs.push(Bound::End);
        }
        highs
    }

    fn find(&self, row: &Named) -> Option<usize> {
        self.rows.iter().position(|known| known.place.row.name == row.name)
    }

    /// Takes a row out; its neighbours are each other's if both were known to be its.
    fn take(&mut self, index: usize) -> Option<Taken> {
        if index >= self.rows.len() {
            return None;
        }
        let known = self.rows.remove(index);
        let before = self.is_next_known(index);
        let was_known = *before;
        *before &= known.is_next_known;
        Some(Taken { known, was_known })
    }

    fn restore(&mut self, taken: Option<(usize, Taken)>) {
        if let Some((index, Taken { known, was_known })) = taken {
            *self.is_next_known(index) = was_known;
            self.rows.insert(index, known);
        }
    }

    /// Whether what comes before an index is known to be followed by what comes there.
    fn is_next_known(&mut self, index: usize) -> &mut bool {
        let before = index.checked_sub(1).and_then(|before| self.rows.get_mut(before));
        before.map_or(&mut self.is_first_known, |known| &mut known.is_next_known)
    }

    /// Inserts a row where its text and key sort it.
    fn insert_sorted(&mut self, place: Place) {
        let index = self.behind(&place);
        let is_next_known = *self.is_next_known(index);
        self.rows.insert(index, Known { place, is_next_known });
    }

    /// The index of the first row that is not before a place.
    fn before(&self, place: &Place) -> usize {
        self.rows.partition_point(|known| self.order(&known.place, place).is_lt())
    }

    /// The index of the first row that is after a place.
    fn behind(&self, place: &Place) -> usize {
        self.rows.partition_point(|known| self.order(&known.place, place).is_le())
    }

    fn order(&self, one: &Place, other: &Place) -> Ordering {
        let texts = match (&one.text, &other.text) {
            (Some(one), Some(other)) => one.cmp(other),
            (one, other) => one.is_none().cmp(&other.is_none()),
        };
        texts.then_with(|| compare(&self.kinds, &one.row.key, &other.row.key))
    }
}

/// A row that was taken out, and whether what came before it was known to be followed by it.
struct Taken {
    known: Known,
    was_known: bool,
}

/// What new texts must stay within.
#[derive(Debug, Clone, Copy)]
enum Bound<'a> {
    Text(&'a str),
    /// Nothing with a text lies beyond.
    End,
}

impl<'a> Bound<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::End => None,
        }
    }
}

/// The fewest neighbours to move: how many before the place, and the texts for all of them and the row
/// between.
fn fewest(
    lows: &[Option<Bound<'_>>],
    highs: &[Bound<'_>],
    most: usize,
) -> Option<(usize, Vec<String>)> {
    for longest in LENGTHS {
        for count in 0..=most {
            let lows = lows.iter().enumerate().take(count + 1);
            for (before, low) in lows {
                let (Some(low), Some(high)) = (low, highs.get(count - before)) else { continue };
                let (low, high) = (low.text(), high.text());
                if low.zip(high).is_some_and(|(low, high)| low >= high) {
                    continue;
                }
                let texts = keys_between(low, high, count + 1);
                let short = texts.filter(|texts| texts.iter().all(|text| text.len() <= longest));
                if let Some(texts) = short {
                    return Some((before, texts));
                }
            }
        }
    }
    None
}
