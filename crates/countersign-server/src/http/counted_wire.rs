//! Wires whose tokens are counted.

use axum::body::Bytes;
use axum::http::{Response, request};
use countersign::mint::IssuanceSettings;
use countersign_wire::openapi::{DescribeWire, WireDescription};
use countersign_wire::{
    CredentialSource, RequestContext, ResponseBody, TokenError, TokenRequest, TokenResponse, Wire,
};
use metrics::Counter;

/// A wire that counts the tokens that it writes.
#[derive(Clone)]
pub(super) struct CountedWire<W> {
    wire: W,
    minted: Counter,
}

impl<W> CountedWire<W> {
    pub(super) const fn new(wire: W, minted: Counter) -> Self {
        Self { wire, minted }
    }
}

impl<W: Wire> Wire for CountedWire<W> {
    fn credential_source(&self) -> CredentialSource {
        self.wire.credential_source()
    }

    fn read(&self, head: &request::Parts, body: &Bytes) -> Result<TokenRequest, TokenError> {
        self.wire.read(head, body)
    }

    fn write(
        &self,
        response: TokenResponse<'_>,
        context: &RequestContext,
    ) -> Response<ResponseBody> {
        if let TokenResponse::Issued { .. } = response {
            self.minted.increment(1);
        }
        self.wire.write(response, context)
    }
}

impl<W: DescribeWire> DescribeWire for CountedWire<W> {
    fn describe(&self, settings: &IssuanceSettings) -> WireDescription {
        self.wire.describe(settings)
    }
}
