//! A simulated disk.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use countersign_tests::xorshift::XorShift;
use tempfile::TempDir;

/// The library that is preloaded into every process of a test, compiled once for each version of its source.
static SHIM: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/shim.c");
    let version = fs::read(&source)
        .unwrap()
        .iter()
        .fold(1_469_598_103_934_665_603_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
        });
    let built = std::env::current_exe()
        .unwrap()
        .with_file_name(format!("faults-{version:016x}.so"));
    if !built.exists() {
        // Compiled under a unique name first, since several processes may do this concurrently.
        let draft = built.with_extension(format!("{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"])
            .args(["-shared", "-fPIC", "-o"])
            .args([&draft, &source])
            .status()
            .unwrap();
        assert!(compiled.success(), "{compiled}");
        fs::rename(draft, &built).unwrap();
    }
    built
});

/// The settings that the library reads at every call, in the order of `struct control`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switch {
    /// Record the state that a power loss would leave.
    Mirror,
    /// Ignore fsync of the write-ahead log, and report success.
    IgnoreSync,
    /// The number of crash points until the crash; 0: off.
    Countdown,
    /// A crash at a crash point is a power loss for all processes.
    PowerLoss,
    /// The power is lost.
    PowerLost,
    /// Writes fail with this error number.
    WriteError,
    /// fsync fails with this error number.
    SyncError,
    /// The number of calls that succeed before they fail.
    SucceedFirst,
    /// The number of crash points so far.
    CrashPoints,
    /// The number of calls that have failed so far.
    Failed,
}

const SWITCHES: usize = Switch::Failed as usize + 1;

/// A folder on a simulated disk, whose failures tests control.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: TempDir,
    control: File,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["live", "objects", "names"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let control = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .open(folder.path().join("control"))
            .unwrap();
        control.set_len(SWITCHES as u64 * 8).unwrap();
        Self { folder, control }
    }

    /// The folder that programs use.
    pub(crate) fn live(&self) -> PathBuf {
        self.folder.path().join("live")
    }

    /// A file next to that folder, which no power loss affects.
    pub(crate) fn aside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Preloads the library into a process, so that it uses this disk.
    pub(crate) fn load(&self, command: &mut Command) {
        command
            .env("FAULTS", self.folder.path())
            .env("LD_PRELOAD", &*SHIM);
    }

    pub(crate) fn set(&self, switch: Switch, value: u64) {
        self.control
            .write_all_at(&value.to_ne_bytes(), switch as u64 * 8)
            .unwrap();
    }

    pub(crate) fn read(&self, switch: Switch) -> u64 {
        let mut value = [0; 8];
        self.control
            .read_exact_at(&mut value, switch as u64 * 8)
            .unwrap();
        u64::from_ne_bytes(value)
    }

    /// Keeps the folder after the test, for analysis.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// Replaces the files by those that a power loss leaves. No process may have a file open.
    ///
    /// Synchronised data survives. `chance` decides about the rest: no written block survives, or any subset of them; and
    /// the file names are the synchronised ones, or the latest.
    pub(crate) fn lose_power(&self, chance: &mut XorShift) {
        let (some_blocks, late_names) = (chance.below(2) == 0, chance.below(4) == 0);
        let mut left = HashMap::new();
        let kept = if late_names { "live" } else { "names" };
        for entry in fs::read_dir(self.aside(kept)).unwrap() {
            let name = entry.unwrap().file_name();
            if name.to_string_lossy().ends_with("-shm") {
                continue;
            }
            let written = self.live().join(&name);
            let object = self.object_of(&written);
            let synchronised = if late_names {
                object.clone()
            } else {
                Some(self.aside("names").join(&name))
            };
            let mut contents = synchronised
                .as_ref()
                .map_or_else(Vec::new, |path| fs::read(path).unwrap());
            let same_file =
                late_names || inode(object.as_deref()) == inode(synchronised.as_deref());
            if some_blocks && same_file && written.exists() {
                mix(&mut contents, &fs::read(&written).unwrap(), chance);
            }
            left.insert(name, contents);
        }
        for folder in ["live", "objects", "names"] {
            for entry in fs::read_dir(self.aside(folder)).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
        for (name, contents) in &left {
            let path = self.live().join(name);
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
        self.set(Switch::PowerLost, 0);
        self.synchronise();
    }

    /// Synchronises all files and names.
    pub(crate) fn synchronise(&self) {
        let countdown = self.read(Switch::Countdown);
        self.set(Switch::Countdown, 0);
        let mut sync = Command::new("sync");
        for entry in fs::read_dir(self.live()).unwrap() {
            sync.arg(entry.unwrap().path());
        }
        sync.arg(self.live());
        self.load(&mut sync);
        let ended = sync.status().unwrap();
        assert!(ended.success(), "{ended}");
        self.set(Switch::Countdown, countdown);
    }

    /// Returns the path of the synchronised copy of a file, if it exists.
    fn object_of(&self, file: &Path) -> Option<PathBuf> {
        let key = format!("{}-", inode(Some(file))?);
        fs::read_dir(self.aside("objects"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .find(|entry| entry.file_name().to_string_lossy().starts_with(&key))
            .map(|entry| entry.path())
    }
}

fn inode(path: Option<&Path>) -> Option<u64> {
    fs::metadata(path?).ok().map(|found| found.ino())
}

/// Copies a random subset of the differing blocks of `written` to `kept`.
fn mix(kept: &mut Vec<u8>, written: &[u8], chance: &mut XorShift) {
    const BLOCK: usize = 512;
    if written.len() > kept.len() || chance.below(2) == 0 {
        kept.resize(written.len(), 0);
    }
    let blocks = kept.chunks_mut(BLOCK).zip(written.chunks(BLOCK));
    for (kept, written) in blocks {
        let length = kept.len().min(written.len());
        if kept[..length] != written[..length] && chance.below(2) == 0 {
            kept[..length].copy_from_slice(&written[..length]);
        }
    }
}
