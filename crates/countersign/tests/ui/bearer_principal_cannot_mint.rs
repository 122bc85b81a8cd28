use countersign::Principal;
use countersign::mint::{MintParameters, MintRequest};

fn chain(bearer: Principal) -> MintRequest {
    MintRequest::new(bearer, MintParameters::default())
}

fn main() {}
