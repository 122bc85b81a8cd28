//! Records as text, one on each line.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::directory::Denial;
use crate::id::Id;
use crate::time::Timestamp;

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

/// Reads what [`write`] has written about the tokens of an issuer. Returns `None` if any line is something else.
pub(super) fn read(text: &str, issuer: &Arc<str>) -> Option<(Vec<Denial>, Vec<Id>)> {
    let (mut denials, mut removed) = (Vec::new(), Vec::new());
    for line in text.split_terminator('\n') {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let id: Id = words.next()?.parse().ok()?;
        match kind {
            "b" => denials.push(Denial::Below {
                entity: id,
                lowest: words.next()?.parse().ok()?,
                until: time(words.next()?)?,
            }),
            "t" => denials.push(Denial::Token {
                issuer: Arc::clone(issuer),
                token: id,
                until: time(words.next()?)?,
            }),
            "r" => removed.push(id),
            _ => return None,
        }
        if words.next().is_some() {
            return None;
        }
    }
    Some((denials, removed))
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(read(&text, &issuer), Some((denials, removed)));
        assert_eq!(read("", &issuer), Some((Vec::new(), Vec::new())));
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
        ] {
            assert_eq!(
                read(&format!("{line}\n"), &"https://a".into()),
                None,
                "{line}"
            );
        }
    }
}
