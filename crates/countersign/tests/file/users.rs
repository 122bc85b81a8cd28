//! Users with passwords in a TOML file.

use std::time::Duration;

use countersign::directory::Directory as _;
use countersign::mechanism::password::PasswordHasher;
use countersign::random::SystemRandom;

use crate::fixture::{
    BCRYPT, BCRYPT_OF_72_BYTES, BCRYPT_OF_123_POUNDS, Folder, NOW, PASSWORD, Service, basic,
    user_entry,
};

const EXPENSIVE: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";

#[tokio::test]
async fn user_is_accepted_with_argon2id_and_with_bcrypt() {
    let folder = Folder::new();
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let argon2id = hasher.hash("correct horse").unwrap();
    let toml = user_entry("ada", BCRYPT, "") + &user_entry("bob", argon2id.expose(), "");
    let service = Service::new(&folder.open(&toml));
    let value = basic("ada", PASSWORD);
    let accepted = service.send(&[("authorization", value.as_bytes())]).await;
    assert_eq!(accepted.into_body(), "ada: calls:read");
    assert_eq!(service.basic("bob", "correct horse").await, 200);
    for (name, password) in [
        ("ada", "correct horse"),
        ("bob", PASSWORD),
        ("eve", PASSWORD),
        ("ada", ""),
        ("ada", BCRYPT),
    ] {
        assert_eq!(
            service.basic(name, password).await,
            401,
            "{name} {password}"
        );
    }
}

#[tokio::test]
async fn user_has_an_expiry_and_networks() {
    let folder = Folder::new();
    let settings = format!(
        "expires_at = {}\nallow_from = ['192.0.2.1']",
        NOW.plus(Duration::from_secs(60)).to_rfc3339()
    );
    let service = Service::new(&folder.open(&user_entry("ada", BCRYPT, &settings)));
    assert_eq!(service.basic("ada", PASSWORD).await, 200);
    let value = basic("ada", PASSWORD);
    let elsewhere = service
        .send_from("192.0.2.2", &[("authorization", value.as_bytes())])
        .await;
    assert_eq!(elsewhere.status(), 401);
    service.clock.advance(Duration::from_secs(60));
    assert_eq!(service.basic("ada", PASSWORD).await, 401);
}

// RFC 7617 §2.1: the password is `123£`.
#[tokio::test]
async fn password_is_read_as_utf8() {
    let folder = Folder::new();
    let service = Service::new(&folder.open(&user_entry("test", BCRYPT_OF_123_POUNDS, "")));
    let example: &[u8] = b"Basic dGVzdDoxMjPCow==";
    assert_eq!(
        service.send(&[("authorization", example)]).await.status(),
        200
    );
}

// bcrypt reads 72 bytes only.
#[tokio::test]
async fn password_is_rejected_if_it_differs_after_72_bytes() {
    let folder = Folder::new();
    let service = Service::new(&folder.open(&user_entry("long", BCRYPT_OF_72_BYTES, "")));
    let longest = "a".repeat(72);
    assert_eq!(service.basic("long", &longest).await, 200);
    assert_eq!(service.basic("long", &format!("{longest}b")).await, 401);
}

#[test]
fn unknown_user_costs_as_much_as_the_most_expensive_hash_of_the_file() {
    let folder = Folder::new();
    let [cheap, expensive] = [
        user_entry("ada", BCRYPT, ""),
        user_entry("bob", EXPENSIVE, ""),
    ];
    for toml in [format!("{cheap}{expensive}"), format!("{expensive}{cheap}")] {
        let file = folder.open(&toml);
        let costliest = || file.directory().costliest_password();
        assert_eq!(costliest().as_deref(), Some(EXPENSIVE));
        folder.write(&cheap);
        file.reload().unwrap();
        assert_eq!(costliest().as_deref(), Some(BCRYPT));
    }
    assert_eq!(
        folder.open("keys = []").directory().costliest_password(),
        None
    );
}
