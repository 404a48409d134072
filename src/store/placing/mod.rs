//! Hand-made orders: where an operation puts its row, found by looking at its neighbours alone.
//!
//! Rows are sorted by the text in their order column, by bytes; those without one come last; ties are
//! broken by the key. A row is placed by a new text for it between those of its neighbours. Where there
//! is no room between them (rows without a place, equal texts, texts side by side, long texts) the fewest
//! neighbours that can make room get new texts too, in the same order. Where that would take more than
//! [`FAR`] rows, the store makes room first ([`room`]), in transactions of their own, each of
//! which leaves the order as it is.
//!
//! This is the same for every store: a store reads stretches of an order ([`Reader`]) and writes.

mod arrangement;
mod keys;
mod reader;
pub(super) mod room;
#[cfg(test)]
mod tests;

pub(super) use arrangement::{Arrangement, Named, Place, Placement};
pub(super) use reader::{Reader, Span};

use super::edit::CheckedPlace;

/// Rows on each side of a place that are read first, and neighbours that may be given new texts then.
const NEAR: usize = 64;

/// Rows on each side of a place that are read if those do not do, and neighbours that one operation
/// may give new texts at most.
pub(super) const FAR: usize = 256;

/// What came of placing a row.
#[derive(Debug)]
pub(super) enum Placing {
    /// These texts put it there.
    Done(Placement),
    /// The channel has no row to place it beside.
    NoAnchor,
    /// Room must be made first.
    NoRoom,
}

/// Finds the place of a row in an arrangement, reading what is not known of it yet.
pub(super) async fn place<R: Reader>(
    arrangement: &mut Arrangement,
    reader: &mut R,
    row: &Named,
    place: &CheckedPlace,
) -> Result<Placing, R::Error> {
    for reach in [0, NEAR, FAR] {
        if reach > 0 && !reader::learn(arrangement, reader, place, reach).await? {
            return Ok(Placing::NoAnchor);
        }
        if let Some(placement) = arrangement.put(row, place, reach.max(NEAR)) {
            return Ok(Placing::Done(placement));
        }
    }
    Ok(Placing::NoRoom)
}

/// What a client is told whose row finds no place.
pub(super) const NO_ROOM: &str =
    "the texts that others put into the order column leave no room at this place";
