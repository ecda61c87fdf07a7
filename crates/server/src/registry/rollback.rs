//! A run is taken back: each record that nobody changed since is as it was before. The others are told and left.

use super::counts::Counts;
use super::error::RegistryError;
use super::merge::withdrawn;
use super::{PORTION, Registry, Tell};
use crate::repo::registry::{NewRun, Run, RunChange, RunState};
use crate::repo::{bindings, register, register_apply, registry};
use desk_domain::ids::{MerchantId, OfficeCode};
use desk_domain::registry::MerchantRecord;
use std::collections::{BTreeMap, BTreeSet};

type Key = (OfficeCode, MerchantId);

/// What taking back means for one record.
struct Item {
    merchant_no: String,
    can_be_restored: bool,
    /// Terminals that the run gave it, and took from it.
    gained: Vec<String>,
    lost: Vec<String>,
}

impl Registry<'_> {
    /// Takes a run back, as a new run. Returns the new run and what it came to; `merchants_changed` counts the records
    /// that were restored, `left` those that were not.
    ///
    /// # Errors
    /// No such run; it was taken back before; another run was cut short.
    pub fn rollback(
        &self,
        run: u64,
        run_by: &str,
        tell: Tell<'_>,
    ) -> Result<(u64, Counts), RegistryError> {
        let old = self.known(run)?;
        if old.state == RunState::RolledBack {
            return Err(RegistryError::AlreadyBack(run));
        }
        let undo = self.begin_undo(&old, run_by)?;
        let items = self.items(run, undo)?;
        let mut counts = Counts {
            rows: u64::try_from(items.len()).unwrap_or(u64::MAX),
            ..Counts::default()
        };
        for ((office, _), item) in items.iter().filter(|(_, item)| !item.can_be_restored) {
            counts.left += 1;
            tell(&format!(
                "left {office} {}: changed since",
                item.merchant_no
            ))
            .map_err(|error| RegistryError::Told(Box::new(error)))?;
        }
        counts.merchants_changed = self.restore(run, undo, &items)?;
        let now = self.house.rules.clock.now();
        let is_back = counts.merchants_changed > 0;
        self.house.repo.write_blocking(move |conn| {
            registry::put_counts(conn, undo, &counts)?;
            if is_back {
                registry::put_state(conn, run, RunState::RolledBack, now)?;
            }
            registry::put_state(conn, undo, RunState::Done, now)
        })?;
        Ok((undo, counts))
    }

    /// A new run, or the one that was cut short while it took the same run back.
    fn begin_undo(&self, old: &Run, run_by: &str) -> Result<u64, RegistryError> {
        let repo = &self.house.repo;
        let open = repo.read_blocking(registry::unfinished)?;
        match open {
            Some(open) if open.undoes == Some(old.run) => return Ok(open.run),
            // An import that was cut short ends here; nothing of it will be finished.
            Some(open) if open.run == old.run => {}
            Some(open) => return Err(RegistryError::Unfinished(open.undoes.unwrap_or(open.run))),
            None => {}
        }
        let new = NewRun {
            undoes: Some(old.run),
            file_name: old.file_name.clone(),
            sha256: old.sha256.clone(),
            run_by: run_by.to_owned(),
            started_at: self.house.rules.clock.now(),
        };
        let (run, now) = (old.run, new.started_at);
        Ok(repo.write_blocking(move |conn| {
            registry::put_state(conn, run, RunState::Done, now)?;
            registry::begin(conn, &new)
        })?)
    }

    fn items(&self, run: u64, undo: u64) -> Result<BTreeMap<Key, Item>, RegistryError> {
        let mut items = BTreeMap::new();
        self.each_change(run, &mut |change| {
            let (office, id) = (change.after.office.clone(), change.after.id);
            let (is_done, current) = self.house.repo.read_blocking(|conn| {
                Ok((
                    registry::has_changed(conn, undo, &office, id)?,
                    register::load(conn, &office, id)?,
                ))
            })?;
            let is_as_left = current.is_some_and(|record| record.version == change.version);
            items.insert((office, id), item(&change, is_done || is_as_left));
            Ok(())
        })?;
        while self.leave_what_hangs_together(&mut items)? {}
        Ok(items)
    }

    /// A terminal that went from one merchant to another goes back for both or for none; true when somebody more is
    /// left.
    fn leave_what_hangs_together(
        &self,
        items: &mut BTreeMap<Key, Item>,
    ) -> Result<bool, RegistryError> {
        let mut left = Vec::new();
        for (key, item) in items.iter().filter(|(_, item)| item.can_be_restored) {
            for serial in &item.lost {
                let (office, id) = key;
                let holder = self
                    .house
                    .repo
                    .read_blocking(|conn| bindings::holder(conn, office, serial))?;
                let Some(holder) = holder.filter(|holder| holder != id) else {
                    continue;
                };
                let holder = (office.clone(), holder);
                let gives_back = items
                    .get(&holder)
                    .is_some_and(|other| other.can_be_restored && other.gained.contains(serial));
                if !gives_back {
                    left.push(key.clone());
                }
            }
        }
        left.extend(without_taker(items));
        for key in &left {
            if let Some(item) = items.get_mut(key) {
                item.can_be_restored = false;
            }
        }
        Ok(!left.is_empty())
    }

    fn restore(
        &self,
        run: u64,
        undo: u64,
        items: &BTreeMap<Key, Item>,
    ) -> Result<u64, RegistryError> {
        let mut restored = 0;
        let mut portion = Vec::new();
        self.each_change(run, &mut |change| {
            let key = (change.after.office.clone(), change.after.id);
            if items.get(&key).is_some_and(|item| item.can_be_restored) {
                portion.push(change);
            }
            if portion.len() >= PORTION {
                restored += self.restore_portion(undo, std::mem::take(&mut portion))?;
            }
            Ok(())
        })?;
        restored += self.restore_portion(undo, portion)?;
        Ok(restored)
    }

    fn restore_portion(&self, undo: u64, changes: Vec<RunChange>) -> Result<u64, RegistryError> {
        let now = self.house.rules.clock.now();
        let done = self.house.repo.write_blocking(move |conn| {
            let mut pairs: Vec<(MerchantRecord, MerchantRecord)> = Vec::new();
            let mut before_now = 0_u64;
            for change in &changes {
                let (office, id) = (&change.after.office, change.after.id);
                if registry::has_changed(conn, undo, office, id)? {
                    before_now += 1;
                    continue;
                }
                let current = register::load(conn, office, id)?;
                let Some(current) = current.filter(|one| one.version == change.version) else {
                    continue;
                };
                let back = change.before.clone();
                let back = back.unwrap_or_else(|| withdrawn(&current, now));
                pairs.push((current, back));
            }
            let restored = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
            register_apply::restore(conn, (undo, now), pairs)?;
            Ok(restored + before_now)
        })?;
        Ok(done)
    }
}

fn item(change: &RunChange, can_be_restored: bool) -> Item {
    let before = change.before.as_ref().map(serials).unwrap_or_default();
    let after = serials(&change.after);
    let only = |these: &[String], those: &[String]| {
        these
            .iter()
            .filter(|serial| !those.contains(serial))
            .cloned()
            .collect()
    };
    Item {
        merchant_no: change.after.merchant_no.clone(),
        can_be_restored,
        gained: only(&after, &before),
        lost: only(&before, &after),
    }
}

fn serials(record: &MerchantRecord) -> Vec<String> {
    record
        .terminals
        .iter()
        .map(|terminal| terminal.serial.clone())
        .collect()
}

/// Records that would give a terminal back to one that is left as it is.
fn without_taker(items: &BTreeMap<Key, Item>) -> Vec<Key> {
    let refusing: BTreeSet<(&OfficeCode, &str)> = items
        .iter()
        .filter(|(_, item)| !item.can_be_restored)
        .flat_map(|((office, _), item)| {
            item.lost
                .iter()
                .map(move |serial| (office, serial.as_str()))
        })
        .collect();
    items
        .iter()
        .filter(|(_, item)| item.can_be_restored)
        .filter(|((office, _), item)| {
            let hangs = |serial: &String| refusing.contains(&(office, serial.as_str()));
            item.gained.iter().any(hangs)
        })
        .map(|(key, _)| key.clone())
        .collect()
}
