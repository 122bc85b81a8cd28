//! Credentials from a file or an environment variable, without a database (feature `file`).
//!
//! ```
//! use countersign::AuthLayer;
//! use countersign::file::{FileCredentials, generate_key};
//! use countersign::random::SystemRandom;
//! use http::{Request, Response};
//! use std::convert::Infallible;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # tokio_test::block_on(async {
//! // `countersign key digest --with-id` prints a key and its entry, too.
//! let new = generate_key("ci", &SystemRandom)?;
//! let entry = format!("[[keys]]\nname = 'ci'\nscopes = ['calls:read']\ndigest = '{}'\n", new.digest);
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("credentials.toml");
//! std::fs::write(&path, &entry)?;
//!
//! let file = FileCredentials::open(&path)?;
//! let layer = AuthLayer::builder().primary(file.api_keys()).build()?;
//! let service = layer.layer(service_fn(async |_: Request<()>| {
//!     Ok::<_, Infallible>(Response::new(String::new()))
//! }));
//! let status = async |key: &str| {
//!     let request = Request::get("/").header("x-api-key", key).body(()).unwrap();
//!     service.clone().oneshot(request).await.unwrap().status()
//! };
//! assert_eq!(status(new.issued.key.expose()).await, 200);
//! assert_eq!(status("cs_unknown").await, 401);
//!
//! // A broken file changes nothing, and its error names the line.
//! std::fs::write(&path, "[[keys]]\nname = 'ci'\n")?;
//! assert!(file.reload().unwrap_err().to_string().contains("credentials.toml:1: "));
//! assert_eq!(status(new.issued.key.expose()).await, 200);
//!
//! std::fs::write(&path, "keys = []")?;
//! file.reload()?;
//! assert_eq!(status(new.issued.key.expose()).await, 401);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # The TOML file
//!
//! It has keys and users. It never has a key or a password itself: only digests and hashes.
//!
//! ```toml
//! # A key that `countersign key digest --name ci --scopes calls:read --with-id` printed. Its id and secret are also accepted as
//! # user name and password of Basic, and as client id and client secret.
//! [[keys]]
//! name = "ci"
//! scopes = ["calls:read"]
//! digest = "5f730933c8e22dce1139fe9905a22d3ab1fe6c517f89c79ad826d66fa06853e8"
//!
//! # A key of 16 to 1024 bytes that another system issued: `printf %s "$KEY" | sha256sum`.
//! [[keys]]
//! name = "billing"
//! scopes = ["calls:*"]
//! sha256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
//! expires_at = 2027-06-30T00:00:00Z
//! allow_from = ["192.0.2.0/24", "2001:db8::/32"]
//!
//! # A user, or a key id and secret of another system, for Basic. `countersign user hash ada --scopes calls:read` prints it.
//! [[users]]
//! name = "ada"
//! scopes = ["calls:read"]
//! password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$…"
//! ```
//!
//! | setting | meaning |
//! |---|---|
//! | `name` | for a key 1 to 128 characters, and no control characters, for a user a [`UserName`](crate::directory::UserName); unique among keys, and among users |
//! | `scopes` | a list of scopes, which may be empty |
//! | `digest` | the digest of the secret of a key of the form of [`key`](crate::key) |
//! | `sha256` | the SHA-256 digest of a whole key that another system issued; at least 128 of its bits must be random |
//! | `password_hash` | Argon2id or bcrypt, in the form and with the costs of a [`PasswordHash`](crate::directory::PasswordHash). Only users have one, because it takes too long to compare a password with several hashes |
//! | `expires_at` | optional: from when it is rejected, in RFC 3339 |
//! | `allow_from` | optional: the [`Networks`](crate::directory::Networks) that it is accepted from |
//!
//! Every other setting is an error. In an environment variable, the same fits on one line:
//! `keys = [{ name = "ci", scopes = ["calls:read"], sha256 = "…" }]`.
//!
//! # The htpasswd file
//!
//! Each line is `<name>:<hash>`, as `htpasswd -B -C 10 FILE NAME` writes it; a third field is ignored, and so are lines that
//! begin with `#`. Hashes are bcrypt with a cost of at most 12, or Argon2id. A line with a weaker one (SHA-1, MD5, `crypt`, plain
//! text) is an error. All users of a file have the same scopes.
//!
//! # Ids, and what ends tokens
//!
//! The id of a credential follows from its name alone, so that it is the same on every node and after a restart. It begins with
//! `000000000000f11e`. All of them belong to one account.
//!
//! Give [`FileCredentials::directory`] to the issuer of tokens, with
//! [`TrustedIssuerBuilder::directory`](crate::token::TrustedIssuerBuilder::directory). Then the tokens that were minted for a
//! credential are rejected as soon as its entry is removed, or has another secret, password, scope, expiry or network, on every node
//! that has loaded the file, and also if it was restarted meanwhile. To replace a key without an interruption, add the new one under
//! another name, and remove the old one later.
//!
//! # Changes of the file
//!
//! [`FileCredentials::watch`] looks for changes of the file at an interval, through its path. It therefore also finds that a symbolic
//! link on the path leads elsewhere, as Kubernetes changes the files of a `ConfigMap` and of a `Secret`. A file takes effect as a
//! whole or, if it has any error, not at all: the credentials that were loaded before stay in use, the log warns of the error, and
//! [`FileCredentials::check_ready`] returns it. A file without any text is such an error, because a file that is being written looks
//! like that: `keys = []`, or a comment in an htpasswd file, says that there are no credentials. Replace the file by renaming another
//! to its name, so that it is never read half.
//!
//! A file has at most 1 MiB, 10,000 credentials, and 64 KiB in a line.

mod credentials;
mod entry;
mod error;
mod generate;
mod htpasswd;
mod ids;
mod loaded;
mod source;
mod toml;
mod view;

pub use credentials::FileCredentials;
pub use error::FileError;
pub use generate::{GeneratedKey, generate_key};
