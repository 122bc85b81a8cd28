use std::time::Duration;

use crate::harness::{Home, Server, api_key, basic, bearer, now, wait_for};

/// How long a running server may take to see a change by another process on the same SQLite file.
const BOUND: Duration = Duration::from_millis(250);

#[test]
fn a_key_revoked_by_another_process_is_refused_within_250_ms_and_its_token_too() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = server.create_key(&home, "*");
    let spared = server.create_key(&home, "*");
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
    wait_for("all of them refused", Duration::from_secs(10), || {
        let mut refused = true;
        for headers in &presented {
            let asked = revoked.elapsed();
            let status = server.status_for(headers);
            assert!(
                status == 401 || (status == 200 && asked <= BOUND),
                "{} after {asked:?}: {status}",
                headers[0].0
            );
            refused &= status == 401;
        }
        refused.then_some(())
    });

    assert_eq!(server.mint(&[api_key(&key.key)]).status, 401);
    assert_eq!(server.status_for(&[api_key(&spared.key)]), 200);
}

#[test]
fn a_key_made_by_another_process_works_within_250_ms() {
    let home = Home::new();
    let server = Server::start(&home, &[]);
    let key = home.create_key("*");
    let made = now();
    wait_for("the key works", Duration::from_secs(10), || {
        let asked = made.elapsed();
        let status = server.status_for(&[api_key(&key.key)]);
        assert!(status == 200 || asked <= BOUND, "after {asked:?}: {status}");
        (status == 200).then_some(())
    });
}
