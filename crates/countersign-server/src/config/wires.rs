//! `[issuer.NAME.wires.*]`: the shapes in which an issuer mints, each at its own path and on its own terms.

use std::num::NonZeroU32;
use std::time::Duration;

use countersign::Scopes;
use countersign_wire::ErrorStatus;

use super::issuers::catalogue;
use super::lifetimes::{self, Given, Lifetimes};
use super::mistake::Place;
use super::reader::{Reader, Section};
use super::value;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// So many sessions of a credential live at once.
const SESSIONS: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// All wires of an issuer.
#[derive(Clone, Debug)]
pub(crate) struct WiresSettings {
    pub(crate) envelope: EnvelopeSettings,
    pub(crate) scoped: WireSettings,
    pub(crate) managed: WireSettings,
    pub(crate) key_pair: WireSettings,
    pub(crate) session: SessionSettings,
    pub(crate) oauth: OAuthSettings,
}

/// What every wire has.
#[derive(Clone, Debug)]
pub(crate) struct WireSettings {
    pub(crate) enabled: bool,
    pub(crate) path: String,
    pub(crate) lifetimes: Lifetimes,
    /// The catalogue; empty: any.
    pub(crate) scopes: Scopes,
}

#[derive(Clone, Debug)]
pub(crate) struct EnvelopeSettings {
    pub(crate) wire: WireSettings,
    pub(crate) error_status: ErrorStatus,
}

#[derive(Clone, Debug)]
pub(crate) struct SessionSettings {
    pub(crate) wire: WireSettings,
    pub(crate) sessions_path: String,
    pub(crate) max_sessions: NonZeroU32,
    /// How long before its end a session's token is not handed out again.
    pub(crate) renew_within: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct OAuthSettings {
    pub(crate) wire: WireSettings,
    pub(crate) introspection_path: String,
    pub(crate) revocation_path: String,
}

impl WiresSettings {
    /// The longest lifetime that a token of any enabled wire can have. Managed tokens are a class of their own.
    pub(crate) fn longest(&self) -> Option<Duration> {
        [
            &self.envelope.wire,
            &self.scoped,
            &self.key_pair,
            &self.session.wire,
            &self.oauth.wire,
        ]
        .into_iter()
        .filter(|wire| wire.enabled)
        .map(|wire| wire.lifetimes.longest)
        .max()
    }
}

/// What wires take from their issuer where they say nothing themselves.
pub(super) struct Inherited<'a> {
    pub(super) lifetimes: Given,
    pub(super) scopes: &'a Scopes,
}

/// A path of an enabled wire below its issuer's URL.
pub(super) struct Route {
    pub(super) path: String,
    /// The setting's name.
    pub(super) setting: String,
    /// Where it is set, if it is.
    pub(super) place: Option<Place>,
}

/// What a wire is unless something is said of it.
struct Usual {
    name: &'static str,
    path: &'static str,
    lifetime: Duration,
}

const fn usual(name: &'static str, path: &'static str, lifetime: Duration) -> Usual {
    Usual {
        name,
        path,
        lifetime,
    }
}

pub(super) fn read<'i>(
    reader: &mut Reader<'i>,
    issuer: &mut Section<'i>,
    inherited: &Inherited<'_>,
    routes: &mut Vec<Route>,
) -> WiresSettings {
    let mut section = reader.section(issuer, "wires");
    let mut wires = Wires {
        reader,
        section: &mut section,
        inherited,
        routes,
    };
    let settings = WiresSettings {
        envelope: wires.envelope(),
        scoped: wires.plain(&usual("scoped", "/v1/auth/token", MINUTE * 15)),
        managed: wires.managed(),
        key_pair: wires.plain(&usual("key_pair", "/generate-token", HOUR)),
        session: wires.session(),
        oauth: wires.oauth(),
    };
    reader.close(section);
    settings
}

struct Wires<'r, 'i> {
    reader: &'r mut Reader<'i>,
    section: &'r mut Section<'i>,
    inherited: &'r Inherited<'r>,
    routes: &'r mut Vec<Route>,
}

impl<'i> Wires<'_, 'i> {
    fn plain(&mut self, usual: &Usual) -> WireSettings {
        let (section, wire) = self.open(usual);
        self.reader.close(section);
        wire
    }

    fn envelope(&mut self) -> EnvelopeSettings {
        let (mut section, wire) = self.open(&usual("envelope", "/auth/token", HOUR));
        let status = self.reader.text(&mut section, "error_status", error_status);
        self.reader.close(section);
        EnvelopeSettings {
            wire,
            error_status: status.unwrap_or(ErrorStatus::Http),
        }
    }

    /// Its lifetimes have nothing to do with the issuer's: these tokens live by their records.
    fn managed(&mut self) -> WireSettings {
        let mut section = self.reader.section(self.section, "managed");
        let given = lifetimes::given(self.reader, &mut section);
        let lifetimes = given.or(Lifetimes {
            usual: DAY * 90,
            longest: DAY * 365,
        });
        given.check(self.reader, &section, lifetimes);
        let wire = self.rest(&mut section, "/api/v1/api_token", lifetimes);
        self.reader.close(section);
        wire
    }

    fn session(&mut self) -> SessionSettings {
        let (mut section, wire) = self.open(&usual("session", "/auth/login", HOUR * 2));
        let enabled = wire.enabled;
        let sessions_path = self.path(&mut section, "sessions_path", "/auth/sessions", enabled);
        let max = self
            .reader
            .number(&mut section, "max_sessions", value::count);
        let within = value::duration_within(Duration::ZERO, HOUR);
        let within = self.reader.text(&mut section, "renew_within", within);
        self.reader.close(section);
        SessionSettings {
            wire,
            sessions_path,
            max_sessions: max.unwrap_or(SESSIONS),
            renew_within: within.unwrap_or(MINUTE),
        }
    }

    fn oauth(&mut self) -> OAuthSettings {
        let (mut section, wire) = self.open(&usual("oauth", "/oauth/token", HOUR));
        let enabled = wire.enabled;
        let mut path = |key, usual| self.path(&mut section, key, usual, enabled);
        let introspection_path = path("introspection_path", "/oauth/introspect");
        let revocation_path = path("revocation_path", "/oauth/revoke");
        self.reader.close(section);
        OAuthSettings {
            wire,
            introspection_path,
            revocation_path,
        }
    }

    /// A wire's section, from which all has been taken that every wire has.
    fn open(&mut self, usual: &Usual) -> (Section<'i>, WireSettings) {
        let mut section = self.reader.section(self.section, usual.name);
        let given = lifetimes::given(self.reader, &mut section);
        let lifetimes = given.within(&self.inherited.lifetimes, usual.lifetime);
        given.check(self.reader, &section, lifetimes);
        let wire = self.rest(&mut section, usual.path, lifetimes);
        (section, wire)
    }

    fn rest(
        &mut self,
        section: &mut Section<'i>,
        usual_path: &str,
        lifetimes: Lifetimes,
    ) -> WireSettings {
        let enabled = self.reader.switch(section, "enabled").unwrap_or(true);
        WireSettings {
            enabled,
            path: self.path(section, "path", usual_path, enabled),
            lifetimes,
            scopes: catalogue(self.reader, section, self.inherited.scopes),
        }
    }

    fn path(
        &mut self,
        section: &mut Section<'i>,
        key: &'static str,
        usual: &str,
        enabled: bool,
    ) -> String {
        let place = self.reader.place(section, key);
        let path = self.reader.text(section, key, value::path);
        let path = path.unwrap_or_else(|| usual.to_owned());
        if enabled {
            self.routes.push(Route {
                path: path.clone(),
                setting: section.path_of(key),
                place,
            });
        }
        path
    }
}

fn error_status(text: &str) -> Result<ErrorStatus, value::Expected> {
    match text {
        "http" => Ok(ErrorStatus::Http),
        "envelope" => Ok(ErrorStatus::Envelope),
        _ => Err("expected http or envelope".to_owned()),
    }
}
