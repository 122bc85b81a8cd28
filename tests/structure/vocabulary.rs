//! Retired words and names, in sources, documentation and manifests.

use std::fs;
use std::path::Path;

use crate::sources::repository;

/// Words that appear neither in prose nor as a part of a name: `verdict` is found in `Verdicts` and in `last_verdict`.
const WORDS: &[&str] = &[
    "anybody",
    "everybody",
    "judge",
    "judged",
    "judgement",
    "judgements",
    "judges",
    "judging",
    "judgment",
    "keeper",
    "nobody",
    "somebody",
    "upkeep",
    "verdict",
    "verdicts",
    "vouch",
    "vouched",
    "vouches",
    "whoever",
    "whomever",
];

/// Phrases and documents that the repository does not contain.
const PHRASES: &[&str] = &[
    "caller lapsed",
    "design.md",
    "security.md",
    "server.md",
    "takes along",
    "wires.md",
];

/// Retired names of types and functions.
const NAMES: &[&str] = &[
    "CallerLapsed",
    "KeyProof",
    "NotAccepted",
    "OfIssuer",
    "PrimaryAuthenticator",
    "ProvingToken",
    "Redigest",
    "TooManyRemembered",
    "WhichSession",
    "key_pair",
    "take_credentials",
];

/// Retired names of modules and files.
const MODULES: &[&str] = &[
    "craft", "front", "gate", "ground", "house", "judge", "keeping", "loss", "place", "upkeep",
    "writing",
];

/// Folders without sources of this repository.
const SKIPPED: &[&str] = &[".git", "target", "node_modules"];

#[test]
fn no_retired_word_is_left() {
    let mut found = Vec::new();
    scan(repository(), &mut found);
    assert!(
        found.is_empty(),
        "{} places:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn retired_words_are_found_in_prose_and_in_names() {
    for line in [
        "Whoever asks",
        "let last_verdict = 1;",
        "struct JudgedAlready;",
        "See row 41.",
        "seed_002",
        "seed003",
        "rows 4 to 6",
        "as in security.md",
        "PrimaryAuthenticator::new()",
    ] {
        assert!(retired(line).is_some(), "{line}");
    }
    for line in [
        "the rower 4",
        "row by row",
        "seed the generator",
        "prejudge",
        "Authenticator",
    ] {
        assert_eq!(retired(line), None, "{line}");
    }
}

fn scan(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            scan(&path, found);
        }
        let checked = ["rs", "md", "toml"];
        if !checked
            .iter()
            .any(|end| path.extension().is_some_and(|e| e == *end))
            || path.ends_with(file!())
        {
            continue;
        }
        let relative = path
            .strip_prefix(repository())
            .unwrap()
            .display()
            .to_string();
        let module = relative
            .split(['/', '.'])
            .find(|part| MODULES.contains(part));
        found.extend(module.map(|module| format!("{relative}: the name {module}")));
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if let Some(word) = retired(line) {
                found.push(format!("{relative}:{}: {word}", number + 1));
            }
        }
    }
}

/// Returns the first retired word, phrase or name in a line.
fn retired(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    let phrase = PHRASES.iter().find(|phrase| line.contains(*phrase));
    let names: Vec<&str> = line
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .collect();
    let name = names.iter().find(|name| NAMES.contains(name));
    let seed = names.iter().find(|name| {
        let digits = name.trim_start_matches("seed").trim_start_matches('_');
        name.starts_with("seed") && digits.len() == 3 && digits.starts_with("00")
    });
    let words: Vec<String> = names.iter().flat_map(|name| words_of(name)).collect();
    let word = words.iter().find(|word| WORDS.contains(&word.as_str()));
    let row = ["row ", "rows "].into_iter().find(|row| {
        let mut places = lower.match_indices(row);
        places.any(|(at, _)| {
            let (before, behind) = (&lower[..at], &lower[at + row.len()..]);
            !before.ends_with(char::is_alphanumeric)
                && behind.starts_with(|c: char| c.is_ascii_digit())
        })
    });
    let word = word.map(String::as_str).or(row);
    let found = [phrase, name, seed].into_iter().flatten().next();
    found.copied().or(word).map(str::to_owned)
}

/// Splits a name at `_` and before capital letters, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_is_lower = false;
    for c in name.chars() {
        if c == '_' || (c.is_uppercase() && previous_is_lower) {
            words.push(String::new());
        }
        previous_is_lower = c.is_lowercase();
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
