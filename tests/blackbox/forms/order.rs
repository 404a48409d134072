//! Which rows of a column a test finds, and in which order they stand.

use super::{Case, chance::Chance};

pub(super) type Holds = fn(std::cmp::Ordering) -> bool;

pub(super) fn test(chance: &mut Chance) -> (&'static str, Holds) {
    let name = *chance.one_of(&[&"eq", &"ne", &"in", &"lt", &"lte", &"gt", &"gte"]);
    (name, holds_of(name))
}

pub(super) fn holds_of(test: &str) -> Holds {
    match test {
        "eq" | "in" => |order| order.is_eq(),
        "ne" => |order| order.is_ne(),
        "lt" => |order| order.is_lt(),
        "lte" => |order| order.is_le(),
        "gt" => |order| order.is_gt(),
        _ => |order| order.is_ge(),
    }
}

/// Those of a column of which something is known, by id.
pub(super) fn known(ids: &[usize], cases: &[&Case]) -> Vec<usize> {
    let mut known = known_in_order(ids, cases);
    known.sort_unstable();
    known
}

pub(super) fn known_in_order(ids: &[usize], cases: &[&Case]) -> Vec<usize> {
    let is_known = |id: &&usize| cases.iter().any(|case| case.id == **id && case.rank.is_some());
    ids.iter().filter(is_known).copied().collect()
}

/// The rows of a column in order; equal values by their key.
pub(super) fn in_order(cases: &[&Case], down: bool) -> Vec<usize> {
    let mut known: Vec<(isize, usize)> = cases
        .iter()
        .filter_map(|case| Some((case.rank?.cast_signed() * if down { -1 } else { 1 }, case.id)))
        .collect();
    known.sort_unstable();
    known.into_iter().map(|(_, id)| id).collect()
}
