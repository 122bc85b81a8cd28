//! The example runs, and says what its comments promise.

use std::process::Command;

#[test]
fn example_accepts_its_token_and_refuses_a_shortened_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_mint-and-verify"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("token: Secret([redacted])"), "{text}");
    assert_eq!(lines[1], "200 OK: a bearer came; may it mint? false");
    assert!(lines[2].starts_with("401 Unauthorized"), "{text}");
    assert!(lines[2].contains("invalid_token"), "{text}");
}
