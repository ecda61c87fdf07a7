//! Results on their cases, said by the server's own device, each once: the row that held the request ends in the same
//! transaction, whoever brought the word.

use super::rows::{self, Kept};
use crate::connector::answer::Told;
use crate::repo::bench::Bench;
use crate::repo::sql::{Connection, params};
use crate::repo::{Repo, RepoError, Rules, Scope, cases, notices, system, waiting};
use crate::secrets;
use desk_domain::case::{Case, CaseState, ExecutionResult, TerminalResult};
use desk_domain::ids::ExecutionId;
use desk_domain::op::OpBody;
use desk_domain::outcome::Outcome;
use std::sync::Arc;

/// What stands in `meta`: the part of the callbacks' address that nobody guesses.
pub const TOKEN: &str = "execution_token";
/// A person settled it, or the case went another way.
pub(super) const ELSEWHERE: &str = "elsewhere";

/// How a case stands towards its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It waits for this result.
    Open,
    /// It waits for this result and calls it unknown until then.
    Unknown,
    /// It waits, and somebody has stopped it for the time being.
    OnHold,
    /// It does not wait for this result any more.
    Elsewhere,
}

/// Only the last execution counts, and only as long as nobody has said how it ended.
pub fn standing(case: &Case, key: ExecutionId) -> Standing {
    let last = case.executions.last();
    let ours = last.is_some_and(|last| {
        let open = matches!(last.result, None | Some(ExecutionResult::Unknown));
        open && last.idempotency_key == key.to_string()
    });
    let from = case.effective_state();
    if !ours || !matches!(from, CaseState::Executing | CaseState::ExecUnknown) {
        Standing::Elsewhere
    } else if case.state == CaseState::OnHold {
        Standing::OnHold
    } else if case.state == CaseState::ExecUnknown {
        Standing::Unknown
    } else {
        Standing::Open
    }
}

/// What came of a callback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    /// No request of ours has this key.
    Unknown,
    /// It does not say anything about that request.
    Misfit,
    /// Taken; true when it was news.
    Taken { news: bool },
}

/// Makes sure that the address of callbacks has its token.
pub(in crate::repo) fn prepare(conn: &Connection, rules: &Rules) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
        params![TOKEN, secrets::token(rules.chance.as_ref())],
    )?;
    Ok(())
}

impl Repo {
    /// Whether this is the token in the address of callbacks. Hashes are compared, so that the time it takes tells nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn knows_callbacks(self: &Arc<Self>, token: String) -> Result<bool, RepoError> {
        let ours = self
            .read(Scope::House, |conn| system::note(conn, TOKEN))
            .await?;
        Ok(ours.is_some_and(|ours| secrets::hash(&ours) == secrets::hash(&token)))
    }
}

/// Takes in what the core system says by itself. It moves a request forward only: what has ended stays as it ended.
///
/// # Errors
/// When the database fails.
pub fn callback(
    conn: &Connection,
    rules: &Rules,
    key: ExecutionId,
    told: &Told,
) -> Result<Callback, RepoError> {
    let Some(kept) = rows::by_key(conn, key)? else {
        return Ok(Callback::Unknown);
    };
    conn.write_only(&Scope::of(&kept.office))?;
    // Nothing ever left: whoever reports a result of it made it up.
    if kept.left_at.is_none() || told.fits(&rows::asked_terminals(&kept)?).is_err() {
        return Ok(Callback::Misfit);
    }
    match told {
        Told::NeverSeen => return Ok(Callback::Misfit),
        Told::Pending { .. } => return Ok(Callback::Taken { news: false }),
        Told::Done { .. } | Told::Refused { .. } => {}
    }
    if kept.answer.is_some() {
        return Ok(Callback::Taken { news: false });
    }
    let case = cases::load_in(conn, &kept.office, kept.case)?;
    let open = case.filter(|case| standing(case, key) != Standing::Elsewhere);
    if open.is_some_and(|case| case.effective_state() == CaseState::ExecUnknown) {
        // The rules ask for a new question first; the callback says that it is time for it.
        rows::hurry(conn, key, rules.clock.now())?;
    } else {
        settle(conn, rules, &kept, told)?;
    }
    Ok(Callback::Taken { news: true })
}

/// A result that waited for its case.
pub(super) fn try_again(conn: &Connection, rules: &Rules, kept: &Kept) -> Result<(), RepoError> {
    let told = kept.answer.clone();
    let told = told.ok_or(RepoError::Damaged("an answered execution has no answer"))?;
    settle(conn, rules, kept, &told)
}

/// Puts a result on its case and ends the request, or keeps it until the case can take it.
pub(super) fn settle(
    conn: &Connection,
    rules: &Rules,
    kept: &Kept,
    told: &Told,
) -> Result<(), RepoError> {
    let key = kept.key.to_string();
    let (result, reference, words, terminals) = match told {
        Told::Done {
            reference,
            evidence,
            terminals,
        } => {
            let words = format!("核心系统回执：{evidence}");
            (
                ExecutionResult::Unbound,
                reference.clone(),
                words,
                terminals.clone(),
            )
        }
        Told::Refused { reference, reason } => {
            let words = format!("核心系统拒绝：{reason}");
            let reference = reference.clone().unwrap_or(key);
            (ExecutionResult::Failed, reference, words, Vec::new())
        }
        Told::NeverSeen => {
            let words = "再次查询：核心系统从未收到这次请求".to_owned();
            (ExecutionResult::Failed, key, words, Vec::new())
        }
        Told::Pending { .. } => return Ok(()),
    };
    let saying = Saying {
        result,
        reference,
        words,
        terminals,
    };
    let now = rules.clock.now();
    match record(conn, rules, kept, &saying)? {
        Ok(()) => {
            rows::keep_answer(conn, kept, told, (now, ""))?;
            rows::end(conn, kept, saying.outcome(), now)
        }
        Err(why) if why == ELSEWHERE => {
            contradict(conn, rules, kept, &saying)?;
            rows::keep_answer(conn, kept, told, (now, &why))?;
            rows::end(conn, kept, ELSEWHERE, now)
        }
        Err(why) => rows::keep_answer(conn, kept, told, (now, &why)),
    }
}

/// A person has said that it was not done, and the core system says that it was: people must hear of it.
fn contradict(
    conn: &Connection,
    rules: &Rules,
    kept: &Kept,
    saying: &Saying,
) -> Result<(), RepoError> {
    let key = kept.key.to_string();
    let case = cases::load_in(conn, &kept.office, kept.case)?;
    let agreed = case
        .iter()
        .flat_map(|case| &case.executions)
        .any(|one| one.idempotency_key == key && one.result == Some(ExecutionResult::Unbound));
    if saying.result != ExecutionResult::Unbound || case.is_none() || agreed {
        return Ok(());
    }
    let text = "核心系统答复：本工单的执行请求已解绑，与人工记录的结果不同，请核对".to_owned();
    let mut bench = Bench::new(conn, rules)?;
    system::say(&mut bench, vec![(kept.case, OpBody::NoteAdd { text })])?;
    bench.finish()
}

/// Nothing clear came back for too long. What never left is known not to be done.
pub(super) fn give_up(
    conn: &Connection,
    rules: &Rules,
    kept: &Kept,
    (never_left, code): (bool, &str),
) -> Result<(), RepoError> {
    let (result, words) = if never_left {
        let words = format!("核心系统连接不上，请求没有送出（{code}）");
        (ExecutionResult::Failed, words)
    } else {
        let words = format!("请求已送出，核心系统没有明确答复（{code}）；系统会继续查询");
        (ExecutionResult::Unknown, words)
    };
    let saying = Saying {
        result,
        reference: kept.key.to_string(),
        words,
        terminals: Vec::new(),
    };
    let now = rules.clock.now();
    match record(conn, rules, kept, &saying)? {
        Ok(()) if never_left => rows::end(conn, kept, saying.outcome(), now),
        Ok(()) => rows::call_unknown(conn, kept, now),
        Err(why) => {
            tracing::warn!(key = %kept.key, why, "an execution cannot be given up");
            Ok(())
        }
    }
}

/// What is said on a case.
struct Saying {
    result: ExecutionResult,
    reference: String,
    words: String,
    terminals: Vec<TerminalResult>,
}

impl Saying {
    const fn outcome(&self) -> &'static str {
        match self.result {
            ExecutionResult::Unbound => "unbound",
            ExecutionResult::Failed => "failed",
            ExecutionResult::Unknown => "unknown",
        }
    }

    fn body(&self, reference: &str, evidence: &str, requeried: bool) -> OpBody {
        OpBody::ExecuteRecord {
            result: self.result,
            reference: reference.to_owned(),
            evidence: evidence.to_owned(),
            terminals: self.terminals.clone(),
            requeried,
        }
    }
}

/// Says it, if the rules agree; why not, otherwise. Words that must not be kept are left out, the result is not.
fn record(
    conn: &Connection,
    rules: &Rules,
    kept: &Kept,
    saying: &Saying,
) -> Result<Result<(), String>, RepoError> {
    let mut bench = Bench::new(conn, rules)?;
    let case = bench.case(kept.case)?;
    let stands = case.map_or(Standing::Elsewhere, |case| standing(&case, kept.key));
    match stands {
        Standing::Elsewhere => return Ok(Err(ELSEWHERE.to_owned())),
        Standing::OnHold => return Ok(Err("case.on_hold".to_owned())),
        Standing::Open | Standing::Unknown => {}
    }
    let requeried = stands == Standing::Unknown;
    let key = kept.key.to_string();
    let plain = "核心系统的回执文字不能保存，请按编号到核心系统查看";
    let bodies = [
        saying.body(&saying.reference, &saying.words, requeried),
        saying.body(&saying.reference, plain, requeried),
        saying.body(&key, plain, requeried),
    ];
    let mut why = String::new();
    for body in bodies {
        match system::rehearse(&mut bench, kept.case, &body)? {
            Outcome::Applied { .. } => {
                system::say(&mut bench, vec![(kept.case, body)])?;
                waiting::judge_waiting(&mut bench)?;
                notices::announce(&mut bench)?;
                bench.finish()?;
                return Ok(Ok(()));
            }
            Outcome::Refused { code, .. } => why = code,
            other @ (Outcome::Held { .. } | Outcome::Noop { .. } | Outcome::Conflict { .. }) => {
                tracing::error!(key = %kept.key, ?other, "a result is not taken");
                "case.held".clone_into(&mut why);
            }
        }
    }
    Ok(Err(why))
}
