//! Decoding of operations and places: read into one flat draft, then sorted out by `op`.
//!
//! A tagged enum would make serde keep every member in a buffer until it knows the tag. A draft is
//! read in one pass whatever the order of the members, and can say precisely what is wrong with it.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    edit::{Delete, Insert, Move, Op, Place, Update},
    name::ChannelName,
    value::{Fields, Value},
};

/// Every member that some operation has. A member that was null counts as absent, except `key`.
#[derive(Default)]
struct Draft {
    op: Option<String>,
    table: Option<String>,
    key: Option<Value>,
    row: Option<Fields>,
    set: Option<Fields>,
    inc: Option<Fields>,
    add: Option<Fields>,
    remove: Option<Fields>,
    place: Option<Place>,
    to: Option<ChannelName>,
    guard: Option<Fields>,
}

/// Why a draft is no operation; for people.
type Fault = Cow<'static, str>;

impl Draft {
    fn into_op(mut self) -> Result<Op, Fault> {
        let kind = need(self.op.take(), "an operation", "op")?;
        let op = match kind.as_str() {
            "insert" => Op::Insert(self.insert()?),
            "update" => Op::Update(self.update()?),
            "delete" => Op::Delete(self.delete()?),
            "move" => Op::Move(self.moving()?),
            other => return Err(no_such_op(other)),
        };
        match self.left_over() {
            Some(member) => Err(format!("`{kind}` has no member `{member}`").into()),
            None => Ok(op),
        }
    }

    fn insert(&mut self) -> Result<Insert, Fault> {
        Ok(Insert {
            table: need(self.table.take(), "`insert`", "table")?,
            row: need(self.row.take(), "`insert`", "row")?,
            place: self.place.take(),
        })
    }

    fn update(&mut self) -> Result<Update, Fault> {
        Ok(Update {
            table: need(self.table.take(), "`update`", "table")?,
            key: need(self.key.take(), "`update`", "key")?,
            set: self.set.take().unwrap_or_default(),
            inc: self.inc.take().unwrap_or_default(),
            add: self.add.take().unwrap_or_default(),
            remove: self.remove.take().unwrap_or_default(),
            place: self.place.take(),
            guard: self.guard.take().unwrap_or_default(),
        })
    }

    fn delete(&mut self) -> Result<Delete, Fault> {
        Ok(Delete {
            table: need(self.table.take(), "`delete`", "table")?,
            key: need(self.key.take(), "`delete`", "key")?,
            guard: self.guard.take().unwrap_or_default(),
        })
    }

    fn moving(&mut self) -> Result<Move, Fault> {
        Ok(Move {
            table: need(self.table.take(), "`move`", "table")?,
            key: need(self.key.take(), "`move`", "key")?,
            to: need(self.to.take(), "`move`", "to")?,
            guard: self.guard.take().unwrap_or_default(),
        })
    }

    /// The first member that the operation did not take.
    fn left_over(&self) -> Option<&'static str> {
        let left = [
            ("key", self.key.is_some()),
            ("row", self.row.is_some()),
            ("set", self.set.is_some()),
            ("inc", self.inc.is_some()),
            ("add", self.add.is_some()),
            ("remove", self.remove.is_some()),
            ("place", self.place.is_some()),
            ("to", self.to.is_some()),
            ("if", self.guard.is_some()),
        ];
        left.into_iter().find_map(|(name, present)| present.then_some(name))
    }

    /// Reads the value of the member with this name.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "op" => once(&mut self.op, name, map),
            "table" => once(&mut self.table, name, map),
            "key" if self.key.is_some() => Err(twice(name)),
            "key" => {
                self.key = Some(map.next_value()?);
                Ok(())
            }
            "row" => once(&mut self.row, name, map),
            "set" => once(&mut self.set, name, map),
            "inc" => once(&mut self.inc, name, map),
            "add" => once(&mut self.add, name, map),
            "remove" => once(&mut self.remove, name, map),
            "place" => once(&mut self.place, name, map),
            "to" => once(&mut self.to, name, map),
            "if" => once(&mut self.guard, name, map),
            _ => Err(A::Error::custom(format_args!("no operation has a member `{}`", shown(name)))),
        }
    }
}

fn need<T>(member: Option<T>, whose: &str, name: &str) -> Result<T, Fault> {
    member.ok_or_else(|| format!("{whose} needs a member `{name}`").into())
}

fn no_such_op(name: &str) -> Fault {
    format!("no `op` is called `{}`: there are insert, update, delete and move", shown(name)).into()
}

/// As much of a client's text as an error repeats.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    name: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(twice(name));
    }
    *slot = map.next_value()?;
    Ok(())
}

fn twice<E: serde::de::Error>(name: &str) -> E {
    E::custom(format_args!("the member `{name}` stands twice"))
}

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OpVisitor)
    }
}

struct OpVisitor;

impl<'de> Visitor<'de> for OpVisitor {
    type Value = Op;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an operation, an object with a member `op`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Op, A::Error> {
        let mut draft = Draft::default();
        while let Some(name) = map.next_key::<String>()? {
            draft.read(&name, &mut map)?;
        }
        draft.into_op().map_err(A::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor)
    }
}

struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = Place;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a place: `first`, `last`, or an object with `after` or `before`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Place, E> {
        match text {
            "first" => Ok(Place::First),
            "last" => Ok(Place::Last),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(&shown(other)), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Place, A::Error> {
        let place = match map.next_key::<String>()?.as_deref() {
            Some("after") => Place::After(map.next_value()?),
            Some("before") => Place::Before(map.next_value()?),
            _ => return Err(A::Error::custom("a place names one row, in `after` or `before`")),
        };
        match map.next_key::<IgnoredAny>()? {
            None => Ok(place),
            Some(_) => Err(A::Error::custom("a place names one row, in `after` or `before`")),
        }
    }
}
