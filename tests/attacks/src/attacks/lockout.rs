//! Wrong passwords from random /64 networks of one IPv6 /48.

use std::net::Ipv6Addr;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::Outcome;
use crate::http1::Client;
use crate::measure::{Figures, Flood, check_memory};
use crate::message::Request;
use crate::report::{Report, milliseconds};
use crate::server::{Binary, Fixture, Home, text};

/// The server believes the address that the attack writes into `X-Forwarded-For`.
const CONFIGURATION: &str = "trusted_proxies = [\"127.0.0.0/8\"]\n";
/// How long a user with the right password may wait for the first, uncached login.
const LIMIT: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The number of connections
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// The number of wrong passwords at the same time on each connection
    #[arg(long, default_value_t = 64)]
    streams: usize,
    /// The number of users who log in meanwhile, two in each second, from addresses in other networks
    #[arg(long, default_value_t = 20)]
    users: u16,
}

struct User {
    name: String,
    password: String,
}

pub(crate) async fn run(options: &Options, binary: &Binary, report: &mut Report) -> Outcome<()> {
    let fixture = Fixture::with_configuration(binary, CONFIGURATION).await?;
    let mut users = Vec::new();
    for number in 0..options.users {
        users.push(create_user(&fixture.home, number).await?);
    }
    // The server sees the new users after a short delay.
    tokio::time::sleep(Duration::from_millis(500)).await;
    report.title(&format!(
        "{} × {} wrong passwords at the same time from random /64 networks of one /48",
        options.connections, options.streams
    ));
    let watch = fixture.watch()?;
    // Half a second for each user, and the last login.
    let attack = Flood {
        connections: options.connections,
        streams: options.streams,
        seconds: u64::from(options.users) / 2 + LIMIT.as_secs(),
    };
    let names: Vec<_> = users.iter().map(|user| user.name.clone()).collect();
    let make = move |number: usize| {
        let name = names.get(number % names.len().max(1));
        whoami(
            &attacker_address(number),
            name.map_or("", |name| name),
            "wrong",
        )
    };
    let flood = attack.run(fixture.attacker(), make);
    let (flood, logins) = tokio::join!(flood, log_in(fixture.client(), &users));
    report.figure("flood", flood?);
    report.figure("users with the right password", &logins);
    report.check(
        "users with the right password are accepted",
        logins.all_have("200"),
        logins.statuses(),
    );
    let slowest = logins.slowest();
    report.check(
        "users with the right password wait less than 2 s",
        slowest < LIMIT,
        milliseconds(slowest),
    );
    check_memory(&watch.stop().await?, report);
    Ok(())
}

async fn create_user(home: &Home<'_>, number: u16) -> Outcome<User> {
    let name = format!("user-{number}");
    let arguments = [
        "user",
        "create",
        &name,
        "--scopes",
        "calls:read",
        "--generate",
    ];
    let password = text(&home.json(&arguments).await?, "password")?;
    Ok(User { name, password })
}

/// Logs in one user after another, and does not wait for one to log in the next.
async fn log_in(client: Client, users: &[User]) -> Figures {
    let mut logins = tokio::task::JoinSet::new();
    let mut ticks = interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // The attack has filled the queue of passwords by the first tick.
    ticks.reset();
    for (number, user) in users.iter().enumerate() {
        ticks.tick().await;
        let address = format!("198.51.100.{}", number % 250 + 1);
        let request = whoami(&address, &user.name, &user.password);
        logins.spawn(async move {
            let begun = Instant::now();
            let result = client.send(&request).await;
            (result, begun.elapsed())
        });
    }
    let mut figures = Figures::default();
    while let Some(login) = logins.join_next().await {
        if let Ok((result, latency)) = login {
            figures.add(&result, latency);
        }
    }
    figures
}

fn whoami(address: &str, name: &str, password: &str) -> Request {
    let request = Request::get("/whoami").basic(name, password);
    request.header("x-forwarded-for", address)
}

/// Returns an address in a network of its own; all are in 2001:db8:66::/48.
fn attacker_address(number: usize) -> String {
    // A multiplication by an odd number visits all networks in an order without pattern.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low 16 bits are wanted"
    )]
    let network = (number as u16).wrapping_mul(40_503);
    Ipv6Addr::new(0x2001, 0xdb8, 0x66, network, 0, 0, 0, 1).to_string()
}
