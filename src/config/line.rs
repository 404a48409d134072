//! The line of a settings file on which something stands.

/// The number of the line that sets `path`, or that begins the table it is missing from.
///
/// It reads the plain way of writing TOML, one setting a line under a `[table]` or `[[list]]`
/// header; for anything else there is no answer, which makes an error less precise and no worse.
pub(super) fn of(text: &str, path: &[String]) -> Option<usize> {
    let mut header: Vec<String> = Vec::new();
    let mut items: Vec<(Vec<String>, usize)> = Vec::new();
    let mut nearest = None;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if let Some(name) = line.strip_prefix("[[").and_then(|rest| rest.split_once("]]")) {
            let name = keys(name.0);
            let index = count_up(&mut items, &name);
            header = [name, vec![index.to_string()]].concat();
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            header = keys(name.0);
        } else if let Some((key, _)) = line.split_once('=')
            && is_about(&[header.clone(), keys(key)].concat(), path)
        {
            return Some(number);
        } else {
            continue;
        }
        if is_prefix(&header, path) {
            nearest = Some(number);
        }
    }
    nearest
}

fn keys(name: &str) -> Vec<String> {
    name.split('.').map(|key| key.trim().trim_matches('"').to_owned()).collect()
}

/// Whether a line that sets `set` is about `path`: sets it, a part of it, or the whole around it.
fn is_about(set: &[String], path: &[String]) -> bool {
    is_prefix(set, path) || is_prefix(path, set)
}

fn is_prefix(start: &[String], path: &[String]) -> bool {
    start.len() <= path.len() && start.iter().zip(path).all(|(one, other)| one == other)
}

/// How many items the list had before this one.
fn count_up(items: &mut Vec<(Vec<String>, usize)>, name: &[String]) -> usize {
    if let Some((_, count)) = items.iter_mut().find(|(other, _)| other == name) {
        *count += 1;
        return *count;
    }
    items.push((name.to_owned(), 0));
    0
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_setting_is_found_under_its_header() {
        let text = "# a\n[limits]\ndepth = 1\n\n[[tables]]\nname = \"a\"\n[[tables]]\nname = \"b\"\nserver.listen = 1\n";
        let line =
            |path: &str| super::of(text, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(line("limits.depth"), Some(3));
        assert_eq!(line("limits.values"), Some(2));
        assert_eq!(line("tables.1.name"), Some(8));
        assert_eq!(line("tables.0.channel"), Some(5));
        assert_eq!(line("store.url"), None);
    }
}
