//! Who uses the command line, for the audit.

use countersign::registry::Caller;

/// The longest login name that is written down.
const LONGEST: usize = 64;

/// Whoever may run a command on the store is its operator: the system's permissions have decided that.
pub(super) fn caller() -> Caller {
    let names = ["USER", "LOGNAME"].map(|name| std::env::var(name).ok());
    Caller::operator(actor(names.into_iter().flatten()))
}

/// The first of these that looks like a login name. It is what the environment says, and no proof.
fn actor(names: impl IntoIterator<Item = String>) -> String {
    let mut plain = names.into_iter().filter(|name| is_plain(name));
    plain
        .next()
        .map_or_else(|| "cli".to_owned(), |name| format!("cli:{name}"))
}

fn is_plain(name: &str) -> bool {
    let fits = (1..=LONGEST).contains(&name.len());
    fits && name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> String {
        actor(names.iter().map(ToString::to_string))
    }

    #[test]
    fn actor_is_the_login_name_where_that_is_plain() {
        assert_eq!(of(&["ada"]), "cli:ada");
        assert_eq!(of(&["", "grace.hopper"]), "cli:grace.hopper");
        let long = "a".repeat(LONGEST + 1);
        for odd in ["a b", "a\nb", "\u{1b}[2J", "é", &long] {
            assert_eq!(of(&[odd]), "cli", "{odd:?}");
        }
        assert_eq!(of(&[]), "cli");
    }
}
