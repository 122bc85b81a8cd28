//! The tokens that are verified by this library and by jsonwebtoken.

use countersign_tests::token_builder::{decode_base64url, signed, split, with_signature};
use countersign_tests::xorshift::XorShift;
use countersign_tests::{AUDIENCE, EXTERNAL_ISSUER, Key, OWN_ISSUER, TokenBuilder, base64url};

/// Generates tokens. The same state of `random` gives the same tokens, except for times and ES256 signatures.
pub(crate) struct Generator {
    pub(crate) random: XorShift,
    pub(crate) key: &'static Key,
    pub(crate) now: i64,
}

impl Generator {
    pub(crate) fn token(&mut self) -> String {
        let mut builder = self.good();
        let flaws = self.random.below(4);
        for _ in 0..flaws {
            builder = match self.random.below(3) {
                0 => self.spoil_header(builder),
                _ => self.spoil_claims(builder),
            };
        }
        let token = match self.random.below(12) {
            0 => self.other_payload(&builder),
            _ => builder.token(),
        };
        match self.random.below(8) {
            0 => self.spoil_signature(&token),
            1 => self.spoil_encoding(&token),
            _ => token,
        }
    }

    fn good(&mut self) -> TokenBuilder {
        let builder = if self.random.below(2) == 0 {
            TokenBuilder::own()
        } else {
            TokenBuilder::external()
        };
        let later = self.random.choose(&[120, 300, 900, 3000]);
        let builder = builder
            .key(self.key)
            .claim("exp", (self.now + later).to_string());
        match builder.claims.raw("iat") {
            Some(_) => builder.claim("iat", (self.now - 100).to_string()),
            None => builder,
        }
    }

    fn spoil_header(&mut self, builder: TokenBuilder) -> TokenBuilder {
        let members = [
            ("alg", "\"none\""),
            ("alg", "\"HS256\""),
            ("alg", "\"RS256\""),
            ("alg", "\"ES256\""),
            ("alg", "\"EdDSA\""),
            ("alg", "\"PS256\""),
            ("alg", "null"),
            ("alg", "7"),
            ("alg", "\"hs256\""),
            ("typ", "\"JWT\""),
            ("typ", "\"at+jwt\""),
            ("typ", "\"AT+JWT\""),
            ("typ", "\"logout+jwt\""),
            ("typ", "7"),
            ("kid", "\"other\""),
            ("kid", "\"\""),
            ("kid", "7"),
            ("kid", "null"),
            ("crit", "[\"x\"]"),
            ("crit", "[]"),
            ("b64", "false"),
            ("zip", "\"DEF\""),
            ("enc", "\"A256GCM\""),
            ("cty", "\"JWT\""),
            ("x5c", "[\"AA==\"]"),
            ("x5t", "\"AA\""),
            ("jwk", "{}"),
            ("x", "{\"a\":1,\"a\":2}"),
            ("x", "[[[1]]]"),
            ("x", "1e999"),
            ("x", "\"\\ud800\""),
        ];
        let (name, value) = *self.random.choose(&members);
        match self.random.below(6) {
            0 => builder.without_header(name),
            1 => builder.add_header(name, value),
            _ => builder.header(name, value),
        }
    }

    fn spoil_claims(&mut self, builder: TokenBuilder) -> TokenBuilder {
        let time = |offset: i64| (self.now + offset).to_string();
        let (soon, past, float) = (time(600), time(-600), format!("{}.5", time(600)));
        let (quoted, millis, day) = (format!("\"{soon}\""), format!("{soon}000"), time(100_000));
        let list = format!("[{soon}]");
        let quoted_text = |text: &str| format!("\"{text}\"");
        let (own, external, aud) = (
            quoted_text(OWN_ISSUER),
            quoted_text(EXTERNAL_ISSUER),
            quoted_text(AUDIENCE),
        );
        let arrays = [&own, &external, &aud].map(|text| format!("[{text}]"));
        let mixed = format!("[{aud},1]");
        let two = format!("[\"x\",{aud}]");
        let long = format!("\"{}\"", "a".repeat(8_000));
        let values = [
            "null",
            "true",
            "7",
            "0",
            "-1",
            "\"x\"",
            "\"\"",
            "[]",
            "{}",
            "1e400",
            "01",
            "1e19",
            "NaN",
            "[\"x\",1]",
            "{\"a\":1,\"a\":1}",
            "\"\\ud800\"",
            "18446744073709551615",
            &soon,
            &past,
            &float,
            &quoted,
            &millis,
            &day,
            &list,
            &own,
            &external,
            &aud,
            &arrays[0],
            &arrays[1],
            &arrays[2],
            &mixed,
            &two,
            &long,
        ];
        let names = [
            "exp",
            "nbf",
            "iat",
            "iss",
            "aud",
            "sub",
            "scope",
            "jti",
            "client_id",
            "account",
            "cgn",
            "cnf",
            "x",
            "e\\u0078p",
            "s\\u0075b",
            "environment",
        ];
        let name = *self.random.choose(&names);
        // Half of the values have the right type, so that not only types are wrong.
        let fitting: &[&str] = match name {
            "exp" | "nbf" | "iat" | "e\\u0078p" => &[&soon, &past, &float, &day, &millis],
            "iss" => &[
                &own,
                &external,
                &arrays[0],
                &arrays[1],
                "\"https://evil.example\"",
            ],
            "aud" => &[&aud, &arrays[2], &two, &mixed, "\"https://evil.example\""],
            _ => &["\"x\"", "7", "null", "\"calls:read\""],
        };
        let value = if self.random.below(2) == 0 {
            *self.random.choose(&values)
        } else {
            *self.random.choose(fitting)
        };
        match self.random.below(6) {
            0 => builder.without_claim(name),
            1 => builder.add_claim(name, value),
            _ => builder.claim(name, value),
        }
    }

    /// The claims in another form, or another document.
    fn other_payload(&mut self, builder: &TokenBuilder) -> String {
        let claims = builder.claims.json();
        let member = |name| builder.claims.raw(name).unwrap_or("null");
        let list = ["exp", "nbf", "sub", "iss", "aud"].map(member).join(",");
        let payloads = [
            format!(
                "[{}]",
                list.replacen("null", &(self.now - 100).to_string(), 1)
            ),
            format!("[{claims}]"),
            format!(" {claims}\n"),
            format!("{claims}x"),
            format!("\u{feff}{claims}"),
            "null".to_owned(),
            "{}".to_owned(),
            String::new(),
            format!("{claims:?}"),
            claims.replace(':', " : "),
        ];
        builder.raw_claims(self.random.choose(&payloads))
    }

    fn spoil_signature(&mut self, token: &str) -> String {
        let (_, mut signature) = split(token);
        let length = signature.len();
        match self.random.below(7) {
            0 => signature[self.random.below(length)] ^= 1 << self.random.below(8),
            1 => signature.truncate(self.random.below(length)),
            2 => signature.push(0),
            3 => signature.insert(0, 0),
            4 => signature.rotate_left(length / 2),
            5 => signature.fill(0),
            _ => signature = Key::generate(self.key.algorithm, "other").sign(&signature),
        }
        with_signature(token, signature)
    }

    fn spoil_encoding(&mut self, token: &str) -> String {
        let at = self.random.below(token.len());
        let (input, _) = token.rsplit_once('.').unwrap();
        match self.random.below(9) {
            0 => format!("{token}="),
            1 => format!("{token}."),
            2 => format!(".{token}"),
            3 => format!("{}{}", &token[..at], &token[at + 1..]),
            4 => format!("{}A{}", &token[..at], &token[at..]),
            5 => token.replacen('.', "..", 1),
            6 => input.to_owned(),
            // The signature covers the padding.
            7 => signed(&format!("{input}="), self.key),
            _ => {
                let payload = decode_base64url(input.rsplit_once('.').unwrap().1);
                let header = input.split_once('.').unwrap().0;
                signed(&format!("{header}=.{}", base64url(payload)), self.key)
            }
        }
    }
}
