//! Sections of PEM files (RFC 7468), as configuration files and environment variables contain them: indented, with `\n` as
//! two characters, or with a byte order mark.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The labels that error messages name.
const KNOWN: [&str; 10] = [
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "CERTIFICATE",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "CERTIFICATE REQUEST",
    "X509 CRL",
];

/// A section: its label, and its content in DER.
pub(super) struct Section {
    pub(super) label: &'static str,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// Returns the only section of a file. Parameters of a curve beside a key do not count.
///
/// # Errors
///
/// Returns what was found in place of one section.
pub(super) fn only_section(pem: &[u8]) -> Result<Section, &'static str> {
    let text = std::str::from_utf8(pem).map_err(|_| "bytes that are not text")?;
    let text = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
    let sections = text
        .split("-----BEGIN ")
        .skip(1)
        .filter_map(|rest| rest.split_once("-----"));
    let mut sections = sections.filter(|(label, _)| *label != "EC PARAMETERS");
    let (label, rest) = match (sections.next(), sections.next()) {
        (Some(section), None) => section,
        (None, _) => return Err("no PEM section"),
        (Some(_), Some(_)) => return Err("several PEM sections"),
    };
    let label = KNOWN.into_iter().find(|known| *known == label);
    let label = label.ok_or("a PEM section of another kind")?;
    let body = rest.split("-----END").next().unwrap_or_default();
    let base64: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    let der = STANDARD
        .decode(&*base64)
        .map_err(|_| "a PEM section that is not base64")?;
    let der = Zeroizing::new(der);
    Ok(Section { label, der })
}

/// Writes a section, with 64 characters in each line (RFC 7468 §2).
pub(super) fn section(label: &str, der: &[u8]) -> String {
    let mut section = format!("-----BEGIN {label}-----\n");
    for (index, character) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            section.push('\n');
        }
        section.push(character);
    }
    section.push_str(&format!("\n-----END {label}-----\n"));
    section
}
