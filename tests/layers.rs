//! The layers stay apart: each folder names only what its place in the straight line allows.
//! `docs/ARCHITECTURE.md` says why; this test says when it is no longer so.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the code must fail")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder below `src/`, and words that none of its files may contain.
const FORBIDDEN: [(&str, &[&str]); 9] = [
    ("session", &["crate::store", "crate::bus", "sqlx", "axum", "redis::", "crate::server"]),
    ("hub", &["axum", "sqlx", "crate::session", "crate::http", "crate::server", "crate::auth"]),
    ("commit", &["axum", "sqlx", "crate::session", "crate::http", "crate::auth", "tungstenite"]),
    ("store", &["axum", "crate::hub", "crate::bus", "crate::session", "tungstenite"]),
    ("auth", &["axum", "sqlx", "crate::hub", "crate::session", "crate::commit", "tungstenite"]),
    ("config", &["sqlx", "axum", "crate::hub", "crate::session", "crate::commit", "crate::auth"]),
    ("http", &["sqlx", "crate::store", "crate::commit"]),
    ("reads", &["axum", "sqlx", "crate::hub", "crate::session", "crate::http", "crate::auth"]),
    ("metrics.rs", &["crate::hub", "crate::store", "crate::session"]),
];

/// What the protocol crate may depend on: bytes and serde, and what they need to say errors.
const PROTOCOL_DEPENDENCIES: [&str; 8] = [
    "base64",
    "bytes",
    "rmp-serde",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "thiserror",
    "uuid",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap();
    let files = entries.flat_map(|entry| rust_files(&entry.unwrap().path()));
    files.filter(|file| file.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The code of a file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Whether code names a word; a module of this crate also within `use crate::{a::b, c}`.
fn names(code: &str, word: &str) -> bool {
    let Some(module) = word.strip_prefix("crate::") else { return code.contains(word) };
    let grouped = code.split("use crate::{").skip(1).any(|group| {
        let group = group.split("};").next().unwrap_or("");
        first_words(group).any(|first| first == module)
    });
    grouped || code.contains(&format!("{word}::"))
}

/// The first word of each item of a `use` group, at its outermost level.
fn first_words(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    group
        .split(move |c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        })
        .map(|item| item.trim().split("::").next().unwrap_or("").trim())
}

#[test]
fn no_layer_reaches_past_its_neighbour() {
    let mut broken = Vec::new();
    for (folder, words) in FORBIDDEN {
        for file in rust_files(&root().join("src").join(folder)) {
            let code = code(&file);
            for word in words.iter().filter(|word| names(&code, word)) {
                broken.push(format!("{} names {word}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_test_sees_names_within_groups() {
    let code = "use crate::{\n    hub::{Hub, catchup::Begin},\n    store::Store,\n};";
    assert!(names(code, "crate::store") && names(code, "crate::hub"));
    assert!(!names(code, "crate::catchup"));
    assert!(names("let x = crate::store::open();", "crate::store"));
}

#[test]
fn the_protocol_knows_bytes_and_serde_only() {
    let manifest = fs::read_to_string(root().join("protocol/Cargo.toml")).unwrap();
    let (_, rest) = manifest.split_once("[dependencies]").unwrap();
    let dependencies = rest.split("\n[").next().unwrap();
    for line in dependencies.lines().filter(|line| line.contains('=')) {
        let name = line.split('=').next().unwrap().trim();
        assert!(PROTOCOL_DEPENDENCIES.contains(&name), "the protocol depends on {name}");
    }
}

#[test]
fn only_the_configuration_reads_the_environment() {
    for file in rust_files(&root().join("src")) {
        let inside = file.strip_prefix(root().join("src")).unwrap().to_owned();
        let code = code(&file);
        let reads = code.contains("env::var") || code.contains("env::vars");
        assert!(!reads || inside.starts_with("config"), "{} reads the environment", file.display());
    }
}

#[test]
fn there_is_one_tungstenite_in_the_tree() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(lock.matches("name = \"tungstenite\"").count(), 1);
}
