//! The goals, and the figures that say whether they are met.

use crate::report::{FORWARD_AUTH, Figures};

/// One goal.
pub(super) struct Goal {
    pub(super) path: &'static str,
    pub(super) goal: &'static str,
    limit: Limit,
    figure: fn(&Figures<'_>) -> Option<f64>,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

use Limit::{AtLeast, AtMost};

impl Goal {
    /// Returns our figure, and whether it meets the goal, if it was measured.
    pub(super) fn result(&self, figures: &Figures<'_>) -> Option<(f64, bool)> {
        let figure = (self.figure)(figures)?;
        let is_met = match self.limit {
            AtMost(most) => figure <= most,
            AtLeast(least) => figure >= least,
        };
        Some((figure, is_met))
    }
}

const fn goal(
    path: &'static str,
    goal: &'static str,
    limit: Limit,
    figure: fn(&Figures<'_>) -> Option<f64>,
) -> Goal {
    Goal {
        path,
        goal,
        limit,
        figure,
    }
}

const PEERS: [&str; 4] = [
    "tower-jwt",
    "jwt-authorizer",
    "axum-jwt-auth",
    "tower-oauth2-resource-server",
];
const CACHED: &str = "countersign, cached";
const NO_CACHE: &str = "countersign, no cache";
const RAW: &str = "aws-lc-rs, the signature alone";

fn in_process(figures: &Figures<'_>, table: &str, row: &str) -> Option<f64> {
    figures.get("in-process", table, row, 0)
}

/// The time of one insertion.
fn insertion(figures: &Figures<'_>) -> Option<f64> {
    in_process(figures, "base", "one Arc inserted into empty Extensions")
}

/// The time without that of the inner service.
fn net(figures: &Figures<'_>, table: &str, row: &str) -> Option<f64> {
    Some(in_process(figures, table, row)? - in_process(figures, "base", "inner service")?)
}

fn insertions(figures: &Figures<'_>, table: &str, row: &str) -> Option<f64> {
    Some(net(figures, table, row)? / insertion(figures)?)
}

/// The time of the fastest other crate, in that of ours.
fn peer(figures: &Figures<'_>, table: &str, ours: &str) -> Option<f64> {
    let peers = PEERS.iter().filter_map(|row| net(figures, table, row));
    Some(peers.reduce(f64::min)? / net(figures, table, ours)?)
}

fn to_raw(figures: &Figures<'_>, table: &str) -> Option<f64> {
    Some(net(figures, table, NO_CACHE)? / in_process(figures, table, RAW)?)
}

fn allocations(figures: &Figures<'_>, table: &str, row: &str) -> Option<f64> {
    figures.get("in-process", table, row, 1)
}

/// The quotient of two throughputs of one part.
fn http(figures: &Figures<'_>, [table, ours]: [&str; 2], [other, peer]: [&str; 2]) -> Option<f64> {
    Some(figures.get("http", table, ours, 0)? / figures.get("http", other, peer, 0)?)
}

fn cached_http(figures: &Figures<'_>, peer: &str) -> Option<f64> {
    http(
        figures,
        ["libraries", "countersign, cached, HS256"],
        ["gateways", peer],
    )
}

fn server(figures: &Figures<'_>, ours: &str) -> Option<f64> {
    http(
        figures,
        ["server", ours],
        ["server", "axum, no authentication"],
    )
}

fn access_log(figures: &Figures<'_>) -> Option<f64> {
    let ratio = |name: &str| {
        let logged = format!("{name}, access log");
        http(figures, ["server", &logged], ["server", name])
    };
    let names = [
        "countersign, /whoami, API key",
        "countersign, /whoami, cached bearer",
        "countersign, mint EdDSA",
    ];
    names.into_iter().filter_map(ratio).reduce(f64::min)
}

fn mint(figures: &Figures<'_>, algorithm: &str, peer: &str) -> Option<f64> {
    let get = |row: &str| figures.get("mint", "in-process", &format!("{row}, {algorithm}"), 0);
    Some(get(peer)? / get("countersign")?)
}

fn mint_to_raw(figures: &Figures<'_>) -> Option<f64> {
    let ratio = |algorithm| mint(figures, algorithm, RAW).map(|ratio| 1.0 / ratio);
    ["EdDSA", "ES256", "RS256"]
        .into_iter()
        .filter_map(ratio)
        .reduce(f64::max)
}

fn mint_http(figures: &Figures<'_>, algorithm: &str) -> Option<f64> {
    let get = |row: &str| figures.get("mint", "http", &format!("{row}, {algorithm}"), 0);
    Some(get("countersign")? / get("oidc-provider")?)
}

fn growth(figures: &Figures<'_>, table: &str, row: &str, column: usize) -> Option<f64> {
    figures.get("growth", table, row, column)
}

/// The largest figure of any column of a table, in the figure of the column's first row.
fn grown(figures: &Figures<'_>, table: &str) -> Option<f64> {
    let rows = &figures.table("growth", table)?.rows;
    let first = rows.first()?;
    let ratios = rows.iter().flat_map(|row| {
        let pairs = row.values.iter().zip(&first.values);
        pairs.filter_map(|(value, first)| Some((*value)? / (*first)?))
    });
    ratios.reduce(f64::max)
}

fn slowest_command(figures: &Figures<'_>) -> Option<f64> {
    let ratio = |row: &str| {
        Some(growth(figures, "commands", row, 1)? / growth(figures, "commands", row, 0)?)
    };
    ["key create", "key revoke"]
        .into_iter()
        .filter_map(ratio)
        .reduce(f64::max)
}

fn flood(figures: &Figures<'_>) -> Option<f64> {
    let grown =
        |row: &str| Some(growth(figures, "tokens", row, 1)? / growth(figures, "tokens", row, 0)?);
    ["countersign, valid", "countersign, invalid"]
        .into_iter()
        .filter_map(grown)
        .reduce(f64::max)
}

/// E is the time of one insertion. Times are those without the inner service.
pub(super) const GOALS: [Goal; 46] = [
    goal("cached bearer", "≤ 3 E", AtMost(3.0), |f| {
        insertions(f, "HS256", CACHED)
    }),
    goal(
        "cached bearer",
        "no allocation beyond those of its extensions",
        AtMost(0.0),
        |f| {
            let extensions = "inner service, with the extensions of an accepted request";
            Some(allocations(f, "HS256", CACHED)? - allocations(f, "base", extensions)?)
        },
    ),
    goal(
        "cached bearer, HS256",
        "≥ 13× the best other crate",
        AtLeast(13.0),
        |f| peer(f, "HS256", CACHED),
    ),
    goal(
        "cached bearer, EdDSA",
        "≥ 180× the best other crate",
        AtLeast(180.0),
        |f| peer(f, "EdDSA", CACHED),
    ),
    goal(
        "cached bearer over HTTP",
        "≥ 0.97 of no authentication",
        AtLeast(0.97),
        |f| {
            http(
                f,
                ["libraries", "countersign, cached, HS256"],
                ["libraries", "axum, no authentication"],
            )
        },
    ),
    goal(
        "cached bearer over HTTP",
        "≥ 2.7× Envoy with its cache",
        AtLeast(2.7),
        |f| cached_http(f, "Envoy jwt_authn with its cache, HS256"),
    ),
    goal(
        "cached bearer over HTTP",
        "≥ 1.7× HAProxy, HS256",
        AtLeast(1.7),
        |f| cached_http(f, "HAProxy jwt_verify, HS256"),
    ),
    goal(
        "cached bearer over HTTP",
        "≥ 3.5× nginx `auth_request`",
        AtLeast(3.5),
        |f| cached_http(f, "nginx auth_request, trivial backend"),
    ),
    goal(
        "uncached bearer, HS256",
        "≤ 2.5× the signature alone",
        AtMost(2.5),
        |f| to_raw(f, "HS256"),
    ),
    goal(
        "uncached bearer, HS256",
        "≥ 3× the best other crate",
        AtLeast(3.0),
        |f| peer(f, "HS256", NO_CACHE),
    ),
    goal(
        "uncached bearer, EdDSA",
        "≤ 1.03× the signature alone",
        AtMost(1.03),
        |f| to_raw(f, "EdDSA"),
    ),
    goal(
        "uncached bearer, ES256",
        "≤ 1.03× the signature alone",
        AtMost(1.03),
        |f| to_raw(f, "ES256"),
    ),
    goal(
        "uncached bearer, RS256",
        "≤ 1.08× the signature alone",
        AtMost(1.08),
        |f| to_raw(f, "RS256"),
    ),
    goal(
        "uncached bearer, RS256",
        "≥ 1.35× the best other crate",
        AtLeast(1.35),
        |f| peer(f, "RS256", NO_CACHE),
    ),
    goal(
        "uncached bearer",
        "≤ 4 allocations more than a cached one",
        AtMost(4.0),
        |f| Some(allocations(f, "HS256", NO_CACHE)? - allocations(f, "HS256", CACHED)?),
    ),
    goal("API key, hot", "≤ 4 E", AtMost(4.0), |f| {
        insertions(f, "key", "countersign, hot")
    }),
    goal("API key, random of 10^6", "≤ 11 E", AtMost(11.0), |f| {
        insertions(f, "key", "countersign, random of 10^6")
    }),
    goal(
        "API key with a wrong checksum",
        "≤ 1.5 E",
        AtMost(1.5),
        |f| insertions(f, "key", "countersign, wrong checksum"),
    ),
    goal("API key in memory", "≤ 160 B", AtMost(160.0), |f| {
        growth(f, "bytes", "10^6", 0)
    }),
    goal(
        "API key over HTTP",
        "≥ 0.93 of no authentication",
        AtLeast(0.93),
        |f| {
            http(
                f,
                ["libraries", "countersign, API key"],
                ["libraries", "axum, no authentication"],
            )
        },
    ),
    goal(
        "Basic, password verified before",
        "≤ 7 E",
        AtMost(7.0),
        |f| insertions(f, "basic", "countersign, password verified before"),
    ),
    goal("mint, HS256", "≥ 2.5× jsonwebtoken", AtLeast(2.5), |f| {
        mint(f, "HS256", "jsonwebtoken, encode alone")
    }),
    goal("mint, EdDSA", "≥ 1.8× jsonwebtoken", AtLeast(1.8), |f| {
        mint(f, "EdDSA", "jsonwebtoken, encode alone")
    }),
    goal("mint, ES256", "≥ 1.6× jsonwebtoken", AtLeast(1.6), |f| {
        mint(f, "ES256", "jsonwebtoken, encode alone")
    }),
    goal("mint, RS256", "≥ 3.8× jsonwebtoken", AtLeast(3.8), |f| {
        mint(f, "RS256", "jsonwebtoken, encode alone")
    }),
    goal(
        "mint, asymmetric",
        "≤ 1.05× the signature alone",
        AtMost(1.05),
        mint_to_raw,
    ),
    goal(
        "mint over HTTP, EdDSA",
        "≥ 14× oidc-provider",
        AtLeast(14.0),
        |f| mint_http(f, "EdDSA"),
    ),
    goal(
        "mint over HTTP, ES256",
        "≥ 10× oidc-provider",
        AtLeast(10.0),
        |f| mint_http(f, "ES256"),
    ),
    goal(
        "mint over HTTP, RS256",
        "≥ 2.3× oidc-provider",
        AtLeast(2.3),
        |f| mint_http(f, "RS256"),
    ),
    goal(
        "server, `/healthz`",
        "≥ 0.85 of bare axum",
        AtLeast(0.85),
        |f| server(f, "countersign, /healthz"),
    ),
    goal(
        "server, `/whoami`, cached bearer",
        "≥ 0.70 of bare axum",
        AtLeast(0.70),
        |f| server(f, "countersign, /whoami, cached bearer"),
    ),
    goal(
        "server, `/whoami`, API key",
        "≥ 0.70 of bare axum",
        AtLeast(0.70),
        |f| server(f, "countersign, /whoami, API key"),
    ),
    goal(
        "server, mint EdDSA",
        "≥ 0.40 of bare axum",
        AtLeast(0.40),
        |f| server(f, "countersign, mint EdDSA"),
    ),
    goal(
        "server, access log on",
        "≥ 0.80 of off",
        AtLeast(0.80),
        access_log,
    ),
    goal(
        "server behind nginx `auth_request`",
        "≥ 0.90 of a trivial backend",
        AtLeast(0.90),
        |f| f.get(FORWARD_AUTH, FORWARD_AUTH, "nginx", 3),
    ),
    goal(
        "`key create`, `key revoke` at 10^6 keys",
        "≤ 1.2× at 10",
        AtMost(1.2),
        slowest_command,
    ),
    goal("opening 10^6 keys", "≤ 2 s", AtMost(2.0), |f| {
        growth(f, "database", "countersign", 0)
    }),
    goal(
        "opening 10^6 keys",
        "≤ 1.5× the rows alone",
        AtMost(1.5),
        |f| {
            Some(
                growth(f, "database", "countersign", 0)?
                    / growth(f, "database", "the rows alone", 0)?,
            )
        },
    ),
    goal(
        "cold build of the server",
        "≤ 339 s",
        AtMost(339.0),
        |f| f.get("cold-build", "cold-build", "countersign-server", 0),
    ),
    goal("10^3 to 10^7 keys", "≤ 2× the time", AtMost(2.0), |f| {
        grown(f, "keys")
    }),
    goal("1 to 64 scopes", "≤ 2× the time", AtMost(2.0), |f| {
        grown(f, "scopes")
    }),
    goal(
        "1 to 1,000 signing keys",
        "≤ 2× the time",
        AtMost(2.0),
        |f| grown(f, "signing-keys"),
    ),
    goal("0 to 10^6 denials", "≤ 2× the time", AtMost(2.0), |f| {
        grown(f, "denials")
    }),
    goal(
        "10^7 distinct tokens, valid or invalid",
        "flat memory (≤ 1.1×)",
        AtMost(1.1),
        flood,
    ),
    goal(
        "two cores, cached bearer",
        "≥ 1.8× one core",
        AtLeast(1.8),
        |f| Some(growth(f, "cores", "2", 0)? / growth(f, "cores", "1", 0)?),
    ),
    goal(
        "Basic over HTTP",
        "≥ 100× nginx with SHA-512 crypt",
        AtLeast(100.0),
        |f| {
            let nginx = f.get("http", "gateways", "nginx auth_basic, SHA-512 crypt", 0)?;
            Some(f.get("http", "libraries", "countersign, Basic with a password", 0)? / nginx)
        },
    ),
];
