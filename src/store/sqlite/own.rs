//! Folds what a batch did into entries: one per channel, more where one would hold too much.

use std::collections::{BTreeMap, HashMap};

use rowcast_protocol::{ChannelName, ErrorCode, news::EditOf};

use super::{
    super::{
        edit::CheckedEdit,
        error::EditError,
        fold::{EntryBuilder, EntryLimits, Folded},
    },
    log::Draft,
    transaction::Done,
};

/// Whether one edit did more than an entry of its channel holds.
pub(super) fn is_too_large(done: &[Done], channel: &ChannelName, limits: EntryLimits) -> bool {
    !surely_fits(done, limits)
        && measured(done.iter().filter(|change| change.channel == *channel), limits).is_over()
}

/// What the client of such an edit is told.
pub(super) fn too_large(limits: EntryLimits) -> EditError {
    EditError::new(
        ErrorCode::TooLarge,
        format!(
            "the edit changes more than one entry holds: {} rows or {} bytes",
            limits.changes, limits.bytes
        ),
    )
}

/// Adds the entries to the draft. Returns where each edit stands, by its index: the place of its
/// entry in the draft. Edits that changed nothing in their channel stand nowhere.
///
/// # Errors
/// If an edit did more than an entry of its channel holds.
pub(super) fn fold(
    edits: &[CheckedEdit],
    done: Vec<Done>,
    limits: EntryLimits,
    draft: &mut Draft,
) -> Result<HashMap<usize, usize>, EditError> {
    let mut places = HashMap::new();
    for (channel, done) in by_channel(done) {
        let pieces =
            if surely_fits(&done, limits) { vec![done] } else { split(edits, done, limits)? };
        for piece in pieces {
            let (named, folded) = entry(edits, &channel, piece, limits);
            places.extend(named.into_iter().map(|edit| (edit, draft.entries.len())));
            draft.entries.push((channel.clone(), folded));
        }
    }
    Ok(places)
}

/// The changes of each channel, in the order in which the channels came up.
fn by_channel(done: Vec<Done>) -> Vec<(ChannelName, Vec<Done>)> {
    let mut channels: Vec<(ChannelName, Vec<Done>)> = Vec::new();
    let mut places: HashMap<ChannelName, usize> = HashMap::new();
    for change in done {
        let place = *places.entry(change.channel.clone()).or_insert_with(|| {
            channels.push((change.channel.clone(), Vec::new()));
            channels.len() - 1
        });
        if let Some((_, changes)) = channels.get_mut(place) {
            changes.push(change);
        }
    }
    channels
}

/// Whether these changes fit one entry, however their text is escaped. Cheap.
fn surely_fits(done: &[Done], limits: EntryLimits) -> bool {
    let bytes: usize = done.iter().map(|change| change.recorded.most_bytes()).sum();
    done.len() <= limits.changes && bytes <= limits.bytes
}

fn measured<'a>(done: impl Iterator<Item = &'a Done>, limits: EntryLimits) -> EntryBuilder {
    let mut measure = EntryBuilder::new(limits);
    for change in done {
        // Any index: the longest that a batch may have.
        measure.push(change.recorded.clone(), Some(9_999));
    }
    measure
}

/// The index of the edit that a change names in this channel.
fn named(edits: &[CheckedEdit], change: &Done) -> Option<usize> {
    change.edit.filter(|index| edits.get(*index).is_some_and(|e| e.channel == change.channel))
}

/// Cuts the changes of a channel into pieces that an entry holds, never within an edit. Side
/// effects that no entry holds make a piece of their own, which becomes a reset.
fn split(
    edits: &[CheckedEdit],
    done: Vec<Done>,
    limits: EntryLimits,
) -> Result<Vec<Vec<Done>>, EditError> {
    let mut pieces: Vec<(Vec<Done>, EntryBuilder)> = Vec::new();
    let mut done = done.into_iter().peekable();
    while let Some(first) = done.next() {
        let edit = first.edit;
        let is_own = named(edits, &first).is_some();
        let mut of_edit = vec![first];
        while let Some(next) = done.next_if(|next| next.edit == edit) {
            of_edit.push(next);
        }
        let measure = measured(of_edit.iter(), limits);
        if measure.is_over() && is_own {
            return Err(too_large(limits));
        }
        match pieces.last_mut().filter(|(_, filled)| filled.has_room_for(&measure)) {
            Some((piece, filled)) => {
                piece.extend(of_edit);
                filled.append(measure);
            }
            None => pieces.push((of_edit, measure)),
        }
    }
    Ok(pieces.into_iter().map(|(piece, _)| piece).collect())
}

/// One entry, and the edits named in it.
fn entry(
    edits: &[CheckedEdit],
    channel: &ChannelName,
    done: Vec<Done>,
    limits: EntryLimits,
) -> (Vec<usize>, Folded) {
    let mut entry = EntryBuilder::new(limits);
    let mut indexes: BTreeMap<usize, u32> =
        done.iter().filter_map(|change| Some((named(edits, change)?, 0))).collect();
    for (edit, index) in &mut indexes {
        if let Some(edit) = edits.get(*edit) {
            *index = entry.name_edit(EditOf { id: edit.id, user: edit.user.as_ref().to_owned() });
        }
    }
    for change in done {
        debug_assert_eq!(change.channel, *channel);
        let index = named(edits, &change).and_then(|edit| indexes.get(&edit).copied());
        entry.push(change.recorded, index);
    }
    (indexes.into_keys().collect(), entry.finish())
}
