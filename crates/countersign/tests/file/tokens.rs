//! Tokens that were minted for the credentials of a file.

use countersign::auth::Authenticator;
use countersign::credentials::{Credentials, RequestHead};
use countersign::directory::{Directory as _, IssuerDirectory};
use countersign::file::FileCredentials;
use countersign::jose::{Algorithm, SigningKey};
use countersign::mechanism::password::PasswordHasher;
use countersign::mechanism::{Jwt, PrimaryMechanism};
use countersign::mint::{Issuer, Mint, MintParameters, MintRequest};
use countersign::random::SystemRandom;
use countersign::rejection::Reason;
use countersign::testing::FixedClock;
use countersign::{Id, Principal, Secret};
use http::Request;

use crate::fixture::{
    BCRYPT, BCRYPT_OF_72_BYTES, Folder, NOW, PASSWORD, SHA256, WHOLE_KEY, generate, key_entry,
    user_entry, whole_key_entry,
};

/// An issuer whose signing key outlives a restart.
struct Tokens {
    clock: FixedClock,
    issuer: Issuer,
}

impl Tokens {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::EdDsa, &SystemRandom).unwrap();
        let issuer = Issuer::builder("https://auth.test").signing_key(key);
        Self {
            clock: FixedClock::at(NOW),
            issuer: issuer.build().unwrap(),
        }
    }

    async fn mint(&self, mechanism: impl PrimaryMechanism, credentials: Credentials) -> Secret {
        let authenticator = Authenticator::builder().primary(mechanism);
        let authenticator = authenticator.clock(self.clock.clone()).build().unwrap();
        let principal = authenticator.authenticate(credentials, &RequestHead::empty());
        let primary = principal.await.unwrap().primary().unwrap();
        let mint = Mint::new(self.issuer.clone(), self.clock.clone(), SystemRandom);
        let request = MintRequest::new(primary, MintParameters::default());
        mint.mint(&request).unwrap().token
    }

    async fn of_key(&self, file: &FileCredentials, key: &str) -> Secret {
        let credentials = Credentials::key(Secret::from(key.to_owned()));
        self.mint(file.api_keys(), credentials).await
    }

    async fn of_user(&self, file: &FileCredentials) -> Secret {
        let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
        let secret = |text: &str| Secret::from(text.to_owned());
        let credentials = Credentials::user(secret("ada"), secret(PASSWORD));
        self.mint(file.basic(hasher), credentials).await
    }

    fn verifier(&self, file: &FileCredentials) -> Authenticator {
        // Every node has a view of its own.
        let directory = IssuerDirectory::new(file.directory(), "default");
        let trusted = self
            .issuer
            .trusted()
            .directory(std::sync::Arc::new(directory));
        let jwt = Jwt::new([trusted.build().unwrap()]);
        let verifier = Authenticator::builder().mechanism(jwt);
        verifier.clock(self.clock.clone()).build().unwrap()
    }

    async fn verify(&self, file: &FileCredentials, token: &Secret) -> Result<Principal, Reason> {
        verify(&self.verifier(file), token).await
    }

    async fn reason(&self, file: &FileCredentials, token: &Secret) -> Option<Reason> {
        self.verify(file, token).await.err()
    }
}

async fn verify(verifier: &Authenticator, token: &Secret) -> Result<Principal, Reason> {
    let bearer = format!("Bearer {}", token.expose());
    let request = Request::get("/").header("authorization", bearer);
    let request = request.body(()).unwrap();
    let head = RequestHead::new(&request);
    let credentials = verifier.find_credentials(&head).unwrap().unwrap();
    let result = verifier.authenticate(credentials, &head).await;
    result.map_err(|rejection| rejection.reason())
}

const ENDED: Option<Reason> = Some(Reason::Superseded);

#[tokio::test]
async fn tokens_end_with_their_entry_and_others_stay_valid() {
    let (folder, key, tokens) = (Folder::new(), generate("ci"), Tokens::new());
    let ci = key_entry("ci", &key, "");
    let billing = whole_key_entry("billing", "");
    let ada = user_entry("ada", BCRYPT, "");
    let file = folder.open(&format!("{ci}{billing}{ada}"));
    let of_ci = tokens.of_key(&file, key.issued.key.expose()).await;
    let of_billing = tokens.of_key(&file, WHOLE_KEY).await;
    let of_ada = tokens.of_user(&file).await;
    let reasons = async |file: &FileCredentials| {
        [
            tokens.reason(file, &of_ci).await,
            tokens.reason(file, &of_billing).await,
            tokens.reason(file, &of_ada).await,
        ]
    };
    assert_eq!(reasons(&file).await, [None; 3]);
    for (toml, expected) in [
        (format!("{ada}{billing}{ci}"), [None; 3]),
        (format!("{billing}{ada}"), [ENDED, None, None]),
        (format!("{ci}{ada}"), [None, ENDED, None]),
        (format!("{ci}{billing}"), [None, None, ENDED]),
        ("keys = []".to_owned(), [ENDED; 3]),
        (format!("{ci}{billing}{ada}"), [None; 3]),
    ] {
        folder.write(&toml);
        file.reload().unwrap();
        assert_eq!(reasons(&file).await, expected, "{toml}");
        // A process that starts later agrees, although it never saw the earlier entries.
        let restarted = FileCredentials::open(folder.file()).unwrap();
        assert_eq!(reasons(&restarted).await, expected, "{toml}");
    }
}

#[tokio::test]
async fn tokens_end_when_the_secret_or_the_access_of_their_entry_changes() {
    let (folder, tokens) = (Folder::new(), Tokens::new());
    let entry = |settings| {
        let entry = whole_key_entry("billing", settings);
        entry.replace("'calls:read'", "'calls:read', 'calls:write'")
    };
    let open = entry("");
    let file = folder.open(&open);
    let token = tokens.of_key(&file, WHOLE_KEY).await;
    assert_eq!(tokens.reason(&file, &token).await, None);
    let narrowed = open.replace(", 'calls:write'", "");
    let other_secret = open.replace(SHA256, &"0".repeat(64));
    let expires = entry("expires_at = 2100-01-01T00:00:00Z");
    let networks = entry("allow_from = ['0.0.0.0/0', '::/0']");
    for (toml, expected, case) in [
        (&narrowed, ENDED, "scopes"),
        (&other_secret, ENDED, "secret"),
        (&expires, ENDED, "expiry"),
        (&networks, ENDED, "networks"),
        (
            &open.replace("'calls:read', 'calls:write'", "'calls:write', 'calls:read'"),
            None,
            "order",
        ),
        (&format!("# a comment\n\n{open}\n"), None, "comment"),
    ] {
        folder.write(toml);
        file.reload().unwrap();
        assert_eq!(tokens.reason(&file, &token).await, expected, "{case}");
    }
}

#[tokio::test]
async fn new_password_ends_the_tokens_of_the_user_and_keeps_the_subject() {
    let (folder, tokens) = (Folder::new(), Tokens::new());
    let file = folder.open_htpasswd(format!("ada:{BCRYPT}\n"));
    let token = tokens.of_user(&file).await;
    let subject = tokens.verify(&file, &token).await.unwrap();
    folder.write(format!("ada:{BCRYPT_OF_72_BYTES}\n"));
    file.reload().unwrap();
    assert_eq!(tokens.reason(&file, &token).await, ENDED);
    let user = file.directory().user(&"ada".parse().unwrap()).unwrap();
    assert_eq!(user.id.to_string(), subject.subject());
}

#[tokio::test]
async fn accepted_principal_is_rejected_again_after_its_entry_was_removed() {
    let (folder, tokens) = (Folder::new(), Tokens::new());
    let file = folder.open(&whole_key_entry("billing", ""));
    let keys = Authenticator::builder().primary(file.api_keys());
    let keys = keys.clock(tokens.clock.clone()).build().unwrap();
    let credentials = Credentials::key(Secret::from(WHOLE_KEY.to_owned()));
    let of_key = keys.authenticate(credentials, &RequestHead::empty());
    let of_key = of_key.await.unwrap();
    let token = tokens.of_key(&file, WHOLE_KEY).await;
    // An authenticator checks its own principals again, and no others.
    let verifier = tokens.verifier(&file);
    let of_token = verify(&verifier, &token).await.unwrap();
    let reasons = || {
        [(&keys, &of_key), (&verifier, &of_token)].map(|(authenticator, principal)| {
            let result = authenticator.revalidate(principal);
            result.map_err(|rejection| rejection.reason())
        })
    };
    assert_eq!(reasons(), [Ok(()), Ok(())]);
    folder.write("keys = []");
    file.reload().unwrap();
    let ended = [Err(Reason::CredentialRevoked), Err(Reason::Superseded)];
    assert_eq!(reasons(), ended);
}

#[test]
fn sessions_and_credentials_of_other_directories_are_not_denied() {
    let folder = Folder::new();
    let file = folder.open(&whole_key_entry("billing", ""));
    let directory = file.directory();
    let key = directory.credential(&generate("billing").id).unwrap();
    assert!(directory.accepts_generation(&key.account, key.account_generation));
    assert!(!directory.accepts_generation(&key.account, key.account_generation + 1));
    assert!(!directory.accepts_generation(&key.id, key.generation.wrapping_add(1)));
    let session = Id::new(NOW, &key.account, &SystemRandom).unwrap();
    let other = Id::new_account(NOW, &SystemRandom).unwrap();
    for id in [session, other] {
        assert!(directory.accepts_generation(&id, 1));
        assert_eq!(directory.lowest_generation(&id), None);
    }
    assert_eq!(directory.lowest_generation(&key.id), Some(key.generation));
    let unknown = generate("unknown").id;
    assert!(!directory.accepts_generation(&unknown, 1));
    assert_eq!(directory.lowest_generation(&unknown), Some(u32::MAX));
}
