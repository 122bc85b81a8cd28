//! `client_ca` and `clients` in `[server.tls]`: certificates of clients, mapped to stored credentials.

use std::fs;

use countersign_tests::Authority;
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Home, Server, TlsFiles};

const URI: &str = "spiffe://acme.example/billing";

/// Returns the configuration with these names of clients and ids of credentials.
fn configuration(files: &TlsFiles<'_>, clients: &[(&str, &str)]) -> String {
    let tls = files.section(2100);
    let authority = files.path("authority.pem");
    let clients = clients
        .iter()
        .map(|(name, id)| format!("{name:?} = {id:?}\n"));
    let clients: String = clients.collect();
    format!("{tls}client_ca = {authority:?}\n[server.tls.clients]\n{clients}")
}

/// Returns the status at the end of what curl printed.
fn status(printed: &str) -> &str {
    printed.trim_end().rsplit(' ').next().unwrap()
}

#[test]
fn certificate_of_a_client_is_authenticated_as_its_credential_and_mints() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    let key = home.create_key("calls:read");
    let text = configuration(&files, &[(URI, &key.id)]);
    let server = Server::start(&home, &["--config", &home.configure(&text)]);
    let [cert, private] = files.write("client", &files.authority.client(URI));
    let certificate = ["--cert", &*cert, "--key", &*private];
    let send = |path: &str, arguments: &[&str]| files.curl(&server, path, arguments);
    let with = |arguments: &[&'static str]| [&certificate[..], arguments].concat();

    let shown = send("/whoami", &certificate);
    let (body, code) = shown.trim_end().rsplit_once(' ').unwrap();
    assert_eq!(code, "200", "{shown}");
    let shown: Value = serde_json::from_str(body).unwrap();
    assert_eq!(shown["subject"], *key.id);
    assert_eq!(shown["scheme"], "client_certificate");

    let grant = ["-d", "grant_type=client_credentials"];
    let minted = send("/oauth/token", &with(&grant));
    let (body, code) = minted.trim_end().rsplit_once(' ').unwrap();
    assert_eq!(code, "200", "{minted}");
    let minted: Value = serde_json::from_str(body).unwrap();
    let token = minted["access_token"].as_str().unwrap();
    let bearer = format!("authorization: Bearer {token}");
    assert_eq!(status(&send("/whoami", &["-H", &bearer])), "200");

    // Credentials in headers count in place of the certificate.
    let wrong = with(&["-H", "authorization: Bearer a.b.c"]);
    assert_eq!(status(&send("/whoami", &wrong)), "401");
    assert_eq!(status(&send("/admin/v1/keys", &certificate)), "403");
    assert_eq!(status(&send("/whoami", &[])), "401");
    let cross_site = with(&[
        "-H",
        "sec-fetch-site: cross-site",
        "-d",
        "grant_type=client_credentials",
    ]);
    assert_eq!(status(&send("/oauth/token", &cross_site)), "403");

    home.run(&["key", "revoke", &key.id]);
    assert_eq!(status(&send("/whoami", &certificate)), "401");
    assert_eq!(status(&send("/whoami", &["-H", &bearer])), "401");
}

#[test]
fn certificate_without_a_credential_is_rejected_and_one_of_another_authority_does_not_connect() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    let (key, other) = (home.create_key("calls:read"), home.create_key("calls:read"));
    let by_fingerprint = files.authority.client("spiffe://acme.example/other");
    let fingerprint = {
        let der = by_fingerprint.certificate.der();
        let certificate = countersign::credentials::ClientCertificate::from_der(der);
        certificate.unwrap().fingerprint().to_owned()
    };
    let clients = [(URI, &*key.id), (&*fingerprint, &*other.id)];
    let text = configuration(&files, &clients);
    let config = home.configure(&text);
    let server = Server::start(&home, &["--config", &config]);
    let request = |name: &str, issued: &_| {
        let [cert, private] = files.write(name, issued);
        files.curl(&server, "/whoami", &["--cert", &cert, "--key", &private])
    };
    let accepted = request("fingerprint", &by_fingerprint);
    assert!(accepted.contains(&other.id), "{accepted}");
    let longer = files.authority.client(&format!("{URI}/x"));
    assert_eq!(status(&request("unknown", &longer)), "401");
    let forged = Authority::default().client(URI);
    assert_eq!(status(&request("forged", &forged)), "000");

    // A client that is removed from the configuration is rejected after it is read again.
    let text = text.replace(&format!("{fingerprint:?} = {:?}\n", other.id), "");
    fs::write(&config, text).unwrap();
    server.send_signal(Signal::HUP, "configuration applied");
    assert_eq!(status(&request("fingerprint", &by_fingerprint)), "401");
}

#[test]
fn certificate_of_a_gateway_is_not_that_of_the_request_it_asks_about() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    let key = home.create_key("calls:read");
    let text = configuration(&files, &[(URI, &key.id)]);
    let gateway = "[server]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let rules = "[[gateway.rules]]\npath = \"/**\"\nallow = \"authenticated\"\n";
    let config = home.configure(&format!("{gateway}{text}{rules}"));
    let server = Server::start(&home, &["--config", &config]);
    let [cert, private] = files.write("client", &files.authority.client(URI));
    let original = [
        "-H",
        "x-forwarded-method: GET",
        "-H",
        "x-forwarded-uri: /calls",
    ];
    let certificate = ["--cert", &*cert, "--key", &*private];
    let ask = |headers: &[&str]| {
        let arguments = [&certificate[..], &original, headers].concat();
        files.curl(&server, "/forward-auth", &arguments)
    };
    assert_eq!(status(&ask(&[])), "401");
    let header = format!("x-api-key: {}", key.key);
    assert_eq!(status(&ask(&["-H", &header])), "200");
}

// A page of the dashboard that a script controls could use the certificate as it uses the cookie.
#[test]
fn certificate_of_the_connection_does_not_confirm_a_change_in_the_dashboard() {
    let home = Home::new();
    let files = TlsFiles::new(&home);
    let key = home.create_key("*");
    let text = configuration(&files, &[(URI, &key.id)]);
    let server = Server::start(&home, &["--config", &home.configure(&text)]);
    let [cert, private] = files.write("client", &files.authority.client(URI));
    let origin = format!("origin: https://localhost:{}", server.address().port());
    let jar = files.path("cookies");
    let browser = [
        "--cert", &*cert, "--key", &*private, "-c", &*jar, "-b", &*jar, "-H", &*origin, "-X",
        "POST",
    ];
    let send = |path: &str, arguments: &[&str]| {
        let path = format!("/dashboard/api{path}");
        files.curl(&server, &path, &[&browser[..], arguments].concat())
    };
    let header = format!("x-api-key: {}", key.key);
    let signed_in = send("/sign-in", &["-H", &header]);
    assert_eq!(status(&signed_in), "200", "{signed_in}");
    let new = ["-d", r#"{"name":"other","scopes":["calls:read"]}"#];
    let json = [&new[..], &["-H", "content-type: application/json"]].concat();
    let unconfirmed = send("/v1/keys", &json);
    assert_eq!(status(&unconfirmed), "403", "{unconfirmed}");
    assert!(
        unconfirmed.contains("confirmation_required"),
        "{unconfirmed}"
    );
    let confirmed = send("/v1/keys", &[&json[..], &["-H", &*header]].concat());
    assert_eq!(status(&confirmed), "201", "{confirmed}");
}
