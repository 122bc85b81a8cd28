//! HAProxy and nginx.

use std::fs;
use std::process::Command;
use std::rc::Rc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::jose::Algorithm;
use tempfile::TempDir;

use super::libraries::start_service;
use super::services::Service;
use super::wrk::Target;
use crate::in_process::material::{ISSUER, secret, token};
use crate::process::{Server, free_port, on_server_core};

const TABLE: &str = "gateways";
const PASSWORD: &str = "correct horse battery staple";

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/")
}

pub(super) fn haproxy() -> Vec<Target> {
    let folder = Rc::new(TempDir::with_prefix("countersign-performance-").unwrap());
    let public = folder.path().join("rsa.pem");
    fs::write(&public, public_pem()).unwrap();
    let hs256 = String::from_utf8(secret(Algorithm::Hs256)).unwrap();
    let keys = [
        (Algorithm::Hs256, hs256),
        (Algorithm::Rs256, public.display().to_string()),
    ];
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let answer = "http-request return status 200 content-type text/plain string ok";
    let mut frontends = vec![format!(
        "frontend none\n  bind 127.0.0.1:{}\n  {answer}\n",
        ports[0]
    )];
    for ((algorithm, key), port) in keys.iter().zip(&ports[1..]) {
        frontends.push(format!(
            "frontend {algorithm}\n  bind 127.0.0.1:{port}\n  \
             http-request set-var(txn.token) http_auth_bearer\n  \
             http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')\n  \
             http-request set-var(txn.iss) var(txn.token),jwt_payload_query('$.iss')\n  \
             http-request set-var(txn.aud) var(txn.token),jwt_payload_query('$.aud')\n  \
             http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')\n  \
             http-request set-var(txn.now) date()\n  \
             http-request deny deny_status 401 unless {{ var(txn.alg) -m str {algorithm} }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.iss) -m str {ISSUER} }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.aud) -m str {ISSUER} }}\n  \
             http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}\n  \
             http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.alg,\"{key}\") 1 }}\n  \
             {answer}\n"
        ));
    }
    let configuration = format!(
        "global\n  nbthread 1\n  maxconn 4000\ndefaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  \
         timeout connect 5s\n{}",
        frontends.concat()
    );
    let file = folder.path().join("haproxy.cfg");
    fs::write(&file, configuration).unwrap();
    let mut command = on_server_core("haproxy");
    command.args(["-db", "-q", "-f"]).arg(file);
    let server = Rc::new(Server::start(command, &ports));
    let mut targets = vec![Target::new(
        TABLE,
        "HAProxy, no authentication",
        url(ports[0]),
        &server,
    )];
    for ((algorithm, _), port) in keys.iter().zip(&ports[1..]) {
        let target = Target::new(
            TABLE,
            format!("HAProxy jwt_verify, {algorithm}"),
            url(*port),
            &server,
        );
        targets.push(target.header("authorization", format!("Bearer {}", token(*algorithm))));
    }
    targets
        .into_iter()
        .map(|target| target.keep(&folder))
        .collect()
}

/// Returns the public RSA key in PEM.
fn public_pem() -> String {
    let pair = RsaKeyPair::from_pkcs8(&secret(Algorithm::Rs256)).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}

pub(super) fn nginx() -> Vec<Target> {
    let folder = Rc::new(TempDir::with_prefix("countersign-performance-").unwrap());
    let path = folder.path();
    fs::create_dir(path.join("www")).unwrap();
    fs::write(path.join("www/index.html"), "ok").unwrap();
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, PASSWORD.as_bytes());
    fs::write(
        path.join("sha"),
        format!("ada:{{SHA}}{}\n", STANDARD.encode(sha1)),
    )
    .unwrap();
    let crypt = sha512_crypt();
    fs::write(
        path.join("crypt"),
        format!("ada:{}\n", crypt.as_deref().unwrap_or("!")),
    )
    .unwrap();
    let (trivial, trivial_url, _) = start_service(Service::Bare, Algorithm::Hs256);
    let trivial_address = trivial_url
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let ports = [(); 4].map(|()| free_port());
    let basic = |file: &str| {
        format!(
            "auth_basic api; auth_basic_user_file {};",
            path.join(file).display()
        )
    };
    let ask = "auth_request /ask; } location = /ask { internal; proxy_pass http://trivial/; \
               proxy_pass_request_body off; proxy_set_header content-length \"\"; proxy_http_version 1.1; \
               proxy_set_header connection \"\";";
    let locations = [String::new(), basic("sha"), basic("crypt"), ask.to_owned()];
    let servers = ports.iter().zip(&locations).map(|(port, location)| {
        format!(
            "server {{ listen 127.0.0.1:{port}; root {}/www; location / {{ {location} }} }}\n",
            path.display()
        )
    });
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", path.display()));
    let configuration = format!(
        "daemon off; master_process off; error_log stderr crit; pid {pid};\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 100000000; {}\
         upstream trivial {{ server {trivial_address}; keepalive 64; }}\n{} }}\n",
        temporary.concat(),
        servers.collect::<String>(),
        pid = path.join("pid").display(),
    );
    let file = path.join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let mut command = on_server_core("nginx");
    command.arg("-c").arg(&file).arg("-p").arg(path);
    let nginx = Rc::new(Server::start(command, &ports));
    let credentials = format!("Basic {}", STANDARD.encode(format!("ada:{PASSWORD}")));
    let mut targets = vec![
        Target::new(TABLE, "nginx, no authentication", url(ports[0]), &nginx),
        Target::new(TABLE, "nginx auth_basic, {SHA}", url(ports[1]), &nginx)
            .header("authorization", &credentials),
        Target::new(
            TABLE,
            "nginx auth_request, trivial backend",
            url(ports[3]),
            &nginx,
        )
        .also(&trivial),
    ];
    if crypt.is_some() {
        let target = Target::new(
            TABLE,
            "nginx auth_basic, SHA-512 crypt",
            url(ports[2]),
            &nginx,
        );
        targets.push(target.header("authorization", &credentials));
    }
    let targets = targets.into_iter();
    targets.map(|target| target.keep(&folder)).collect()
}

/// Returns the hash that `crypt` makes, if openssl is installed.
fn sha512_crypt() -> Option<String> {
    let arguments = ["passwd", "-6", "-salt", "countersign", PASSWORD];
    let output = Command::new("openssl").args(arguments).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
