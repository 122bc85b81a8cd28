use countersign::auth::Authenticator;
use countersign::credentials::CookieName;
use countersign::mechanism::Jwt;

fn chain(jwt: Jwt, name: CookieName) {
    let _ = Authenticator::builder().primary(jwt.in_cookie(name));
}

fn main() {}
