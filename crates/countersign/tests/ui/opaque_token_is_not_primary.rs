use countersign::auth::Authenticator;
use countersign::mechanism::OpaqueTokens;

fn chain(tokens: OpaqueTokens) {
    let _ = Authenticator::builder().primary(tokens);
}

fn main() {}
