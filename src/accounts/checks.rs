//! What people may type: names, e-mail addresses, passwords.

use std::fmt;

use super::AccountError;

/// A field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: &'static str,
    /// What is wrong, for people.
    pub words: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.words)
    }
}

fn fault(field: &'static str, words: impl Into<String>) -> AccountError {
    AccountError::Invalid(Fault { field, words: words.into() })
}

/// A name for people to see, without blanks around it.
///
/// # Errors
/// If it is empty, longer than `most` characters, or has control characters.
pub fn name(field: &'static str, name: &str, most: usize) -> Result<String, AccountError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > most {
        return Err(fault(field, format!("must have 1 to {most} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(fault(field, "must not have control characters"));
    }
    Ok(name.to_owned())
}

/// An e-mail address, without blanks around it. Whether mail arrives there is not looked into.
///
/// # Errors
/// If it cannot be one.
pub fn email(email: &str) -> Result<String, AccountError> {
    let email = email.trim();
    let plain = |sign: char| !sign.is_whitespace() && !sign.is_control();
    let fits = email.rsplit_once('@').is_some_and(|(person, host)| {
        !person.is_empty() && !host.is_empty() && !host.starts_with('.') && !host.ends_with('.')
    });
    if !fits || email.len() > 254 || !email.chars().all(plain) {
        return Err(fault("email", "must be an e-mail address such as ada@example.org"));
    }
    Ok(email.to_owned())
}

/// The rule for passwords: 8 to 256 characters, any of them, and not the e-mail address nor its
/// first part.
///
/// # Errors
/// If it will not do.
pub fn password(field: &'static str, password: &str, email: &str) -> Result<(), AccountError> {
    let weak =
        |words: &str| Err(AccountError::WeakPassword(Fault { field, words: words.to_owned() }));
    if !(8..=256).contains(&password.chars().count()) {
        return weak("must have 8 to 256 characters");
    }
    let (lower, email) = (password.to_lowercase(), email.to_lowercase());
    if lower == email || email.split_once('@').is_some_and(|(person, _)| lower == person) {
        return weak("must not be the e-mail address");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_length_and_no_control_characters() {
        assert_eq!(name("name", "  Ada \u{202e}L. ", 100).unwrap(), "Ada \u{202e}L.");
        for bad in ["", "  ", "a\u{0}b", "a\nb", &"x".repeat(101)] {
            assert!(name("name", bad, 100).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_look_like_addresses() {
        for good in ["ada@example.org", " Ada+x@localhost ", "ü@ü.example", "\"a@b\"@c.example"] {
            assert!(email(good).is_ok(), "{good:?}");
        }
        for bad in ["", "ada", "@example.org", "ada@", "a b@c", "a@.b", "a@b.", "a\u{0}@b"] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@b", "x".repeat(300))).is_err());
    }

    #[test]
    fn passwords_are_long_enough_and_not_the_address() {
        let of = |text: &str| password("password", text, "Ada.Lovelace@example.org");
        assert!(of("correct horse").is_ok() && of("pässwörd").is_ok());
        for weak in ["", "1234567", "ada.lovelace", "ADA.LOVELACE@example.org", &"x".repeat(257)] {
            assert!(matches!(of(weak), Err(AccountError::WeakPassword(_))), "{weak:?}");
        }
    }
}
