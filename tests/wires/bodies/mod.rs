//! Each wire rejects malformed bodies in its own error format.

mod form;
mod json;
mod streamed;

use hyper::body::Bytes;

use crate::fixture::{Fixture, TestResponse, WireKind};

/// Returns the message with which a response rejects the body.
fn error_message(wire: WireKind, response: &TestResponse) -> String {
    let body = response.json();
    let text = match wire {
        WireKind::Envelope => {
            assert_eq!(body["type"], "INVALID_REQUEST");
            &body["errors"][0]["message"]
        }
        WireKind::Scoped => &body["errors"][0]["message"],
        WireKind::KeySecret => {
            assert_eq!(body["error"]["code"], "BAD_REQUEST");
            &body["error"]["message"]
        }
        WireKind::Session | WireKind::OAuth => {
            assert_eq!(body["error"], "invalid_request");
            &body["error_description"]
        }
    };
    text.as_str().unwrap().to_owned()
}

/// Posts a body with a valid key; returns the status and the message of the rejection.
async fn rejection(fixture: &Fixture, wire: WireKind, body: &[u8]) -> (u16, String) {
    let response = fixture
        .post_with_key(wire, Bytes::copy_from_slice(body))
        .await;
    (response.status.as_u16(), error_message(wire, &response))
}
