//! Feed pages and first fills, read from what is committed.

use super::{Asked, Handled, Rows, Server, asked_for};
use crate::mutant::Mutant;
use desk_domain::ids::{CaseId, DeviceId, OfficeCode};
use desk_domain::time::Millis;
use desk_protocol::error as code;
use desk_protocol::sync::{CaseChange, Change, OpOutcome, PullQuery, PullReply, SnapshotReply};
use desk_sync::wire::Raw;
use std::collections::BTreeSet;

impl Server {
    pub(super) fn pull(&mut self, asked: &Asked<'_>, device: DeviceId) -> Handled {
        let number = |key| asked_for(asked.call, key).and_then(|text| text.parse::<u64>().ok());
        let scope = asked_for(asked.call, "scope").and_then(OfficeCode::parse);
        let (Some(scope), Some(cursor)) = (
            scope.filter(|scope| self.serves(device, scope)),
            number("cursor"),
        ) else {
            return Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[]));
        };
        let wait_ms = number("wait_ms").unwrap_or(0);
        let limit = number("limit").and_then(|limit| usize::try_from(limit).ok());
        let query = PullQuery {
            scope,
            cursor,
            wait_ms,
            limit,
        };
        let nothing = self
            .disk
            .synced
            .counters
            .get(&query.scope)
            .is_some_and(|top| *top == cursor);
        if nothing && wait_ms > 0 {
            let until = asked
                .now
                .saturating_add(Millis::try_from(wait_ms).unwrap_or(0));
            return Handled::Waits {
                query,
                device,
                until,
            };
        }
        Handled::Now(self.pull_page(asked.now, &query, device))
    }

    /// True once a waiting poll has something to hear.
    pub fn has_news(&self, query: &PullQuery) -> bool {
        self.disk
            .synced
            .counters
            .get(&query.scope)
            .is_some_and(|top| *top > query.cursor)
    }

    /// The page after a cursor.
    pub fn pull_page(&self, now: Millis, query: &PullQuery, device: DeviceId) -> Raw {
        let rows = &self.disk.synced;
        let top = rows.counters.get(&query.scope).copied().unwrap_or(0);
        if query.cursor > top {
            return self.problem(now, 409, code::CURSOR_INVALID, &[]);
        }
        let limit = query.limit.unwrap_or(self.page).clamp(1, self.page);
        let mut cases: BTreeSet<CaseId> = BTreeSet::new();
        let mut cursor = query.cursor;
        let from = (query.scope.clone(), query.cursor.saturating_add(1));
        for ((_, position), case) in rows.feed.range(from..=(query.scope.clone(), u64::MAX)) {
            if !cases.contains(case) && cases.len() >= limit {
                if self.mutant == Some(Mutant::OffByOnePage) {
                    cursor = *position;
                }
                break;
            }
            cases.insert(*case);
            cursor = *position;
        }
        let changes = cases
            .into_iter()
            .filter_map(|case| change(rows, &query.scope, case, (device, query.cursor)))
            .collect();
        self.reply(
            now,
            PullReply {
                scope: query.scope.clone(),
                cursor,
                more: cursor < top,
                changes,
            },
        )
    }

    pub(super) fn snapshot(&mut self, asked: &Asked<'_>, device: DeviceId) -> Handled {
        let scope = asked_for(asked.call, "scope").and_then(OfficeCode::parse);
        let Some(scope) = scope.filter(|scope| self.serves(device, scope)) else {
            return Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[]));
        };
        match self.fill_page(&scope, asked_for(asked.call, "after"), device) {
            Some(reply) => Handled::Now(self.reply(asked.now, reply)),
            None => Handled::Now(self.problem(asked.now, 409, code::CURSOR_INVALID, &[])),
        }
    }

    /// A page of a first fill; none when `after` is not ours.
    pub fn fill_page(
        &self,
        scope: &OfficeCode,
        after: Option<&str>,
        device: DeviceId,
    ) -> Option<SnapshotReply> {
        let rows = &self.disk.synced;
        let top = rows.counters.get(scope).copied()?;
        let (position, last) = match after {
            None => (top, None),
            Some(after) => {
                let (position, id) = after.split_once('.')?;
                (
                    position
                        .parse::<u64>()
                        .ok()
                        .filter(|position| *position <= top)?,
                    Some(CaseId::parse(id)?),
                )
            }
        };
        let rest = rows
            .cases
            .values()
            .filter(|case| case.office == *scope && last.is_none_or(|last| case.id > last));
        let ids: Vec<CaseId> = rest.map(|case| case.id).take(self.page).collect();
        let full = ids.len() >= self.page;
        let next = ids
            .last()
            .filter(|_| full)
            .map(|last| format!("{position}.{last}"));
        let mut changes: Vec<Change> = ids
            .into_iter()
            .filter_map(|case| change(rows, scope, case, (device, 0)))
            .collect();
        if next.is_none() {
            changes.push(Change::Outcomes {
                outcomes: untold(rows, device),
            });
        }
        Some(SnapshotReply {
            scope: scope.clone(),
            position,
            next,
            changes,
        })
    }

    pub(super) fn serves(&self, device: DeviceId, scope: &OfficeCode) -> bool {
        let mut players = self.cast.players.iter();
        let player = players.find(|player| player.device == device);
        player.is_some_and(|player| player.card.offices.contains(scope))
            && !self.closed.contains(&(device, scope.clone()))
    }
}

/// Verdicts on ops of a device that changed no case, and travel with none.
fn untold(rows: &Rows, device: DeviceId) -> Vec<OpOutcome> {
    let own = rows.judged.values();
    let own = own.filter(|entry| entry.device == device && entry.position == 0);
    own.map(|entry| OpOutcome {
        op_id: entry.op_id,
        outcome: entry.outcome.clone(),
    })
    .collect()
}

/// A case of the scope whole, or the marker that it has left.
pub(super) fn change(
    rows: &Rows,
    scope: &OfficeCode,
    id: CaseId,
    (device, cursor): (DeviceId, u64),
) -> Option<Change> {
    let case = rows.cases.get(&id)?;
    if case.office != *scope {
        return Some(Change::CaseGone { case: id });
    }
    let lines = rows
        .timeline
        .get(&id)
        .into_iter()
        .flatten()
        .filter(|(position, _)| *position > cursor);
    let own = rows
        .journal
        .iter()
        .filter(|entry| entry.device == device && entry.case == Some(id));
    let outcomes = own
        .filter(|entry| entry.position > cursor)
        .map(|entry| OpOutcome {
            op_id: entry.op_id,
            outcome: entry.outcome.clone(),
        })
        .collect();
    Some(Change::Case(Box::new(CaseChange {
        case: case.as_ref().clone(),
        timeline: lines.map(|(_, line)| line.as_ref().clone()).collect(),
        outcomes,
    })))
}
