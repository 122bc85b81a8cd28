//! What the log says of changes of a file.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::fixture::{Folder, whole_key_entry};

/// Collects the events of a thread as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(format!("{} ", event.metadata().level()));
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Returns the events of `f`.
fn events(f: impl FnOnce()) -> Vec<String> {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), f);
    std::mem::take(&mut *log.0.lock().unwrap())
}

#[test]
fn broken_file_is_warned_of_once_and_the_repaired_one_is_logged() {
    let folder = Folder::new();
    let file = folder.open(&whole_key_entry("ci", ""));
    folder.write("[[keys]]\nname = 'ci'\nsha256 = 'canary'\n");
    let warnings = events(|| {
        for _ in 0..5 {
            assert!(file.reload_if_changed().is_err());
            assert!(file.reload().is_err());
        }
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let warning = &warnings[0];
    assert!(warning.starts_with("WARN"), "{warning}");
    assert!(warning.contains("credentials:3: sha256: "), "{warning}");
    assert!(!warning.contains("canary"), "{warning}");

    folder.write(whole_key_entry("other", "") + &whole_key_entry("ci", "").replace("78a0", "0000"));
    let changes = events(|| {
        for _ in 0..5 {
            file.reload_if_changed().unwrap();
        }
    });
    assert_eq!(changes.len(), 1, "{changes:?}");
    let change = &changes[0];
    assert!(
        change.starts_with("INFO") && change.contains("credentials=2 new=2 ended=1"),
        "{change}"
    );
}

#[test]
fn file_with_the_same_credentials_is_not_logged() {
    let folder = Folder::new();
    let toml = whole_key_entry("ci", "");
    let file = folder.open(&toml);
    folder.write(format!("# the same\n{toml}"));
    assert!(events(|| file.reload().unwrap()).is_empty());
}

#[cfg(unix)]
#[test]
fn file_that_every_user_can_write_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    let file = folder.open("keys = []");
    let open = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder.file(), permissions).unwrap();
        events(|| file.reload().unwrap())
    };
    assert!(open(0o664).is_empty());
    let warnings = open(0o666);
    assert!(warnings[0].contains("chmod o-w"), "{warnings:?}");
}
