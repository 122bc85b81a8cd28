//! The output of commands, compared with the output on a page.

/// Returns whether an output is the expected one, in which `…` matches one or more characters of a line, and a line that
/// is only `…` any number of lines. Spaces at the ends of lines do not count.
pub(crate) fn matches(output: &str, expected: &str) -> bool {
    let output: Vec<&str> = output.trim_end().lines().map(str::trim_end).collect();
    let expected: Vec<&str> = expected.trim_end().lines().map(str::trim_end).collect();
    lines_match(&output, &expected)
}

fn lines_match(output: &[&str], expected: &[&str]) -> bool {
    match expected.split_first() {
        None => output.is_empty(),
        Some((&"…", rest)) => {
            (0..=output.len()).any(|skipped| lines_match(&output[skipped..], rest))
        }
        Some((line, rest)) => match output.split_first() {
            None => false,
            Some((first, others)) => line_matches(first, line) && lines_match(others, rest),
        },
    }
}

fn line_matches(output: &str, expected: &str) -> bool {
    let Some((before, after)) = expected.split_once('…') else {
        return output == expected;
    };
    let Some(rest) = output.strip_prefix(before) else {
        return false;
    };
    let mut ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.any(|end| line_matches(&rest[end..], after))
}

#[test]
fn ellipsis_matches_a_part_of_a_line_and_whole_lines() {
    assert!(matches("id  7\nkey cs_1\n", "id  …\nkey cs_…\n"));
    assert!(matches("a\nb\nc\n", "a\n…\n"));
    assert!(matches("a\nb\nc\n", "…\nc"));
    assert!(matches("{\"a\":1,\"b\":2}", "{…\"b\":2}"));
    assert!(matches("a  \n", "a\n"));
}

#[test]
fn other_output_does_not_match() {
    for (output, expected) in [
        ("a\nb", "a"),
        ("a", "a\nb"),
        ("key", "key…"),
        ("{\"b\":3}", "{…\"b\":2}"),
        ("", "…x"),
    ] {
        assert!(!matches(output, expected), "{output:?} {expected:?}");
    }
}
