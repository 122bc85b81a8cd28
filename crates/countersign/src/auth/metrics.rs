//! The counters of the feature `metrics`. The keys are made once, so that counting allocates nothing except for the schemes and
//! reasons of users' own mechanisms and requirements.

use std::sync::LazyLock;

use metrics::{Key, Level, Metadata};

use crate::credentials::Scheme;
use crate::principal::Principal;
use crate::rejection::{Reason, Rejection};

/// `countersign_authentications_total`: labels `outcome`, `scheme` (if accepted) and `reason` (if
/// rejected).
const AUTHENTICATIONS: &str = "countersign_authentications_total";
/// `countersign_requirements_total`: labels `outcome` and `reason` (if rejected).
const REQUIREMENTS: &str = "countersign_requirements_total";

static METADATA: Metadata<'static> =
    Metadata::new("countersign", Level::INFO, Some(module_path!()));

static ACCEPTED: LazyLock<[(Scheme, Key); 4]> = LazyLock::new(|| {
    let schemes = [
        Scheme::Bearer,
        Scheme::ApiKey,
        Scheme::Basic,
        Scheme::ClientCertificate,
    ];
    schemes.map(|scheme| (scheme, accepted_key(scheme)))
});
static REJECTED: LazyLock<KeysByReason> = LazyLock::new(|| KeysByReason::new(rejected_key));
static MET: LazyLock<Key> =
    LazyLock::new(|| Key::from_parts(REQUIREMENTS, &[("outcome", "accepted")]));
static UNMET: LazyLock<KeysByReason> = LazyLock::new(|| KeysByReason::new(unmet_key));

/// The keys of all reasons of this crate.
struct KeysByReason {
    known: Vec<Key>,
    make: fn(Reason) -> Key,
}

impl KeysByReason {
    fn new(make: fn(Reason) -> Key) -> Self {
        let known = Reason::ALL.iter().map(|reason| make(*reason)).collect();
        Self { known, make }
    }

    fn increment(&self, reason: Reason) {
        let index = Reason::ALL.iter().position(|known| *known == reason);
        match index.and_then(|index| self.known.get(index)) {
            Some(key) => increment(key),
            None => increment(&(self.make)(reason)),
        }
    }
}

fn rejected_key(reason: Reason) -> Key {
    authentication_key(reason.kind().label(), ("reason", reason.label()))
}

fn unmet_key(reason: Reason) -> Key {
    let labels = [
        ("outcome", reason.kind().label()),
        ("reason", reason.label()),
    ];
    Key::from_parts(REQUIREMENTS, &labels)
}

fn accepted_key(scheme: Scheme) -> Key {
    authentication_key("accepted", ("scheme", scheme.as_str()))
}

/// Returns a key with two labels. Recorders compare it at each request, and the labels of a longer key are sorted for that.
fn authentication_key(outcome: &'static str, detail: (&'static str, &'static str)) -> Key {
    Key::from_parts(AUTHENTICATIONS, &[("outcome", outcome), detail])
}

fn increment(key: &Key) {
    metrics::with_recorder(|recorder| recorder.register_counter(key, &METADATA)).increment(1);
}

pub(super) fn count_accepted(principal: &Principal) {
    count_accepted_scheme(principal.scheme());
}

/// Counts an accepted request that has no principal.
pub(super) fn count_accepted_scheme(scheme: Scheme) {
    match ACCEPTED.iter().find(|(known, _)| *known == scheme) {
        Some((_, key)) => increment(key),
        None => increment(&accepted_key(scheme)),
    }
}

/// Counts a rejection. A request whose credentials are missing or malformed counts too.
pub(super) fn count_rejected(rejection: &Rejection) {
    REJECTED.increment(rejection.reason());
}

/// Counts the result of a requirement.
pub(crate) fn count_requirement(result: &Result<(), Rejection>) {
    match result {
        Ok(()) => increment(&MET),
        Err(unmet) => UNMET.increment(unmet.reason()),
    }
}
