//! The programs whose credentials are in files.

use std::process::Command;

use countersign::file::generate_key;
use countersign::key::ImportedKey;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;

use crate::program::{Program, curl};

/// Sends `GET /calls`, and returns the body and the status.
fn get_calls(program: &Program, arguments: &[&str]) -> String {
    let url = program.url("/calls");
    curl(&[&[&*url][..], arguments].concat())
}

/// Checks a program that accepts the keys `ci`, `web` and `billing`.
#[track_caller]
fn assert_accepts_three_keys(program: &Program, keys: [&str; 3]) {
    let send = |key: &str| get_calls(program, &["--header", &format!("x-api-key: {key}")]);
    for (name, key) in ["ci", "web", "billing"].iter().zip(keys) {
        assert_eq!(send(key), format!("the calls of {name} 200"));
        assert_eq!(send(&format!("{key}x")), " 401");
    }
    assert_eq!(get_calls(program, &[]), " 401");
}

#[test]
fn file_keys_accepts_three_fixed_keys_of_a_file_or_a_variable() {
    let [ci, web] = ["ci", "web"].map(|name| generate_key(name, &SystemRandom).unwrap());
    let billing = "sk_live_4eC39HqLyjWDarjtT1zdp7dc";
    let toml = format!(
        "[[keys]]\nname = 'ci'\nscopes = ['calls:read']\ndigest = '{}'\n\
         [[keys]]\nname = 'web'\nscopes = ['calls:*']\ndigest = '{}'\n\
         [[keys]]\nname = 'billing'\nscopes = []\nsha256 = '{}'\n",
        ci.digest,
        web.digest,
        ImportedKey::of(billing.as_bytes()).to_hex()
    );
    let keys = [ci.issued.key.expose(), web.issued.key.expose(), billing];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.toml");
    std::fs::write(&file, &toml).unwrap();
    let path = env!("CARGO_BIN_EXE_file_keys");
    let program = Program::start(Command::new(path).arg(&file), 1);
    assert_accepts_three_keys(&program, keys);
    let program = Program::start(Command::new(path).env("API_KEYS", &toml), 1);
    assert_accepts_three_keys(&program, keys);
}

/// Returns the line of a user, from the program `htpasswd` if this machine has it.
fn htpasswd_line(name: &str, password: &str) -> String {
    let arguments = ["-n", "-b", "-B", "-C", "4", name, password];
    match Command::new("htpasswd").args(arguments).output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap(),
        _ => {
            let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
            let hash = hasher.hash(password).unwrap();
            format!("{name}:{}\n", hash.expose())
        }
    }
}

#[test]
fn htpasswd_users_accepts_its_users_and_rejects_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    let lines = ["ada", "bob"].map(|name| htpasswd_line(name, &format!("{name}: open sesame")));
    std::fs::write(&file, lines.concat()).unwrap();
    let program = Program::start(
        Command::new(env!("CARGO_BIN_EXE_htpasswd_users")).arg(&file),
        1,
    );
    let user = |user: &str| get_calls(&program, &["--user", user]);
    assert_eq!(user("ada:ada: open sesame"), "the calls of ada 200");
    assert_eq!(user("bob:bob: open sesame"), "the calls of bob 200");
    for wrong in ["ada:bob: open sesame", "eve:ada: open sesame", "ada:x"] {
        assert_eq!(user(wrong), " 401", "{wrong}");
    }
    assert_eq!(get_calls(&program, &[]), " 401");
}
