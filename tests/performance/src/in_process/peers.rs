//! Other crates, configured as their documentation does, with keys that are there from the start.

use countersign::jose::Algorithm;
use http::HeaderName;
use serde::Deserialize;
use tower::{Layer as _, Service as _};

use super::Make;
use super::material::{ISSUER, Material, bearer, jwks, secret, token};
use crate::requests::{EmptyService, drive, request, requests};
use crate::timing::Run;

pub(super) const LAYERS: [(&str, Make); 4] = [
    ("tower-jwt", |_, algorithm| tower_jwt(algorithm.unwrap())),
    ("jwt-authorizer", |material, algorithm| {
        let layer = jwt_authorizer(material, algorithm.unwrap());
        let service = layer.layer(EmptyService::<axum_07::body::Body>::new());
        accepted(service, algorithm.unwrap())
    }),
    ("axum-jwt-auth", |_, algorithm| {
        axum_jwt_auth(algorithm.unwrap())
    }),
    ("tower-oauth2-resource-server", |material, algorithm| {
        oauth2_resource_server(material, algorithm.unwrap())
    }),
];

/// The claims that crates parse: those of RFC 9068 that our tokens have.
#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "parsing them is measured")]
struct Claims {
    iss: String,
    sub: String,
    aud: serde_json::Value,
    exp: u64,
    iat: u64,
    jti: String,
    scope: String,
}

fn accepted<S, B>(service: S, algorithm: Algorithm) -> Run
where
    S: tower::Service<http::Request<()>, Response = http::Response<B>> + 'static,
    S::Error: std::fmt::Debug,
{
    let value = bearer(&token(algorithm));
    requests(service, "authorization", vec![value], 200)
}

/// Returns the key that verifies, and what is checked of a token, for a version of jsonwebtoken.
macro_rules! key_of {
    ($version:ident, $algorithm:ident) => {{
        use $version::jwk::JwkSet;
        use $version::{DecodingKey, Validation};

        let key = match $algorithm {
            Algorithm::Hs256 => DecodingKey::from_secret(&secret($algorithm)),
            _ => {
                let jwks: JwkSet = serde_json::from_str(&jwks($algorithm)).unwrap();
                DecodingKey::from_jwk(&jwks.keys[0]).unwrap()
            }
        };
        let mut validation = Validation::new($algorithm.as_str().parse().unwrap());
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        validation.validate_nbf = true;
        (key, validation)
    }};
}

fn tower_jwt(algorithm: Algorithm) -> Run {
    let (key, validation) = key_of!(jsonwebtoken_09, algorithm);
    let layer = tower_jwt::JwtLayer::<Claims, _>::new(validation, key);
    accepted(layer.layer(EmptyService::<()>::new()), algorithm)
}

/// Returns the layer of jwt-authorizer.
pub(crate) fn jwt_authorizer(
    material: &Material,
    algorithm: Algorithm,
) -> jwt_authorizer::layer::AuthorizationLayer<jwt_authorizer::RegisteredClaims> {
    use jwt_authorizer::{Authorizer, IntoLayer as _, JwtAuthorizer, RegisteredClaims, Validation};

    let validation = Validation::new().iss(&[ISSUER]).aud(&[ISSUER]).nbf(true);
    let builder: JwtAuthorizer<RegisteredClaims> = match algorithm {
        Algorithm::Hs256 => {
            let secret = String::from_utf8(secret(algorithm)).unwrap();
            JwtAuthorizer::from_secret(&secret)
        }
        _ => JwtAuthorizer::from_jwks_text(&jwks(algorithm)),
    };
    let authorizer = material.block_on(builder.validation(validation).build());
    let authorizer: Authorizer<RegisteredClaims> = authorizer.unwrap();
    authorizer.into_layer()
}

fn axum_jwt_auth(algorithm: Algorithm) -> Run {
    use std::sync::Arc;

    use axum::extract::FromRequestParts as _;

    #[derive(Clone)]
    struct State(axum_jwt_auth::Decoder<Claims>);

    impl axum::extract::FromRef<State> for axum_jwt_auth::Decoder<Claims> {
        fn from_ref(state: &State) -> Self {
            Arc::clone(&state.0)
        }
    }

    let (key, validation) = key_of!(jsonwebtoken_10, algorithm);
    let decoder = axum_jwt_auth::LocalDecoder::new(vec![key], validation).unwrap();
    let state = State(Arc::new(decoder));
    let mut inner = EmptyService::<()>::new();
    let (name, value) = (
        HeaderName::from_static("authorization"),
        bearer(&token(algorithm)),
    );
    Box::new(move |times| {
        for _ in 0..times {
            let (mut parts, body) = request(&name, &value).into_parts();
            let claims = axum_jwt_auth::Claims::<Claims>::from_request_parts(&mut parts, &state);
            let claims = drive(claims);
            assert!(claims.is_ok(), "the token is accepted");
            let request = http::Request::from_parts(parts, body);
            drop(drive(inner.call(request)).unwrap());
        }
    })
}

fn oauth2_resource_server(material: &Material, algorithm: Algorithm) -> Run {
    use tower_oauth2_resource_server::server::OAuth2ResourceServer;
    use tower_oauth2_resource_server::tenant::TenantConfiguration;

    let tenant = TenantConfiguration::static_builder(jwks(algorithm))
        .identifier(ISSUER)
        .audiences(&[ISSUER])
        .allowed_algorithms(&[super::raw::name(algorithm)]);
    let server = <OAuth2ResourceServer>::builder().add_tenant(tenant.build().unwrap());
    let server = material.block_on(server.build()).unwrap();
    let layer = server.into_layer::<()>();
    accepted(layer.layer(EmptyService::<()>::new()), algorithm)
}
