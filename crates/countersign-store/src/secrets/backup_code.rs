//! The code at the end of a backup, which authenticates all bytes before it. It cannot be made without the master key.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key, Tag, sign};

const MAGIC: &[u8; 16] = b"countersign copy";
const KEY_ID_LENGTH: usize = 16;
const CODE_LENGTH: usize = 32;
const LENGTH: u64 = (MAGIC.len() + KEY_ID_LENGTH + CODE_LENGTH) as u64;

/// The key of the codes, which is derived from the master key.
pub(crate) struct BackupKey(Key);

impl BackupKey {
    pub(super) fn derive(master_key: &[u8; 32]) -> Option<Self> {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(master_key);
        let info = [b"countersign-store/backup/v1".as_slice()];
        let key = extracted.expand(&info, HMAC_SHA256);
        Some(Self(key.ok()?.into()))
    }

    /// Appends the code to a file.
    pub(crate) fn append_code(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).open(path)?;
        let code = self.code(&mut file)?;
        file.write_all(&[MAGIC.as_slice(), &self.id(), code.as_ref()].concat())
    }

    /// Returns which key it is, without telling the key.
    fn id(&self) -> Vec<u8> {
        let mut id = sign(&self.0, b"key id").as_ref().to_vec();
        id.truncate(KEY_ID_LENGTH);
        id
    }

    fn code(&self, contents: impl Read) -> io::Result<Tag> {
        struct Code(Context);
        impl io::Write for Code {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut code = Code(Context::with_key(&self.0));
        io::copy(
            &mut io::BufReader::with_capacity(1 << 16, contents),
            &mut code,
        )?;
        Ok(code.0.sign())
    }
}

/// The code at the end of a file.
pub(crate) struct BackupCode {
    /// The number of bytes before it.
    before: u64,
    key_id: Vec<u8>,
    code: Vec<u8>,
}

impl BackupCode {
    /// Reads the code of a file, if it has one.
    pub(crate) fn read(file: &mut File) -> io::Result<Option<Self>> {
        let Some(before) = file.metadata()?.len().checked_sub(LENGTH) else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(before))?;
        let mut bytes = Vec::new();
        Read::by_ref(file).take(LENGTH).read_to_end(&mut bytes)?;
        let rest = bytes.strip_prefix(MAGIC);
        let parts = rest.and_then(|rest| rest.split_at_checked(KEY_ID_LENGTH));
        Ok(parts.map(|(key_id, code)| Self {
            before,
            key_id: key_id.to_vec(),
            code: code.to_vec(),
        }))
    }

    pub(crate) fn is_of(&self, key: &BackupKey) -> bool {
        self.key_id == key.id()
    }

    /// Removes the code from the file if it is the right one, and returns whether it is.
    pub(crate) fn remove(&self, key: &BackupKey, file: &mut File) -> io::Result<bool> {
        file.rewind()?;
        let code = key.code(Read::by_ref(file).take(self.before))?;
        let is_right = verify_slices_are_equal(code.as_ref(), &self.code).is_ok();
        if is_right {
            file.set_len(self.before)?;
        }
        Ok(is_right)
    }
}
