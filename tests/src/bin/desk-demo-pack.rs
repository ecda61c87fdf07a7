//! Writes the demo pack that is built into the desk: the demo office's branch, as a desk would have pulled it.
//!
//! Seed and clock are fixed, so the same sources give the same bytes.

use desk_app::demo::Pack;
use desk_domain::case::{Case, TimelineEntry};
use desk_domain::ids::{DeviceId, MerchantId, OfficeCode};
use desk_domain::people::{Role, UserCard};
use desk_domain::registry::MerchantRecord;
use desk_domain::time::{Clock, Millis};
use desk_protocol::sync::{Change, SnapshotReply};
use desk_server::ServerConfig;
use desk_server::demo;
use desk_server::door::SystemChance;
use desk_server::repo::feed::{self, FillOf, PageOf};
use desk_server::run::House;
use desk_tests::Failure;
use desk_tests::programs::repository;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// 2026-03-06 18:00 in Shanghai, a Friday.
const TOLD_AT: Millis = 1_772_791_200_000;
const SEED: u64 = 1;
const CASES: u32 = 60;
const PAGE: usize = 100;
/// Merchants in the pack: those with cases, and some without.
const MERCHANTS: usize = 64;
/// Who calls first: a merchant that has no case yet.
const RINGING: &str = "13000000062";
/// The person at the demo desk may do everything that one person may, so that every screen has something to show.
const ME: &str = "agent1";
const MY_ROLES: [Role; 4] = [
    Role::Agent,
    Role::Reviewer,
    Role::Operator,
    Role::Supervisor,
];
/// Typed fields that a history still shows; the full list would be most of the file.
const TYPED_LINES: usize = 6;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Millis {
        TOLD_AT
    }
}

fn main() -> Result<(), Failure> {
    let out = std::env::args_os().nth(1).map(PathBuf::from);
    let out = out.unwrap_or_else(|| repository().join("assets/demo/pack.json"));
    let folder = tempfile::tempdir().map_err(Failure::at("make a data folder"))?;
    let config = ServerConfig {
        clock: Arc::new(Fixed),
        ..ServerConfig::new(folder.path())
    };
    demo::fill(&config, CASES, SEED).map_err(Failure::at("fill the demo office"))?;
    let house = House::open(&config).map_err(Failure::at("open the demo office"))?;
    let pack = pack(&house)?;
    write(&out, &pack)
}

fn write(out: &Path, pack: &Pack) -> Result<(), Failure> {
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(Failure::at("make the folder"))?;
    }
    let mut text = serde_json::to_vec(pack).map_err(Failure::at("write the pack"))?;
    text.push(b'\n');
    std::fs::write(out, text).map_err(Failure::at("write the pack"))
}

fn pack(house: &House) -> Result<Pack, Failure> {
    let branch = OfficeCode::parse("HZ001").ok_or_else(|| Failure::new("no branch"))?;
    let mut users: Vec<UserCard> = Vec::new();
    let mut merchants: Vec<MerchantRecord> = Vec::new();
    let mut cases: Vec<(Case, Vec<TimelineEntry>)> = Vec::new();
    for change in snapshot(house, &branch)? {
        match change {
            Change::User(card) => users.push(*card),
            Change::Merchant(record) => merchants.push(*record),
            Change::Case(case) => cases.push((case.case, thinned(case.timeline))),
            Change::CaseGone { .. } | Change::Outcomes { .. } => {}
        }
    }
    let mut me = None;
    for card in users.iter_mut().filter(|card| card.login == ME) {
        card.roles.extend(MY_ROLES);
        me = Some(card.user);
    }
    Ok(Pack {
        office: branch,
        office_name: "网点（示例）".to_owned(),
        device_code: "DM".to_owned(),
        me,
        users,
        merchants: kept(merchants, &cases),
        cases,
        ringing_number: Some(RINGING.to_owned()),
    })
}

/// All pages of a first fill.
fn snapshot(house: &House, branch: &OfficeCode) -> Result<Vec<Change>, Failure> {
    let page = PageOf {
        office: branch.clone(),
        cursor: 0,
        limit: PAGE,
        // No desk of the office: nobody's outcomes travel with a pack.
        device: DeviceId::new(TOLD_AT, &SystemChance),
    };
    let mut fill = FillOf { page, after: None };
    let mut changes = Vec::new();
    loop {
        let asked = fill.clone();
        let reply = house
            .repo
            .read_blocking(move |conn| feed::snapshot(conn, &asked))
            .map_err(Failure::at("read the feed"))?
            .ok_or_else(|| Failure::new("the branch has no feed"))?;
        let next = after(&reply)?;
        changes.extend(reply.changes);
        if next.is_none() {
            return Ok(changes);
        }
        fill.after = next;
    }
}

/// `position.thing.id` of the next page.
fn after(reply: &SnapshotReply) -> Result<Option<(u64, String, String)>, Failure> {
    let Some(next) = &reply.next else {
        return Ok(None);
    };
    let mut parts = next.splitn(3, '.');
    let (Some(position), Some(thing), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::new("the feed's next page has no name"));
    };
    let position = position.parse().map_err(Failure::at("read the position"))?;
    Ok(Some((position, thing.to_owned(), id.to_owned())))
}

/// The last lines about typing, and every other line.
fn thinned(timeline: Vec<TimelineEntry>) -> Vec<TimelineEntry> {
    let typed = timeline
        .iter()
        .filter(|line| line.kind == "field.set")
        .count();
    let mut over = typed.saturating_sub(TYPED_LINES);
    let mut lines = Vec::new();
    for line in timeline {
        if line.kind == "field.set" && over > 0 {
            over -= 1;
        } else {
            lines.push(line);
        }
    }
    lines
}

/// Merchants with cases, who calls, and the first others.
fn kept(
    mut merchants: Vec<MerchantRecord>,
    cases: &[(Case, Vec<TimelineEntry>)],
) -> Vec<MerchantRecord> {
    let told: BTreeSet<MerchantId> = cases
        .iter()
        .filter_map(|(case, _)| case.identity.merchant)
        .collect();
    merchants.sort_by(|one, other| one.merchant_no.cmp(&other.merchant_no));
    let mut places = MERCHANTS;
    merchants.retain(|record| {
        let room = places > 0;
        places = places.saturating_sub(1);
        room || told.contains(&record.id)
    });
    merchants
}
