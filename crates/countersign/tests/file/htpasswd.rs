//! htpasswd files.

use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;

use crate::fixture::{BCRYPT, Folder, PASSWORD, Service, basic};

#[tokio::test]
async fn users_of_an_htpasswd_file_are_accepted_with_bcrypt_and_argon2id() {
    let folder = Folder::new();
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let argon2id = hasher.hash("correct horse").unwrap();
    // As `htpasswd -B` writes it, with the version 2y.
    let bcrypt = BCRYPT.replacen("$2b$", "$2y$", 1);
    let lines = format!(
        "\u{feff}# users of the tool\r\n\r\nada:{bcrypt}\r\nbob:{}\nCarol:{bcrypt}:a comment\n",
        argon2id.expose()
    );
    let service = Service::new(&folder.open_htpasswd(lines));
    let value = basic("ada", PASSWORD);
    let accepted = service.send(&[("authorization", value.as_bytes())]).await;
    assert_eq!(accepted.into_body(), "ada: calls:read");
    for (name, password, status) in [
        ("bob", "correct horse", 200),
        ("carol", PASSWORD, 200),
        ("CAROL", PASSWORD, 200),
        ("bob", PASSWORD, 401),
        ("dave", PASSWORD, 401),
        ("# users of the tool", PASSWORD, 401),
    ] {
        assert_eq!(service.basic(name, password).await, status, "{name}");
    }
}

#[test]
fn weaker_hash_is_an_error_that_names_its_line_and_what_to_use() {
    let folder = Folder::new();
    for (hash, kind) in [
        ("{SHA}canaryW6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"),
        ("{SSHA}canary", "SHA-1"),
        ("{PLAIN}canary", "plain text"),
        ("$apr1$canary$xxq5YqMXFzL8wvVcMEKzH0", "MD5 (apr1)"),
        ("$1$canary$qOpWZbNbV2GCzJqJ1AUIb0", "MD5"),
        ("$5$canary$x", "SHA-256"),
        ("$6$canary$x", "SHA-512"),
        ("$argon2i$v=19$m=4096,t=3,p=1$canary$x", "another variant"),
        ("canaryMgp1nSDE", "`crypt`"),
        ("canary", "plain text"),
        ("", "plain text"),
        ("$2b$13$canary", "takes too long"),
        (
            "$argon2id$v=19$m=4194304,t=3,p=1$canary$x",
            "takes too long",
        ),
    ] {
        let error = folder.htpasswd_error(format!("ada:{BCRYPT}\n\nbob:{hash}\n"));
        let error = error.to_string();
        assert!(error.contains("credentials:3: "), "{error}");
        assert!(error.contains(kind), "{kind}: {error}");
        assert!(!error.contains("canary"), "{error}");
        if !error.contains("takes too long") {
            assert!(error.contains("`htpasswd -B -C 10`"), "{error}");
        }
    }
}

#[test]
fn line_without_a_name_or_with_a_taken_one_is_an_error() {
    let folder = Folder::new();
    let again = format!("ADA:{BCRYPT}");
    for (line, reason) in [
        ("canary", "expected `<name>:<hash>`"),
        (":$2b$04$canary", "a user name must have"),
        ("ca nary:$2b$04$canary", "a user name must have"),
        ("bob:$2b$04$canary", "the hash is incomplete"),
        (again.as_str(), "the name is the same as at line 1"),
    ] {
        let error = folder.htpasswd_error(format!("ada:{BCRYPT}\n{line}\n"));
        let error = error.to_string();
        assert!(error.contains("credentials:2: "), "{error}");
        assert!(error.contains(reason) && !error.contains("nary"), "{error}");
    }
}

#[tokio::test]
async fn file_with_only_a_comment_has_no_users() {
    let folder = Folder::new();
    let service = Service::new(&folder.open_htpasswd("# none\n"));
    assert_eq!(service.basic("ada", PASSWORD).await, 401);
}
