use countersign::auth::Authenticator;
use countersign::mechanism::Jwt;

fn main() {
    let _ = Authenticator::builder().primary(Jwt::new([]));
}
