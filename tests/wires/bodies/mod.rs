//! Every body that is not what the wire wants gets that wire's own clear error.

mod arriving;
mod form;
mod json;

use hyper::body::Bytes;

use crate::fixture::{Answer, Fixture, Wired};

/// What an answer says is wrong with the body.
fn complaint(wired: Wired, answer: &Answer) -> String {
    let body = answer.json();
    let text = match wired {
        Wired::Envelope => {
            assert_eq!(body["type"], "INVALID_REQUEST");
            &body["errors"][0]["message"]
        }
        Wired::Scoped => &body["errors"][0]["message"],
        Wired::KeySecret => {
            assert_eq!(body["error"]["code"], "BAD_REQUEST");
            &body["error"]["message"]
        }
        Wired::Session | Wired::OAuth => {
            assert_eq!(body["error"], "invalid_request");
            &body["error_description"]
        }
    };
    text.as_str().unwrap().to_owned()
}

async fn refused(fixture: &Fixture, wired: Wired, body: &[u8]) -> (u16, String) {
    let answer = fixture.with_key(wired, Bytes::copy_from_slice(body)).await;
    (answer.status.as_u16(), complaint(wired, &answer))
}
