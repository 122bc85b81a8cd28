mod environment;
mod gateway;
mod issuers;
mod readme;

use std::ffi::OsString;
use std::time::Duration;

use countersign::jose::Algorithm;
use countersign::registry::RecordLimits;
use countersign_store::{MasterKey, WhenStale};

use countersign_wire::ErrorStatus;

use super::issuers::IssuerSettings;
use super::settings::{self, AccessLog, Config, LogFormat};
use super::{ConfigErrors, Environment};

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let environment = Environment::new(variables);
    settings::read("countersign.toml", text, environment)
        .map_err(|errors: ConfigErrors| errors.to_string())
}

fn accepted(text: &str) -> Config {
    read(text, &[]).unwrap()
}

fn default_issuer(config: &Config) -> &IssuerSettings {
    config.issuer("default").unwrap()
}

#[track_caller]
fn rejected(text: &str) -> String {
    read(text, &[]).unwrap_err()
}

#[test]
fn defaults_are_those_of_the_readme() {
    let config = accepted("");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.body_limit, 16 * 1024);
    assert_eq!(config.server.token_cache, 8 * 1024 * 1024);
    assert_eq!(config.server.shutdown_grace, Duration::from_secs(5));
    assert_eq!(config.server.max_connections.get(), 900);
    assert_eq!(config.server.max_connections_per_address.get(), 200);
    assert_eq!(config.store.url, "sqlite://countersign.db");
    assert_eq!(config.store.max_staleness, Duration::from_secs(5));
    assert_eq!(config.store.when_stale, WhenStale::Reject);
    assert_eq!(config.server.trusted_proxies, None);
    let failures = config.limits.failed_authentications;
    assert_eq!((failures.burst.get(), failures.per.as_secs()), (20, 60));
    let mints = config.limits.mints;
    assert_eq!((mints.burst.get(), mints.per.as_secs()), (600, 60));
    assert_eq!(config.limits.writes, mints);
    assert_eq!(config.limits.introspections.burst.get(), 6000);
    assert_eq!(config.limits.records, RecordLimits::default());
    assert!(config.server.cors_origins.is_empty());
    assert_eq!(config.issuers.len(), 1);
    let issuer = default_issuer(&config);
    assert_eq!(issuer.algorithm, None);
    assert_eq!(issuer.lifetimes.default, Duration::from_secs(3600));
    assert!(issuer.scopes.is_empty());
}

#[test]
fn all_settings_are_read() {
    let config = accepted(
        r#"
        [server]
        listen = "0.0.0.0:80"
        public_url = "https://example.com/auth"
        body_limit = "1MiB"
        token_cache = "0B"
        header_limit = "64KiB"
        shutdown_grace = "0s"
        shutdown_delay = "10s"
        request_timeout = "1m"
        trusted_proxies = ["192.0.2.0/24", "2001:db8::1"]
        cors_origins = ["https://app.example", "http://localhost:3000"]
        [server.tls]
        cert = "server.pem"
        key = "server.key"
        client_ca = "clients.pem"
        clients = { "spiffe://acme.example/billing" = "013xrzp12g3nqk8ngskn1wtxgka5b0nf" }
        [store]
        url = "sqlite:///var/lib/countersign.db"
        master_key_file = "/etc/countersign.key"
        max_staleness = "1m"
        when_stale = "serve"
        [limits]
        failed_authentications = { per = "1h", burst = 5 }
        mints = { per = "10s", burst = 7 }
        managed_tokens = 20
        credentials = 30
        environments = 4
        [log]
        format = "json"
        filter = "warn,countersign_server=debug"
        access = "errors"
        [issuer.default]
        url = "https://issuer.example"
        audience = ["https://a.example", "https://b.example"]
        algorithm = "ES256"
        lifetime = "5m"
        max_lifetime = "2h"
        scopes = ["calls:*", "wallet:*"]
        [issuer.default.wires.oauth]
        enabled = false
        path = "/token"
        lifetime = "1m"
        max_lifetime = "10m"
        scopes = ["calls:read"]
        introspection_path = "/introspect"
        revocation_path = "/revoke"
        [issuer.default.wires.envelope]
        error_status = "envelope"
        [issuer.default.wires.session]
        sessions_path = "/sessions"
        max_sessions = 3
        renew_within = "5s"
        [issuer.default.wires.managed]
        lifetime = "1d"
        max_lifetime = "366d"
        [issuer.core-1]
        url = "https://issuer.example/core"
        [issuer.core-1.wires.scoped]
        path = "/token"
        "#,
    );
    assert_eq!(config.server.body_limit, 1024 * 1024);
    assert_eq!(config.server.token_cache, 0);
    assert_eq!(config.server.header_limit, 64 * 1024);
    let tls = config.server.tls.as_ref().unwrap();
    assert_eq!(tls.client_ca.as_deref(), Some("clients.pem".as_ref()));
    let client = tls.clients["spiffe://acme.example/billing"];
    assert_eq!(client.to_string(), "013xrzp12g3nqk8ngskn1wtxgka5b0nf");
    assert_eq!(config.store.when_stale, WhenStale::Serve);
    assert_eq!(config.server.shutdown_grace, Duration::ZERO);
    assert_eq!(config.server.shutdown_delay, Duration::from_secs(10));
    assert_eq!(config.server.request_timeout, Duration::from_secs(60));
    assert_eq!(config.log.access, AccessLog::Errors);
    assert_eq!(
        config.server.cors_origins,
        ["https://app.example", "http://localhost:3000"]
    );
    let proxies = config.server.trusted_proxies.as_ref().unwrap();
    assert_eq!(proxies.to_string(), "192.0.2.0/24 2001:db8::1/128");
    let failures = config.limits.failed_authentications;
    assert_eq!((failures.burst.get(), failures.per.as_secs()), (5, 3600));
    let mints = config.limits.mints;
    assert_eq!((mints.burst.get(), mints.per.as_secs()), (7, 10));
    let records = config.limits.records;
    assert_eq!(records.managed_tokens.get(), 20);
    assert_eq!(records.credentials.get(), 30);
    assert_eq!(records.environments.get(), 4);
    assert_eq!(config.log.format, Some(LogFormat::Json));
    let issuer = default_issuer(&config);
    assert_eq!(issuer.url.as_deref(), Some("https://issuer.example"));
    assert_eq!(issuer.audiences.len(), 2);
    assert_eq!(issuer.algorithm, Some(Algorithm::Es256));
    assert_eq!(issuer.scopes.as_str(), "calls:* wallet:*");
    let oauth = &issuer.wires.oauth;
    assert_eq!((oauth.wire.enabled, &*oauth.wire.path), (false, "/token"));
    assert_eq!(oauth.wire.lifetimes.max, Duration::from_secs(600));
    assert_eq!(oauth.wire.scopes.as_str(), "calls:read");
    assert_eq!(oauth.introspection_path, "/introspect");
    assert_eq!(oauth.revocation_path, "/revoke");
    assert_eq!(issuer.wires.envelope.error_status, ErrorStatus::Envelope);
    let session = &issuer.wires.session;
    assert_eq!(
        (&*session.sessions_path, session.max_sessions.get()),
        ("/sessions", 3)
    );
    assert_eq!(session.renew_within, Duration::from_secs(5));
    let managed = &issuer.wires.managed.lifetimes;
    assert_eq!(managed.default, Duration::from_secs(24 * 3600));
    assert_eq!(managed.max, Duration::from_secs(366 * 24 * 3600));
    let core = config.issuer("core-1").unwrap();
    assert_eq!(core.url.as_deref(), Some("https://issuer.example/core"));
    assert_eq!(core.wires.scoped.path, "/token");
    assert!(core.wires.oauth.wire.enabled);
}

#[test]
fn empty_list_of_trusted_proxies_trusts_no_address() {
    let config = accepted("[server]\ntrusted_proxies = []\n");
    assert_eq!(config.server.trusted_proxies, None);
}

#[test]
fn unknown_setting_is_rejected_with_its_line_and_the_known_ones() {
    assert_eq!(
        rejected("[log]\nformat = \"text\"\nlevel = \"info\"\n"),
        "countersign.toml:3: log.level: unknown setting; known here: format, filter, access"
    );
}

#[test]
fn settings_of_later_versions_are_unknown() {
    for text in [
        "[limits]\nguesses = {}\n",
        "[issuer.default.wires.cookie]\n",
        "[issuer.default.wires.scoped]\nmax_sessions = 1\n",
        "[issuer.default.wires.oauth]\nerror_status = \"http\"\n",
    ] {
        assert!(
            rejected(text).contains("unknown setting; known here: "),
            "{text}"
        );
    }
}

#[test]
fn wrong_type_is_rejected_with_its_line() {
    for (text, error) in [
        (
            "[server]\nlisten = 8080",
            "countersign.toml:2: server.listen: expected a string, found a number",
        ),
        (
            "[limits]\nfailed_authentications = { burst = \"20\" }",
            "countersign.toml:2: limits.failed_authentications.burst: expected a whole number, found a string",
        ),
        (
            "server = 1",
            "countersign.toml:1: server: expected a section, found a number",
        ),
        (
            "[issuer.default]\naudience = 1",
            "countersign.toml:2: issuer.default.audience: expected a string or a list of strings, \
             found a number",
        ),
        (
            "[issuer.default]\nscopes = \"a b\"",
            "countersign.toml:2: issuer.default.scopes: expected a list of strings, found a string",
        ),
        (
            "[issuer.default.wires.oauth]\nenabled = \"no\"",
            "countersign.toml:2: issuer.default.wires.oauth.enabled: expected true or false, found a string",
        ),
    ] {
        assert_eq!(rejected(text), error);
    }
}

#[test]
fn value_out_of_range_or_of_the_wrong_form_is_rejected() {
    for (section, line) in [
        ("server", "listen = \"localhost\""),
        ("server", "public_url = \"example.com\""),
        ("server", "public_url = \"https://example.com/\""),
        ("server", "public_url = \"https://example.com?a\""),
        ("server", "public_url = \"https://example.com/a#b\""),
        ("server", "public_url = \"https://user@example.com\""),
        ("server", "public_url = \"https://example.com:99999\""),
        ("server", "public_url = \"ftp://example.com\""),
        ("server", "public_url = \"https://example.com/admin/v1\""),
        ("server", "body_limit = \"16\""),
        ("server", "body_limit = \"1B\""),
        ("server", "body_limit = \"2MiB\""),
        ("server", "body_limit = \"99999999999999999999MiB\""),
        ("server", "token_cache = \"0\""),
        ("server", "token_cache = \"1025MiB\""),
        ("server", "shutdown_grace = \"10\""),
        ("server", "shutdown_grace = \"1hh\""),
        ("server", "shutdown_grace = \"-1s\""),
        ("server", "shutdown_grace = \"2h\""),
        ("server", "shutdown_grace = \"1é\""),
        ("store", "url = \"mysql://db\""),
        ("store", "url = \"sqlite://\""),
        ("store", "url = \"sqlite::memory:\""),
        ("store", "url = \"sqlite://:x\""),
        ("store", "url = \"sqlite:file:c.db\""),
        ("store", "url = \"sqlite://file:c.db\""),
        ("store", "master_key_file = \"\""),
        ("store", "max_staleness = \"0s\""),
        ("store", "when_stale = \"reject\""),
        ("server", "trusted_proxies = [\"10.0.0.1/8\"]"),
        ("server", "cors_origins = [\"https://app.example/\"]"),
        ("server", "cors_origins = [\"https://APP.example\"]"),
        ("server", "cors_origins = [\"https://app.example:443\"]"),
        ("server", "cors_origins = [\"*\"]"),
        ("server", "trusted_proxies = [\"10.0.0.0/8 ::1\"]"),
        ("server", "trusted_proxies = [\"\"]"),
        ("limits.failed_authentications", "burst = 0"),
        ("limits.failed_authentications", "burst = -1"),
        ("limits.failed_authentications", "burst = 1000001"),
        (
            "limits.failed_authentications",
            "burst = 99999999999999999999",
        ),
        ("limits.failed_authentications", "per = \"0s\""),
        ("limits.failed_authentications", "per = \"2d\""),
        ("limits.mints", "burst = 0"),
        ("limits.mints", "per = \"2d\""),
        ("limits", "managed_tokens = 0"),
        ("limits", "credentials = 1000001"),
        ("limits", "environments = \"9\""),
        ("log", "format = \"xml\""),
        ("log", "filter = \"info,=,\""),
        ("log", "access = \"some\""),
        ("server", "request_timeout = \"0s\""),
        ("issuer.default", "url = \"\""),
        ("issuer.default", "audience = [\"a\", \"\"]"),
        ("issuer.default", "audience = []"),
        ("issuer.default", "audience = \"\""),
        ("issuer.default", "audience = \" \\t\""),
        ("issuer.default", "audience = [\" \"]"),
        ("issuer.default", "algorithm = \"none\""),
        ("issuer.default", "lifetime = \"0s\""),
        ("issuer.default", "max_lifetime = \"367d\""),
        ("issuer.default", "scopes = [\"a b\"]"),
        ("issuer.default.wires.envelope", "error_status = \"200\""),
        ("issuer.default.wires.session", "max_sessions = 0"),
        ("issuer.default.wires.session", "renew_within = \"2h\""),
        ("issuer.default.wires.session", "sessions_path = \"s\""),
        ("issuer.default.wires.managed", "max_lifetime = \"367d\""),
        ("issuer.default.wires.managed", "max_lifetime = \"89d\""),
        ("issuer.default.wires.oauth", "path = \"oauth\""),
        ("issuer.default.wires.oauth", "path = \"/whoami\""),
        ("issuer.default.wires.oauth", "path = \"/admin/v1/keys\""),
        ("issuer.default.wires.oauth", "path = \"/a/../b\""),
        ("issuer.default.wires.oauth", "path = \"/{a}\""),
        (
            "issuer.default.wires.oauth",
            "path = \"/.well-known/jwks.json\"",
        ),
    ] {
        let errors = rejected(&format!("[{section}]\n{line}\n"));
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(errors.starts_with("countersign.toml:2: "), "{errors}");
    }
}

#[test]
fn several_errors_are_reported_together_in_the_order_of_the_file() {
    let text = "[server]\nlisten = 1\nsurprise = true\n\n[log]\nformat = \"xml\"\nfilter = \n[store]\nurl = \"x\"\n";
    let variables = [("COUNTERSIGN_LOG__LEVEL", "info")];
    let errors = read(text, &variables).unwrap_err();
    let places: Vec<_> = errors
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "countersign.toml:2",
            "countersign.toml:3",
            "countersign.toml:6",
            "countersign.toml:7",
            "countersign.toml:9",
            "COUNTERSIGN_LOG__LEVEL",
        ]
    );
}

#[test]
fn settings_after_a_malformed_section_header_are_not_reported_as_unknown() {
    for header in ["[server", "[issuer default]"] {
        let text = format!("[log]\nfilter = \"info\"\n{header}\nlisten = \"127.0.0.1:1\"\n");
        let errors = rejected(&text);
        assert!(
            errors.starts_with("countersign.toml:3: invalid TOML: "),
            "{errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    // The next header ends it.
    let errors = rejected("[server\nlisten = 1\n[log]\nlevel = 1\n");
    assert!(
        errors.contains("countersign.toml:4: log.level: unknown"),
        "{errors}"
    );
}

#[test]
fn values_are_not_repeated() {
    let text = "[store]\nurl = \"canary\"\nmaster_key_file = 1\n[canary\n";
    let variables = [
        ("COUNTERSIGN_SERVER__LISTEN", "canary"),
        ("COUNTERSIGN_LOG__FORMAT", "canary"),
    ];
    assert!(!read(text, &variables).unwrap_err().contains("canary"));
}

#[test]
fn control_characters_in_a_name_are_not_printed() {
    let errors = rejected("[server]\n\"\\u001b[2J\" = 1\n");
    assert!(!errors.contains('\u{1b}'), "{errors:?}");
}
