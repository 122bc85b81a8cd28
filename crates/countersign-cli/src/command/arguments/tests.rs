use super::*;
use clap::CommandFactory as _;

fn rejected(arguments: &[&str]) -> bool {
    let name = std::iter::once(&"countersign");
    Arguments::try_parse_from(name.chain(arguments)).is_err()
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn without_a_command_the_server_runs_with_its_defaults() {
    let arguments = Arguments::try_parse_from(["countersign"]).unwrap();
    assert!(arguments.command.is_none() && !arguments.global.json);
}

#[test]
fn global_flags_are_accepted_after_the_command() {
    let line = [
        "countersign",
        "key",
        "list",
        "--json",
        "--database",
        "sqlite://a.db",
    ];
    let arguments = Arguments::try_parse_from(line).unwrap();
    assert!(arguments.global.json);
    assert_eq!(arguments.global.database.as_deref(), Some("sqlite://a.db"));
}

#[test]
fn help_is_a_command_and_says_that_tokens_are_minted_from_keys() {
    for line in [&["help"][..], &["help", "key"], &["key", "help", "create"]] {
        let name = std::iter::once(&"countersign");
        let help = Arguments::try_parse_from(name.chain(line)).unwrap_err();
        assert_eq!(help.kind(), clap::error::ErrorKind::DisplayHelp, "{line:?}");
    }
    let help = Arguments::command().render_long_help().to_string();
    assert!(help.contains("tokens from keys"), "{help}");
}

const ID: &str = "013xrzp12g3nqk8n7f8f9jbg8d18q7tm";

#[test]
fn commands_of_later_versions_are_rejected() {
    for line in [&["key", "revoke", ID, "--wait"][..], &["serve", "--tls"]] {
        assert!(rejected(line), "{line:?}");
    }
}

#[test]
fn command_waits_for_servers_if_it_changes_what_they_decide() {
    for (line, waits) in [
        (&["key", "create", "--name", "a", "--scopes", "a"][..], true),
        (&["key", "revoke", ID], true),
        (&["key", "scopes", ID, "a"], true),
        (&["key", "rotate", ID], true),
        (&["key", "import", "file"], true),
        (&["key", "list"], false),
        (&["key", "show", ID], false),
        (&["key", "digest", "--name", "a", "--scopes", "a"], false),
        (&["managed-token", "suspend", ID], true),
        (&["managed-token", "list"], false),
        (&["user", "passwd", "ada"], true),
        (&["user", "hash", "ada", "--scopes", "a"], false),
        (&["credential", "revoke", "--created-by", ID], true),
        (&["credential", "list", "--created-by", ID], false),
        (&["account", "revoke", ID], true),
        (&["account", "list"], false),
        (&["session", "revoke", ID, "phone"], true),
        (&["session", "list"], false),
        (&["session", "list", ID], false),
        (&["signing-key", "rotate"], true),
        (&["signing-key", "list"], false),
        (&["pepper", "rotate"], true),
        (&["token", "revoke"], true),
        (&["token", "inspect"], false),
        (&["node", "list"], false),
        (&["audit", "verify"], false),
        (&["doctor"], false),
    ] {
        let name = std::iter::once(&"countersign");
        let arguments = Arguments::try_parse_from(name.chain(line)).unwrap();
        assert_eq!(arguments.command.unwrap().is_change(), waits, "{line:?}");
        assert!(!arguments.global.no_wait);
    }
    let line = ["countersign", "key", "revoke", ID, "--no-wait"];
    assert!(Arguments::try_parse_from(line).unwrap().global.no_wait);
}

#[test]
fn grace_and_compromised_exclude_each_other() {
    assert!(!rejected(&["key", "rotate", ID]));
    assert!(!rejected(&["key", "rotate", ID, "--grace", "0s"]));
    assert!(!rejected(&["key", "rotate", ID, "--compromised"]));
    assert!(rejected(&[
        "key",
        "rotate",
        ID,
        "--grace",
        "1h",
        "--compromised"
    ]));
}

#[test]
fn durations_out_of_bounds_are_rejected_with_the_bounds() {
    let create = ["key", "create", "--name", "a", "--scopes", "a"];
    let expires_in = [&create[..], &["--expires-in"]].concat();
    for (line, longest, too_long, bound) in [
        (
            &["key", "rotate", ID, "--grace"][..],
            "366d",
            "367d",
            "366d",
        ),
        (
            &["key", "rotate", ID, "--grace"],
            "366d",
            "99999999d",
            "366d",
        ),
        (&expires_in, "36500d", "36501d", "36500d"),
        (&["signing-key", "rotate", "--lead"], "90d", "2161h", "90d"),
    ] {
        let with = |value| [&["countersign"], line, &[value]].concat();
        assert!(Arguments::try_parse_from(with(longest)).is_ok(), "{line:?}");
        let error = Arguments::try_parse_from(with(too_long)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(&format!("at most {bound}")), "{error}");
    }
}

#[test]
fn names_and_reasons_with_control_characters_are_rejected() {
    for c in [
        '\u{7}', '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2028}', '\u{2029}',
        '\u{2066}', '\u{2069}', '\u{feff}',
    ] {
        let text = format!("a{c}b");
        for line in [
            &["key", "create", "--scopes", "a", "--name", &text][..],
            &["account", "create", &text],
            &["environment", "create", &text],
            &["key", "revoke", ID, "--reason", &text],
        ] {
            assert!(rejected(line), "{line:?}");
        }
    }
    assert!(!rejected(&[
        "account",
        "create",
        "Bücher, 書籍, کتاب\u{200c}ها"
    ]));
}

#[test]
fn accepted_losses_are_since_a_time_in_rfc_3339_with_an_offset() {
    let since = |time| {
        let line = [
            "countersign",
            "restore",
            "a.db",
            "--accept-loss-since",
            time,
        ];
        match Arguments::try_parse_from(line).ok()?.command? {
            Command::Restore(restore) => restore.accept_loss_since,
            _ => None,
        }
    };
    for (time, millis) in [
        ("2026-03-15T12:00:00Z", 1_773_576_000_000),
        ("2026-03-15T12:00:00.123Z", 1_773_576_000_123),
        ("2026-03-15T13:00:00+01:00", 1_773_576_000_000),
    ] {
        assert_eq!(since(time).unwrap().unix_millis(), millis, "{time}");
    }
    for bad in ["", "now", "2026-03-15", "2026-03-15T12:00:00", "1773576000"] {
        assert!(since(bad).is_none(), "{bad}");
    }
}

#[test]
fn invalid_values_are_rejected() {
    for line in [
        &["key", "show", "no-id"][..],
        &["key", "create", "--name", "a"],
        &["key", "create", "--scopes", "a"],
        &["key", "create", "--name", "", "--scopes", "a"],
        &["key", "create", "--name", "a\nb", "--scopes", "a"],
        &["key", "create", "--name", "a", "--scopes", "a::b"],
        &[
            "key",
            "create",
            "--name",
            "a",
            "--scopes",
            "a",
            "--expires-in",
            "0d",
        ],
        &[
            "key",
            "create",
            "--name",
            "a",
            "--scopes",
            "a",
            "--expires-in",
            "soon",
        ],
        &[
            "key",
            "create",
            "--name",
            "a",
            "--scopes",
            "a",
            "--allow-from",
            "192.0.2.1/24",
        ],
        &[
            "key",
            "create",
            "--name",
            "a",
            "--scopes",
            "a",
            "--allow-from",
            "10.0.0.0/8 ::1",
        ],
        &[
            "key",
            "create",
            "--name",
            "a",
            "--scopes",
            "a",
            "--account",
            "default",
        ],
        &[
            "key", "create", "--name", "a", "--scopes", "a", "--issuer", "Core",
        ],
        &["signing-key", "list", "--issuer", ""],
        &["session", "revoke", ID],
        &["key", "scopes", ID],
        &["key", "scopes", ID, "a::b"],
        &["key", "revoke", ID, "--reason", ""],
        &["key", "revoke", ID, "--reason", "a\u{1b}[2J"],
        &["key", "rotate", ID, "--grace", "-1s"],
        &["account", "create", "a\nb"],
        &["environment", "create", "a", "--kind", "staging"],
        &["signing-key", "rotate", "--algorithm", "none"],
        &["signing-key", "rotate", "--lead", "10"],
        &["audit", "list", "--limit", "0"],
        &["audit", "verify", "--checkpoint", "41"],
        &["completions", "cmd"],
        &["user", "create", "two words", "--scopes", "a"],
        &["serve", "--listen", "8080"],
        &["--database", "mysql://db"],
        &["--log-format", "xml"],
    ] {
        assert!(rejected(line), "{line:?}");
    }
}

/// Returns the commands without subcommands, each with its words.
fn leaves(command: &clap::Command, words: &str) -> Vec<(String, clap::Command)> {
    let below: Vec<_> = command
        .get_subcommands()
        .filter(|one| one.get_name() != "help")
        .flat_map(|one| leaves(one, format!("{words} {}", one.get_name()).trim()))
        .collect();
    if below.is_empty() {
        return vec![(words.to_owned(), command.clone())];
    }
    below
}

const README: &str = include_str!("../../../../countersign-server/README.md");

#[test]
fn every_command_and_flag_is_in_the_readme() {
    for (words, command) in leaves(&Arguments::command(), "") {
        let row = README
            .lines()
            .filter(|line| line.starts_with("| `countersign"))
            .find(|line| {
                // Only the first cell names the commands of a row.
                let commands = line.trim_start_matches("| ").split(" | ").next();
                let commands = commands.unwrap_or_default();
                commands.contains(&format!("{words}`")) || commands.contains(&format!("{words} "))
            });
        let row = row.unwrap_or_else(|| panic!("{words}"));
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(row.contains(&format!("--{flag}")), "{words} --{flag}");
        }
    }
}

#[test]
fn every_command_in_the_readme_exists() {
    let known: Vec<_> = leaves(&Arguments::command(), "")
        .into_iter()
        .map(|(words, _)| words)
        .collect();
    let rows = README
        .lines()
        .filter(|line| line.starts_with("| `countersign "));
    let mut named = 0;
    for row in rows {
        let cell = row.split(" | ").next().unwrap();
        for span in cell.split('`').skip(1).step_by(2) {
            let words: Vec<_> = span
                .split(' ')
                .filter(|word| *word != "countersign")
                .take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
                .take_while(|word| !word.starts_with('-'))
                .collect();
            assert!(known.contains(&words.join(" ")), "{span}");
            named += 1;
        }
    }
    assert!(named >= known.len(), "{named} of {}", known.len());
}

#[test]
fn signing_key_whose_id_begins_with_a_hyphen_can_be_revoked() {
    for kid in ["-zcRp9_dg-opAdRc", "--Rp9_dg-opAdRc", "-hcRp9_dg-opAdRc"] {
        for line in [
            ["countersign", "signing-key", "revoke", kid, "--json"],
            ["countersign", "signing-key", "revoke", "--json", kid],
        ] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert!(arguments.global.json, "{line:?}");
            assert!(format!("{arguments:?}").contains(kid), "{line:?}");
        }
    }
}
