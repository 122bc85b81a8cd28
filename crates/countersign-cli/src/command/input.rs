//! Secrets on standard input.

use std::io::{self, BufRead, Read as _};

use countersign::Secret;
use zeroize::Zeroizing;

use crate::error::CommandError;

/// The longest line that is read, in bytes: longer than any password.
const MAX_LINE: u64 = 16 * 1024;

/// Reads a secret of at most `limit` bytes from standard input, without white space around it. `name` is its name in
/// errors.
pub(super) fn read_secret(limit: u64, name: &str) -> Result<Secret, CommandError> {
    let text = read(limit, name, |bytes| {
        io::stdin().take(limit).read_to_end(bytes)
    })?;
    Ok(Secret::from(text.expose().trim().to_owned()))
}

/// Reads a secret from the first line of `input`.
pub(super) fn read_line(input: impl BufRead, name: &str) -> Result<Secret, CommandError> {
    let mut input = input.take(MAX_LINE);
    let line = read(MAX_LINE, name, |bytes| input.read_until(b'\n', bytes))?;
    let line = line.expose();
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Secret::from(line.to_owned()))
}

fn read(
    limit: u64,
    name: &str,
    read: impl FnOnce(&mut Vec<u8>) -> io::Result<usize>,
) -> Result<Secret, CommandError> {
    // The buffer must not grow while it is read: that would leave copies of the secret in memory.
    let capacity = usize::try_from(limit).unwrap_or_default().saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    read(&mut bytes)
        .map_err(|error| CommandError::new(format!("cannot read the {name}: {error}")))?;
    let text = decode(&bytes)
        .map_err(|error| CommandError::new(format!("cannot read the {name}: {error}")))?;
    Ok(Secret::from(text.to_owned()))
}

/// Decodes UTF-8. Windows writes a byte order mark before it, which is not part of the text.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, &'static str> {
    let is_utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    if is_utf16 || bytes.contains(&0) {
        return Err(
            "it is UTF-16, not UTF-8: in PowerShell, set `$OutputEncoding` to \
                    `[Text.UTF8Encoding]::new()`, and write files with `-Encoding utf8`",
        );
    }
    let text = bytes.strip_prefix("\u{feff}".as_bytes());
    std::str::from_utf8(text.unwrap_or(bytes)).map_err(|_| "it is not UTF-8: write it as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_mark_and_line_break_are_not_part_of_a_password() {
        for input in [
            "pässword",
            "pässword\n",
            "pässword\r\nnext line\r\n",
            "\u{feff}pässword\r\n",
        ] {
            let password = read_line(input.as_bytes(), "password").unwrap();
            assert_eq!(password.expose(), "pässword", "{input:?}");
        }
        // White space is part of a password, and so is a mark at another place.
        for password in [" a b ", "a\u{feff}"] {
            let read = read_line(password.as_bytes(), "password").unwrap();
            assert_eq!(read.expose(), password);
        }
    }

    #[test]
    fn utf_16_is_an_error_that_says_how_to_write_utf_8() {
        let little: Vec<u8> = "\u{feff}pass\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = "\u{feff}pass"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for input in [&little[..], &little[2..], &big] {
            let error = read_line(input, "password").unwrap_err().to_string();
            assert!(
                error.contains("UTF-16") && error.contains("$OutputEncoding"),
                "{error}"
            );
            assert!(
                !error.contains("pass\0") && !error.contains("p\0a"),
                "{error:?}"
            );
        }
        let error = read_line(&b"\xe9\n"[..], "password")
            .unwrap_err()
            .to_string();
        assert!(error.contains("not UTF-8"), "{error}");
    }
}
