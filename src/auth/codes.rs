//! One-time codes that let the two demo people in, each with a link and without a password.
//!
//! A code is 256 random bits, works once and for an hour; who may use it is decided where it is asked for,
//! which is this machine alone. Codes live in
//! memory and are gone when the hub stops; only their hashes are kept, so that looking one up tells
//! nothing by how long it takes.

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

/// How long a code works.
pub const CODE_LIFE: Duration = Duration::from_hours(1);

/// How many codes there are at most.
const MOST: usize = 16;

/// A person of the demo project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPerson {
    /// The person's id.
    pub id: String,
    /// The project that they see first.
    pub project: Option<Uuid>,
}

/// Codes that were not used yet.
#[derive(Debug, Default)]
pub struct DemoCodes(Mutex<HashMap<[u8; 32], (DemoPerson, Instant)>>);

impl DemoCodes {
    /// No codes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new code for a person; `None` if there are too many already.
    pub fn make(&self, person: DemoPerson) -> Option<String> {
        let code = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut codes = self.0.lock();
        codes.retain(|_, (_, made)| made.elapsed() < CODE_LIFE);
        if codes.len() >= MOST {
            return None;
        }
        codes.insert(hash(&code), (person, Instant::now()));
        Some(code)
    }

    /// The person whose code this is, once.
    pub fn redeem(&self, code: &str) -> Option<DemoPerson> {
        let (person, made) = self.0.lock().remove(&hash(code))?;
        (made.elapsed() < CODE_LIFE).then_some(person)
    }
}

fn hash(code: &str) -> [u8; 32] {
    Sha256::digest(code.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> DemoPerson {
        DemoPerson { id: "ada".to_owned(), project: None }
    }

    #[tokio::test]
    async fn a_code_works_once() {
        let codes = DemoCodes::new();
        let code = codes.make(ada()).unwrap();
        assert!(code.len() >= 43);
        assert_eq!(codes.redeem(&code), Some(ada()));
        assert_eq!(codes.redeem(&code), None);
        assert_eq!(codes.redeem(""), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_ends() {
        let codes = DemoCodes::new();
        let code = codes.make(ada()).unwrap();
        tokio::time::advance(CODE_LIFE).await;
        assert_eq!(codes.redeem(&code), None);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_few_codes() {
        let codes = DemoCodes::new();
        assert!((0..MOST).all(|_| codes.make(ada()).is_some()));
        assert_eq!(codes.make(ada()), None);
        tokio::time::advance(CODE_LIFE).await;
        assert!(codes.make(ada()).is_some());
    }
}
