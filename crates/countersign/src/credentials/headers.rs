use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::{
    AuthScheme, Carrier, ClientCertificate, CookieName, Credentials, Form, RequestHead, cookie,
};
use crate::ascii::all_bytes;
use crate::reason::Reason;

/// The carriers that the mechanisms of one authenticator declare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carriers {
    schemes: Vec<AuthScheme>,
    headers: Vec<HeaderName>,
    cookies: Vec<CookieName>,
    client_certificate: bool,
}

/// The headers that are searched for credentials.
pub(crate) trait Headers {
    /// Returns the only value of a header.
    fn only(&mut self, name: &HeaderName) -> Result<Option<HeaderValue>, Reason>;

    /// Puts a value back that presents no credentials.
    fn put_back(&mut self, name: HeaderName, value: HeaderValue);

    fn all(&self) -> &HeaderMap;
}

/// The values are copied, and the headers stay.
impl Headers for &HeaderMap {
    fn only(&mut self, name: &HeaderName) -> Result<Option<HeaderValue>, Reason> {
        Ok(only(self, name)?.cloned())
    }

    fn put_back(&mut self, _: HeaderName, _: HeaderValue) {}

    fn all(&self) -> &HeaderMap {
        self
    }
}

/// The headers are removed. Each name is hashed once, which takes more time than anything else here.
impl Headers for &mut HeaderMap {
    fn only(&mut self, name: &HeaderName) -> Result<Option<HeaderValue>, Reason> {
        let count = self.len();
        let value = self.remove(name);
        match value.is_some() && self.len() + 1 < count {
            true => Err(Reason::RepeatedHeader),
            false => Ok(value),
        }
    }

    fn put_back(&mut self, name: HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }

    fn all(&self) -> &HeaderMap {
        self
    }
}

impl Carriers {
    pub(crate) fn declare(&mut self, carrier: &Carrier) {
        match carrier {
            Carrier::Authorization(scheme) if !self.schemes.contains(scheme) => {
                self.schemes.push(scheme.clone());
            }
            Carrier::Header(name) if !self.headers.contains(name) => {
                self.headers.push(name.clone());
            }
            Carrier::Cookie(name) if !self.cookies.contains(name) => {
                self.cookies.push(name.clone());
            }
            Carrier::ClientCertificate => self.client_certificate = true,
            _ => {}
        }
    }

    /// Finds the credentials of a request, and verifies nothing. They are written to `found`, which was `None`: moving them would
    /// take as long as finding them.
    pub(crate) fn find(
        &self,
        head: &RequestHead<'_>,
        found: &mut Option<Credentials>,
    ) -> Result<(), Reason> {
        self.read(head.headers, found)?;
        self.add_certificate(head, found);
        Ok(())
    }

    /// Finds the credentials of a request as [`find`](Self::find), and removes their header. Cookies stay. If the credentials are
    /// rejected, other headers that could hold some may be removed too.
    pub(crate) fn take<B>(
        &self,
        request: &mut Request<B>,
        found: &mut Option<Credentials>,
    ) -> Result<(), Reason> {
        self.read(request.headers_mut(), found)?;
        self.add_certificate(&RequestHead::new(request), found);
        Ok(())
    }

    /// Adds the certificate of the client. It belongs to the connection, and counts only if the client presents nothing with the
    /// request itself, not even an `Authorization` header that no mechanism reads.
    fn add_certificate(&self, head: &RequestHead<'_>, found: &mut Option<Credentials>) {
        if !self.client_certificate || found.is_some() {
            return;
        }
        if !head.headers.contains_key(AUTHORIZATION) {
            let certificate = head.extensions.get::<ClientCertificate>().cloned();
            *found = certificate.map(Credentials::certificate);
        }
    }

    /// Finds the credentials in the headers of a request. Malformed credentials are never ignored in favour of others.
    /// Cookies count only without other credentials, since a browser adds them by itself.
    fn read(
        &self,
        mut headers: impl Headers,
        found: &mut Option<Credentials>,
    ) -> Result<(), Reason> {
        self.authorization(&mut headers, found)?;
        for name in &self.headers {
            let Some(value) = headers.only(name)? else {
                continue;
            };
            if memchr::memchr(b',', value.as_bytes()).is_some() {
                return Err(Reason::JoinedCredentials);
            }
            if found.is_some() {
                return Err(Reason::SeveralCredentials);
            }
            let range = 0..value.len();
            let carrier = Carrier::Header(name.clone());
            *found = Some(Credentials::new(carrier, Form::Header(value, range)));
        }
        if found.is_none() && !self.cookies.is_empty() {
            // An `Authorization` header of another scheme presents credentials too, although nothing here reads them.
            let headers = headers.all();
            if !headers.contains_key(AUTHORIZATION) {
                *found = cookie::read(headers, &self.cookies)?;
            }
        }
        Ok(())
    }

    /// Removes the declared cookies from the headers, whether they count or not.
    pub(crate) fn strip_cookies(&self, headers: &mut HeaderMap) {
        if !self.cookies.is_empty() {
            cookie::strip(headers, &self.cookies);
        }
    }

    fn authorization(
        &self,
        headers: &mut impl Headers,
        found: &mut Option<Credentials>,
    ) -> Result<(), Reason> {
        if self.schemes.is_empty() {
            return Ok(());
        }
        let Some(value) = headers.only(&AUTHORIZATION)? else {
            return Ok(());
        };
        let bytes = value.as_bytes();
        let find = |scheme| Some((scheme, strip_scheme(bytes, scheme)?));
        let Some((scheme, rest)) = self.schemes.iter().find_map(find) else {
            headers.put_back(AUTHORIZATION, value);
            return Ok(());
        };
        // RFC 9110 §11.4: credentials = auth-scheme [ 1*SP ( token68 / … ) ].
        let spaces = rest.iter().take_while(|&&b| b == b' ').count();
        let text = rest.get(spaces..).unwrap_or_default();
        if text.is_empty() || spaces == 0 {
            return Err(Reason::IncompleteCredentials);
        }
        if !is_one_token(text) {
            return Err(if text.contains(&b',') {
                Reason::JoinedCredentials
            } else {
                Reason::IncompleteCredentials
            });
        }
        let carrier = Carrier::Authorization(scheme.clone());
        let range = bytes.len() - text.len()..bytes.len();
        *found = Some(Credentials::new(carrier, Form::Header(value, range)));
        Ok(())
    }
}

/// Returns what follows the scheme, if the value begins with it and not with a longer name.
fn strip_scheme<'v>(value: &'v [u8], scheme: &AuthScheme) -> Option<&'v [u8]> {
    let (name, rest) = value.split_at_checked(scheme.as_str().len())?;
    let ends = rest.first().is_none_or(|&byte| !is_tchar(byte));
    (ends && scheme.is(name)).then_some(rest)
}

/// Returns the only value of a header.
pub(crate) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Reason> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Reason::RepeatedHeader);
    }
    Ok(first)
}

/// Returns whether the text, which is part of a header value, is one word, without quotes and commas.
fn is_one_token(text: &[u8]) -> bool {
    // Tokens and most keys have no byte up to the comma, which takes one comparison for each. As signed numbers, bytes that are
    // not ASCII are negative.
    all_bytes(text, |byte| byte.cast_signed() > b','.cast_signed()) || has_no_separator(text)
}

fn has_no_separator(text: &[u8]) -> bool {
    // The only control character in a header value is the tab (RFC 9110 §5.5).
    let is_separator = |byte: &u8| !byte.is_ascii() || matches!(byte, b'\t' | b' ' | b'"' | b',');
    !text.iter().any(is_separator)
}

/// RFC 9110 §5.6.2.
pub(super) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers() -> Carriers {
        let mut carriers = Carriers::default();
        carriers.declare(&Carrier::BEARER);
        carriers.declare(&Carrier::BASIC);
        carriers.declare(&Carrier::Header(HeaderName::from_static("x-api-key")));
        carriers.declare(&Carrier::Cookie("token".parse().unwrap()));
        carriers
    }

    fn read(headers: &[(&'static str, &[u8])]) -> Result<Option<Vec<u8>>, Reason> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let (mut copied, mut taken) = (None, None);
        let result = carriers().read(&map, &mut copied);
        // Copying and taking find the same.
        assert_eq!(carriers().read(&mut map, &mut taken), result);
        let bytes = |found: &Credentials| found.expose().to_vec();
        let [copied, taken] = [copied, taken].map(|found| found.as_ref().map(bytes));
        assert_eq!(taken, copied);
        result.map(|()| copied)
    }

    #[test]
    fn scheme_found_in_any_case_and_after_several_spaces() {
        for value in ["Bearer t", "bearer t", "BEARER   t"] {
            let read = read(&[("authorization", value.as_bytes())]);
            assert_eq!(read, Ok(Some(b"t".to_vec())), "{value}");
        }
    }

    #[test]
    fn undeclared_scheme_counts_as_nothing() {
        for value in [
            "Digest a=b, c=d",
            "Negotiate x",
            "",
            "=",
            "Bearerx t",
            "Bear t",
        ] {
            assert_eq!(
                read(&[("authorization", value.as_bytes())]),
                Ok(None),
                "{value}"
            );
        }
    }

    #[test]
    fn authorization_rejected_when_its_form_is_not_scheme_and_token() {
        let cases: [(&[u8], Reason); 8] = [
            (b"Bearer", Reason::IncompleteCredentials),
            (b"Bearer ", Reason::IncompleteCredentials),
            (b"Bearer\tt", Reason::IncompleteCredentials),
            (b"Bearer=t", Reason::IncompleteCredentials),
            (b"Bearer \"t\"", Reason::IncompleteCredentials),
            (b"Bearer\xa0t", Reason::IncompleteCredentials),
            (b"Bearer two words", Reason::IncompleteCredentials),
            (b"Bearer a, Basic b", Reason::JoinedCredentials),
        ];
        for (value, reason) in cases {
            assert_eq!(read(&[("authorization", value)]), Err(reason), "{value:?}");
        }
    }

    #[test]
    fn two_credentials_rejected_whatever_they_are() {
        let repeated = [("authorization", &b"Bearer t"[..]), ("authorization", b"")];
        assert_eq!(read(&repeated), Err(Reason::RepeatedHeader));
        let keys = [("x-api-key", &b"k"[..]), ("x-api-key", b"k")];
        assert_eq!(read(&keys), Err(Reason::RepeatedHeader));
        assert_eq!(
            read(&[("x-api-key", b"k,k")]),
            Err(Reason::JoinedCredentials)
        );
        let both = [("authorization", &b"Bearer t"[..]), ("x-api-key", b"k")];
        assert_eq!(read(&both), Err(Reason::SeveralCredentials));
        let malformed = [("authorization", &b"Bearer"[..]), ("x-api-key", b"k")];
        assert_eq!(read(&malformed), Err(Reason::IncompleteCredentials));
    }

    #[test]
    fn undeclared_scheme_beside_a_key_leaves_the_key() {
        let read = read(&[("authorization", b"Digest x"), ("x-api-key", b"k")]);
        assert_eq!(read, Ok(Some(b"k".to_vec())));
    }

    /// Finds the credentials of a request over a connection with a certificate, and returns their carrier.
    #[cfg(feature = "testing")]
    fn carrier_beside_a_certificate(
        carriers: &Carriers,
        headers: &[(&'static str, &'static str)],
    ) -> Result<Option<Carrier>, Reason> {
        let mut request = Request::new(());
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_static(value));
        }
        let certificate = ClientCertificate::for_test("spiffe://acme.example/billing");
        request.extensions_mut().insert(certificate);
        let mut found = None;
        carriers.find(&RequestHead::new(&request), &mut found)?;
        Ok(found.map(|found| found.carrier().clone()))
    }

    #[cfg(feature = "testing")]
    #[test]
    fn certificate_counts_only_without_credentials_in_headers() {
        let mut carriers = carriers();
        assert_eq!(carrier_beside_a_certificate(&carriers, &[]), Ok(None));
        carriers.declare(&Carrier::ClientCertificate);
        let find = |headers: &[_]| carrier_beside_a_certificate(&carriers, headers);
        let certificate = Ok(Some(Carrier::ClientCertificate));
        assert_eq!(find(&[]), certificate);
        assert_eq!(find(&[("cookie", "a=b"), ("x-other", "c")]), certificate);
        assert_eq!(
            find(&[("authorization", "Bearer t")]),
            Ok(Some(Carrier::BEARER))
        );
        let key = Carrier::Header(HeaderName::from_static("x-api-key"));
        assert_eq!(find(&[("x-api-key", "k")]), Ok(Some(key)));
        for value in ["Digest a=b", "", "Bearerx t"] {
            assert_eq!(find(&[("authorization", value)]), Ok(None), "{value}");
        }
        let incomplete = find(&[("authorization", "Bearer")]);
        assert_eq!(incomplete, Err(Reason::IncompleteCredentials));
        let several = find(&[("authorization", "Bearer t"), ("x-api-key", "k")]);
        assert_eq!(several, Err(Reason::SeveralCredentials));
    }

    #[test]
    fn cookie_counts_only_if_no_header_presents_credentials() {
        let cookie = ("cookie", &b"token=c"[..]);
        let twice = ("cookie", &b"token=c; token=d"[..]);
        let bearer = ("authorization", &b"Bearer t"[..]);
        let found = |found: &[u8]| Ok(Some(found.to_vec()));
        assert_eq!(read(&[cookie]), found(b"c"));
        for other in [&b"Digest x"[..], b"", b"Bearerx t"] {
            assert_eq!(read(&[cookie, ("authorization", other)]), Ok(None));
        }
        assert_eq!(read(&[cookie, bearer]), found(b"t"));
        assert_eq!(read(&[twice, bearer]), found(b"t"));
        assert_eq!(read(&[cookie, ("x-api-key", b"k")]), found(b"k"));
        assert_eq!(read(&[twice]), Err(Reason::RepeatedCookie));
        assert_eq!(
            read(&[cookie, ("authorization", b"Bearer")]),
            Err(Reason::IncompleteCredentials)
        );
        assert_eq!(
            read(&[cookie, bearer, ("x-api-key", b"k")]),
            Err(Reason::SeveralCredentials)
        );
    }

    #[test]
    fn header_is_removed_when_its_credentials_are_taken_and_others_stay() {
        for (name, value, credentials) in
            [("authorization", "Bearer  t", "t"), ("x-api-key", "k", "k")]
        {
            let mut request = Request::new(());
            let headers = request.headers_mut();
            headers.insert(name, HeaderValue::from_static(value));
            headers.insert("x-other", HeaderValue::from_static("a"));
            headers.insert("cookie", HeaderValue::from_static("token=c"));
            let (mut copied, mut taken) = (None, None);
            let head = RequestHead::new(&request);
            carriers().find(&head, &mut copied).unwrap();
            assert_eq!(copied.unwrap().expose(), credentials.as_bytes());
            assert_eq!(request.headers().len(), 3);
            carriers().take(&mut request, &mut taken).unwrap();
            assert_eq!(taken.unwrap().expose(), credentials.as_bytes());
            let headers = request.headers();
            assert!(!headers.contains_key(name) && headers.len() == 2);
        }
    }

    #[test]
    fn authorization_of_another_scheme_stays_when_a_key_is_taken() {
        let mut request = Request::new(());
        let headers = request.headers_mut();
        headers.insert("authorization", HeaderValue::from_static("Digest x"));
        headers.insert("x-api-key", HeaderValue::from_static("k"));
        let mut taken = None;
        carriers().take(&mut request, &mut taken).unwrap();
        assert_eq!(taken.unwrap().expose(), b"k");
        assert_eq!(request.headers()["authorization"], "Digest x");
        assert!(!request.headers().contains_key("x-api-key"));
    }

    #[test]
    fn credentials_never_print() {
        let value = HeaderValue::from_static("Bearer canary");
        let credentials = Credentials::new(Carrier::BEARER, Form::Header(value, 7..13));
        assert!(!format!("{credentials:?}").contains("canary"));
    }
}
