//! The only place where a database is opened. It never creates by accident and never fails open.

use crate::error::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

refinery::embed_migrations!("migrations");

/// The raw 256-bit database key; gone from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DbKey([u8; 32]);

impl DbKey {
    /// Wraps 32 bytes from the vault.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key for another purpose, from which this one cannot be found again.
    pub(crate) fn derive(&self, purpose: &'static str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(purpose, &self.0))
    }

    fn pragma(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(96));
        text.push_str("PRAGMA key = \"x'");
        for byte in &self.0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push_str("'\";");
        text
    }
}

impl std::fmt::Debug for DbKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DbKey(..)")
    }
}

/// Where one desk's data lies.
#[derive(Clone, Debug)]
pub struct StorePaths {
    /// The database file; its `-wal`, `-shm`, `.lock` and `.ballast` lie beside it.
    pub db: PathBuf,
    /// Sealed document files.
    pub documents_dir: PathBuf,
}

/// Oldest SQLite without the known WAL-reset fault.
const OLDEST_SQLITE: i32 = 3_051_003;
const PLAIN_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// What opening found out.
pub(crate) struct Opened {
    pub writer: Connection,
    pub lock: ProfileLock,
    /// The process that had it open last did not close it.
    pub after_unclean_exit: bool,
}

/// Makes a new, empty, encrypted database. Refuses when anything is there already.
pub(crate) fn create(paths: &StorePaths, key: &DbKey) -> Result<Opened, StoreError> {
    if let Some(dir) = paths.db.parent() {
        fs::create_dir_all(dir)?;
    }
    if paths.db.exists() {
        return Err(StoreError::AlreadyThere);
    }
    let mut lock = ProfileLock::take(&paths.db)?;
    fs::create_dir_all(&paths.documents_dir)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writer = connect_writer(paths, key, flags)?;
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    sync_dir(paths.db.parent())?;
    lock.mark_open()?;
    Ok(Opened {
        writer,
        lock,
        after_unclean_exit: false,
    })
}

/// Opens an existing database, or says why not. Nothing is created or changed when it fails.
pub(crate) fn open(paths: &StorePaths, key: &DbKey) -> Result<Opened, StoreError> {
    check_header(&paths.db)?;
    let mut lock = ProfileLock::take(&paths.db)?;
    let after_unclean_exit = lock.was_left_open;
    probe_key(&paths.db, key)?;
    fs::create_dir_all(&paths.documents_dir)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let writer = connect_writer(paths, key, flags)?;
    if after_unclean_exit {
        quick_check(&writer)?;
    }
    desk_failpoint::reached("store.open.before_mark");
    lock.mark_open()?;
    Ok(Opened {
        writer,
        lock,
        after_unclean_exit,
    })
}

/// One more connection that can only read.
pub(crate) fn connect_reader(db: &Path, key: &DbKey) -> Result<Connection, StoreError> {
    // Read-write flags: a reader of a WAL file must be able to write its shared-memory index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = connect(db, key, flags)?;
    conn.execute_batch("PRAGMA query_only = 1; PRAGMA cache_size = -8192;")?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

fn connect_writer(
    paths: &StorePaths,
    key: &DbKey,
    flags: OpenFlags,
) -> Result<Connection, StoreError> {
    let mut conn = connect(&paths.db, key, flags)?;
    // Checkpoints have their own fsyncs; they run in upkeep, not inside a save.
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = FAST;
         PRAGMA temp_store = MEMORY;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA cache_size = -16384;",
    )?;
    conn.set_prepared_statement_cache_capacity(128);
    migrate(&mut conn)?;
    Ok(conn)
}

#[expect(clippy::disallowed_methods, reason = "this file is the door")]
fn connect(db: &Path, key: &DbKey, flags: OpenFlags) -> Result<Connection, StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::LibraryTooOld(rusqlite::version().to_owned()));
    }
    let conn = Connection::open_with_flags(db, flags)?;
    // Until the key is known to be right, closing must not fold the WAL into the file.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A wrong key is an answer, not a log line.
    conn.execute_batch("PRAGMA cipher_log_level = NONE;")?;
    conn.execute_batch(&key.pragma())?;
    let cipher: Option<String> = conn
        .query_row("PRAGMA cipher_version", [], |row| row.get(0))
        .ok();
    if cipher.is_none_or(|version| version.is_empty()) {
        return Err(StoreError::NoCipher);
    }
    conn.busy_timeout(Duration::from_secs(5))?;
    let _tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(conn)
}

/// Tries the key without touching a byte: a wrong one must leave the file and its neighbours as they are.
fn probe_key(db: &Path, key: &DbKey) -> Result<(), StoreError> {
    let has_wal = fs::metadata(with_suffix(db, "-wal")).is_ok_and(|wal| wal.len() > 0);
    match read_without_wal(db, key) {
        // A power cut may have torn the file while its WAL still holds every page: the real connection judges.
        Err(StoreError::WrongKey | StoreError::Damaged(_)) if has_wal => Ok(()),
        answer => answer,
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is the door")]
fn read_without_wal(db: &Path, key: &DbKey) -> Result<(), StoreError> {
    let uri = format!("file:{}?immutable=1", percent(&db.to_string_lossy()));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(uri, flags)?;
    conn.execute_batch("PRAGMA cipher_log_level = NONE;")?;
    conn.execute_batch(&key.pragma())?;
    let _tables: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(())
}

fn percent(path: &str) -> String {
    path.replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}

fn check_header(db: &Path) -> Result<(), StoreError> {
    let mut file = match File::open(db) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(StoreError::Missing);
        }
        Err(error) => return Err(error.into()),
    };
    let mut header = [0_u8; 16];
    if file.read_exact(&mut header).is_err() {
        return Err(StoreError::Damaged("the file is too short".to_owned()));
    }
    if &header == PLAIN_HEADER {
        return Err(StoreError::NotEncrypted);
    }
    Ok(())
}

fn quick_check(conn: &Connection) -> Result<(), StoreError> {
    let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged(verdict))
    }
}

pub(crate) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    match migrations::runner().run(conn) {
        Ok(_report) => Ok(()),
        Err(error) if matches!(error.kind(), refinery::error::Kind::MissingVersion(_)) => {
            Err(StoreError::NewerSchema)
        }
        Err(error) => Err(StoreError::Migration(Box::new(error))),
    }
}

#[cfg(test)]
pub(crate) fn migrate_up_to(conn: &mut Connection, version: i32) {
    migrations::runner()
        .set_target(refinery::Target::Version(version))
        .run(conn)
        .unwrap();
}

/// Makes a rename or a creation in a directory durable.
pub(crate) fn sync_dir(dir: Option<&Path>) -> Result<(), StoreError> {
    #[cfg(unix)]
    if let Some(dir) = dir {
        File::open(dir)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The OS lock of one profile. Its content tells the next process whether this one closed properly.
pub(crate) struct ProfileLock {
    file: File,
    was_left_open: bool,
    marked: bool,
}

impl ProfileLock {
    fn take(db: &Path) -> Result<Self, StoreError> {
        let path = db.with_extension("lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(Self {
            file,
            was_left_open: content == b"open",
            marked: false,
        })
    }

    fn mark_open(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(b"open")?;
        self.marked = true;
        Ok(())
    }
}

impl Drop for ProfileLock {
    fn drop(&mut self) {
        if self.marked {
            let _ = self.file.set_len(0);
        }
        let _ = self.file.unlock();
    }
}
