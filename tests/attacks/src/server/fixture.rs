//! A running server with the keys that most attacks need.

use super::{Binary, Home, Key, Server};
use crate::Outcome;
use crate::http1::Client;
use crate::measure::{Bystander, Watch};

/// The loopback address of the attacker.
const ATTACKER: [u8; 4] = [127, 0, 0, 66];

/// A running server, an operator's key, and the key of a client that does no harm.
pub(crate) struct Fixture<'a> {
    pub(crate) home: Home<'a>,
    pub(crate) server: Server,
    pub(crate) operator: Key,
    pub(crate) good: Key,
}

impl<'a> Fixture<'a> {
    pub(crate) async fn start(binary: &'a Binary) -> Outcome<Self> {
        Self::with_configuration(binary, "").await
    }

    pub(crate) async fn with_configuration(
        binary: &'a Binary,
        configuration: &str,
    ) -> Outcome<Self> {
        let home = Home::new(binary, configuration)?;
        let operator = home.create_key("operator", "*").await?;
        let good = home.create_key("good", "calls:read").await?;
        Ok(Self {
            server: Server::start(&home).await?,
            home,
            operator,
            good,
        })
    }

    /// Returns a client at the attacker's address.
    pub(crate) fn attacker(&self) -> Client {
        Client::at(self.server.address(), ATTACKER.into())
    }

    /// Returns a client at another address.
    pub(crate) fn client(&self) -> Client {
        Client::at(self.server.address(), [127, 0, 0, 2].into())
    }

    /// Starts to observe the memory and the descriptors of the server.
    pub(crate) fn watch(&self) -> Outcome<Watch> {
        Watch::start(self.server.pid())
    }

    /// Starts a client that authenticates, mints a token and asks for readiness in turn.
    pub(crate) fn bystander(&self) -> Bystander {
        use crate::message::Request;
        let key = |request: Request| request.header("x-api-key", &self.good.key);
        let requests = vec![
            key(Request::get("/whoami")),
            key(Request::post("/oauth/token").form("grant_type=client_credentials")),
            Request::get("/readyz"),
        ];
        Bystander::start(self.client(), requests)
    }
}
