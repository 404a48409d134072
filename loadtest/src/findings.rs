//! What a run found that must not be.

use serde::Serialize;

/// Findings that are told in words; more are only counted.
const TOLD: usize = 20;

/// Everything that was wrong.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Findings {
    count: u64,
    first: Vec<String>,
}

impl Findings {
    /// Takes one.
    pub(crate) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(words());
        }
    }

    /// Takes those of another part of the run.
    pub(crate) fn extend(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(TOLD);
    }

    /// Whether nothing was wrong.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are, and the first ones in words.
    pub(crate) fn told(&self) -> (u64, &[String]) {
        (self.count, &self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_are_told() {
        let mut findings = Findings::default();
        assert!(findings.is_empty());
        (0..100).for_each(|number| findings.add(|| format!("hole {number}")));
        let (count, told) = findings.told();
        assert_eq!((count, told.len()), (100, TOLD));
        assert_eq!(told[0], "hole 0");
    }
}
