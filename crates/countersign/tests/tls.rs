//! Servers over TLS: the deadline of the handshake, the certificates of clients, and new certificates of the server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign::tls::{TlsAcceptor, TlsAcceptorBuilder, TlsError, TlsStream};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as ClientStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const URI: &str = "spiffe://acme.example/billing";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The files of a server, whose certificate is of the authority.
struct Files {
    folder: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
            authority: authority(),
        };
        fs::write(files.path("authority.pem"), files.authority.pem()).unwrap();
        files.write_server(2100);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a new certificate of `localhost` that expires at the start of this year.
    fn write_server(&self, year: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        fs::write(self.path("server.pem"), certificate.pem()).unwrap();
        fs::write(self.path("server.key"), key.serialize_pem()).unwrap();
    }

    fn builder(&self) -> TlsAcceptorBuilder {
        TlsAcceptor::pem_files(self.path("server.pem"), self.path("server.key"))
            .client_authorities(self.path("authority.pem"))
    }

    fn acceptor(&self) -> TlsAcceptor {
        self.builder().build().unwrap()
    }

    /// Connects a client, which trusts the authority, and returns both ends of the connection.
    async fn connect(
        &self,
        acceptor: &TlsAcceptor,
        client: Option<&Authority>,
        protocols: &[&str],
    ) -> std::io::Result<(TlsStream<DuplexStream>, ClientStream<DuplexStream>)> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let key = KeyPair::generate().unwrap();
                let mut params = CertificateParams::new([]).unwrap();
                let uri = SanType::URI(URI.try_into().unwrap());
                params.subject_alt_names.push(uri);
                let certificate = params.signed_by(&key, authority).unwrap();
                let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
                let chain = vec![certificate.der().clone()];
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        let connector = TlsConnector::from(Arc::new(config));
        let (near, far) = duplex(64 * 1024);
        let connect = connector.connect("localhost".try_into().unwrap(), near);
        let (accepted, connected) = tokio::join!(acceptor.accept(far), connect);
        Ok((accepted?, connected?))
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_sends_nothing_or_half_a_greeting_is_disconnected_at_the_deadline() {
    let files = Files::new();
    let patient = files.builder().handshake_timeout(Duration::from_secs(60));
    let patient = patient.build().unwrap();
    for (acceptor, seconds) in [(files.acceptor(), 10), (patient, 60)] {
        // The start of a handshake record (RFC 8446 §5.1).
        for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
            let (mut client, server) = duplex(1024);
            client.write_all(sent).await.unwrap();
            let begun = Instant::now();
            // A test that waits in vain ends all the same: the clock is paused.
            let day = Duration::from_secs(86_400);
            let accepted = tokio::time::timeout(day, acceptor.accept(server)).await;
            let error = accepted.expect("there is a deadline").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(begun.elapsed().as_secs(), seconds);
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "it is closed");
        }
    }
}

#[tokio::test]
async fn stream_has_the_certificate_of_the_client_and_what_both_sides_send() {
    let files = Files::new();
    let acceptor = files.acceptor();
    let own = Some(&files.authority);
    let (mut server, mut client) = files.connect(&acceptor, own, &[]).await.unwrap();
    let certificate = server.client_certificate().unwrap();
    assert!(certificate.uris().eq([URI]), "{certificate:?}");
    client.write_all(b"ping").await.unwrap();
    let mut received = [0; 4];
    server.read_exact(&mut received).await.unwrap();
    server.write_all(&received).await.unwrap();
    server.shutdown().await.unwrap();
    let mut returned = Vec::new();
    client.read_to_end(&mut returned).await.unwrap();
    assert_eq!(returned, b"ping");
}

#[tokio::test]
async fn client_without_a_certificate_has_none_and_one_of_another_authority_is_not_accepted() {
    let files = Files::new();
    let acceptor = files.acceptor();
    let (server, _) = files.connect(&acceptor, None, &[]).await.unwrap();
    assert_eq!(server.client_certificate(), None);
    let other = authority();
    assert!(files.connect(&acceptor, Some(&other), &[]).await.is_err());
    // Without authorities, no certificate is asked for.
    let acceptor = TlsAcceptor::pem_files(files.path("server.pem"), files.path("server.key"));
    let acceptor = acceptor.build().unwrap();
    let (server, _) = files.connect(&acceptor, Some(&other), &[]).await.unwrap();
    assert_eq!(server.client_certificate(), None);
}

#[tokio::test]
async fn http2_is_offered_only_if_the_server_speaks_it() {
    let files = Files::new();
    let chosen = async |acceptor: TlsAcceptor| {
        let (_, client) = files
            .connect(&acceptor, None, &["h2", "http/1.1"])
            .await
            .unwrap();
        client.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)
    };
    assert_eq!(chosen(files.acceptor()).await.unwrap(), b"http/1.1");
    let http2 = files.builder().http2().build().unwrap();
    assert_eq!(chosen(http2).await.unwrap(), b"h2");
}

fn year(acceptor: &TlsAcceptor) -> String {
    acceptor.expires_at().unwrap().to_rfc3339()[..4].to_owned()
}

#[tokio::test]
async fn certificate_is_replaced_when_its_file_changes_and_a_broken_one_is_not_used() {
    let files = Files::new();
    let acceptor = files.acceptor();
    assert!(!acceptor.reload().unwrap(), "nothing has changed");
    assert_eq!(year(&acceptor), "2100");
    files.write_server(2090);
    assert!(acceptor.reload_if_changed().unwrap());
    assert_eq!(year(&acceptor), "2090");
    files.connect(&acceptor, None, &[]).await.unwrap();

    fs::write(files.path("server.pem"), "broken").unwrap();
    assert!(acceptor.reload_if_changed().is_err());
    assert!(acceptor.reload().is_err());
    assert_eq!(year(&acceptor), "2090");
    files.connect(&acceptor, None, &[]).await.unwrap();
    files.write_server(2095);
    assert!(acceptor.reload().unwrap());
    assert_eq!(year(&acceptor), "2095");
}

#[test]
fn error_names_the_file_and_repeats_nothing_of_it() {
    let files = Files::new();
    let other_key = KeyPair::generate().unwrap().serialize_pem();
    let canary = "-----BEGIN CANARY-----\ncanary\n";
    for name in ["server.pem", "server.key", "authority.pem"] {
        let right = fs::read(files.path(name)).unwrap();
        for content in [
            "",
            "canary",
            canary,
            &other_key,
            &"#".repeat(1024 * 1024 + 1),
        ] {
            fs::write(files.path(name), content).unwrap();
            let error = files.builder().build().unwrap_err();
            assert!(matches!(error, TlsError::Content { .. }), "{error}");
            let text = format!("{error} {error:?}");
            assert!(text.contains(name), "{text}");
            assert!(
                !text.contains("canary") && !text.contains("CANARY"),
                "{text}"
            );
        }
        fs::remove_file(files.path(name)).unwrap();
        let error = files.builder().build().unwrap_err();
        assert!(matches!(error, TlsError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
        fs::write(files.path(name), right).unwrap();
    }
}
