//! Who calls, and from where, as headers for the upstream.

use std::net::IpAddr;

use countersign::Principal;
use countersign::credentials::ClientAddress;
use http::header::{AUTHORIZATION, FORWARDED, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue};

const SUBJECT: HeaderName = HeaderName::from_static("x-user-id");
const ACCOUNT: HeaderName = HeaderName::from_static("x-account-id");
const SCOPES: HeaderName = HeaderName::from_static("x-user-scopes");
/// The issuer of the subject, because two issuers may have the same subject (RFC 8725 §3.8). Absent for own credentials.
const ISSUER: HeaderName = HeaderName::from_static("x-user-issuer");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Header names without everything but letters and digits: CGI, PHP, WSGI, Rack and some proxies take
/// `X_User_Id` and `x.user.id` for `X-User-Id`. Some names that other gateways have for the same are here too, those
/// by which an upstream would serve another path or method than the authenticated one, and those of the client's address and
/// of the host and scheme that it addressed. Add the headers that your upstream trusts.
const TAKEN: [&str; 36] = [
    "forwarded",
    "xforwarded",
    "forwardedfor",
    "xforwardedfor",
    "xforwardedhost",
    "xforwardedport",
    "xforwardedproto",
    "xforwardedprefix",
    "xrealip",
    "xclientip",
    "trueclientip",
    "cfconnectingip",
    "xoriginalurl",
    "xrewriteurl",
    "xforwardeduri",
    "xhttpmethodoverride",
    "xmethodoverride",
    "xhttpmethod",
    "xwebauthuser",
    "xforwardedaccesstoken",
    "xuserissuer",
    "xuserid",
    "xaccountid",
    "xuserscopes",
    "xuser",
    "xusername",
    "remoteuser",
    "xremoteuser",
    "xforwardeduser",
    "xforwardedemail",
    "xforwardedgroups",
    "xforwardedpreferredusername",
    "xforwardedauthorization",
    "xauthrequestuser",
    "xauthrequestemail",
    "xapikey",
];

/// The headers of one request, on its way to the upstream.
#[derive(Debug)]
pub struct Headers<'a>(pub &'a mut HeaderMap);

impl Headers<'_> {
    /// Takes out everything that an upstream could take for our word, and every credential that is left.
    pub fn strip(&mut self) {
        let forged: Vec<HeaderName> = self
            .0
            .keys()
            .filter(|name| {
                let folded: String = name
                    .as_str()
                    .chars()
                    .filter(char::is_ascii_alphanumeric)
                    .collect();
                TAKEN.contains(&folded.as_str())
            })
            .cloned()
            .collect();
        for name in forged
            .into_iter()
            .chain([AUTHORIZATION, PROXY_AUTHORIZATION])
        {
            self.0.remove(name);
        }
    }

    /// Says where the request comes from. The gateway is the first proxy that the upstream trusts, so that these headers have
    /// one address each.
    pub fn insert_address(&mut self, address: ClientAddress) {
        // RFC 7239 §6: an unknown address is `unknown`, and an IPv6 address has brackets and quotes.
        let (plain, node) = match address.ip() {
            None => (None, "unknown".to_owned()),
            Some(IpAddr::V4(ip)) => (Some(ip.to_string()), ip.to_string()),
            Some(IpAddr::V6(ip)) => (Some(ip.to_string()), format!("\"[{ip}]\"")),
        };
        let values = [
            (FORWARDED, Some(format!("for={node}"))),
            (FORWARDED_FOR, plain.clone()),
            (REAL_IP, plain),
        ];
        for (name, value) in values {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                self.0.insert(name, value);
            }
        }
    }

    /// Says who calls. A value that the caller has not is no header at all.
    pub fn insert(&mut self, principal: &Principal) {
        let account = principal.account().map(ToString::to_string);
        // Scopes of a foreign issuer mean what they mean there: a `*` is a letter.
        let scopes = account.as_ref().map(|_| principal.scopes().as_str());
        let values = [
            (SUBJECT, Some(principal.subject())),
            (ISSUER, principal.issuer()),
            (ACCOUNT, account.as_deref()),
            (SCOPES, scopes.filter(|scopes| !scopes.is_empty())),
        ];
        for (name, value) in values {
            // A foreign subject may be any text. One that an upstream could read in two ways says nothing: a comma
            // makes two values of it, spaces at its ends are lost, and other characters are as the reader likes.
            let plain = |value: &&str| {
                let visible = value
                    .bytes()
                    .all(|byte| matches!(byte, b' '..=b'~') && byte != b',');
                visible && value.trim() == *value
            };
            let value = value.filter(plain);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                self.0.insert(name, value);
            }
        }
    }
}
