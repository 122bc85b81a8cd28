//! The programs for webhooks and client certificates, with requests of curl that openssl signs.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

use crate::program::{Program, curl};

/// Runs a program with this input, and returns what it prints.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    let command = command.args(arguments).stdin(Stdio::piped());
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    process.wait_with_output().unwrap().stdout
}

/// Posts a body with curl, and returns the body and the status of the response.
fn post(url: &str, headers: &[String], body: &str) -> String {
    let mut arguments = vec!["-sS", "-w", " %{http_code}", "--data-binary", "@-", url];
    for header in headers {
        arguments.extend(["-H", header]);
    }
    String::from_utf8(run("curl", &arguments, body.as_bytes())).unwrap()
}

const GITHUB: &str = "5f3a9c1e7b2d4086a1c3e5f7";
const STRIPE: &str = "whsec_0b1c2d3e4f5a69788796a5b4";
/// 24 bytes, whose hexadecimal digits are those after `hexkey:`.
const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const STANDARD_HEX: &str = "hexkey:31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0";

/// Returns the HMAC-SHA256 of a text in hexadecimal digits, as `openssl dgst -hmac` prints it.
fn hmac_hex(secret: &str, text: &str) -> String {
    let printed = run(
        "openssl",
        &["dgst", "-sha256", "-hmac", secret],
        text.as_bytes(),
    );
    let printed = String::from_utf8(printed).unwrap();
    printed.trim().rsplit(' ').next().unwrap().to_owned()
}

/// Returns the HMAC-SHA256 of a text in base64.
fn hmac_base64(hexkey: &str, text: &str) -> String {
    let arguments = [
        "dgst", "-sha256", "-mac", "HMAC", "-macopt", hexkey, "-binary",
    ];
    let signature = run("openssl", &arguments, text.as_bytes());
    let base64 = run("openssl", &["base64", "-A"], &signature);
    String::from_utf8(base64).unwrap().trim().to_owned()
}

fn seconds_ago(seconds: u64) -> String {
    // The programs use the clock of the system.
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs under test use it too"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_secs() - seconds).to_string()
}

/// Returns the headers of a webhook that is signed as this path expects.
fn sign(path: &str, seconds: &str, body: &str) -> Vec<String> {
    match path {
        "/github" => vec![format!(
            "x-hub-signature-256: sha256={}",
            hmac_hex(GITHUB, body)
        )],
        "/stripe" => {
            let signature = hmac_hex(STRIPE, &format!("{seconds}.{body}"));
            vec![format!("stripe-signature: t={seconds},v1={signature}")]
        }
        _ => {
            let signature = hmac_base64(STANDARD_HEX, &format!("msg_1.{seconds}.{body}"));
            vec![
                "webhook-id: msg_1".to_owned(),
                format!("webhook-timestamp: {seconds}"),
                format!("webhook-signature: v1,{signature}"),
            ]
        }
    }
}

#[test]
fn webhook_accepts_what_openssl_signed_and_rejects_what_was_changed() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook"));
    let secrets = [("GITHUB_SECRET", GITHUB), ("STRIPE_SECRET", STRIPE)];
    command.envs(secrets).env("STANDARD_SECRET", STANDARD);
    let program = Program::start(&mut command, 1);
    let body = "{\"a\": 1,\r\n\t\"b\": \"\u{e9}\"}";
    for (path, provider) in [
        ("/github", "github"),
        ("/stripe", "stripe"),
        ("/standard", "standard_webhooks"),
    ] {
        let url = program.url(path);
        let signed = sign(path, &seconds_ago(0), body);
        let accepted = post(&url, &signed, body);
        assert_eq!(accepted, format!("{provider} sent {body} 200"));
        // Providers deliver a webhook again, for example after a response that they did not get.
        assert_eq!(post(&url, &signed, body), accepted);
        for changed in [body.replace('1', "2"), format!("{body} "), String::new()] {
            assert_eq!(post(&url, &signed, &changed), " 401", "{path}");
        }
        assert_eq!(post(&url, &[], body), " 401", "{path}");
        let large = "x".repeat(1024 * 1024 + 1);
        let signed = sign(path, &seconds_ago(0), &large);
        assert_eq!(post(&url, &signed, &large), " 413", "{path}");
        if path != "/github" {
            let old = sign(path, &seconds_ago(3600), body);
            assert_eq!(post(&url, &old, body), " 401", "replayed");
            let now = seconds_ago(0);
            let time = old.iter().find_map(|header| {
                header.split(['=', ',', ' ']).find(|part| {
                    part.len() == now.len() && part.bytes().all(|byte| byte.is_ascii_digit())
                })
            });
            let time = time.unwrap();
            let moved: Vec<_> = old
                .iter()
                .map(|header| header.replace(time, &now))
                .collect();
            assert_eq!(post(&url, &moved, body), " 401", "with a new timestamp");
        }
    }
}

/// Writes a certificate and its key in PEM, and returns their paths.
fn write(folder: &Path, name: &str, certificate: &str, key: &KeyPair) -> [String; 2] {
    [("pem", certificate), ("key", key.serialize_pem().as_str())].map(|(end, text)| {
        let path = folder.join(format!("{name}.{end}"));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    })
}

#[test]
fn client_certificate_accepts_the_certificates_of_its_workloads_only() {
    let folder = tempfile::tempdir().unwrap();
    let authority = || {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "authority");
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (own, other) = (authority(), authority());
    let [authority, _] = write(folder.path(), "authority", &own.pem(), own.key());
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &own).unwrap();
    let [certificate, key] = write(folder.path(), "server", &server.pem(), &key);
    let mut command = Command::new(env!("CARGO_BIN_EXE_client_certificate"));
    let program = Program::start(command.args([&certificate, &key, &authority]), 1);

    let url = program.url("/calls");
    let get =
        |arguments: &[&str]| curl(&[&["--cacert", &*authority, &*url][..], arguments].concat());
    let client = |issuer: &CertifiedIssuer<'_, KeyPair>, name: &str, uri: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        let uri = SanType::URI(uri.try_into().unwrap());
        params.subject_alt_names.push(uri);
        let certificate = params.signed_by(&key, issuer).unwrap();
        write(folder.path(), name, &certificate.pem(), &key)
    };
    let [billing, key] = client(&own, "billing", "spiffe://acme.example/billing");
    let billing = ["--cert", &billing, "--key", &key];
    assert_eq!(
        get(&billing),
        "the calls of spiffe://acme.example/billing 200"
    );
    let bearer = [&billing[..], &["-H", "authorization: Bearer x"]].concat();
    assert_eq!(
        get(&bearer),
        " 401",
        "a header counts in place of the certificate"
    );
    let [unknown, key] = client(&own, "unknown", "spiffe://acme.example.test/billing");
    assert_eq!(get(&["--cert", &unknown, "--key", &key]), " 401");
    assert_eq!(get(&[]), " 401", "without a certificate");
    let [forged, key] = client(&other, "forged", "spiffe://acme.example/billing");
    assert_eq!(
        get(&["--cert", &forged, "--key", &key]),
        " 000",
        "no connection"
    );
}
