//! A disk with a power switch: what was written but not synced is gone after a crash.

/// `live` is what the running process sees; `synced` is what the next one will find.
#[derive(Clone, Debug, Default)]
pub struct Disk<T> {
    pub live: T,
    pub synced: T,
}

impl<T: Clone> Disk<T> {
    /// A disk that holds this already.
    pub fn holding(content: T) -> Self {
        Self {
            live: content.clone(),
            synced: content,
        }
    }
    /// `fsync` returned.
    pub fn sync(&mut self) {
        self.synced = self.live.clone();
    }
    /// The process or the machine died.
    pub fn crash(&mut self) {
        self.live = self.synced.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_takes_exactly_what_was_not_synced() {
        let mut disk = Disk::holding(vec![1]);
        disk.live.push(2);
        disk.sync();
        disk.live.push(3);
        disk.crash();
        assert_eq!(disk.live, [1, 2]);
    }
}
