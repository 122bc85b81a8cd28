//! `countersign doctor`.

use std::time::Duration;

use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign_store::{Diagnosis, KeyState, SigningKeyRecord};
use serde::Serialize;
use serde_json::json;

use super::report::Report;
use super::{CommandResult, Context};
use crate::error::CommandError;
use crate::ops::{Operations, issuer_names};
use crate::schema::Rfc3339;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The age from which a secret should be rotated. NIST SP 800-57 part 1 §5.3.6 recommends a cryptoperiod of one to
/// three years for keys that sign.
const MAX_AGE: Duration = Duration::from_secs(366 * DAY.as_secs());

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Ok,
    Warn,
    Fail,
}

/// The result of one check.
#[derive(Debug, Serialize)]
struct Finding {
    grade: Grade,
    /// What was checked.
    of: &'static str,
    text: String,
}

pub(super) async fn run(context: &Context) -> CommandResult {
    let findings = match context.operations().await {
        Ok(operations) => check(operations).await?,
        Err(error) => vec![Finding::new(Grade::Fail, "store", error.to_string())],
    };
    let healthy = findings.iter().all(|found| found.grade != Grade::Fail);
    let lines: Vec<_> = findings.iter().map(Finding::line).collect();
    let response = json!({ "healthy": healthy, "findings": findings });
    Ok(Report::new(&response, lines.join("\n"))?.failed_if(!healthy))
}

async fn check(operations: &Operations) -> Result<Vec<Finding>, CommandError> {
    let (store, now) = (operations.store(), SystemClock.now());
    let mut findings = check_store(&store.diagnose().await?, now);
    let stored = store.issuers().await?;
    for name in issuer_names(operations.config(), store).await? {
        let keys = match stored.contains(&name) {
            true => store.list_signing_keys(&name).await?,
            // The server has not been started with this issuer yet.
            false => Vec::new(),
        };
        findings.push(check_signing_keys(&name, &keys, now));
    }
    Ok(findings)
}

/// Reports on the store. Opening it has already checked the master key, the schema and the library.
fn check_store(diagnosis: &Diagnosis, now: Timestamp) -> Vec<Finding> {
    let ok = |of, text| Finding::new(Grade::Ok, of, text);
    vec![
        ok("store", "it can be read and written".to_owned()),
        ok(
            "master key",
            "it is 32 random bytes, and decrypts the secrets in the database".to_owned(),
        ),
        ok("schema", format!("version {}", diagnosis.schema_version)),
        ok("database", diagnosis.system.clone()),
        check_clock(diagnosis.newest_record, now),
        check_age("pepper", diagnosis.newest_pepper, "pepper rotate", now),
    ]
}

/// Compares the clock with the newest record. If the record is from the future, a clock was wrong then or is wrong
/// now, and tokens and grace periods end at the wrong time.
fn check_clock(newest: Option<Timestamp>, now: Timestamp) -> Finding {
    let shown = Rfc3339(now);
    match newest {
        Some(newest) if newest > now => {
            let text = format!(
                "it shows {shown}, but the newest record is from {}: if the clock is behind, correct it, for example with \
                 NTP, because expired tokens are accepted until then; if it is right, it was ahead when that record was \
                 written, and nothing is to be done: the server corrects the dates of signing keys by itself",
                Rfc3339(newest)
            );
            Finding::new(Grade::Fail, "clock", text)
        }
        _ => Finding::new(
            Grade::Ok,
            "clock",
            format!("it shows {shown}, and no record is later"),
        ),
    }
}

fn check_signing_keys(issuer: &str, keys: &[SigningKeyRecord], now: Timestamp) -> Finding {
    let mut found = match keys.iter().find(|key| key.state == KeyState::Active) {
        Some(key) => {
            let command = format!("signing-key rotate --issuer {issuer}");
            check_age("signing key", key.activates_at, &command, now)
        }
        None => {
            let text = "no key is active yet: `countersign serve` creates one".to_owned();
            Finding::new(Grade::Warn, "signing key", text)
        }
    };
    found.text = format!("issuer {issuer}: {}", found.text);
    found
}

fn check_age(of: &'static str, since: Timestamp, command: &str, now: Timestamp) -> Finding {
    let text = format!("in use since {}", Rfc3339(since));
    match since.plus(MAX_AGE) < now {
        true => Finding::new(
            Grade::Warn,
            of,
            format!("{text}: run `countersign {command}`"),
        ),
        false => Finding::new(Grade::Ok, of, text),
    }
}

impl Finding {
    fn new(grade: Grade, of: &'static str, text: String) -> Self {
        Self { grade, of, text }
    }

    fn line(&self) -> String {
        let grade = match self.grade {
            Grade::Ok => "ok",
            Grade::Warn => "warn",
            Grade::Fail => "fail",
        };
        // The text of a library's error may contain line breaks.
        let text = self.text.replace(char::is_control, " ");
        format!("{grade:<4}  {:<12} {text}", self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn seconds_from_now(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds)
    }

    #[test]
    fn clock_behind_the_newest_record_fails() {
        assert_eq!(
            check_clock(Some(seconds_from_now(1)), NOW).grade,
            Grade::Fail
        );
        assert_eq!(check_clock(Some(NOW), NOW).grade, Grade::Ok);
        assert_eq!(check_clock(None, NOW).grade, Grade::Ok);
    }

    #[test]
    fn secret_older_than_a_year_is_a_warning_with_the_command_that_rotates_it() {
        let year = 366 * 24 * 3600;
        let young = check_age("pepper", seconds_from_now(-year), "pepper rotate", NOW);
        assert_eq!(young.grade, Grade::Ok);
        let old = check_age("pepper", seconds_from_now(-year - 1), "pepper rotate", NOW);
        assert_eq!(old.grade, Grade::Warn);
        assert!(old.line().starts_with("warn  pepper "), "{}", old.line());
        assert!(old.line().ends_with("`countersign pepper rotate`"));
    }

    #[test]
    fn finding_is_one_line() {
        let found = Finding::new(Grade::Fail, "store", "a\nb".to_owned());
        assert_eq!(found.line(), "fail  store        a b");
    }
}
