//! The delay after which a running server sees changes of other processes.

use std::time::Duration;

use crate::harness::{Home, Server, api_key, basic, bearer, now, wait_for};

/// The time within which a running server must see a change of another process in the same SQLite file.
const BOUND: Duration = Duration::from_millis(250);

#[test]
fn a_key_revoked_by_another_process_and_its_token_are_rejected_within_250_ms() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let other = server.create_key(&home, "*");
    let token = server.token(&[api_key(&key.key)]);
    let presented = [
        vec![api_key(&key.key)],
        vec![basic(&key.id, &key.secret)],
        vec![bearer(&token)],
    ];
    for headers in &presented {
        assert_eq!(server.status_for(headers), 200);
    }

    home.run(&["key", "revoke", &key.id]);
    let revoked = now();
    wait_for("all rejections", Duration::from_secs(10), || {
        let mut rejected = true;
        for headers in &presented {
            let elapsed = revoked.elapsed();
            let status = server.status_for(headers);
            assert!(
                status == 401 || (status == 200 && elapsed <= BOUND),
                "{} after {elapsed:?}: {status}",
                headers[0].0
            );
            rejected &= status == 401;
        }
        rejected.then_some(())
    });

    assert_eq!(server.mint(&[api_key(&key.key)]).status, 401);
    assert_eq!(server.status_for(&[api_key(&other.key)]), 200);
}

#[test]
fn a_key_created_by_another_process_is_accepted_within_250_ms() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = home.create_key("*");
    let created = now();
    wait_for("acceptance of the key", Duration::from_secs(10), || {
        let elapsed = created.elapsed();
        let status = server.status_for(&[api_key(&key.key)]);
        assert!(
            status == 200 || elapsed <= BOUND,
            "after {elapsed:?}: {status}"
        );
        (status == 200).then_some(())
    });
}
