//! Secrets: made by chance, kept as hashes.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::store::accounts::Hash;

/// The letters of ids: none that is mistaken for another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A secret of 256 random bits, and its hash.
pub(super) fn secret() -> (String, Hash) {
    let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let hash = Hash::of(&secret);
    (secret, hash)
}

/// An id for a new person: 13 letters that say nothing.
pub(super) fn person_id() -> String {
    let letter = |byte: u8| LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'0');
    rand::random::<[u8; 13]>().into_iter().map(letter).map(char::from).collect()
}
