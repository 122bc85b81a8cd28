//! Load by wrk.

use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use crate::Effort;
use crate::process::{Server, on_load_core};
use crate::timing::median;

const CONNECTIONS: &str = "-c64";

/// What is asked, and of which server.
pub(crate) struct Target {
    /// The table in which it is a row.
    pub(crate) table: &'static str,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// A body that is sent with POST, as a form.
    pub(crate) form: Option<&'static str>,
    /// The servers that answer, whose processor time counts.
    pub(crate) servers: Vec<Rc<Server>>,
    /// A folder that is removed after the measurement.
    pub(crate) folder: Option<Rc<dyn std::any::Any>>,
}

/// What was measured of one target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    /// In microseconds.
    pub(crate) p99: f64,
    /// In microseconds for each request.
    pub(crate) processor: f64,
}

impl Target {
    pub(crate) fn new(
        table: &'static str,
        name: impl Into<String>,
        url: impl Into<String>,
        server: &Rc<Server>,
    ) -> Self {
        Self {
            table,
            name: name.into(),
            url: url.into(),
            headers: Vec::new(),
            form: None,
            servers: vec![Rc::clone(server)],
            folder: None,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn form(mut self, form: &'static str) -> Self {
        self.form = Some(form);
        self
    }

    pub(crate) fn also(mut self, server: &Rc<Server>) -> Self {
        self.servers.push(Rc::clone(server));
        self
    }

    pub(crate) fn keep(mut self, folder: &Rc<impl std::any::Any>) -> Self {
        self.folder = Some(Rc::clone(folder) as Rc<dyn std::any::Any>);
        self
    }

    fn processor_seconds(&self) -> f64 {
        self.servers.iter().map(|server| server.cpu_seconds()).sum()
    }
}

/// Measures the targets in turn, several times, and returns the medians.
pub(crate) fn interleaved(targets: &[Target], effort: Effort) -> Vec<Figures> {
    let (rounds, seconds) = effort.of((5, 3), (1, 1));
    let scripts = tempfile::tempdir().unwrap();
    let commands: Vec<Vec<String>> = targets
        .iter()
        .enumerate()
        .map(|(index, target)| arguments(target, scripts.path().join(format!("{index}.lua"))))
        .collect();
    let mut samples = vec![Vec::new(); targets.len()];
    for round in 0..=rounds {
        for ((target, command), samples) in targets.iter().zip(&commands).zip(&mut samples) {
            // The first round only warms up.
            let figures = load(target, command, if round == 0 { 1 } else { seconds });
            if round > 0 {
                samples.push(figures);
            }
        }
    }
    let median_of = |samples: &[Figures], figure: fn(&Figures) -> f64| {
        median(&mut samples.iter().map(figure).collect::<Vec<_>>())
    };
    let medians = |samples: &Vec<Figures>| Figures {
        per_second: median_of(samples, |figures| figures.per_second),
        p99: median_of(samples, |figures| figures.p99),
        processor: median_of(samples, |figures| figures.processor),
    };
    samples.iter().map(medians).collect()
}

fn arguments(target: &Target, script: PathBuf) -> Vec<String> {
    let mut arguments = vec![
        "-t1".to_owned(),
        CONNECTIONS.to_owned(),
        "--latency".to_owned(),
    ];
    for (name, value) in &target.headers {
        arguments.extend(["-H".to_owned(), format!("{name}: {value}")]);
    }
    if let Some(form) = target.form {
        let form = format!(
            "wrk.method = 'POST'\nwrk.body = '{form}'\nwrk.headers['content-type'] = 'application/x-www-form-urlencoded'\n"
        );
        std::fs::write(&script, form).unwrap();
        arguments.extend(["-s".to_owned(), script.display().to_string()]);
    }
    arguments.push(target.url.clone());
    arguments
}

fn load(target: &Target, arguments: &[String], seconds: u64) -> Figures {
    let before = target.processor_seconds();
    let mut command: Command = on_load_core("wrk");
    let output = command
        .arg(format!("-d{seconds}s"))
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = !output.status.success() || text.contains("Non-2xx");
    assert!(
        !failed,
        "{}: {text}{}",
        target.name,
        String::from_utf8_lossy(&output.stderr)
    );
    let after_label = |label: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("{}: no {label} in {text}", target.name))
            .trim()
    };
    let requests = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "));
    let requests: f64 = requests.unwrap().0.parse().unwrap();
    let processor = target.processor_seconds() - before;
    Figures {
        per_second: after_label("Requests/sec:").parse().unwrap(),
        p99: microseconds(after_label("99%")),
        processor: processor * 1e6 / requests,
    }
}

/// Parses a duration of wrk, such as `1.23ms`.
fn microseconds(text: &str) -> f64 {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap();
    let (number, unit) = text.split_at(end);
    let factor = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        _ => 1e6,
    };
    number.parse::<f64>().unwrap() * factor
}
