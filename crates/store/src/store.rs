//! The store itself: one writer, a few readers, the judge, and who hears about changes.

use crate::ballast::Ballast;
use crate::error::StoreError;
use crate::open::{self, DbKey, Opened, ProfileLock, StorePaths};
use crate::salvage::{self, Keepsake, Mend, Recovered};
use crate::search::SearchKey;
use crate::sql::Blob;
use crate::view::rebuild_view;
use crate::write::Touched;
use desk_domain::calendar::Calendar;
use desk_domain::ids::{CaseId, UserId};
use desk_domain::policy::Policy;
use desk_domain::time::Chance;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Idle readers kept open; more are opened while they are needed.
const IDLE_READERS: usize = 4;

/// What the preview is judged by.
#[derive(Clone, Debug)]
pub struct Judge {
    pub policy: Arc<Policy>,
    pub calendar: Arc<Calendar>,
}

/// One open desk file. Shared by threads; every call is synchronous.
pub struct Store {
    pub(crate) paths: StorePaths,
    pub(crate) writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    key: DbKey,
    pub(crate) search_key: SearchKey,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) ballast: Ballast,
    judge: RwLock<Option<Judge>>,
    pub(crate) subscribers: Mutex<Vec<Sender<Touched>>>,
    pub(crate) writes_since_checkpoint: AtomicU32,
    after_unclean_exit: bool,
    // Last: the lock goes after the connections.
    pub(crate) lock: ProfileLock,
}

impl Store {
    /// Makes a new desk file. Refuses when one is there.
    pub fn create(
        paths: &StorePaths,
        key: &DbKey,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let opened = open::create(paths, key)?;
        Ok(Self::around(opened, paths, key, chance))
    }

    /// Opens a desk file; never creates one. After an unclean exit the file and the journal are checked first.
    pub fn open(
        paths: &StorePaths,
        key: &DbKey,
        chance: Arc<dyn Chance>,
    ) -> Result<Self, StoreError> {
        let opened = open::open(paths, key)?;
        let store = Self::around(opened, paths, key, chance);
        if store.after_unclean_exit {
            store.verify_unsent_chain()?;
            store.sweep_documents()?;
        }
        Ok(store)
    }

    /// Mends a file that [`Store::open`] calls damaged: what can be read is carried into a new one, the old one is
    /// moved aside, never deleted. Refuses, and changes nothing, when not even whose desk it was can be told.
    pub fn recover(
        paths: &StorePaths,
        key: &DbKey,
        mend: &Mend<'_>,
    ) -> Result<Recovered, StoreError> {
        salvage::recover(paths, key, mend)
    }

    /// What a recovery needs to be told when the file cannot say it any more; to be kept by whoever keeps the key.
    pub fn keepsake(
        &self,
        settings: &[&str],
        users: &[UserId],
    ) -> Result<Option<Keepsake>, StoreError> {
        let Some(identity) = self.identity()? else {
            return Ok(None);
        };
        let mut kept = Keepsake {
            identity,
            settings: BTreeMap::new(),
            users: Vec::new(),
        };
        for name in settings {
            let json = self.setting(name)?;
            kept.settings
                .extend(json.map(|json| ((*name).to_owned(), json)));
        }
        for user in users {
            kept.users.extend(self.user(*user)?);
        }
        Ok(Some(kept))
    }

    /// Once the policy is known after a recovery: the views of cases with pending ops are made anew.
    pub fn finish_recovery(&self) -> Result<(), StoreError> {
        if self.setting(salvage::VIEWS_STALE)?.is_none() {
            return Ok(());
        }
        let judge = self.judge().ok_or(StoreError::NoJudge)?;
        self.write(|tx, touched| {
            let mut find = tx.prepare("SELECT DISTINCT case_id FROM op_fate WHERE open = 1")?;
            let cases: Vec<[u8; 16]> = find
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for case in cases.into_iter().map(CaseId::from_blob) {
                rebuild_view(tx, Some(&judge), case)?;
                touched.cases.insert(case);
            }
            tx.execute(
                "DELETE FROM setting WHERE name = ?1",
                [salvage::VIEWS_STALE],
            )?;
            Ok(())
        })
    }

    fn around(opened: Opened, paths: &StorePaths, key: &DbKey, chance: Arc<dyn Chance>) -> Self {
        Self {
            paths: paths.clone(),
            writer: Mutex::new(opened.writer),
            readers: Mutex::new(Vec::new()),
            key: key.clone(),
            search_key: SearchKey::derive(key),
            chance,
            ballast: Ballast::beside(&paths.db),
            judge: RwLock::new(None),
            subscribers: Mutex::new(Vec::new()),
            writes_since_checkpoint: AtomicU32::new(0),
            after_unclean_exit: opened.after_unclean_exit,
            lock: opened.lock,
        }
    }

    /// True when the process before did not close the file; it was checked and is sound.
    pub fn opened_after_unclean_exit(&self) -> bool {
        self.after_unclean_exit
    }

    /// Sets policy and calendar; needed before anything is appended.
    pub fn set_judge(&self, judge: Judge) {
        *self.judge.write().unwrap_or_else(PoisonError::into_inner) = Some(judge);
    }

    pub(crate) fn judge(&self) -> Option<Judge> {
        self.judge
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Hears what every later write touched.
    pub fn subscribe(&self) -> Receiver<Touched> {
        let (sender, receiver) = mpsc::channel();
        hold(&self.subscribers).push(sender);
        receiver
    }

    /// Runs a reading closure on one consistent state of the file.
    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = hold(&self.readers).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => open::connect_reader(&self.paths.db, &self.key)?,
        };
        let looked = {
            let snapshot = reader.transaction()?;
            look(&snapshot)
        };
        if matches!(looked, Err(StoreError::Damaged(_))) {
            self.lock.suspect();
        }
        let mut readers = hold(&self.readers);
        if readers.len() < IDLE_READERS {
            readers.push(reader);
        }
        looked
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// A poisoned lock only means that another thread fell; SQLite has rolled its transaction back.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
