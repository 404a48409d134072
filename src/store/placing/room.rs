//! Room for a row whose neighbours have none: new texts for a part of them, which leave the order as it
//! is. Rows without a text are given one from the first on. Of many rows with one text the outermost get
//! others, on both sides. Done again and again, it makes room at any place.

use rowcast_protocol::Value;

use super::{
    arrangement::Place,
    reader::{Part, Reader, Span},
};
use crate::store::{edit::CheckedPlace, order::keys_between};

/// Rows that one step gives new texts at most, on each side.
pub(in crate::store) const STEP: usize = 250;

/// How many pages of rows one step looks through for a pair with room between.
const PAGES: usize = 64;

/// The keys of rows, in the wire's form, and their new texts.
pub(in crate::store) type Texts = Vec<(Vec<Value>, String)>;

/// One step towards room at a place. Empty: there is none to be made.
pub(in crate::store) async fn step<R: Reader>(
    reader: &mut R,
    place: &CheckedPlace,
) -> Result<Texts, R::Error> {
    let text = match place {
        CheckedPlace::First => {
            let first = Span { part: Part::Placed, backwards: false, limit: 1 };
            reader.rows(&first).await?.into_iter().next().and_then(|place| place.text)
        }
        // There is always room.
        CheckedPlace::Last => return Ok(Texts::new()),
        CheckedPlace::After(key) | CheckedPlace::Before(key) => {
            let Some(text) = reader.text(key).await? else { return Ok(Texts::new()) };
            text
        }
    };
    let Some(text) = text else { return unplaced(reader).await };
    let mut texts = ahead(reader, &text).await?;
    let mut others = behind(reader, &text).await?;
    others.retain(|(key, _)| texts.iter().all(|(other, _)| other != key));
    texts.append(&mut others);
    Ok(texts)
}

/// Whether a step that was written is in effect: a trigger may have kept the rows as they were.
pub(in crate::store) async fn is_made<R: Reader>(
    reader: &mut R,
    texts: &[(Vec<Value>, String)],
) -> Result<bool, R::Error> {
    let Some((key, text)) = texts.first() else { return Ok(false) };
    let found = reader.text(key).await?;
    Ok(found.flatten().as_ref() == Some(text))
}

/// Texts for the first rows that have none, after all that have one.
async fn unplaced<R: Reader>(reader: &mut R) -> Result<Texts, R::Error> {
    let last = Span { part: Part::Placed, backwards: true, limit: 1 };
    let last = reader.rows(&last).await?.into_iter().next().and_then(|place| place.text);
    let rows = Span { part: Part::Unplaced, backwards: false, limit: 2 * STEP };
    let rows = reader.rows(&rows).await?;
    Ok(between(last.as_deref(), None, rows))
}

/// Smaller texts for the first rows that have this one.
async fn ahead<R: Reader>(reader: &mut R, text: &str) -> Result<Texts, R::Error> {
    let last = Span { part: Part::Beyond(text), backwards: true, limit: 1 };
    let before = reader.rows(&last).await?.into_iter().next().and_then(|place| place.text);
    let first = Span { part: Part::From(text), backwards: false, limit: STEP };
    let mut rows = reader.rows(&first).await?;
    rows.retain(|place| place.text.as_deref() == Some(text));
    Ok(between(before.as_deref(), Some(text), rows))
}

/// Greater texts for the last rows before the next ones that leave room.
async fn behind<R: Reader>(reader: &mut R, text: &str) -> Result<Texts, R::Error> {
    let Some((low, high)) = gap(reader, text).await? else { return Ok(Texts::new()) };
    let last = Span { part: Part::From(&low), backwards: true, limit: STEP };
    let mut rows = reader.rows(&last).await?;
    rows.reverse();
    Ok(between(Some(&low), high.as_deref(), rows))
}

/// The first two texts, from one on, between which there is room; the second one is none at the end.
async fn gap<R: Reader>(
    reader: &mut R,
    text: &str,
) -> Result<Option<(String, Option<String>)>, R::Error> {
    let mut low = text.to_owned();
    for _ in 0..PAGES {
        let next = Span { part: Part::Beyond(&low), backwards: false, limit: 2 * STEP };
        let page = reader.rows(&next).await?;
        let is_last = page.len() < 2 * STEP;
        for high in page.into_iter().filter_map(|place| place.text) {
            if keys_between(Some(&low), Some(&high), 1).is_some() {
                return Ok(Some((low, Some(high))));
            }
            low = high;
        }
        if is_last {
            return Ok(Some((low, None)));
        }
    }
    Ok(None)
}

fn between(low: Option<&str>, high: Option<&str>, rows: Vec<Place>) -> Texts {
    let texts = keys_between(low, high, rows.len()).unwrap_or_default();
    rows.into_iter().map(|place| place.row.key).zip(texts).collect()
}
