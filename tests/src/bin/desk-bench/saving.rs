//! G13: one local save, beside a bare SQLCipher commit of one row, in turn in one process.

use crate::chance::Counted;
use crate::figure::{Figure, Round, quantile};
use crate::fill::{self, Filled, START, case_id};
use crate::{Plan, raw, watch};
use desk_domain::case::Provenance;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::OpId;
use desk_domain::op::OpBody;
use desk_store::NewOp;
use desk_tests::Failure;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// Saves of one round on each side.
const SAVES: usize = 250;
/// As many bytes as one op has.
const ROW: usize = 600;

/// Measures the saves.
pub fn figures(plan: &Plan) -> Result<Vec<Figure>, Failure> {
    let folder = fill::folder()?;
    let warm = 50;
    let rounds = usize::try_from(plan.rounds).unwrap_or(1);
    let filled = fill::fresh(&folder.path().join("desk"), warm + rounds * SAVES, true)?;
    let bare = bare_table(&folder.path().join("bare.db"))?;
    let mut saver = Saver::new(&filled);
    for _ in 0..warm {
        saver.save()?;
        commit_bare(&bare)?;
    }
    let (mut p50, mut p99, mut cpu) = (vec![], vec![], vec![]);
    let (mut all_ours, mut all_bare) = (vec![], vec![]);
    for _ in 0..rounds {
        filled.store.upkeep(10_000).map_err(Failure::at("upkeep"))?;
        checkpoint(&bare)?;
        let (mut ours, mut limit) = (Side::default(), Side::default());
        for _ in 0..SAVES {
            ours.add(saver.save()?);
            limit.add(commit_bare(&bare)?);
        }
        p50.push(ours.round(&limit, 0.5));
        p99.push(ours.round(&limit, 0.99));
        cpu.push(Round {
            ours: ours.cpu / fill::count(SAVES),
            limit: limit.cpu / fill::count(SAVES),
        });
        all_ours.extend(ours.wall);
        all_bare.extend(limit.wall);
    }
    check(&filled, &bare, warm + rounds * SAVES)?;
    let all = Round {
        ours: quantile(&all_ours, 0.99),
        limit: quantile(&all_bare, 0.99),
    };
    let samples = all_ours.len();
    let mut figures = vec![
        Figure::of_rounds(
            "G13",
            "save one field / bare commit, wall p50",
            "ms",
            1.3,
            &p50,
        ),
        Figure::of_rounds(
            "G13",
            format!("the same, wall p99 of {samples}"),
            "ms",
            1.5,
            &[all],
        ),
        Figure::of_rounds("G13", "the same, wall p99 round by round", "ms", 1.5, &p99),
    ];
    // No goal of its own: it tells where the wall time comes from.
    figures.push(Figure {
        holds: true,
        target: f64::INFINITY,
        ..Figure::of_rounds("G13", "the same, CPU", "ms", 1.0, &cpu)
    });
    figures.extend(fsyncs()?);
    Ok(figures)
}

/// Saves one field of one more case each time.
struct Saver<'a> {
    filled: &'a Filled,
    next: usize,
    chance: Counted,
}

impl<'a> Saver<'a> {
    fn new(filled: &'a Filled) -> Self {
        Self {
            filled,
            next: 0,
            chance: Counted::from(1 << 40),
        }
    }

    fn save(&mut self) -> Result<watch::Spent, Failure> {
        let case = case_id(self.next, self.filled.cases);
        let at = START + i64::try_from(self.next).unwrap_or(0);
        self.next += 1;
        let op = NewOp {
            op_id: OpId::new(at, &self.chance),
            actor: self.filled.agent.user,
            case,
            body: OpBody::FieldSet {
                field: FieldKey::TerminalModel,
                value: Some(FieldValue::Text("样例型号 P-1".to_owned())),
                source: Provenance::Typed,
                accepted: BTreeMap::new(),
            },
            base_rev: None,
            captured_at: at,
        };
        let (saved, spent) = watch::measure(|| self.filled.store.append(&[op], &[]));
        saved.map_err(Failure::at("save"))?;
        Ok(spent)
    }
}

fn bare_table(path: &Path) -> Result<Connection, Failure> {
    let bare = raw::cipher(path)?;
    bare.execute_batch("CREATE TABLE row (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;")
        .map_err(Failure::at("make the bare table"))?;
    Ok(bare)
}

fn commit_bare(bare: &Connection) -> Result<watch::Spent, Failure> {
    let (done, spent) = watch::measure(|| -> rusqlite::Result<()> {
        bare.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        bare.prepare_cached("INSERT INTO row (bytes) VALUES (?1)")?
            .execute(params![[b'x'; ROW].as_slice()])?;
        bare.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    });
    done.map_err(Failure::at("commit a bare row"))?;
    Ok(spent)
}

fn checkpoint(bare: &Connection) -> Result<(), Failure> {
    bare.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(Failure::at("checkpoint"))
}

/// A fast wrong run is void: every save is in the journal, the chain holds, every bare row is there.
fn check(filled: &Filled, bare: &Connection, wanted: usize) -> Result<(), Failure> {
    let unsent = filled
        .store
        .outbox()
        .map_err(Failure::at("count the ops"))?
        .unsent;
    filled
        .store
        .verify_chain()
        .map_err(Failure::at("void: the chain"))?;
    let rows: i64 = bare
        .query_row("SELECT count(*) FROM row", [], |row| row.get(0))
        .map_err(Failure::at("count the rows"))?;
    let wanted_ops = u64::try_from(wanted).unwrap_or(u64::MAX);
    if unsent == wanted_ops && u64::try_from(rows).ok() == Some(wanted_ops) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "void: {wanted} saves, {unsent} ops, {rows} bare rows"
    )))
}

/// Counts the fsyncs of 100 saves with strace; no figure where there is no strace.
fn fsyncs() -> Result<Option<Figure>, Failure> {
    // The first saves and the end have fsyncs of their own: the difference is what 100 more saves add.
    let (Some(few), Some(more)) = (traced(20)?, traced(120)?) else {
        return Ok(None);
    };
    let each = (more - few) / 100.0;
    let figure = Figure::of_number(
        "G13",
        "fsyncs of one save (strace, 100 saves)",
        "",
        each,
        1.0,
    );
    Ok(Some(figure))
}

fn traced(saves: usize) -> Result<Option<f64>, Failure> {
    let own = std::env::current_exe().map_err(Failure::at("find the bench"))?;
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range"])
        .arg(own)
        .args(["saves", &saves.to_string()])
        .stdin(Stdio::null());
    let Ok(output) = strace.output() else {
        return Ok(None);
    };
    let log = String::from_utf8_lossy(&output.stderr);
    let calls = log.lines().filter(|line| line.contains("sync("));
    Ok(output.status.success().then(|| fill::count(calls.count())))
}

/// The traced half: so many saves on a fresh file.
pub fn saves(many: usize) -> Result<(), Failure> {
    let folder = fill::folder()?;
    let filled = fill::fresh(&folder.path().join("desk"), 200, true)?;
    let mut saver = Saver::new(&filled);
    for _ in 0..many {
        saver.save()?;
    }
    Ok(())
}

#[derive(Default)]
struct Side {
    wall: Vec<f64>,
    cpu: f64,
}

impl Side {
    fn add(&mut self, spent: watch::Spent) {
        self.wall.push(spent.wall_ms);
        self.cpu += spent.cpu_ms;
    }

    fn round(&self, limit: &Self, part: f64) -> Round {
        Round {
            ours: quantile(&self.wall, part),
            limit: quantile(&limit.wall, part),
        }
    }
}
