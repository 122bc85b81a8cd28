//! Errors of files: each names the file, the line and what to do, and repeats no value.

use std::error::Error as _;

use countersign::file::{FileCredentials, FileError};

use crate::fixture::{BCRYPT, Folder, SHA256, generate, key_entry, user_entry, whole_key_entry};

/// The error of an entry with these lines, which begins at line 3.
#[track_caller]
fn assert_error(folder: &Folder, kind: &str, lines: &[&str], line: usize, reason: &str) {
    let toml = format!("# keys\n\n[[{kind}]]\n{}\n", lines.join("\n"));
    let error = folder.error(&toml).to_string();
    let start = format!("{}:{line}: ", folder.file().display());
    assert!(error.starts_with(&start), "{toml}{error}");
    assert!(error.contains(reason), "{toml}{error}");
    assert!(!error.contains("canary"), "{toml}{error}");
}

#[test]
fn error_in_an_entry_names_its_line_and_setting() {
    let folder = Folder::new();
    let sha256 = format!("sha256 = '{SHA256}'");
    let name = "name = 'ci'";
    let scopes = "scopes = ['a']";
    let cases: [(&[&str], usize, &str); 18] = [
        (&[scopes, &sha256], 3, "name: missing"),
        (&["name = ''", scopes, &sha256], 4, "name: a name must have"),
        (
            &["name = \"canary\\n\"", scopes, &sha256],
            4,
            "name: a name must have",
        ),
        (&["name = 7", scopes, &sha256], 4, "name: expected a string"),
        (&[name, &sha256], 3, "scopes: missing"),
        (
            &[name, "scopes = 'canary'", &sha256],
            5,
            "scopes: expected a list of strings",
        ),
        (
            &[name, "scopes = ['canary', 1]", &sha256],
            5,
            "scopes: expected a list of strings",
        ),
        (
            &[name, "scopes = ['canary canary']", &sha256],
            5,
            "scopes: ",
        ),
        (&[name, scopes], 3, "expected either `digest` or `sha256`"),
        (
            &[name, scopes, "digest = 'canary'"],
            6,
            "digest: expected a digest of 64",
        ),
        (&[name, scopes, &sha256[..50], ""], 6, "invalid TOML"),
        (&[name, scopes, "sha256 = canary"], 6, "invalid TOML"),
        (
            &[name, scopes, "sha256 = 'canary'"],
            6,
            "sha256: expected a digest of 64",
        ),
        (
            &[name, scopes, "key = 'canary'"],
            6,
            "unknown setting; known here: name, scopes, digest",
        ),
        (
            &[name, scopes, "password_hash = 'canary'"],
            6,
            "unknown setting",
        ),
        (
            &[name, scopes, &sha256, "expires_at = 'canary'"],
            7,
            "expires_at: expected a date and time",
        ),
        (
            &[name, scopes, &sha256, "expires_at = 2027-01-01"],
            7,
            "expires_at: expected a date and time",
        ),
        (
            &[name, scopes, &sha256, "allow_from = ['192.0.2.1/24']"],
            7,
            "allow_from: a network must be",
        ),
    ];
    for (lines, line, reason) in cases {
        assert_error(&folder, "keys", lines, line, reason);
    }
    let cases: [(&[&str], usize, &str); 4] = [
        (&["name = 'ada'", scopes], 3, "password_hash: missing"),
        (
            &["name = 'ada'", scopes, "password_hash = 'canary'"],
            6,
            "password_hash: the hash is `crypt`, plain text",
        ),
        (
            &["name = 'can ary'", scopes],
            4,
            "name: a user name must have",
        ),
        (&["name = 'ada'", scopes, &sha256], 6, "unknown setting"),
    ];
    for (lines, line, reason) in cases {
        assert_error(&folder, "users", lines, line, reason);
    }
}

#[test]
fn error_outside_of_the_entries_names_its_line() {
    let folder = Folder::new();
    for (toml, line, reason) in [
        ("canary = 1", 1, "unknown setting; known here: keys, users"),
        ("\nkeys = 'canary'", 2, "keys: expected a list of tables"),
        ("keys = ['canary']", 1, "keys: expected a list of tables"),
        (
            "[users]\nname = 'canary'",
            1,
            "users: expected a list of tables",
        ),
        ("# canary", 1, "`keys = []` says that there are none"),
        ("keys = []\nkeys = []", 2, "invalid TOML"),
        ("keys = []\ncanary", 2, "invalid TOML"),
        ("canary:$2b$04$canary", 1, "invalid TOML"),
    ] {
        let error = folder.error(toml).to_string();
        let start = format!("{}:{line}: ", folder.file().display());
        assert!(error.starts_with(&start), "{toml}: {error}");
        assert!(
            error.contains(reason) && !error.contains("canary"),
            "{toml}: {error}"
        );
    }
}

#[test]
fn entries_with_the_same_name_or_key_are_an_error_that_names_both_lines() {
    let folder = Folder::new();
    let key = generate("ci");
    let ci = key_entry("ci", &key, "");
    for (second, reason) in [
        (ci.clone(), "the name is the same as at line 1"),
        (
            whole_key_entry("ci", ""),
            "the name is the same as at line 1",
        ),
    ] {
        let error = folder.error(format!("{ci}{second}")).to_string();
        assert!(
            error.contains("credentials:6: ") && error.contains(reason),
            "{error}"
        );
    }
    let twice = whole_key_entry("a", "") + &whole_key_entry("b", "");
    let error = folder.error(twice).to_string();
    assert!(
        error.contains("credentials:6: the key is the same as at line 1"),
        "{error}"
    );
    // A key and a user are different credentials.
    folder.open(&(whole_key_entry("ada", "") + &user_entry("ada", BCRYPT, "")));
}

#[test]
fn file_that_cannot_be_read_is_an_error_with_its_path() {
    let folder = Folder::new();
    let open = |path: &std::path::Path| FileCredentials::open(path).unwrap_err();
    let missing = open(&folder.file());
    assert!(matches!(missing, FileError::Unreadable { .. }));
    assert!(missing.source().is_some());
    let text = missing.to_string();
    assert!(text.contains(folder.file().to_str().unwrap()), "{text}");
    let text = open(folder.path()).to_string();
    assert!(text.contains("it is not a regular file"), "{text}");
}

#[test]
fn file_that_is_empty_too_long_or_not_utf8_is_an_error() {
    let folder = Folder::new();
    let comment = |length: usize| {
        let line = format!("#{}\n", "x".repeat(998));
        line.repeat(length / 999 + 1)[..length].to_owned()
    };
    let mib = 1024 * 1024;
    let cases: [(Vec<u8>, &str); 5] = [
        (Vec::new(), "empty: `keys = []`"),
        (b"\n \t\n".to_vec(), "empty: `keys = []`"),
        (b"\xef\xbb\xbf\n".to_vec(), "empty: `keys = []`"),
        (comment(mib + 1).into_bytes(), "longer than 1 MiB"),
        (b"# \xff\nkeys = []".to_vec(), "not UTF-8"),
    ];
    for (contents, reason) in cases {
        for error in [folder.error(&contents), folder.htpasswd_error(&contents)] {
            assert!(matches!(error, FileError::Content { .. }), "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
    folder.open(&format!("keys = []\n{}", comment(mib - 10)));
}

#[test]
fn long_line_is_an_error() {
    let folder = Folder::new();
    let line = |length| format!("keys = []\n#{}\n", "x".repeat(length));
    folder.open(&line(64 * 1024 - 1));
    let error = folder.error(line(64 * 1024)).to_string();
    assert!(
        error.contains("credentials:2: longer than 64 KiB"),
        "{error}"
    );
}

#[test]
fn too_many_credentials_are_an_error() {
    let folder = Folder::new();
    let lines =
        |count: usize| -> String { (0..count).map(|n| format!("u{n}:{BCRYPT}\n")).collect() };
    folder.open_htpasswd(lines(10_000));
    let error = folder.htpasswd_error(lines(10_001)).to_string();
    assert!(
        error.contains("credentials:10001: more than 10000"),
        "{error}"
    );
}
