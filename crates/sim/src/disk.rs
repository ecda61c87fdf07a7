//! A disk with a power switch: what was written but not synced is gone after a cut.

use crate::fail::Death;

/// `live` is what the running process sees; `synced` is what the next one finds after a power cut.
#[derive(Clone, Debug, Default)]
pub struct Disk<T> {
    pub live: T,
    pub synced: T,
    /// Committed, but only in the system's memory: outlives the process, not the machine.
    cached: Option<T>,
}

impl<T: Clone> Disk<T> {
    /// A disk that holds this already.
    pub fn holding(content: T) -> Self {
        Self {
            live: content.clone(),
            synced: content,
            cached: None,
        }
    }
    /// A commit whose `fsync` returned.
    pub fn sync(&mut self) {
        self.synced = self.live.clone();
        self.cached = None;
    }
    /// A commit without `fsync`: SQLite in WAL mode with `synchronous=NORMAL`.
    pub fn commit_unsynced(&mut self) {
        self.cached = Some(self.live.clone());
    }
    /// The system wrote back what it held.
    pub fn write_back(&mut self) {
        if let Some(cached) = self.cached.take() {
            self.synced = cached;
        }
    }
    /// What the system holds now.
    pub fn committed(&self) -> &T {
        self.cached.as_ref().unwrap_or(&self.synced)
    }
    /// Something changes what lies on the disk, whoever has it in hand.
    pub fn everywhere(&mut self, mut change: impl FnMut(&mut T)) {
        change(&mut self.live);
        change(&mut self.synced);
        self.cached.iter_mut().for_each(change);
    }
    /// The process or the machine died.
    pub fn die(&mut self, death: Death) {
        if death == Death::PowerCut {
            self.cached = None;
        }
        self.live = self.committed().clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_takes_exactly_what_was_not_committed() {
        for death in [Death::Kill, Death::PowerCut] {
            let mut disk = Disk::holding(vec![1]);
            disk.live.push(2);
            disk.sync();
            disk.live.push(3);
            disk.die(death);
            assert_eq!(disk.live, [1, 2]);
        }
    }

    #[test]
    fn a_commit_without_sync_outlives_the_process_but_not_the_machine() {
        let mut disk = Disk::holding(vec![1]);
        disk.live.push(2);
        disk.commit_unsynced();
        disk.live.push(3);
        disk.die(Death::Kill);
        assert_eq!(disk.live, [1, 2]);
        disk.die(Death::PowerCut);
        assert_eq!(disk.live, [1]);
    }
}
