//! External issuers, whose tokens are accepted outside the token endpoints.

use countersign::mechanism::Jwt;
use countersign::token::TrustedIssuer;
use countersign_cli::config::{Config, TrustSettings, TrustedName};
use countersign_cli::error::CommandError;
use countersign_cli::issuer::ConfiguredIssuer;

/// Starts to fetch the keys of all external issuers, and returns the issuers.
pub(crate) fn external_issuers(
    config: &Config,
    own: &[ConfiguredIssuer],
) -> Result<Vec<TrustedIssuer>, CommandError> {
    let trusted = config.trust.iter().map(|settings| {
        let error = |text: &str| CommandError::new(format!("[trust.{}]: {text}", settings.name));
        let issuer = trust(settings).map_err(|invalid| error(&invalid.to_string()))?;
        if own.iter().any(|own| own.issuer.url() == issuer.url()) {
            return Err(error(
                "this is an issuer of this server, whose tokens are accepted already",
            ));
        }
        tracing::info!(
            name = &*settings.name,
            url = issuer.url(),
            "external issuer configured"
        );
        Ok(issuer)
    });
    trusted.collect()
}

fn trust(settings: &TrustSettings) -> Result<TrustedIssuer, countersign::remote::RemoteError> {
    let mut issuer = match &settings.issuer {
        TrustedName::Issuer(url) => Jwt::issuer(url.as_str()),
        TrustedName::TrustDomain(name) => Jwt::trust_domain(name),
    };
    for audience in &settings.audiences {
        issuer = issuer.audience(audience.clone());
    }
    if let Some(url) = &settings.jwks_url {
        issuer = issuer.jwks_url(url);
    }
    if let Some(file) = &settings.ca_file {
        issuer = issuer.ca_file(file);
    }
    if let Some(file) = &settings.fetch_token_file {
        issuer = issuer.fetch_token_file(file);
    }
    if !settings.types.is_empty() {
        issuer = issuer.accepted_types(settings.types.clone());
    }
    if let Some(bytes) = settings.max_token_size {
        issuer = issuer.max_token_len(bytes);
    }
    if let Some(claim) = &settings.audience_claim {
        issuer = issuer.audience_claim(claim.clone());
    }
    if let Some(claim) = &settings.subject_claim {
        issuer = issuer.subject_claim(claim.clone());
    }
    if !settings.scopes_from.is_empty() {
        issuer = issuer.scopes_from(settings.scopes_from.clone());
    }
    if settings.scope_patterns {
        issuer = issuer.scope_patterns();
    }
    if !settings.tenants.is_empty() {
        issuer = issuer.tenants(settings.tenants.clone());
    }
    if let Some(leeway) = settings.leeway {
        issuer = issuer.leeway(leeway);
    }
    if let Some(longest) = settings.max_lifetime {
        issuer = issuer.max_lifetime(longest);
    }
    issuer.trust()
}
