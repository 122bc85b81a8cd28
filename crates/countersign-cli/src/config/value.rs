//! Parsers of single values, for the configuration file, the environment and the command line. An error says what the
//! value should be, and never repeats the value, which may be a secret in the wrong place.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum as _;
use countersign::Id;
use countersign::directory::Networks;
use countersign::jose::Algorithm;
use countersign::url::HttpUrl;
use countersign_store::{StoreOptions, WhenStale};
use toml::de::DeValue;
use tracing_subscriber::filter::Targets;

use super::reader::number;
use super::{AccessLog, LogFormat};

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);
/// The units of durations, the largest first.
const UNITS: [(&str, Duration); 4] = [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)];
pub(super) const KIB: usize = 1024;
pub(super) const MIB: usize = 1024 * KIB;

/// Parses a duration within bounds, which are included: a whole number and one unit, such as `10s`, `5m`, `1h`, `90d`.
pub fn duration(
    bounds: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let found = UNITS.into_iter().find_map(|(unit, length)| {
            let number = whole(text.strip_suffix(unit)?)?;
            length
                .as_secs()
                .checked_mul(number)
                .map(Duration::from_secs)
        });
        match found {
            None => Err("expected a duration such as 10s, 5m, 1h or 90d".to_owned()),
            Some(found) if bounds.contains(&found) => Ok(found),
            Some(_) => {
                let (least, most) = (shortest(*bounds.start()), shortest(*bounds.end()));
                Err(format!(
                    "expected a duration of at least {least} and at most {most}"
                ))
            }
        }
    }
}

/// Parses the lifetime of tokens, within the bounds of [`Issuer`](countersign::mint::Issuer).
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    duration(SECOND..=366 * DAY)(text)
}

/// Formats a duration in the largest unit that divides it.
pub(super) fn shortest(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let divides =
        |unit: &Duration| seconds >= unit.as_secs() && seconds.is_multiple_of(unit.as_secs());
    let (name, unit) = UNITS
        .into_iter()
        .find(|(_, unit)| divides(unit))
        .unwrap_or(("s", SECOND));
    format!("{}{name}", seconds / unit.as_secs())
}

fn whole(digits: &str) -> Option<u64> {
    digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// Parses a name by which people recognize something.
pub fn name(text: &str) -> Result<String, String> {
    line(text, 128)
}

/// Parses the reason of a change.
pub fn reason(text: &str) -> Result<String, String> {
    line(text, 256)
}

/// Parses text that is printed again later, on terminals and in logs: no character ends a line, changes the direction
/// of the text around it, or is invisible.
fn line(text: &str, longest: usize) -> Result<String, String> {
    let controls = |c: char| {
        let directs = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || directs || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
    };
    if (1..=longest).contains(&text.chars().count()) && !text.chars().any(controls) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected 1 to {longest} characters, and no control characters"
        ))
    }
}

/// Parses the largest size of a request body.
pub(super) fn body_limit(text: &str) -> Result<usize, String> {
    let size = size(text).filter(|bytes| (KIB..=MIB).contains(bytes));
    size.ok_or_else(|| "expected a size from 1KiB to 1MiB, such as 16KiB".to_owned())
}

/// Parses the largest size of the head of a request.
pub(super) fn header_limit(text: &str) -> Result<u32, String> {
    let size = size(text).filter(|bytes| (8 * KIB..=MIB).contains(bytes));
    size.and_then(|bytes| u32::try_from(bytes).ok())
        .ok_or_else(|| "expected a size from 8KiB to 1MiB, such as 32KiB".to_owned())
}

/// Parses the id of a credential.
pub(super) fn credential_id(text: &str) -> Result<Id, String> {
    text.parse()
        .map_err(|_| "expected the id of a credential, as `key list` shows it".to_owned())
}

/// Parses the largest size of a token.
pub(super) fn token_size(text: &str) -> Result<usize, String> {
    let size = size(text).filter(|bytes| (KIB..=64 * KIB).contains(bytes));
    size.ok_or_else(|| "expected a size from 1KiB to 64KiB, such as 16KiB".to_owned())
}

/// Parses the size of a cache.
pub(super) fn cache_size(text: &str) -> Result<usize, String> {
    size(text)
        .filter(|bytes| *bytes <= 1024 * MIB)
        .ok_or_else(|| "expected a size from 0B to 1024MiB, such as 8MiB".to_owned())
}

/// Parses a size with its unit.
fn size(text: &str) -> Option<usize> {
    // The units that end with `B` come first.
    let units = [("KiB", KIB), ("MiB", MIB), ("B", 1)];
    units.into_iter().find_map(|(unit, bytes)| {
        let number = usize::try_from(whole(text.strip_suffix(unit)?)?).ok()?;
        number.checked_mul(bytes)
    })
}

/// Parses a text that is not empty.
pub(super) fn non_empty(text: &str) -> Result<Box<str>, String> {
    match text.trim() == text && !text.is_empty() && !text.chars().any(char::is_control) {
        true => Ok(text.into()),
        false => Err("expected a text that is not empty".to_owned()),
    }
}

/// Parses an address and port to listen on.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "expected an address and a port such as 127.0.0.1:8080".to_owned())
}

/// Parses an issuer's URL. Clients compare it letter by letter, so it has one spelling.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let is_base = |url: &HttpUrl| {
        let path = url.path();
        url.query().is_none() && (path.is_empty() || is_path(path)) && !is_of_server(path)
    };
    match HttpUrl::parse(text) {
        Ok(url) if is_base(&url) => Ok(text.to_owned()),
        _ => Err(
            "expected a URL such as https://auth.example or https://example.com/auth, without \
                  user name, query, fragment and final `/`, and with a path outside `/admin`, `/forward-auth` and \
                  `/ext-authz`"
                .to_owned(),
        ),
    }
}

/// Parses an origin as browsers send it (RFC 6454 §6.2): in lower case, and without the scheme's own port.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let is_origin = |url: &HttpUrl| url.path().is_empty() && url.query().is_none();
    let has_own_port = |scheme, port| text.starts_with(scheme) && text.ends_with(port);
    let has_own_port = has_own_port("https:", ":443") || has_own_port("http:", ":80");
    match HttpUrl::parse(text) {
        Ok(url) if is_origin(&url) && !has_own_port && text == text.to_ascii_lowercase() => {
            Ok(text.to_owned())
        }
        _ => Err(
            "expected an origin such as https://app.example or http://localhost:3000".to_owned(),
        ),
    }
}

/// Parses the path of a wire.
pub(super) fn path(text: &str) -> Result<String, String> {
    if is_of_server(text) {
        Err("expected a path outside /admin, /dashboard, /forward-auth and /ext-authz, which are the server's own".to_owned())
    } else if is_path(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a path such as /oauth/token: segments of A-Z a-z 0-9 _ ~ . -, none of which begins \
             with a dot"
            .to_owned())
    }
}

/// Returns whether a path belongs to the administration, the dashboard or the endpoints for gateways, under every issuer's URL.
fn is_of_server(path: &str) -> bool {
    let first = path.split('/').nth(1);
    let own = [
        "admin",
        "dashboard",
        "forward-auth",
        "ext-authz",
        "envoy.service.auth.v3.Authorization",
    ];
    first.is_some_and(|first| own.contains(&first))
}

/// Returns whether no segment is empty or begins with a dot: `..` would leave the issuer's path, and `.well-known` is
/// the server's own.
fn is_path(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'~' | b'.' | b'-');
    text.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|segment| {
            !segment.is_empty() && !segment.starts_with('.') && segment.bytes().all(is_plain)
        })
    })
}

/// Parses a signature algorithm by its name in RFC 7518 and RFC 8037.
pub fn algorithm(text: &str) -> Result<Algorithm, String> {
    text.parse().map_err(|_| {
        let names: Vec<_> = Algorithm::ALL.iter().map(|a| a.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// Parses an audience.
pub(super) fn audience(text: &str) -> Result<Box<str>, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected an audience: text that is not empty".to_owned());
    }
    Ok(text.into())
}

/// Parses one network of a list.
pub fn network(text: &str) -> Result<Box<str>, String> {
    match Networks::from_list([text]) {
        Ok(_) => Ok(text.into()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// Parses a count.
pub(super) fn count(value: &DeValue<'_>) -> Result<NonZeroU32, String> {
    const MOST: u32 = 1_000_000;
    let count = u32::try_from(number(value)?).ok().filter(|&n| n <= MOST);
    count
        .and_then(NonZeroU32::new)
        .ok_or_else(|| format!("expected a whole number from 1 to {MOST}"))
}

/// Parses the format of logs.
pub(super) fn format(text: &str) -> Result<LogFormat, String> {
    LogFormat::from_str(text, false).map_err(|_| "expected text or json".to_owned())
}

/// Parses which requests are logged.
pub(super) fn access(text: &str) -> Result<AccessLog, String> {
    match text {
        "all" => Ok(AccessLog::All),
        "errors" => Ok(AccessLog::Errors),
        "off" => Ok(AccessLog::Off),
        _ => Err("expected all, errors or off".to_owned()),
    }
}

/// Parses a filter of log lines.
pub(super) fn filter(text: &str) -> Result<String, String> {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('=');
    match text.parse::<Targets>() {
        Ok(_) if text.split(',').all(is_part) => Ok(text.to_owned()),
        _ => Err("expected a filter such as info or warn,countersign_server=debug".to_owned()),
    }
}

/// Parses the URL of the database.
pub fn store_url(text: &str) -> Result<String, String> {
    match StoreOptions::new(text).check_url() {
        Ok(()) => Ok(text.to_owned()),
        Err(unsupported) => Err(unsupported.to_string()),
    }
}

/// Parses what happens to requests while the view is stale.
pub(super) fn when_stale(text: &str) -> Result<WhenStale, String> {
    match text {
        "refuse" => Ok(WhenStale::Reject),
        "serve" => Ok(WhenStale::Serve),
        _ => Err("expected refuse or serve".to_owned()),
    }
}

/// Parses the name of a file.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains('\0') {
        return Err("expected the name of a file".to_owned());
    }
    Ok(text.into())
}
