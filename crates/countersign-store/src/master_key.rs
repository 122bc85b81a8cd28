use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::Secret;
use countersign::random::Random;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::options::MasterKey;
use crate::seal::Sealer;

/// The file's name where none was given.
const NAME: &str = "countersign.key";
/// Longer than any key; a mistaken path is not read to its end.
const LONGEST: u64 = 1024;
/// Random keys have about 30 distinct bytes; fewer than this are a placeholder somebody left there.
const LEAST_DISTINCT: usize = 8;
/// Group and others.
const NOT_OWNER: u32 = 0o077;

/// Whether the database was there before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    New,
    Existing,
}

/// Where a master key is.
pub(crate) enum Located<'a> {
    Text(&'a Secret),
    File(PathBuf),
}

/// A file is found where the links to it end: what took a link's place would leave the old key where it was.
pub(crate) fn locate<'a>(source: &'a MasterKey, database: &Path) -> Located<'a> {
    let path = match source {
        MasterKey::Text(text) => return Located::Text(text),
        MasterKey::File(path) => path.clone(),
        MasterKey::BesideDatabase => database.with_file_name(NAME),
    };
    Located::File(resolve(path))
}

/// Where the links end, though nothing may be there yet.
fn resolve(mut path: PathBuf) -> PathBuf {
    // More than any system follows: these lead in a circle.
    for _ in 0..40 {
        match (fs::canonicalize(&path), fs::read_link(&path)) {
            (Ok(file), _) => return file,
            (Err(_), Ok(target)) => path = path.with_file_name("").join(target),
            (Err(_), Err(_)) => break,
        }
    }
    path
}

/// Finds the master key. For a new database it is made where there is none, and is on the disk for
/// good when this returns: the first commit must not outlive the key that it depends on.
pub(crate) fn find(
    source: &MasterKey,
    database: &Path,
    age: Age,
    random: &dyn Random,
) -> Result<Sealer, StoreError> {
    let path = match locate(source, database) {
        Located::Text(text) => return parse(text.expose().as_bytes()),
        Located::File(path) => path,
    };
    match read(&path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::File {
            path,
            source: error,
        }),
        Err(_) if age == Age::Existing => Err(StoreError::MasterKeyMissing { path }),
        Err(_) => make(&path, random),
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once: growing would leave copies of the key behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & NOT_OWNER != 0 {
        tracing::warn!(
            path = %path.display(),
            "others than its owner may use the master key: `chmod 600` it"
        );
    }
    file.take(LONGEST).read_to_end(&mut text)?;
    Ok(text)
}

pub(crate) fn parse(text: &[u8]) -> Result<Sealer, StoreError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    STANDARD
        .decode_vec(text.trim_ascii(), &mut bytes)
        .map_err(|_| StoreError::MasterKeyMalformed)?;
    let key: Result<&[u8; 32], _> = bytes.as_slice().try_into();
    key.ok()
        .filter(|key| looks_random(key))
        .and_then(Sealer::new)
        .ok_or(StoreError::MasterKeyMalformed)
}

fn looks_random(key: &[u8; 32]) -> bool {
    let distinct = (0..key.len()).filter(|&i| {
        let (before, rest) = key.split_at(i);
        rest.first().is_some_and(|byte| !before.contains(byte))
    });
    distinct.count() >= LEAST_DISTINCT
}

fn make(path: &Path, random: &dyn Random) -> Result<Sealer, StoreError> {
    let text = generate(random)?;
    keep(path, &text)?;
    parse(text.expose().as_bytes())
}

/// The text of a new master key.
pub(crate) fn generate(random: &dyn Random) -> Result<Secret, StoreError> {
    let mut key = Zeroizing::new([0; 32]);
    random.fill(key.as_mut())?;
    // Room for all of it at once: growing would leave copies of the key behind.
    let mut text = String::with_capacity(64);
    STANDARD.encode_string(key.as_ref(), &mut text);
    Ok(Secret::from(text))
}

/// Writes a master key for good: it is on the disk when this returns, and nobody else can read it.
pub(crate) fn keep(path: &Path, text: &Secret) -> Result<(), StoreError> {
    let written = write(path, text.expose().trim_ascii());
    written.map_err(|source| StoreError::File {
        path: path.to_owned(),
        source,
    })
}

/// Written beside its place first: a crash leaves the whole key there or none.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = beside(path, ".new");
    // A crash may have left one. It is not written over: it could have been planted, open to all.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path)
}

/// The name of a file with something added.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// How a file is made that nobody else may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
}

/// Makes the name of a new file as durable as its contents.
pub(crate) fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
