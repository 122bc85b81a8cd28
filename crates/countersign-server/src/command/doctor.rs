//! `countersign doctor`.

use std::process::ExitCode;
use std::time::Duration;

use countersign::time::{Clock as _, SystemClock, Timestamp};
use countersign_store::{Diagnosis, KeyState, SigningKeyRecord};
use serde::Serialize;

use super::open;
use super::output::{Output, rfc3339};
use crate::config::Config;
use crate::failure::Failure;
use crate::issuer;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How old a key may grow before a word is said: it is rotated within its cryptoperiod (NIST SP 800-57 part 1
/// §5.3.6 has one to three years for keys that sign).
const OLD: Duration = Duration::from_secs(366 * DAY.as_secs());

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    Ok,
    Warn,
    Fail,
}

/// What was found of one thing.
#[derive(Debug, Serialize)]
struct Finding {
    grade: Grade,
    of: &'static str,
    text: String,
}

#[derive(Serialize)]
struct Examined {
    healthy: bool,
    findings: Vec<Finding>,
}

pub(super) async fn run(config: &Config, output: Output) -> Result<ExitCode, Failure> {
    let findings = match open(config).await {
        Ok(store) => {
            let now = SystemClock.now();
            let diagnosis = store.diagnose().await?;
            let mut findings = of_store(&diagnosis, now);
            let stored = store.issuers().await?;
            for name in issuer::names(config, &store).await? {
                let keys = match stored.contains(&name) {
                    true => store.list_signing_keys(&name).await?,
                    // It has never been served.
                    false => Vec::new(),
                };
                findings.push(of_signing_keys(&name, &keys, now));
            }
            store.close().await?;
            findings
        }
        Err(failure) => vec![Finding::new(Grade::Fail, "store", failure.to_string())],
    };
    let healthy = findings.iter().all(|found| found.grade != Grade::Fail);
    let lines: Vec<_> = findings.iter().map(Finding::line).collect();
    let examined = Examined { healthy, findings };
    output.print(&examined, &lines.join("\n"))?;
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What opening a store has checked already would have failed there: the master key's form and that it opens
/// what is sealed, the schema, the library.
fn of_store(diagnosis: &Diagnosis, now: Timestamp) -> Vec<Finding> {
    let ok = |of, text| Finding::new(Grade::Ok, of, text);
    vec![
        ok("store", "it can be read and written".to_owned()),
        ok(
            "master key",
            "32 bytes that look random, and what is sealed opens with it".to_owned(),
        ),
        ok("schema", format!("version {}", diagnosis.schema_version)),
        ok("sqlite", format!("version {}", diagnosis.sqlite_version)),
        of_clock(diagnosis.newest_record, now),
        of_age("pepper", diagnosis.newest_pepper, "pepper rotate", now),
    ]
}

/// What was written later than now says that a clock was wrong then, or is now. Either way tokens and grace
/// periods end at other moments than they should.
fn of_clock(newest: Option<Timestamp>, now: Timestamp) -> Finding {
    match newest {
        Some(newest) if newest > now => {
            let (now, newest) = (rfc3339(now), rfc3339(newest));
            let text = format!(
                "it says {now}, and a record is from {newest}: set it right, by NTP, before anything else"
            );
            Finding::new(Grade::Fail, "clock", text)
        }
        _ => {
            let text = format!("it says {}, and no record is from later", rfc3339(now));
            Finding::new(Grade::Ok, "clock", text)
        }
    }
}

fn of_signing_keys(issuer: &str, keys: &[SigningKeyRecord], now: Timestamp) -> Finding {
    let active = keys.iter().find(|key| key.state == KeyState::Active);
    let mut found = match active {
        Some(key) => {
            let command = format!("signing-key rotate --issuer {issuer}");
            of_age("signing key", key.activates_at, &command, now)
        }
        None => Finding::new(
            Grade::Warn,
            "signing key",
            "none signs yet: `countersign serve` makes one".to_owned(),
        ),
    };
    found.text = format!("issuer {issuer}: {}", found.text);
    found
}

fn of_age(of: &'static str, since: Timestamp, command: &str, now: Timestamp) -> Finding {
    if since.plus(OLD) < now {
        let text = format!("in use since {}: `countersign {command}`", rfc3339(since));
        Finding::new(Grade::Warn, of, text)
    } else {
        Finding::new(Grade::Ok, of, format!("in use since {}", rfc3339(since)))
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
        // One line each, whatever a library below has put into its text.
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
        assert_eq!(of_clock(Some(seconds_from_now(1)), NOW).grade, Grade::Fail);
        assert_eq!(of_clock(Some(NOW), NOW).grade, Grade::Ok);
        assert_eq!(of_clock(None, NOW).grade, Grade::Ok);
    }

    #[test]
    fn key_that_is_older_than_a_year_is_warned_of_with_the_command_that_rotates_it() {
        let year = 366 * 24 * 3600;
        let young = of_age("pepper", seconds_from_now(-year), "pepper rotate", NOW);
        assert_eq!(young.grade, Grade::Ok);
        let old = of_age("pepper", seconds_from_now(-year - 1), "pepper rotate", NOW);
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
