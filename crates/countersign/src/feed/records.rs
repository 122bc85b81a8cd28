//! Records as text, one on each line.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::error::Refusal;
use super::key_record;
use super::message::FeedCredentials;
use crate::directory::Denial;
use crate::id::Id;
use crate::jose::{encode_into, encoded_len};
use crate::key::Pepper;
use crate::time::Timestamp;

/// The kinds of peppers: those that make digests, and those that other systems made digests with.
const OWN: &str = "own";
const IMPORTED: &str = "imported";

/// Writes denials, and the ids of which nothing is denied any more.
pub(super) fn write(denials: &[Denial], removed: &[Id]) -> String {
    let mut text = String::new();
    // Writing to a string never fails.
    for denial in denials {
        let _ = match denial {
            Denial::Below {
                entity,
                lowest,
                until,
            } => writeln!(text, "b {entity} {lowest} {}", until.unix_millis()),
            Denial::Token { token, until, .. } => {
                writeln!(text, "t {token} {}", until.unix_millis())
            }
        };
    }
    for id in removed {
        let _ = writeln!(text, "r {id}");
    }
    text
}

/// Writes the API keys of a message, without their peppers. Returns `None` if a credential is no API key.
pub(super) fn write_credentials(credentials: &FeedCredentials, text: &mut String) -> Option<()> {
    for key in &credentials.keys {
        let _ = writeln!(text, "k {}", key_record::write(key)?);
    }
    for id in &credentials.removed {
        let _ = writeln!(text, "d {id}");
    }
    for (id, generation, status) in &credentials.accounts {
        let _ = writeln!(text, "a {id} {generation} {}", status.as_str());
    }
    Some(())
}

/// Writes peppers.
pub(super) fn write_peppers(peppers: &[Pepper]) -> Zeroizing<String> {
    // Sufficient capacity, since a text that grows leaves copies in memory.
    let length = |pepper: &Pepper| 32 + encoded_len(pepper.secret().len());
    let capacity = peppers.iter().map(length).sum();
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    for pepper in peppers {
        let kind = match pepper.is_imported() {
            true => IMPORTED,
            false => OWN,
        };
        let _ = write!(text, "p {} {kind} ", pepper.version());
        encode_into(pepper.secret(), &mut text);
        text.push('\n');
    }
    text
}

/// The records of a message.
#[derive(Default)]
pub(super) struct Records {
    pub(super) denials: Vec<Denial>,
    pub(super) removed: Vec<Id>,
    pub(super) credentials: FeedCredentials,
}

impl Records {
    /// Reads what was written about the tokens of an issuer and, if there may be any, about its API keys.
    pub(super) fn read(
        text: &str,
        issuer: &Arc<str>,
        max_credentials: Option<usize>,
    ) -> Result<Self, Refusal> {
        let mut records = Self::default();
        for line in text.split_terminator('\n') {
            let read = records.read_denial(line, issuer);
            let read = read.or_else(|| {
                max_credentials?;
                records.credentials.read(line)
            });
            read.ok_or(Refusal::Malformed)?;
            if max_credentials.is_some_and(|max| records.credentials.keys.len() > max) {
                return Err(Refusal::TooManyCredentials);
            }
        }
        Ok(records)
    }

    fn read_denial(&mut self, line: &str, issuer: &Arc<str>) -> Option<()> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let id = id(&mut words)?;
        match kind {
            "b" => {
                let lowest = words.next()?.parse().ok()?;
                let until = time(last(words)?)?;
                self.denials.push(Denial::Below {
                    entity: id,
                    lowest,
                    until,
                });
            }
            "t" => {
                let until = time(last(words)?)?;
                self.denials.push(Denial::Token {
                    issuer: Arc::clone(issuer),
                    token: id,
                    until,
                });
            }
            "r" if words.next().is_none() => self.removed.push(id),
            _ => return None,
        }
        Some(())
    }
}

impl FeedCredentials {
    fn read(&mut self, line: &str) -> Option<()> {
        let (kind, rest) = line.split_once(' ')?;
        let mut words = rest.split(' ');
        match kind {
            "k" => self.keys.push(key_record::read(rest)?),
            "d" => self.removed.push(last(words)?.parse().ok()?),
            "a" => {
                let account = id(&mut words)?;
                let generation = words.next()?.parse().ok()?;
                let status = key_record::status(last(words)?)?;
                self.accounts.push((account, generation, status));
            }
            "p" => {
                let version = words.next()?.parse().ok()?;
                let kind = words.next()?;
                let secret = URL_SAFE_NO_PAD.decode(last(words)?).ok()?;
                let secret = Zeroizing::new(secret);
                let pepper = match kind {
                    OWN => Pepper::new(version, &secret),
                    IMPORTED => Pepper::imported(version, &secret),
                    _ => return None,
                };
                self.peppers.push(pepper.ok()?);
            }
            _ => return None,
        }
        Some(())
    }
}

fn id<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Id> {
    words.next()?.parse().ok()
}

/// Returns the next word, if it is the last one.
fn last<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = words.next()?;
    words.next().is_none().then_some(word)
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Credential, EnvironmentKind, Status, StoredSecret};
    use crate::key::{KeyDigest, KeyDigests, SecretDigest};
    use crate::scope::Scopes;

    const ID: Id = Id::from_bytes([2; 20]);

    #[test]
    fn records_are_read_as_they_were_written() {
        let (issuer, until): (Arc<str>, _) = ("https://a".into(), Timestamp::from_unix_millis(-7));
        let denials = vec![
            Denial::Below {
                entity: ID,
                lowest: u32::MAX,
                until,
            },
            Denial::Token {
                issuer: Arc::clone(&issuer),
                token: ID,
                until,
            },
        ];
        let removed = vec![Id::from_bytes([255; 20])];
        let text = write(&denials, &removed);
        assert_eq!(text.lines().count(), 3);
        let read = |text| {
            let records = Records::read(text, &issuer, None).unwrap();
            assert_eq!(records.credentials.keys.len(), 0);
            (records.denials, records.removed)
        };
        assert_eq!(read(&text), (denials, removed));
        assert_eq!(read(""), (Vec::new(), Vec::new()));
    }

    #[test]
    fn credentials_are_read_as_they_were_written() {
        let digest = |byte| SecretDigest::from_bytes([byte; 32]);
        let current = KeyDigest {
            pepper: 3,
            digest: digest(1),
        };
        let until = Timestamp::from_unix_millis(9);
        let key = |secret| Credential {
            name: Some("a key\n\"of\" ülker".into()),
            account_generation: 4,
            environment: Some(Id::from_bytes([5; 20])),
            environment_kind: EnvironmentKind::Sandbox,
            generation: 6,
            status: Status::Suspended,
            allow_from: "192.0.2.0/24 2001:db8::/32".parse().unwrap(),
            expires_at: Some(until),
            ..Credential::new(ID, ID, "calls:read wallet:*".parse().unwrap(), secret)
        };
        let plain = Credential::new(ID, ID, Scopes::none(), StoredSecret::ImportedKey(current));
        let rotated = KeyDigests::new(current, Some((digest(2), until)));
        let written = FeedCredentials {
            keys: vec![key(StoredSecret::Key(rotated)), plain],
            removed: vec![ID],
            accounts: vec![(ID, 7, Status::Revoked)],
            peppers: vec![
                Pepper::new(3, &[8; 32]).unwrap(),
                Pepper::imported(4, &[9; 16]).unwrap(),
            ],
        };
        let mut text = String::new();
        write_credentials(&written, &mut text).unwrap();
        let peppers = write_peppers(&written.peppers);
        text.push_str(&peppers);
        assert_eq!(text.lines().count(), 6);
        let read = Records::read(&text, &"https://a".into(), Some(2)).unwrap();
        let FeedCredentials {
            keys,
            removed,
            accounts,
            peppers,
        } = read.credentials;
        for (read, written) in keys.iter().zip(&written.keys) {
            assert_eq!(format!("{read:?}"), format!("{written:?}"));
        }
        let digests = keys.iter().map(|key| match &key.secret {
            StoredSecret::Key(digests) => (
                *digests.current.digest.as_bytes(),
                digests
                    .previous
                    .map(|(digest, until)| (*digest.as_bytes(), until)),
            ),
            StoredSecret::ImportedKey(digest) => (*digest.digest.as_bytes(), None),
            other => panic!("{other:?}"),
        });
        let expected = [([1; 32], Some(([2; 32], until))), ([1; 32], None)];
        assert_eq!(digests.collect::<Vec<_>>(), expected);
        assert_eq!((removed, accounts), (written.removed, written.accounts));
        let peppers = peppers
            .iter()
            .map(|pepper| (pepper.version(), pepper.is_imported(), pepper.secret()));
        let expected = [(3, false, &[8; 32][..]), (4, true, &[9; 16][..])];
        assert_eq!(peppers.collect::<Vec<_>>(), expected);

        let unasked = Records::read(&text, &"https://a".into(), None);
        assert_eq!(unasked.err(), Some(Refusal::Malformed));
        let too_many = Records::read(&text, &"https://a".into(), Some(1));
        assert_eq!(too_many.err(), Some(Refusal::TooManyCredentials));
    }

    #[test]
    fn password_hash_and_managed_token_are_never_written() {
        for secret in [
            StoredSecret::Password("$argon2id$".into()),
            StoredSecret::Signature,
        ] {
            let mut credentials = FeedCredentials::default();
            let user = Credential::new(ID, ID, Scopes::none(), secret);
            credentials.keys.push(user);
            let mut text = String::new();
            assert_eq!(write_credentials(&credentials, &mut text), None);
            assert_eq!(text, "");
        }
    }

    #[test]
    fn line_that_is_no_record_is_rejected() {
        for line in [
            "",
            "b",
            "x 08104082081040820810408208104082",
            "r 08104082081040820810408208104082 1",
            "r 0810408208104082081040820810408",
            "r  08104082081040820810408208104082",
            "t 08104082081040820810408208104082",
            "b 08104082081040820810408208104082 4294967296 1",
            "b 08104082081040820810408208104082 -1 1",
            "b 08104082081040820810408208104082 1",
            "b 08104082081040820810408208104082 1 1 ",
            "b 08104082081040820810408208104082 1 1\r",
            "k {}",
            "k [1]",
            "d 08104082081040820810408208104082 1",
            "a 08104082081040820810408208104082 1",
            "a 08104082081040820810408208104082 1 deleted",
            "a 08104082081040820810408208104082 1 active ",
            "p 1 own AAAA",
            "p 1 other AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "p x own AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let read = Records::read(&format!("{line}\n"), &"https://a".into(), Some(9));
            assert_eq!(read.err(), Some(Refusal::Malformed), "{line}");
        }
    }
}
