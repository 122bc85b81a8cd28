//! The counters of the feature `metrics`. Their keys are made once, so that counting allocates
//! nothing except for labels of users' own mechanisms.

use std::sync::LazyLock;

use metrics::{Key, Label, Level, Metadata};

use crate::credentials::Scheme;
use crate::principal::Principal;
use crate::rejection::{Reason, Rejection};

/// `countersign_authentications_total`: labels `outcome`, `scheme` (if accepted) and `reason` (if
/// rejected).
const AUTHENTICATIONS: &str = "countersign_authentications_total";
/// `countersign_requirements_total`: labels `outcome` and `reason`.
const REQUIREMENTS: &str = "countersign_requirements_total";

static METADATA: Metadata<'static> =
    Metadata::new("countersign", Level::INFO, Some(module_path!()));

static ACCEPTED: LazyLock<[(Scheme, Key); 3]> = LazyLock::new(|| {
    [Scheme::Bearer, Scheme::ApiKey, Scheme::Basic].map(|scheme| (scheme, accepted_key(scheme)))
});
static REJECTED: LazyLock<Vec<(Reason, Key)>> = LazyLock::new(|| {
    let reasons = Reason::ALL.iter().copied();
    reasons
        .map(|reason| (reason, rejected_key(reason)))
        .collect()
});
static MET: LazyLock<Key> = LazyLock::new(|| requirement_key(None));
static UNMET: LazyLock<Vec<(Reason, Key)>> = LazyLock::new(|| {
    let reasons = [
        Reason::ScopeMissing,
        Reason::PrimaryRequired,
        Reason::Denied,
        Reason::LayerMissing,
    ];
    reasons
        .map(|reason| (reason, requirement_key(Some(reason))))
        .into()
});

fn accepted_key(scheme: Scheme) -> Key {
    authentication_key("accepted", scheme.as_str(), "")
}

fn rejected_key(reason: Reason) -> Key {
    authentication_key(reason.kind().label(), "", reason.label())
}

fn authentication_key(outcome: &'static str, scheme: &'static str, reason: &'static str) -> Key {
    let labels = vec![
        Label::new("outcome", outcome),
        Label::new("scheme", scheme),
        Label::new("reason", reason),
    ];
    Key::from_parts(AUTHENTICATIONS, labels)
}

fn requirement_key(unmet: Option<Reason>) -> Key {
    let outcome = unmet.map_or("accepted", |reason| reason.kind().label());
    let labels = vec![
        Label::new("outcome", outcome),
        Label::new("reason", unmet.map_or("", Reason::label)),
    ];
    Key::from_parts(REQUIREMENTS, labels)
}

fn count<T: PartialEq>(known: &[(T, Key)], label: &T, make: impl FnOnce() -> Key) {
    match known.iter().find(|(known, _)| known == label) {
        Some((_, key)) => increment(key),
        None => increment(&make()),
    }
}

fn increment(key: &Key) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA)).increment(1);
}

pub(super) fn count_accepted(principal: &Principal) {
    let scheme = principal.scheme();
    count(&*ACCEPTED, &scheme, || accepted_key(scheme));
}

pub(super) fn count_rejected(rejection: &Rejection) {
    let reason = rejection.reason();
    count(&REJECTED, &reason, || rejected_key(reason));
}

pub(super) fn count_requirement(unmet: Option<&Rejection>) {
    match unmet.map(Rejection::reason) {
        None => increment(&MET),
        Some(reason) => count(&UNMET, &reason, || requirement_key(Some(reason))),
    }
}
