//! The forms of values: durations, sizes, URLs, paths. Each parser says what it expects, and never
//! repeats what it was given.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use countersign::directory::Networks;
use countersign::jose::Algorithm;
use countersign::url::HttpUrl;
use tracing_subscriber::EnvFilter;

use crate::logging::Format;

/// What a value should have been.
pub(crate) type Expected = String;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const DAY: u64 = 24 * 3600;

/// `10s`, `5m`, `1h`, `90d`: whole numbers of one unit.
pub(crate) fn duration(text: &str) -> Result<Duration, Expected> {
    let expected = || "expected a duration such as 10s, 5m, 1h or 90d".to_owned();
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => DAY,
        _ => return Err(expected()),
    };
    whole(text.trim_end_matches(unit), text.len() - 1)
        .and_then(|number| number.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(expected)
}

/// Whether text may be shown again, on terminals and in logs: 1 to `longest` characters, none of which ends a
/// line, turns the direction of what is around it, or hides.
pub(crate) fn is_line(text: &str, longest: usize) -> bool {
    let controls = |c: char| {
        let directs = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || directs || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(controls)
}

/// A duration within bounds, the bounds included.
pub(super) fn duration_within(
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, Expected> {
    move |text| {
        let found = duration(text)?;
        if (least..=most).contains(&found) {
            Ok(found)
        } else {
            let (least, most) = (shown(least), shown(most));
            Err(format!("out of range: expected {least} to {most}"))
        }
    }
}

/// How long tokens may live: what the library refuses to build an issuer with is refused here, with a line.
pub(super) fn lifetime(text: &str) -> Result<Duration, Expected> {
    duration_within(Duration::from_secs(1), Duration::from_secs(366 * DAY))(text)
}

/// The largest body that is read.
pub(super) fn body_limit(text: &str) -> Result<usize, Expected> {
    let expected = || "expected a size such as 512B, 16KiB or 1MiB".to_owned();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(expected)?;
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "B" => 1,
        "KiB" => KIB,
        "MiB" => MIB,
        _ => return Err(expected()),
    };
    let bytes = whole(number, end)
        .and_then(|number| usize::try_from(number).ok())
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(expected)?;
    if (KIB..=MIB).contains(&bytes) {
        Ok(bytes)
    } else {
        Err("out of range: expected 1KiB to 1MiB".to_owned())
    }
}

/// `digits` must be all of the first `length` bytes: `trim_end_matches` takes `ss` for `s`.
fn whole(digits: &str, length: usize) -> Option<u64> {
    let plain = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The shortest form of a duration.
pub(super) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", DAY), ("h", 3600), ("m", 60)];
    units
        .into_iter()
        .find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit))
        .map_or_else(
            || format!("{seconds}s"),
            |(name, unit)| format!("{}{name}", seconds / unit),
        )
}

/// An address and port to listen on.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Expected> {
    text.parse()
        .map_err(|_| "expected an address and a port such as 127.0.0.1:8080".to_owned())
}

/// An http(s) URL without user, query, fragment and final slash. What a client compares letter by letter
/// has one spelling.
pub(super) fn base_url(text: &str) -> Result<String, Expected> {
    let expected = || {
        "expected a URL such as https://auth.example or https://example.com/auth, without user, \
         query, fragment and final /, and not under /admin"
            .to_owned()
    };
    let url = HttpUrl::parse(text).map_err(|_| expected())?;
    let path = url.path();
    if url.query().is_none() && (path.is_empty() || is_path(path)) && !is_administration(path) {
        Ok(text.to_owned())
    } else {
        Err(expected())
    }
}

/// Where a wire is mounted.
pub(super) fn path(text: &str) -> Result<String, Expected> {
    if !is_path(text) {
        return Err(
            "expected a path such as /oauth/token: segments of A-Z a-z 0-9 _ ~ . -, none of \
                    which begins with a dot"
                .to_owned(),
        );
    }
    if is_administration(text) {
        return Err("this path is the server's own: choose another".to_owned());
    }
    Ok(text.to_owned())
}

/// What lies there belongs to whoever administers the server, under every issuer's URL.
fn is_administration(path: &str) -> bool {
    let below = path.strip_prefix("/admin");
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// No segment begins with a dot: `..` would leave the mount, `.well-known` is the server's own.
fn is_path(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|segment| {
            !segment.is_empty()
                && !segment.starts_with('.')
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'~' | b'.' | b'-'))
        })
    })
}

/// A signature algorithm by its JOSE name.
pub(crate) fn algorithm(text: &str) -> Result<Algorithm, Expected> {
    text.parse().map_err(|_| {
        let names: Vec<_> = Algorithm::ALL.iter().map(|a| a.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// One audience.
pub(super) fn audience(text: &str) -> Result<Box<str>, Expected> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected an audience: text that is not empty".to_owned());
    }
    Ok(text.into())
}

/// One scope of a list.
pub(super) fn scope(text: &str) -> Result<Box<str>, Expected> {
    match text.parse::<countersign::Scope>() {
        Ok(_) => Ok(text.into()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// One network of a list.
pub(crate) fn network(text: &str) -> Result<Box<str>, Expected> {
    match Networks::from_list([text]) {
        Ok(_) => Ok(text.into()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// How many of something there may be at once.
pub(super) fn count(number: i64) -> Result<NonZeroU32, Expected> {
    const MOST: u32 = 1_000_000;
    let number = u32::try_from(number).ok().and_then(NonZeroU32::new);
    number
        .filter(|number| number.get() <= MOST)
        .ok_or_else(|| format!("out of range: expected 1 to {MOST}"))
}

/// How logs are written.
pub(crate) fn format(text: &str) -> Result<Format, Expected> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err("expected text or json".to_owned()),
    }
}

/// Which log lines are written.
pub(super) fn filter(text: &str) -> Result<String, Expected> {
    match EnvFilter::builder().parse(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err("expected a filter such as info or warn,countersign_server=debug".to_owned()),
    }
}

/// Where the records are. A database in memory would lose what was acknowledged.
pub(crate) fn store_url(text: &str) -> Result<String, Expected> {
    let file = text.strip_prefix("sqlite:").filter(|rest| {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        // What SQLite itself reads as something else than a file's name: `:memory:`, `file:c.db`.
        let special = path.starts_with(':') || path.starts_with("file:");
        !path.is_empty() && !special && !path.contains(['?', '#'])
    });
    match file {
        Some(_) => Ok(text.to_owned()),
        None => Err(
            "expected a URL such as sqlite://countersign.db, without ? and #, and not of `file:` or `:`"
                .to_owned(),
        ),
    }
}

/// A file's name.
pub(super) fn file(text: &str) -> Result<PathBuf, Expected> {
    if text.is_empty() || text.contains('\0') {
        return Err("expected the name of a file".to_owned());
    }
    Ok(text.into())
}
