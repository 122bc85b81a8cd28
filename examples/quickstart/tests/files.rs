//! Runs the programs whose credentials are in files, and sends them requests with curl.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use countersign::file::generate_key;
use countersign::key::ImportedKey;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;

/// A running program, and its URL, which it printed.
struct Program {
    process: Child,
    url: String,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut url).unwrap();
        let url = format!("{}/calls", url.trim_end());
        Self { process, url }
    }

    /// Sends a request with curl, and returns the body and the status.
    fn curl(&self, arguments: &[&str]) -> String {
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*"])
            .args(["--write-out", " %{http_code}"])
            .args(arguments)
            .arg(&self.url)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Checks a program that accepts the keys `ci`, `web` and `billing`.
#[track_caller]
fn assert_accepts_three_keys(program: &Program, keys: [&str; 3]) {
    let send = |key: &str| program.curl(&["--header", &format!("x-api-key: {key}")]);
    for (name, key) in ["ci", "web", "billing"].iter().zip(keys) {
        assert_eq!(send(key), format!("the calls of {name} 200"));
        assert_eq!(send(&format!("{key}x")), " 401");
    }
    assert_eq!(program.curl(&[]), " 401");
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
    let program = Program::start(Command::new(path).arg(&file));
    assert_accepts_three_keys(&program, keys);
    let program = Program::start(Command::new(path).env("API_KEYS", &toml));
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
    let program = Program::start(Command::new(env!("CARGO_BIN_EXE_htpasswd_users")).arg(&file));
    let user = |user: &str| program.curl(&["--user", user]);
    assert_eq!(user("ada:ada: open sesame"), "the calls of ada 200");
    assert_eq!(user("bob:bob: open sesame"), "the calls of bob 200");
    for wrong in ["ada:bob: open sesame", "eve:ada: open sesame", "ada:x"] {
        assert_eq!(user(wrong), " 401", "{wrong}");
    }
    assert_eq!(program.curl(&[]), " 401");
}
