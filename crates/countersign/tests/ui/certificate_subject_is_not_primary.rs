use countersign::auth::Authenticator;
use countersign::mechanism::CertificateSubjects;

fn main() {
    let _ = Authenticator::builder().primary(CertificateSubjects::new(|_| None));
}
