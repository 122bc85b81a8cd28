//! The counters of judgements and requirements. Their keys are made once: counting allocates nothing, but for what
//! users' own mechanisms name.

use std::sync::LazyLock;

use metrics::{Key, Label, Level, Metadata};

use crate::credentials::Scheme;
use crate::principal::Principal;
use crate::rejection::{Reason, Rejection};

/// `countersign_judgements_total`: labels `verdict`, `scheme` of what was accepted, `reason` of what was not.
const JUDGEMENTS: &str = "countersign_judgements_total";
/// `countersign_requirements_total`: labels `verdict`, `reason`.
const REQUIREMENTS: &str = "countersign_requirements_total";

static METADATA: Metadata<'static> =
    Metadata::new("countersign", Level::INFO, Some(module_path!()));

static ACCEPTED: LazyLock<[(Scheme, Key); 3]> = LazyLock::new(|| {
    [Scheme::Bearer, Scheme::ApiKey, Scheme::Basic].map(|scheme| (scheme, of_scheme(scheme)))
});

static REFUSED: LazyLock<Vec<(Reason, Key)>> = LazyLock::new(|| {
    let reasons = Reason::ALL.iter().copied();
    reasons.map(|reason| (reason, of_reason(reason))).collect()
});

static MET: LazyLock<Key> = LazyLock::new(|| of_requirement(None));

static UNMET: LazyLock<Vec<(Reason, Key)>> = LazyLock::new(|| {
    let lacking = [
        Reason::ScopeMissing,
        Reason::PrimaryRequired,
        Reason::Denied,
        Reason::LayerMissing,
    ];
    lacking
        .map(|reason| (reason, of_requirement(Some(reason))))
        .into()
});

fn of_scheme(scheme: Scheme) -> Key {
    let labels = vec![
        Label::new("verdict", "accepted"),
        Label::new("scheme", scheme.as_str()),
        Label::new("reason", ""),
    ];
    Key::from_parts(JUDGEMENTS, labels)
}

fn of_reason(reason: Reason) -> Key {
    let labels = vec![
        Label::new("verdict", reason.kind().label()),
        Label::new("scheme", ""),
        Label::new("reason", reason.label()),
    ];
    Key::from_parts(JUDGEMENTS, labels)
}

fn of_requirement(lacking: Option<Reason>) -> Key {
    let labels = vec![
        Label::new(
            "verdict",
            lacking.map_or("accepted", |reason| reason.kind().label()),
        ),
        Label::new("reason", lacking.map_or("", Reason::label)),
    ];
    Key::from_parts(REQUIREMENTS, labels)
}

fn count<T: PartialEq>(known: &[(T, Key)], of: &T, make: impl FnOnce() -> Key) {
    match known.iter().find(|(known, _)| known == of) {
        Some((_, key)) => one(key),
        None => one(&make()),
    }
}

fn one(key: &Key) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA)).increment(1);
}

pub(super) fn accepted(principal: &Principal) {
    let scheme = principal.scheme();
    count(&*ACCEPTED, &scheme, || of_scheme(scheme));
}

pub(super) fn refused(rejection: &Rejection) {
    let reason = rejection.reason();
    count(&REFUSED, &reason, || of_reason(reason));
}

pub(super) fn required(lacking: Option<&Rejection>) {
    match lacking.map(Rejection::reason) {
        None => one(&MET),
        Some(reason) => count(&UNMET, &reason, || of_requirement(Some(reason))),
    }
}
