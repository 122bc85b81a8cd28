//! Gateways as they are packaged, with the configurations of `examples/gateways`, in front of a service.
//!
//! nginx and HAProxy are packages of Debian; Caddy and Envoy are pinned in `tests/third_party`. `tests/setup` installs them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the harness belongs to the tests of the server"
)]

mod behaviour;
mod client;
mod documented;
mod fixture;
mod gateway;
#[path = "../server/harness/mod.rs"]
mod harness;
mod identity;
mod service;
mod service_of_the_example;
mod without_asking;

/// Declares the tests of the gateways that ask the server.
macro_rules! asking {
    ($($name:ident = $example:ident),+ $(,)?) => {
        $(
            mod $name {
                use countersign_tests::GatewayExample;

                #[test]
                fn behaves_as_documented() {
                    crate::behaviour::check(GatewayExample::$example);
                }

                #[test]
                fn passes_on_no_forged_identity() {
                    crate::identity::check(GatewayExample::$example);
                }

                #[test]
                fn names_the_caller_to_the_service_of_the_example() {
                    crate::service_of_the_example::check(GatewayExample::$example);
                }
            }
        )+
    };
}

asking! {
    nginx = Nginx,
    caddy = Caddy,
    haproxy = HaProxy,
    envoy = Envoy,
    envoy_over_grpc = EnvoyGrpc,
}
