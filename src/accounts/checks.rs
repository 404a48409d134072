//! What people may type: names, e-mail addresses, passwords.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::AccountError;
use crate::auth::is_unfit_for_names;

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
/// If nothing of it can be seen, if it is longer than `most` characters, or has control characters, breaks
/// of lines, or signs that change the direction of what stands around it.
pub fn name(field: &'static str, name: &str, most: usize) -> Result<String, AccountError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > most {
        return Err(fault(field, format!("must have 1 to {most} characters")));
    }
    if name.chars().any(is_unfit_for_names) {
        let words = "must not have control characters, line breaks or changes of direction";
        return Err(fault(field, words));
    }
    if name.chars().all(is_invisible) {
        return Err(fault(field, "must have something to be seen"));
    }
    Ok(name.to_owned())
}

/// Whether nothing is to be seen of a sign, so that two texts with and without it look the same: blanks, and
/// what Unicode lets programs ignore.
fn is_invisible(sign: char) -> bool {
    let ignorable = matches!(sign,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    ignorable || sign.is_whitespace() || sign.is_control()
}

/// An e-mail address in the one form that compatible signs have, without blanks around it. Whether mail arrives
/// there is not looked into.
///
/// # Errors
/// If it cannot be one.
pub fn email(email: &str) -> Result<String, AccountError> {
    let email: String = email.trim().nfkc().collect();
    let fits = email.rsplit_once('@').is_some_and(|(person, host)| {
        !person.is_empty() && !host.is_empty() && !host.starts_with('.') && !host.ends_with('.')
    });
    if !fits || email.len() > 254 || email.chars().any(is_invisible) {
        return Err(fault("email", "must be an e-mail address such as ada@example.org"));
    }
    Ok(email)
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
    let (lower, email) = (password.trim().to_lowercase(), email.trim().to_lowercase());
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
        assert_eq!(name("name", "  Ada L. 👩\u{200d}🚀 ", 100).unwrap(), "Ada L. 👩\u{200d}🚀");
        let long = "x".repeat(101);
        for bad in [
            "",
            "  ",
            "a\u{0}b",
            "a\nb",
            "a\u{2028}b",
            "a\u{202e}b",
            "\u{2066}a",
            "\u{200b}",
            &long,
        ] {
            assert!(name("name", bad, 100).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_look_like_addresses() {
        for good in ["ada@example.org", " Ada+x@localhost ", "ü@ü.example", "\"a@b\"@c.example"] {
            assert!(email(good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a b@c",
            "a@.b",
            "a@b.",
            "a\u{0}@b",
            "ada@example.org\u{200b}",
            "a\u{ad}da@b",
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@b", "x".repeat(300))).is_err());
        assert_eq!(email("ａda@example.org").unwrap(), "ada@example.org");
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
