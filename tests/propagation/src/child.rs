//! A node in a process of its own, which can be stopped and killed. It reads keys from standard input, one a line, and prints how
//! it decides on each.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use clap::Args;
use countersign::Secret;
use rustix::process::{Pid, Signal, kill_process};

use crate::node::{Decision, Node, options};

/// How long a receipt is waited for.
const LIMIT: Duration = Duration::from_secs(7);

#[derive(Args)]
pub(crate) struct Options {
    /// The URL of the database
    url: String,
    /// Create and revoke keys as fast as possible, and print what was acknowledged
    #[arg(long)]
    writes: bool,
}

/// Runs the node until its standard input ends.
pub(crate) async fn run(arguments: &Options) -> bool {
    let node = Arc::new(Node::open(options(&arguments.url)).await);
    print("ready");
    if arguments.writes {
        tokio::spawn(write(Arc::clone(&node)));
    }
    let answered = tokio::task::spawn_blocking(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let decision = node.decide(&Secret::from(line));
            print(match decision {
                Decision::Accepted => "accepted",
                Decision::Rejected => "rejected",
                Decision::Undecided => "undecided",
            });
        }
    });
    answered.await.is_ok()
}

/// Creates keys and revokes half of them, whatever fails.
async fn write(node: Arc<Node>) {
    for number in 0_u64.. {
        let Some(key) = node.try_create_key().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        print(&format!("created {} {}", key.id, key.secret.expose()));
        if number % 2 == 0 {
            continue;
        }
        print(&format!("revoking {}", key.id));
        if node.revoke(key.id).await {
            print(&format!("revoked {}", key.id));
            if number % 16 == 1 && node.store.wait_for_nodes(LIMIT).await.is_complete() {
                print(&format!("complete {}", key.id));
            }
        }
    }
}

fn print(line: &str) {
    let mut out = io::stdout().lock();
    // The process that reads may have ended.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A running node, which is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    /// What the node prints. It ends when the node ends.
    pub(crate) lines: Receiver<String>,
}

impl Process {
    /// Starts a node, and waits until it is ready.
    pub(crate) fn start(url: &str, writes: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["node", url])
            .args(writes.then_some("--writes"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                // The receiver may be gone.
                let _ = sender.send(line);
            }
        });
        assert_eq!(lines.recv().expect("the node starts"), "ready");
        Self {
            input: child.stdin.take().unwrap(),
            lines,
            child,
        }
    }

    /// Asks the node to decide on a request with a key.
    pub(crate) fn decide(&mut self, key: &Secret) -> Decision {
        writeln!(self.input, "{}", key.expose()).unwrap();
        loop {
            match &*self.lines.recv().expect("the node runs") {
                "accepted" => return Decision::Accepted,
                "rejected" => return Decision::Rejected,
                "undecided" => return Decision::Undecided,
                // What it writes.
                _ => {}
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills the node, and returns what it has printed since it was last read.
    pub(crate) fn kill(mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.lines.iter().collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
