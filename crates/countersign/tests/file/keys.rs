//! API keys.

use std::time::Duration;

use countersign::directory::{CredentialKind, Directory as _};
use countersign::file::FileCredentials;

use crate::fixture::{
    Folder, NOW, Service, WHOLE_KEY, basic, generate, key_entry, whole_key_entry,
};

#[tokio::test]
async fn key_is_accepted_in_its_header_and_by_its_id_and_secret() {
    let (folder, key) = (Folder::new(), generate("ci"));
    let service = Service::new(&folder.open(&key_entry("ci", &key, "")));
    let accepted = service
        .send(&[("x-api-key", key.issued.key.expose().as_bytes())])
        .await;
    assert_eq!(accepted.into_body(), "ci: calls:read");
    let (id, secret) = (key.id.to_string(), key.issued.secret.expose());
    assert_eq!(service.basic(&id, secret).await, 200);
    assert_eq!(service.basic("ci", secret).await, 401);
    assert_eq!(service.key(secret).await, 401);

    let other = generate("ci");
    assert_eq!(service.key(other.issued.key.expose()).await, 401);
    assert_eq!(service.basic(&id, other.issued.secret.expose()).await, 401);
}

#[tokio::test]
async fn key_of_another_system_is_accepted_by_its_whole_text_only() {
    let folder = Folder::new();
    let service = Service::new(&folder.open(&whole_key_entry("billing", "")));
    assert_eq!(service.key(WHOLE_KEY).await, 200);
    for other in [
        &WHOLE_KEY[1..],
        &WHOLE_KEY[..31],
        &WHOLE_KEY.to_uppercase(),
        "billing",
        crate::fixture::SHA256,
    ] {
        assert_eq!(service.key(other).await, 401, "{other}");
    }
}

#[tokio::test]
async fn several_keys_of_one_file_have_scopes_of_their_own() {
    let (folder, ci, web) = (Folder::new(), generate("ci"), generate("web"));
    let toml = key_entry("ci", &ci, "")
        + &key_entry("web", &web, "").replace("calls:read", "calls:write', 'wallet:*")
        + &whole_key_entry("billing", "").replace("'calls:read'", "");
    let service = Service::new(&folder.open(&toml));
    for (key, body) in [
        (ci.issued.key.expose(), "ci: calls:read"),
        (web.issued.key.expose(), "web: calls:write wallet:*"),
        (WHOLE_KEY, "billing: "),
    ] {
        let accepted = service.send(&[("x-api-key", key.as_bytes())]).await;
        assert_eq!(accepted.into_body(), body);
    }
}

#[tokio::test]
async fn keys_fit_on_one_line() {
    let (folder, key) = (Folder::new(), generate("ci"));
    let digest = &key.digest;
    let toml = format!(
        "keys = [{{ name = 'ci', scopes = [], digest = '{digest}' }}, {{ name = 'b', scopes = [], sha256 = '{}' }}]",
        crate::fixture::SHA256
    );
    let service = Service::new(&folder.open(&toml));
    assert_eq!(service.key(key.issued.key.expose()).await, 200);
    assert_eq!(service.key(WHOLE_KEY).await, 200);
}

#[tokio::test]
async fn key_is_rejected_from_its_expiry_on_and_from_other_networks() {
    let folder = Folder::new();
    let end = NOW.plus(Duration::from_secs(60));
    // As a string, and as TOML writes a date and time.
    for quote in ["'", ""] {
        let settings = format!(
            "expires_at = {quote}{}{quote}\nallow_from = ['192.0.2.0/24']",
            end.to_rfc3339()
        );
        let service = Service::new(&folder.open(&whole_key_entry("billing", &settings)));
        let from = async |address| {
            let headers: [(&str, &[u8]); 1] = [("x-api-key", WHOLE_KEY.as_bytes())];
            service.send_from(address, &headers).await.status().as_u16()
        };
        assert_eq!(from("192.0.2.255").await, 200);
        assert_eq!(from("192.0.3.1").await, 401);
        service.clock.advance(Duration::from_millis(59_999));
        assert_eq!(from("192.0.2.255").await, 200);
        service.clock.set(end);
        assert_eq!(from("192.0.2.255").await, 401);
    }
}

#[tokio::test]
async fn key_is_bound_to_the_name_of_its_entry() {
    let (folder, key) = (Folder::new(), generate("ci"));
    let service = Service::new(&folder.open(&key_entry("other", &key, "")));
    assert_eq!(service.key(key.issued.key.expose()).await, 401);
}

#[test]
fn id_follows_from_the_name_and_is_the_same_in_every_file() {
    let key = generate("ci");
    let in_file = |toml: &str| {
        let folder = Folder::new();
        let file = folder.open(toml);
        file.directory().credential(&key.id)
    };
    assert_eq!(generate("ci").id, key.id);
    assert_ne!(generate("web").id, key.id);
    for toml in [key_entry("ci", &key, ""), whole_key_entry("ci", "")] {
        let found = in_file(&toml).unwrap();
        assert_eq!(found.name.as_deref(), Some("ci"));
        assert_eq!(found.kind(), CredentialKind::Key);
    }
    assert!(in_file(&key_entry("web", &key, "")).is_none());
}

#[test]
fn secrets_and_digests_are_not_printed() {
    let (folder, key) = (Folder::new(), generate("ci"));
    let file = folder.open(&(key_entry("ci", &key, "") + &whole_key_entry("b", "")));
    let found = file.directory().credential(&key.id);
    let text = format!("{file:?} {found:?} {key:?} {:?}", file.api_keys());
    let secret = key.issued.secret.expose();
    for hidden in [secret, crate::fixture::SHA256] {
        assert!(!text.contains(hidden), "{text}");
    }
    assert!(text.contains("2 credentials"), "{text}");
}

#[test]
fn variable_that_is_not_set_or_is_not_toml_is_an_error_that_names_it() {
    let error = |variable| FileCredentials::from_env(variable).unwrap_err().to_string();
    let missing = error("COUNTERSIGN_TEST_KEYS");
    assert!(
        missing.contains("`COUNTERSIGN_TEST_KEYS` is not set"),
        "{missing}"
    );
    // Cargo sets this one, to a path.
    let wrong = error("CARGO_MANIFEST_DIR");
    assert!(
        wrong.starts_with("the environment variable `CARGO_MANIFEST_DIR`:1: invalid TOML"),
        "{wrong}"
    );
    assert!(!wrong.contains("crates"), "{wrong}");
}

#[tokio::test]
async fn key_and_password_together_are_several_credentials() {
    let (folder, key) = (Folder::new(), generate("ci"));
    let service = Service::new(&folder.open(&key_entry("ci", &key, "")));
    let value = basic(&key.id.to_string(), key.issued.secret.expose());
    let response = service
        .send(&[
            ("x-api-key", key.issued.key.expose().as_bytes()),
            ("authorization", value.as_bytes()),
        ])
        .await;
    assert_eq!(response.status(), 400);
}
