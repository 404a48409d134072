//! The tokens of SQL as SQLite reads it, to look into the texts that made tables and indexes.

/// A word, a quoted text, a number or a sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    /// Where it begins.
    pub(super) at: usize,
    /// Its text.
    pub(super) text: &'a str,
}

impl Token<'_> {
    /// Whether it is this word.
    pub(super) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// A name or a keyword, quoted or not; `'…'` is a text.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| is_letter(c) || matches!(c, '"' | '`' | '['))
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// The tokens of a statement, without comments.
pub(super) fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, kept) = token_length(rest);
        if kept && let Some(text) = rest.get(..length) {
            found.push(Token { at, text });
        }
        at += length.max(1);
    }
    found
}

/// The length of what stands first, and whether it is a token.
fn token_length(rest: &str) -> (usize, bool) {
    let until = |end: &str| rest.find(end).map_or(rest.len(), |place| place + end.len());
    let first = rest.chars().next().unwrap_or(' ');
    let part_of_word = |c: char| is_letter(c) || c.is_ascii_digit() || c == '$';
    match first {
        _ if first.is_ascii_whitespace() => (1, false),
        _ if rest.starts_with("--") => (until("\n"), false),
        _ if rest.starts_with("/*") => (until("*/"), false),
        '\'' | '"' | '`' => (quoted_length(rest, first), true),
        '[' => (until("]"), true),
        'x' | 'X' if rest.get(1..).is_some_and(|rest| rest.starts_with('\'')) => {
            (1 + quoted_length(rest.get(1..).unwrap_or_default(), '\''), true)
        }
        _ if is_letter(first) || first.is_ascii_digit() => {
            (rest.find(|c| !part_of_word(c)).unwrap_or(rest.len()), true)
        }
        _ => (first.len_utf8(), true),
    }
}

/// How far a quoted text reaches; a doubled quote stands for one.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut signs = rest.char_indices().skip(1).peekable();
    while let Some((place, sign)) = signs.next() {
        if sign == quote && signs.next_if(|(_, next)| *next == quote).is_none() {
            return place + 1;
        }
    }
    rest.len()
}

/// A name without its quotes, as SQLite takes them off: what follows the closing one goes too.
pub(super) fn unquoted(text: &str) -> String {
    let quote = match text.chars().next() {
        Some('[') => ']',
        Some(quote @ ('"' | '\'' | '`')) => quote,
        _ => return text.to_owned(),
    };
    let length = if quote == ']' {
        text.find(']').map_or(text.len(), |place| place + 1)
    } else {
        quoted_length(text, quote)
    };
    let inside = text.get(1..length.saturating_sub(1)).unwrap_or_default();
    inside.replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// The tokens between a parenthesis here and the one that closes it.
pub(super) fn parenthesized<'a, 'b>(
    tokens: &'b [Token<'a>],
    place: usize,
) -> Option<&'b [Token<'a>]> {
    let rest = tokens.get(place..)?;
    let mut depth = 0_u32;
    for (length, token) in rest.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return rest.get(1..length);
        }
    }
    None
}
