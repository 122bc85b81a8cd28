//! The caller of commands, as the audit log names it.

use countersign::registry::Caller;

/// The longest login name that is recorded.
const MAX_LENGTH: usize = 64;

/// Returns the operator who runs the command. The permissions of the system have decided that this user may.
#[must_use]
pub fn caller() -> Caller {
    let names = ["USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    Caller::operator(actor(names.into_iter().flatten()))
}

/// Returns the first of these that looks like a login name. The environment claims it; it is not proven.
fn actor(names: impl IntoIterator<Item = String>) -> String {
    let mut plain = names.into_iter().filter(|name| is_plain(name));
    plain
        .next()
        .map_or_else(|| "cli".to_owned(), |name| format!("cli:{name}"))
}

fn is_plain(name: &str) -> bool {
    let fits = (1..=MAX_LENGTH).contains(&name.len());
    fits && name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor_of(names: &[&str]) -> String {
        actor(names.iter().map(ToString::to_string))
    }

    #[test]
    fn actor_is_the_login_name_if_that_is_plain() {
        assert_eq!(actor_of(&["ada"]), "cli:ada");
        assert_eq!(actor_of(&["", "grace.hopper"]), "cli:grace.hopper");
        let long = "a".repeat(MAX_LENGTH + 1);
        for odd in ["a b", "a\nb", "\u{1b}[2J", "é", &long] {
            assert_eq!(actor_of(&[odd]), "cli", "{odd:?}");
        }
        assert_eq!(actor_of(&[]), "cli");
    }
}
