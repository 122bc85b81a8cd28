//! The tokens that the second opinion is asked about.

use countersign_tests::craft::{signed, split, unb64, with_signature};
use countersign_tests::xorshift::XorShift;
use countersign_tests::{AUDIENCE, Craft, FOREIGN, Key, OURS, b64};

/// Makes tokens, the same ones for the same seed but for times and the signatures of ES256.
pub(crate) struct Generator {
    pub(crate) random: XorShift,
    pub(crate) key: &'static Key,
    pub(crate) now: i64,
}

impl Generator {
    pub(crate) fn token(&mut self) -> String {
        let mut craft = self.good();
        let flaws = self.random.below(4);
        for _ in 0..flaws {
            craft = match self.random.below(3) {
                0 => self.spoil_header(craft),
                _ => self.spoil_claims(craft),
            };
        }
        let token = match self.random.below(12) {
            0 => self.other_payload(&craft),
            _ => craft.token(),
        };
        match self.random.below(8) {
            0 => self.spoil_signature(&token),
            1 => self.spoil_encoding(&token),
            _ => token,
        }
    }

    fn good(&mut self) -> Craft {
        let craft = if self.random.below(2) == 0 {
            Craft::own()
        } else {
            Craft::external()
        };
        let later = self.random.choose(&[120, 300, 900, 3000]);
        let craft = craft
            .key(self.key)
            .claim("exp", (self.now + later).to_string());
        match craft.claims.raw("iat") {
            Some(_) => craft.claim("iat", (self.now - 100).to_string()),
            None => craft,
        }
    }

    fn spoil_header(&mut self, craft: Craft) -> Craft {
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
            0 => craft.no_header(name),
            1 => craft.add_header(name, value),
            _ => craft.header(name, value),
        }
    }

    fn spoil_claims(&mut self, craft: Craft) -> Craft {
        let time = |offset: i64| (self.now + offset).to_string();
        let (soon, past, float) = (time(600), time(-600), format!("{}.5", time(600)));
        let (quoted, millis, day) = (format!("\"{soon}\""), format!("{soon}000"), time(100_000));
        let list = format!("[{soon}]");
        let quoted_text = |text: &str| format!("\"{text}\"");
        let (ours, foreign, aud) = (
            quoted_text(OURS),
            quoted_text(FOREIGN),
            quoted_text(AUDIENCE),
        );
        let arrays = [&ours, &foreign, &aud].map(|text| format!("[{text}]"));
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
            &ours,
            &foreign,
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
        // Half of the values fit the claim, so that what is wrong is not always its type.
        let fitting: &[&str] = match name {
            "exp" | "nbf" | "iat" | "e\\u0078p" => &[&soon, &past, &float, &day, &millis],
            "iss" => &[
                &ours,
                &foreign,
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
            0 => craft.no_claim(name),
            1 => craft.add_claim(name, value),
            _ => craft.claim(name, value),
        }
    }

    /// The claims in another form, or something else.
    fn other_payload(&mut self, craft: &Craft) -> String {
        let claims = craft.claims.json();
        let member = |name| craft.claims.raw(name).unwrap_or("null");
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
        craft.raw_claims(self.random.choose(&payloads))
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
            _ => signature = Key::made(self.key.algorithm, "other").sign(&signature),
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
            // Signed as it stands, padding and all.
            7 => signed(&format!("{input}="), self.key),
            _ => {
                let payload = unb64(input.rsplit_once('.').unwrap().1);
                let header = input.split_once('.').unwrap().0;
                signed(&format!("{header}=.{}", b64(payload)), self.key)
            }
        }
    }
}
