use std::time::Duration;

use aws_lc_rs::digest;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::principal::Identity;
use crate::reason::Reason;
use crate::time::Timestamp;

/// The number of tokens that are expected in each cache, and the largest number of rejected ones.
const CAPACITY: usize = 10_000;
/// The largest total weight of accepted tokens, in about a byte of memory each.
const MAX_WEIGHT: u64 = 64 * 1024 * 1024;
/// How long it is remembered at most that a token was rejected. A new token may not be known to every server of the issuer.
const REJECTED_LIFETIME: Duration = Duration::from_secs(10);

/// The SHA-256 of a token. A token cannot be computed from it, since it is too long to guess.
pub(super) type Digest = [u8; 32];

/// What was found out about a token.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Accepted(Identity),
    /// The token is rejected, with what was found and what is configured, for the operator.
    Rejected(Reason, Option<Box<str>>),
    /// The issuer could not be asked.
    Unavailable(Reason),
}

/// The answers of the last minute. Rejected tokens have a cache of their own, so that they remove no accepted one.
pub(super) struct Answers {
    accepted: Cache<Digest, Accepted, ByMemory>,
    rejected: Cache<Digest, Rejected>,
    lifetime: Duration,
}

#[derive(Clone)]
struct Accepted {
    identity: Identity,
    valid: Period,
}

#[derive(Clone, Copy)]
struct Rejected {
    reason: Reason,
    valid: Period,
}

/// A time before the beginning is outside too: the clock was set back, and the age of the answer is unknown.
#[derive(Clone, Copy)]
struct Period {
    from: Timestamp,
    until: Timestamp,
}

impl Period {
    fn contains(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

impl Answers {
    /// Creates a cache that keeps answers for at most `lifetime`.
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            accepted: Cache::with_weighter(CAPACITY, MAX_WEIGHT, ByMemory),
            rejected: Cache::new(CAPACITY),
            lifetime,
        }
    }

    pub(super) fn digest(token: &str) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        digest
    }

    pub(super) fn get(&self, digest: &Digest, now: Timestamp) -> Option<Answer> {
        let accepted = self.accepted.get(digest);
        if let Some(accepted) = accepted.filter(|accepted| accepted.valid.contains(now)) {
            return Some(Answer::Accepted(accepted.identity));
        }
        let rejected = self.rejected.get(digest);
        let rejected = rejected.filter(|rejected| rejected.valid.contains(now))?;
        Some(Answer::Rejected(rejected.reason, None))
    }

    /// Remembers the answer to a question that was asked at `now`: for the lifetime at most, and not beyond `exp`.
    pub(super) fn insert(&self, digest: Digest, answer: &Answer, now: Timestamp) {
        let until = |lifetime: Duration| now.plus(lifetime.min(self.lifetime));
        match answer {
            Answer::Accepted(identity) => {
                let until = until(self.lifetime);
                let until = identity
                    .fields()
                    .expires_at
                    .map_or(until, |exp| until.min(exp));
                let accepted = Accepted {
                    identity: identity.clone(),
                    valid: Period { from: now, until },
                };
                self.accepted.insert(digest, accepted);
            }
            Answer::Rejected(reason, _) => {
                // A clock that is set back must not bring an older answer back.
                self.accepted.remove(&digest);
                let rejected = Rejected {
                    reason: *reason,
                    valid: Period {
                        from: now,
                        until: until(REJECTED_LIFETIME),
                    },
                };
                self.rejected.insert(digest, rejected);
            }
            Answer::Unavailable(_) => {}
        }
    }
}

/// Weighs an entry by the memory that it takes: parsed claims take several times as much as their text.
#[derive(Clone)]
struct ByMemory;

impl Weighter<Digest, Accepted> for ByMemory {
    fn weight(&self, _: &Digest, accepted: &Accepted) -> u64 {
        let claims = accepted.identity.fields().claims.json().len();
        u64::try_from(claims).map_or(u64::MAX, |claims| 512 + 8 * claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Scheme;
    use crate::principal::{Claims, IdentityFields, Subject};
    use crate::scope::Scopes;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_773_576_000);

    fn after(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(NOW.unix_millis() + millis)
    }

    fn accepted(expires_at: Timestamp, claims: usize) -> Answer {
        let subject = Subject::Text("ada".into());
        let fields = IdentityFields {
            expires_at: Some(expires_at),
            claims: Claims::new(vec![b' '; claims]),
            ..IdentityFields::bare(Scheme::Bearer, subject, Scopes::none())
        };
        Answer::Accepted(fields.into())
    }

    fn is_accepted(answers: &Answers, digest: &Digest, now: Timestamp) -> Option<bool> {
        let answer = answers.get(digest, now)?;
        Some(matches!(answer, Answer::Accepted(_)))
    }

    #[test]
    fn answer_is_remembered_for_the_lifetime_not_beyond_exp_and_not_before_it_was_given() {
        let answers = Answers::new(Duration::from_secs(60));
        let (long, short) = (Answers::digest("long"), Answers::digest("short"));
        answers.insert(long, &accepted(after(300_000), 2), NOW);
        answers.insert(short, &accepted(after(5_000), 2), NOW);
        for (millis, expected) in [
            (-1, None),
            (0, Some(true)),
            (59_999, Some(true)),
            (60_000, None),
        ] {
            assert_eq!(
                is_accepted(&answers, &long, after(millis)),
                expected,
                "{millis} ms"
            );
        }
        assert_eq!(is_accepted(&answers, &short, after(4_999)), Some(true));
        assert_eq!(is_accepted(&answers, &short, after(5_000)), None);
    }

    #[test]
    fn rejection_is_remembered_for_ten_seconds_and_replaces_an_acceptance() {
        let answers = Answers::new(Duration::from_secs(60));
        let digest = Answers::digest("token");
        answers.insert(digest, &accepted(after(300_000), 2), NOW);
        answers.insert(
            digest,
            &Answer::Rejected(Reason::TokenInactive, None),
            after(1),
        );
        assert_eq!(is_accepted(&answers, &digest, after(1)), Some(false));
        assert_eq!(is_accepted(&answers, &digest, after(10_000)), Some(false));
        assert_eq!(is_accepted(&answers, &digest, after(10_001)), None);
        assert_eq!(
            is_accepted(&answers, &digest, NOW),
            None,
            "the clock was set back"
        );
    }

    #[test]
    fn nothing_is_remembered_without_a_lifetime_or_without_an_answer() {
        let answers = Answers::new(Duration::ZERO);
        let digest = Answers::digest("token");
        answers.insert(digest, &accepted(after(300_000), 2), NOW);
        assert_eq!(is_accepted(&answers, &digest, NOW), None);
        answers.insert(digest, &Answer::Rejected(Reason::TokenInactive, None), NOW);
        assert_eq!(is_accepted(&answers, &digest, NOW), None);

        let answers = Answers::new(Duration::from_secs(60));
        answers.insert(
            digest,
            &Answer::Unavailable(Reason::IntrospectionFailed),
            NOW,
        );
        assert_eq!(is_accepted(&answers, &digest, NOW), None);
    }

    #[test]
    fn rejected_tokens_remove_no_accepted_one_and_both_are_bounded() {
        let answers = Answers::new(Duration::from_secs(60));
        let good = Answers::digest("good");
        answers.insert(good, &accepted(after(300_000), 2), NOW);
        for n in 0..100_000 {
            let rejected = Answer::Rejected(Reason::TokenInactive, None);
            answers.insert(Answers::digest(&format!("garbage {n}")), &rejected, NOW);
        }
        assert!(answers.rejected.len() <= CAPACITY);
        assert_eq!(is_accepted(&answers, &good, NOW), Some(true));
        for n in 0..2_000 {
            let digest = Answers::digest(&format!("large {n}"));
            answers.insert(digest, &accepted(after(300_000), 64 * 1024), NOW);
        }
        assert!(answers.accepted.weight() <= MAX_WEIGHT);
    }
}
