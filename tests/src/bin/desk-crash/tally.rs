//! What a run came to.

use crate::plan::Victim;
use desk_failpoint::ALL;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fewer cycles cannot reach every point.
const CYCLES_FOR_ALL_POINTS: u64 = 200;

/// Counts of one run; the four that must stay zero come with their sentences.
pub struct Tally {
    pub cycles: u64,
    from: u64,
    asked: u64,
    pub points: BTreeMap<&'static str, u64>,
    pub desks_killed: u64,
    pub servers_killed: u64,
    /// Processes that were killed with the victim at the end of a cycle.
    pub swept: u64,
    pub calms: u64,
    pub confirmed: u64,
    pub stored: u64,
    pub documents: u64,
    pub conflicts: u64,
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    pub diverged: Vec<String>,
    pub wedged: Vec<String>,
}

impl Tally {
    pub fn new(asked: u64, from: u64) -> Self {
        Self {
            cycles: 0,
            from,
            asked,
            points: ALL.iter().map(|name| (*name, 0)).collect(),
            desks_killed: 0,
            servers_killed: 0,
            swept: 0,
            calms: 0,
            confirmed: 0,
            stored: 0,
            documents: 0,
            conflicts: 0,
            lost: Vec::new(),
            doubled: Vec::new(),
            diverged: Vec::new(),
            wedged: Vec::new(),
        }
    }

    /// Somebody died at this point, or at random.
    pub fn died(&mut self, victim: Victim, point: Option<&'static str>) {
        match (point, victim) {
            (Some(point), _) => *self.points.entry(point).or_default() += 1,
            (None, Victim::Desk(_)) => self.desks_killed += 1,
            (None, Victim::Server) => self.servers_killed += 1,
        }
    }

    pub fn is_clean(&self) -> bool {
        [&self.lost, &self.doubled, &self.diverged, &self.wedged]
            .iter()
            .all(|list| list.is_empty())
    }

    /// The first sentences of what was found, with its kind.
    pub fn findings(&self) -> Vec<String> {
        let kinds = [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("diverged", &self.diverged),
            ("wedged", &self.wedged),
        ];
        let all = kinds
            .into_iter()
            .flat_map(|(kind, list)| list.iter().map(move |what| format!("{kind}: {what}")));
        all.take(20).collect()
    }

    /// Points at which nobody died although there were cycles enough.
    pub fn unreached(&self) -> Vec<&'static str> {
        if self.asked < CYCLES_FOR_ALL_POINTS {
            return Vec::new();
        }
        self.points
            .iter()
            .filter(|(_, times)| **times == 0)
            .map(|(name, _)| *name)
            .collect()
    }

    /// One line of JSON.
    pub fn summary(&self) -> String {
        let at_points: u64 = self.points.values().sum();
        let mut summary = json!({
            "cycles": self.cycles,
            "from": self.from,
            "calm_cycles": self.calms,
            "kills": {
                "at_fail_points": at_points,
                "desk_at_random": self.desks_killed,
                "server_at_random": self.servers_killed,
                "with_the_victim": self.swept,
                "by_point": self.points,
            },
            "unreached": self.unreached(),
            "ops_confirmed": self.confirmed,
            "ops_stored": self.stored,
            "documents": self.documents,
            "conflicts": self.conflicts,
            "lost": self.lost.len(),
            "doubled": self.doubled.len(),
            "diverged": self.diverged.len(),
            "wedged": self.wedged.len(),
        });
        if !self.is_clean() {
            summary["findings"] = Value::from(self.findings());
        }
        summary.to_string()
    }
}
