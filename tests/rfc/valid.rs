//! Valid tokens.

use countersign_tests::{TokenBuilder, harness, keys};

#[test]
fn valid_bearer_is_accepted_for_each_algorithm() {
    for (harness, keys) in [
        (
            &harness::PUBLIC_KEYS,
            keys::public_keys().collect::<Vec<_>>(),
        ),
        (&harness::HMAC_KEYS, keys::secret_keys().collect()),
    ] {
        for key in keys {
            for builder in TokenBuilder::for_both_issuers() {
                let token = builder.key(key).token();
                harness.send(token).accepted(key.algorithm.as_str());
            }
        }
    }
}
