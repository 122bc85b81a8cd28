use countersign::mechanism::webhook::VerifiedWebhook;
use countersign::mint::{MintParameters, MintRequest};

fn chain(webhook: VerifiedWebhook) -> MintRequest {
    MintRequest::new(webhook, MintParameters::default())
}

fn main() {}
