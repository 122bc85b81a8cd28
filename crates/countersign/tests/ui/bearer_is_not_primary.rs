use countersign::auth::PrimaryAuthenticator;
use countersign::mechanism::Jwt;

fn main() {
    let _ = PrimaryAuthenticator::builder().primary(Jwt::new([]));
}
