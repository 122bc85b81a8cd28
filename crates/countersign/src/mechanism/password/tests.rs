use super::*;
use crate::directory::MemoryDirectory;
use crate::random::SystemRandom;
use crate::scope::Scopes;
use crate::time::Timestamp;

#[tokio::test]
async fn password_is_unavailable_if_the_stored_hash_cannot_be_read() {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let right = hasher.hash("x").unwrap();
    let check = |stored: &str| hasher.check("x", (stored.into(), 0), Vec::new());
    assert_eq!(check(right.expose()).await, Ok(true));
    let broken = right.expose().replacen("m=19456", "m=0", 1);
    for stored in ["", "x", &broken] {
        assert_eq!(check(stored).await, Err(Reason::HasherFailed), "{stored}");
    }
}

#[test]
fn wrong_password_takes_as_long_for_every_user_as_for_an_unknown_one() {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let directory = MemoryDirectory::default();
    let own = hasher.hash("x").unwrap();
    let expensive = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let cheap = "$2b$04$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    let costs = |name: &str| {
        let attempt = Attempt {
            directory: &directory,
            name: &name.parse().unwrap(),
            password: "y",
            from: None,
            now: Timestamp::from_unix_seconds(0),
        };
        let target = hasher.target(&attempt).unwrap();
        cost(&target.hash).unwrap() + hasher.padding(&directory, &target.hash)
    };
    let own = own.expose();
    assert_eq!(costs("eve"), cost(own).unwrap());
    let owasp = "$argon2id$v=19$m=12288,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
    let put = |number: u8, hash: &str| {
        let id = Id::from_bytes([number; 20]);
        let secret = StoredSecret::Password(hash.into());
        let user = Credential::new(id, id, Scopes::none(), secret);
        directory.put_user(format!("user{number}").parse().unwrap(), user);
    };
    for (number, hash) in (1..).zip([own, cheap, owasp]) {
        put(number, hash);
    }
    for name in ["eve", "user1", "user2", "user3"] {
        assert_eq!(costs(name), cost(own).unwrap(), "{name}");
    }
    put(4, expensive);
    for name in ["eve", "user1", "user2", "user3", "user4"] {
        assert_eq!(costs(name), cost(expensive).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn every_hash_that_can_be_imported_can_be_verified() {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let argon2id = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo";
    let bcrypt = "$2b$04$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
    for accepted in [argon2id, bcrypt, &argon2id.replace("v=19", "v=16")] {
        assert!(
            accepted.parse::<directory::PasswordHash>().is_ok(),
            "{accepted}"
        );
        let check = hasher.check("x", (accepted.into(), 0), Vec::new());
        assert_eq!(check.await, Ok(false), "{accepted}");
    }
    for (part, other) in [
        // The last of several values is the one that would be computed.
        ("p=1", "p=1,m=4294967295"),
        ("p=1", "p=1,t=4294967295"),
        ("p=1", "p=1,p=1"),
        ("p=1", "p=1,data=YQ"),
        ("p=1", "p=0"),
        ("p=1", "p=+1"),
        ("m=64", "m=7"),
        (",t=1", ""),
        ("v=19", "v=18"),
        ("v=19$", ""),
        ("c2FsdHNhbHQ", "c2FsdA"),
        ("c2FsdHNhbHQ", "!!!!!!!!!!!"),
        ("aGFzaGhhc2hoYXNo", "aGFzaA"),
        ("aGFzaGhhc2hoYXNo", "aGFzaGhhc2hoYXNoY"),
    ] {
        let hash = argon2id.replace(part, other);
        assert_ne!(hash, argon2id);
        assert!(hash.parse::<directory::PasswordHash>().is_err(), "{hash}");
    }
    for (part, other) in [
        ("$04$", "$03$"),
        ("$04$", "$4$"),
        ("R9h", "!9h"),
        ("UgO2t0jWMUW", "!!!!!!!!!!!"),
        ("$2b$", "$2x$"),
        ("jWMUW", "jWMU"),
    ] {
        let hash = bcrypt.replace(part, other);
        assert!(hash.parse::<directory::PasswordHash>().is_err(), "{hash}");
    }
}

#[tokio::test]
async fn hash_that_takes_too_long_is_not_computed() {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    for stored in [
        "$2b$13$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$argon2id$v=19$m=65537,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        "$argon2id$v=19$m=8,t=5,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
    ] {
        let check = hasher.check("x", (stored.into(), 0), Vec::new()).await;
        assert_eq!(check, Err(Reason::HasherFailed), "{stored}");
        assert!(
            stored.parse::<directory::PasswordHash>().is_err(),
            "{stored}"
        );
    }
}

#[tokio::test]
async fn password_is_the_same_in_every_normalization_form_and_with_every_space() {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    // The letters are composed, or followed by combining diaereses.
    let composed = "p\u{e4}ssw\u{f6}rd 1";
    let decomposed = "pa\u{308}sswo\u{308}rd\u{a0}1";
    for (set, presented) in [(composed, decomposed), (decomposed, composed)] {
        let stored = hasher.hash(set).unwrap();
        let presented = prepare(presented);
        let stored = (stored.expose().into(), 0);
        let check = hasher.check(presented.expose(), stored, Vec::new());
        assert_eq!(check.await, Ok(true), "{set}");
    }
    for other in [
        "passwo\u{308}rd 1",
        "p\u{c4}ssw\u{f6}rd 1",
        "p\u{e4}ssw\u{f6}rd1",
    ] {
        assert_ne!(prepare(other).expose(), prepare(composed).expose());
    }
}

#[tokio::test]
async fn memory_is_allocated_once_if_one_hash_runs_at_a_time() {
    let hasher = PasswordHasher::new(1, SystemRandom).unwrap();
    let checks = (0..8).map(|_| {
        let hasher = hasher.clone();
        tokio::spawn(async move {
            hasher
                .check("x", (Arc::clone(&hasher.dummy), 0), Vec::new())
                .await
        })
    });
    for check in checks.collect::<Vec<_>>() {
        assert_eq!(check.await.unwrap(), Ok(false));
    }
    assert_eq!(hasher.argon2id.buffers(), 1);
}

/// Counts the salts and keys that are made.
#[derive(Clone, Default)]
struct CountingRandom(Arc<std::sync::atomic::AtomicU32>);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::random::RandomError> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        SystemRandom.fill(bytes)
    }
}

/// A directory that cannot store new hashes.
struct ReadOnlyDirectory(MemoryDirectory);

impl Directory for ReadOnlyDirectory {
    fn credential(&self, id: &Id) -> Option<Credential> {
        self.0.credential(id)
    }

    fn user(&self, name: &directory::UserName) -> Option<Credential> {
        self.0.user(name)
    }

    fn lowest_generation(&self, entity: &Id) -> Option<u32> {
        self.0.lowest_generation(entity)
    }

    fn is_denied(&self, issuer: &str, token: &Id) -> bool {
        self.0.is_denied(issuer, token)
    }

    fn check_freshness(&self) -> Result<(), directory::StaleView> {
        self.0.check_freshness()
    }

    fn stores_password_upgrades(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn imported_password_is_hashed_again_only_for_a_directory_that_stores_the_hash() {
    let memory = || {
        let directory = MemoryDirectory::default();
        let id = Id::from_bytes([1; 20]);
        // bcrypt.hashpw(b"abc123xyz", b"$2b$12$R9h/cIPz0gi.URNNX3kh2O")
        let bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
        let secret = StoredSecret::Password(bcrypt.into());
        let user = Credential::new(id, id, Scopes::none(), secret);
        directory.put_user("ada".parse().unwrap(), user);
        directory
    };
    let stored: [(Box<dyn Directory>, u32); 2] = [
        (Box::new(memory()), 1),
        (Box::new(ReadOnlyDirectory(memory())), 0),
    ];
    for (directory, expected) in stored {
        let random = CountingRandom::default();
        let hasher = PasswordHasher::new(1, random.clone()).unwrap();
        let made = || random.0.load(std::sync::atomic::Ordering::SeqCst);
        let before = made();
        let attempt = Attempt {
            directory: &*directory,
            name: &"ada".parse().unwrap(),
            password: "abc123xyz",
            from: None,
            now: Timestamp::from_unix_seconds(0),
        };
        let outcome = hasher.verify(&attempt, None).await;
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
        assert_eq!(made() - before, expected);
    }
}
