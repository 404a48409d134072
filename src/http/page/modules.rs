//! The modules of the page: what leads to what, and what of them goes out.

use std::collections::BTreeSet;

use super::find;

/// The start page names every module in advance: browsers fetch them at once instead of one level of
/// imports after the other. What it loads stands below `root`.
pub(super) fn with_modules(html: &str, root: &str) -> String {
    let hint = |path: &String| format!("<link rel=\"modulepreload\" href=\"{root}{path}\">");
    let hints: String = modules("app.js").iter().map(hint).collect();
    let html = html.replacen("<!-- modules -->", &hints, 1);
    let loads =
        [("src=\"/", "src=\""), ("rel=\"stylesheet\" href=\"/", "rel=\"stylesheet\" href=\"")];
    loads.iter().fold(html, |html, (from, to)| html.replace(from, &format!("{to}{root}")))
}

/// A script whose imports of the client stand below `root`, as it does itself.
pub(super) fn rooted(script: &str, root: &str) -> String {
    script.replace("from '/client/", &format!("from '{root}client/"))
}

/// A module and all that it imports, itself or by others.
fn modules(first: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![first.to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(file) = find(&path) else { continue };
        if !found.insert(path.clone()) {
            continue;
        }
        let script = without_comments(&String::from_utf8_lossy(&file.data));
        waiting.extend(imports(&script).map(|name| resolved(&path, name)));
    }
    found
}

/// What stands after each `from` of a script.
fn imports(script: &str) -> impl Iterator<Item = &str> {
    script.split("from '").skip(1).filter_map(|rest| Some(rest.split_once('\'')?.0))
}

/// The path that a module's import names.
fn resolved(from: &str, name: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> =
        if name.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

/// A script without the comments that begin a line: half of ours is documentation, which browsers do
/// not need. Each line keeps its number.
pub(super) fn without_comments(script: &str) -> String {
    let mut inside = false;
    let mut lean = String::with_capacity(script.len());
    for line in script.lines() {
        let trimmed = line.trim_start();
        inside |= trimmed.starts_with("/**");
        let kept = match (inside, trimmed.split_once("*/")) {
            (false, _) => line,
            (true, None) => "",
            (true, Some((_, after))) => {
                inside = false;
                after
            }
        };
        lean.push_str(kept);
        lean.push('\n');
    }
    lean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_every_line_keeps_its_number() {
        let script = "/**\n * What it is.\n */\nconst a = 1; /* stays */\n  /** @type {any} */ (b).c = '/**';\n";
        let lean = without_comments(script);
        assert_eq!(lean, "\n\n\nconst a = 1; /* stays */\n (b).c = '/**';\n");
    }

    #[test]
    fn the_start_page_names_the_modules_it_will_need() {
        let needed = modules("app.js");
        assert!(needed.contains("ui/dom.js"));
        assert!(needed.contains("client/client.js"));
        assert!(!needed.contains("client/react.js"));
        let page = with_modules("<!-- modules --><script src=\"/app.js\">", "/v/1/");
        assert!(page.contains("href=\"/v/1/screens/board.js\""));
        assert!(page.ends_with("<script src=\"/v/1/app.js\">"));
    }
}
