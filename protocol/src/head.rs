//! What every message begins with: its type and its `ref`, read ahead of the rest.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::request::Ref;

/// The type and the `ref` of a message, as far as they could be read.
///
/// It is filled in place, so that what was read before an error is not lost: a message that is
/// broken further on can still be answered with its `ref`.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) kind: Option<String>,
    pub(crate) reference: Option<Ref>,
}

impl<'de> DeserializeSeed<'de> for &mut Head {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Head {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message, an object with a member `type`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut types = 0_u32;
        while let Some(member) = map.next_key::<Member>()? {
            match member {
                Member::Type => {
                    types += 1;
                    self.kind = map.next_value::<Peeked>()?.text();
                }
                Member::Ref => self.reference = map.next_value::<Peeked>()?.number(),
                Member::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if types > 1 {
            return Err(A::Error::custom("the member `type` stands twice"));
        }
        Ok(())
    }
}

enum Member {
    Type,
    Ref,
    Other,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(MemberVisitor)
    }
}

struct MemberVisitor;

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "type" => Member::Type,
            "ref" => Member::Ref,
            _ => Member::Other,
        })
    }
}

/// A member of the head. What has a wrong type is passed over, so that the rest can be read; the
/// decoder of the whole message names it.
enum Peeked {
    Text(String),
    Number(u64),
    Other,
}

impl Peeked {
    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn number(self) -> Option<u64> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }
}

impl<'de> Deserialize<'de> for Peeked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PeekedVisitor)
    }
}

struct PeekedVisitor;

impl<'de> Visitor<'de> for PeekedVisitor {
    type Value = Peeked;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Peeked, E> {
        Ok(Peeked::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Peeked, E> {
        Ok(Peeked::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Peeked, E> {
        Ok(Peeked::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Peeked, E> {
        Ok(Peeked::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Peeked, E> {
        Ok(Peeked::Other)
    }

    fn visit_unit<E>(self) -> Result<Peeked, E> {
        Ok(Peeked::Other)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Peeked, E> {
        Ok(Peeked::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Peeked, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Peeked::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Peeked, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Peeked::Other)
    }
}
