//! `[issuer.NAME.wires.WIRE]`: the token endpoints of an issuer, each with its path, lifetimes and scopes.

use std::iter;
use std::num::NonZeroU32;
use std::time::Duration;

use countersign::Scopes;
use countersign_wire::ErrorStatus;

use super::issuers::scopes;
use super::lifetimes::{GivenLifetimes, Lifetimes};
use super::reader::{Section, boolean};
use super::value::{self, DAY, HOUR, MINUTE, duration};

/// The largest number of live sessions of a credential, unless configured.
const MAX_SESSIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// All wires of an issuer.
#[derive(Clone, Debug)]
pub struct WiresSettings {
    pub envelope: EnvelopeSettings,
    pub scoped: WireSettings,
    pub managed: WireSettings,
    pub key_secret: WireSettings,
    pub session: SessionSettings,
    pub oauth: OAuthSettings,
}

/// The settings that every wire has.
#[derive(Clone, Debug)]
pub struct WireSettings {
    pub enabled: bool,
    pub path: String,
    pub lifetimes: Lifetimes,
    /// The scopes that tokens can have; empty: all.
    pub scopes: Scopes,
}

#[derive(Clone, Debug)]
pub struct EnvelopeSettings {
    pub wire: WireSettings,
    pub error_status: ErrorStatus,
}

#[derive(Clone, Debug)]
pub struct SessionSettings {
    pub wire: WireSettings,
    pub sessions_path: String,
    pub max_sessions: NonZeroU32,
    /// A session's token is not handed out again when it expires within this time.
    pub renew_within: Duration,
}

#[derive(Clone, Debug)]
pub struct OAuthSettings {
    pub wire: WireSettings,
    pub introspection_path: String,
    pub revocation_path: String,
}

impl WiresSettings {
    /// Returns the longest lifetime of a token of any enabled wire, managed tokens excepted.
    pub fn max_lifetime(&self) -> Option<Duration> {
        let wires = self.enabled().filter(|(name, _)| *name != "managed");
        wires.map(|(_, wire)| wire.lifetimes.max).max()
    }

    /// Returns the paths of enabled wires, each with the wire's name and the setting's.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let further = [
            ("session", "sessions_path", &*self.session.sessions_path),
            (
                "oauth",
                "introspection_path",
                &self.oauth.introspection_path,
            ),
            ("oauth", "revocation_path", &self.oauth.revocation_path),
        ];
        self.enabled().flat_map(move |(name, wire)| {
            let further = further.into_iter().filter(move |(of, ..)| *of == name);
            iter::once((name, "path", &*wire.path)).chain(further)
        })
    }

    /// Returns the paths at which tokens are minted.
    pub fn mint_paths(&self) -> impl Iterator<Item = &str> {
        self.enabled().map(|(_, wire)| &*wire.path)
    }

    /// Returns the enabled wires, each with its name.
    fn enabled(&self) -> impl Iterator<Item = (&'static str, &WireSettings)> {
        let all = [
            ("envelope", &self.envelope.wire),
            ("scoped", &self.scoped),
            ("managed", &self.managed),
            ("key_secret", &self.key_secret),
            ("session", &self.session.wire),
            ("oauth", &self.oauth.wire),
        ];
        all.into_iter().filter(|(_, wire)| wire.enabled)
    }
}

/// Reads all wires of an issuer with these lifetimes and scopes.
pub(super) fn read(
    wires: &mut Section<'_>,
    issuer: &GivenLifetimes,
    issuer_scopes: &Scopes,
) -> WiresSettings {
    let wire = |section: &mut Section<'_>, path, lifetime| {
        let given = GivenLifetimes::read(section);
        let lifetimes = given.or_issuer(section, issuer, lifetime);
        wire(section, path, lifetimes, issuer_scopes)
    };
    WiresSettings {
        envelope: wires.section("envelope", |section| EnvelopeSettings {
            wire: wire(section, "/auth/token", HOUR),
            error_status: section
                .text("error_status", error_status)
                .unwrap_or(ErrorStatus::Http),
        }),
        scoped: wires.section("scoped", |section| {
            wire(section, "/v1/auth/token", 15 * MINUTE)
        }),
        managed: wires.section("managed", |section| managed(section, issuer_scopes)),
        key_secret: wires.section("key_secret", |section| {
            wire(section, "/generate-token", HOUR)
        }),
        session: wires.section("session", |section| SessionSettings {
            wire: wire(section, "/auth/login", 2 * HOUR),
            sessions_path: path(section, "sessions_path", "/auth/sessions"),
            max_sessions: section
                .get("max_sessions", value::count)
                .unwrap_or(MAX_SESSIONS),
            renew_within: section
                .text("renew_within", duration(Duration::ZERO..=HOUR))
                .unwrap_or(MINUTE),
        }),
        oauth: wires.section("oauth", |section| OAuthSettings {
            wire: wire(section, "/oauth/token", HOUR),
            introspection_path: path(section, "introspection_path", "/oauth/introspect"),
            revocation_path: path(section, "revocation_path", "/oauth/revoke"),
        }),
    }
}

/// Reads the wire of managed tokens, whose lifetimes do not depend on the issuer's: they are in their records.
fn managed(section: &mut Section<'_>, issuer_scopes: &Scopes) -> WireSettings {
    let default = Lifetimes {
        default: 90 * DAY,
        max: 365 * DAY,
    };
    let lifetimes = GivenLifetimes::read(section).or(section, default);
    wire(section, "/api/v1/api_token", lifetimes, issuer_scopes)
}

fn wire(
    section: &mut Section<'_>,
    default_path: &str,
    lifetimes: Lifetimes,
    issuer_scopes: &Scopes,
) -> WireSettings {
    WireSettings {
        enabled: section.get("enabled", boolean).unwrap_or(true),
        path: path(section, "path", default_path),
        lifetimes,
        scopes: scopes(section, issuer_scopes),
    }
}

fn path(section: &mut Section<'_>, key: &str, default: &str) -> String {
    section
        .text(key, value::path)
        .unwrap_or_else(|| default.to_owned())
}

fn error_status(text: &str) -> Result<ErrorStatus, String> {
    match text {
        "http" => Ok(ErrorStatus::Http),
        "envelope" => Ok(ErrorStatus::Envelope),
        _ => Err("expected http or envelope".to_owned()),
    }
}
