use countersign_tests::{Craft, gate, keys};

#[test]
fn bearer_accepted_for_each_algorithm_when_nothing_is_wrong_with_it() {
    for (gate, keys) in [
        (&gate::PUBLIC, keys::public_keys().collect::<Vec<_>>()),
        (&gate::SECRET, keys::secret_keys().collect()),
    ] {
        for key in keys {
            for craft in Craft::both() {
                let token = craft.key(key).token();
                gate.send(token).accepted(key.algorithm.as_str());
            }
        }
    }
}
