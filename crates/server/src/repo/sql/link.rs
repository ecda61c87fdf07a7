//! One connection to PostgreSQL: opens, opens again, keeps its prepared statements, and runs ahead of its answers.
//!
//! Each statement is a round trip when its answer is waited for, and the writing connection has no time for twenty of them
//! a case. So what needs no answer is sent and not waited for, and what will surely be asked is asked at once; answers come
//! in the order of the questions, and whoever waits for one hears first what went wrong before it, as [`SqlError::Late`].

use super::address::Address;
use super::line::{Answer, Fate, Held, Line, Told, UnderWay};
use super::value::{Owned, Value};
use super::{Pace, Purpose, ROLE, Scope, SqlError};
use crate::door::Stopwatch;
use futures_util::TryStreamExt as _;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio_postgres::types::BorrowToSql;
use tokio_postgres::{Client, Row, Statement};

/// Prepared statements that one connection keeps.
const KEPT: usize = 256;
/// A connection that rested for longer is asked whether it still stands before anything is built on it, seconds.
const RESTED: f64 = 1.0;

/// A connection, what it has prepared, and what was said over it and not answered yet.
pub struct Link {
    // Before the line, of which each holds a part.
    under_way: VecDeque<UnderWay>,
    line: Held,
    address: Address,
    kept: HashMap<String, Prepared>,
    /// How many were ever prepared: a number is given once.
    numbers: usize,
    asked: HashMap<Question, Option<Vec<Row>>>,
    pace: Pace,
    /// A statement of this transaction failed, so that a COMMIT would be a ROLLBACK.
    failed: bool,
    /// What the transaction may see and write, as it was said last.
    said: Option<(String, String)>,
    /// The session itself may be asked, outside of any transaction.
    glances: bool,
    rests: Stopwatch,
}

/// A statement that is ready, by its number on this connection.
#[derive(Clone)]
pub(super) struct Prepared {
    number: usize,
    statement: Statement,
    /// It changes nothing.
    reads: bool,
}

/// A statement and its values.
pub(super) type Question = (usize, Vec<Owned>);

impl Link {
    pub(super) fn open(address: &Address) -> Result<Self, SqlError> {
        Ok(Self {
            under_way: VecDeque::new(),
            line: Held(Some(Line::open(address)?)),
            address: address.clone(),
            kept: HashMap::new(),
            numbers: 0,
            asked: HashMap::new(),
            pace: Pace::Stepwise,
            failed: false,
            said: None,
            glances: false,
            rests: Stopwatch::start(),
        })
    }

    /// Runs `work` on the client itself: the migrations, and what comes before them.
    pub fn with_client<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Client) -> T,
    ) -> Result<T, SqlError> {
        self.settle()?;
        let line = self.line.0.as_mut().ok_or(SqlError::Gone)?;
        let client = Arc::get_mut(&mut line.client).ok_or(SqlError::Gone)?;
        Ok(line.runtime.block_on(work(client)))
    }

    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Begins a transaction, over a new connection if the old one is gone.
    pub(super) fn begin(&mut self, purpose: Purpose, scope: &Scope) -> Result<(), SqlError> {
        let begin = match purpose {
            Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            // Several nodes judge against what each other writes: only this level makes their work one after the other.
            // Whoever reads a table from end to end is in the way of everybody who writes to it meanwhile.
            Purpose::Write => {
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE; SET LOCAL enable_seqscan = off"
            }
        };
        let (reads, writes) = (scope.reads(), scope.writes());
        let sql = format!("{begin}; SET LOCAL ROLE {ROLE}; {reads}; {writes}");
        let rested = self.rests.seconds() > RESTED;
        self.rests = Stopwatch::start();
        if self.stands() {
            self.failed = false;
            self.asked.clear();
            self.said = Some((reads.clone(), writes.clone()));
            // What a reader asks in vain is no harm; nothing is written before it is known that the transaction has begun.
            let begun = if rested || purpose == Purpose::Write {
                self.batch(&sql)
            } else {
                self.say(&sql)
            };
            if begun.is_ok() {
                return Ok(());
            }
        }
        // It may have died in silence, or stand inside a transaction that failed: a new one is cheap.
        self.renew()?;
        self.said = Some((reads, writes));
        self.batch(&sql)
    }

    /// Makes ready for one question outside of a transaction. As a session of readers stands, it sees the house and writes
    /// nothing.
    pub(super) fn glance(&mut self) -> Result<(), SqlError> {
        let rested = self.rests.seconds() > RESTED;
        self.rests = Stopwatch::start();
        let stands = self.stands();
        self.asked.clear();
        self.failed = false;
        if stands && self.glances && !rested {
            return Ok(());
        }
        let sql = format!(
            "SET ROLE {ROLE}; SET desk.reads = '*'; SET desk.writes = ''; SET default_transaction_read_only = on"
        );
        if !stands || self.batch(&sql).is_err() {
            self.renew()?;
            self.batch(&sql)?;
        }
        self.glances = true;
        Ok(())
    }

    fn renew(&mut self) -> Result<(), SqlError> {
        self.under_way.clear();
        self.asked.clear();
        self.kept.clear();
        (self.failed, self.glances, self.said) = (false, false, None);
        self.line = Held(Some(Line::open(&self.address)?));
        Ok(())
    }

    /// True when nothing shows that the connection could not be used: it is there, and its last transaction has ended well.
    fn stands(&mut self) -> bool {
        let Ok(line) = self.line.get() else {
            return false;
        };
        line.drive();
        let stands = !line.client.is_closed();
        while let Some(first) = self.under_way.front_mut() {
            match first.poll() {
                None => break,
                Some(Err(_)) => return false,
                Some(Ok(_)) => drop(self.under_way.pop_front()),
            }
        }
        stands
    }

    /// Runs a batch and waits for it.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), SqlError> {
        self.asked.clear();
        self.send_batch(sql, Fate::Awaited)?;
        self.settle().map(drop)
    }

    /// Says a batch whose failure shows later; waits for it when the pace is stepwise.
    pub(super) fn say(&mut self, sql: &str) -> Result<(), SqlError> {
        match self.pace {
            Pace::Stepwise => self.batch(sql),
            Pace::Ahead => self.send_batch(sql, Fate::Unread),
        }
    }

    /// Says how far the transaction reaches from here, where that is something new.
    pub(super) fn reach(&mut self, scope: &Scope) -> Result<(), SqlError> {
        let said = (scope.reads(), scope.writes());
        let stands = self.said.as_ref().is_some_and(|(reads, writes)| {
            // Who is undecided says what he writes before he does.
            *reads == said.0 && (*scope == Scope::Undecided || *writes == said.1)
        });
        if stands {
            return Ok(());
        }
        self.say(&format!("{}; {}", said.0, said.1))?;
        self.said = Some(said);
        Ok(())
    }

    pub(super) fn write_only(&mut self, scope: &Scope) -> Result<(), SqlError> {
        let writes = scope.writes();
        if self.said.as_ref().is_some_and(|said| said.1 == writes) {
            return Ok(());
        }
        self.say(&writes)?;
        if let Some((_, said)) = &mut self.said {
            *said = writes;
        }
        Ok(())
    }

    /// COMMIT. On a transaction in which anything failed, PostgreSQL would roll back and call that a success.
    pub(super) fn commit(&mut self) -> Result<(), SqlError> {
        if self.failed {
            return Err(SqlError::Spoilt);
        }
        self.batch("COMMIT")
    }

    /// ROLLBACK; nobody waits for it.
    pub(super) fn roll_back(&mut self) -> Result<(), SqlError> {
        self.send_batch("ROLLBACK", Fate::Unread)?;
        self.drive()
    }

    /// Sends what was said so far on its way.
    pub(super) fn drive(&self) -> Result<(), SqlError> {
        self.line.get()?.drive();
        Ok(())
    }

    pub(super) fn prepare(&mut self, sql: &str) -> Result<Prepared, SqlError> {
        if let Some(prepared) = self.kept.get(sql) {
            return Ok(prepared.clone());
        }
        // On a transaction that has failed nothing can be prepared, and that is not the news.
        self.settle()?;
        let line = self.line.get()?;
        let statement = line.runtime.block_on(line.client.prepare(&numbered(sql)));
        let statement = statement.inspect_err(|_| self.failed = true)?;
        if self.kept.len() >= KEPT {
            self.kept.clear();
        }
        let number = self.numbers;
        self.numbers = number.saturating_add(1);
        let prepared = Prepared {
            number,
            statement,
            reads: sql.trim_start().starts_with("SELECT"),
        };
        self.kept.insert(sql.to_owned(), prepared.clone());
        Ok(prepared)
    }

    pub(super) fn execute(
        &mut self,
        prepared: &Prepared,
        values: &[Value<'_>],
    ) -> Result<usize, SqlError> {
        self.send(prepared, all_owned(values), Fate::Awaited)?;
        Ok(match self.settle()? {
            Some(Told::Changed(rows)) => usize::try_from(rows).unwrap_or(usize::MAX),
            Some(Told::Rows(_)) | None => 0,
        })
    }

    /// Runs a statement of which only a failure is news, and that comes with the next answer that is waited for.
    pub(super) fn put(
        &mut self,
        prepared: &Prepared,
        values: &[Value<'_>],
    ) -> Result<(), SqlError> {
        self.put_owned(prepared, all_owned(values))
    }

    /// The same with values, or whole columns of them, that it keeps.
    pub(super) fn put_owned<P: Given>(
        &mut self,
        prepared: &Prepared,
        values: Vec<P>,
    ) -> Result<(), SqlError> {
        match self.pace {
            Pace::Stepwise => {
                self.send(prepared, values, Fate::Awaited)?;
                self.settle().map(drop)
            }
            Pace::Ahead => self.send(prepared, values, Fate::Unread),
        }
    }

    /// Asks what will be asked soon.
    pub(super) fn ahead(
        &mut self,
        prepared: &Prepared,
        values: &[Value<'_>],
    ) -> Result<(), SqlError> {
        let values = all_owned(values);
        self.ask_ahead(prepared, values.clone(), values)
    }

    /// The same for many keys, which are the only parameter.
    pub(super) fn ahead_each(
        &mut self,
        prepared: &Prepared,
        keys: Vec<Owned>,
    ) -> Result<(), SqlError> {
        self.ask_ahead(prepared, keys.clone(), vec![keys])
    }

    fn ask_ahead<P: Given>(
        &mut self,
        prepared: &Prepared,
        asked: Vec<Owned>,
        values: Vec<P>,
    ) -> Result<(), SqlError> {
        let question = (prepared.number, asked);
        if self.pace == Pace::Stepwise || self.asked.contains_key(&question) {
            return Ok(());
        }
        self.asked.insert(question.clone(), None);
        self.send_query(prepared, values, Fate::Kept(question))
    }

    pub(super) fn query(
        &mut self,
        prepared: &Prepared,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, SqlError> {
        let values = all_owned(values);
        self.ask(prepared, values.clone(), values)
    }

    /// Asks about many keys, which are the only parameter.
    pub(super) fn query_each(
        &mut self,
        prepared: &Prepared,
        keys: Vec<Owned>,
    ) -> Result<Vec<Row>, SqlError> {
        self.ask(prepared, keys.clone(), vec![keys])
    }

    fn ask<P: Given>(
        &mut self,
        prepared: &Prepared,
        asked: Vec<Owned>,
        values: Vec<P>,
    ) -> Result<Vec<Row>, SqlError> {
        let question = (prepared.number, asked);
        if !prepared.reads {
            self.asked.clear();
        } else if self.asked.contains_key(&question) {
            self.settle()?;
            if let Some(rows) = self.asked.remove(&question).flatten() {
                return Ok(rows);
            }
        }
        self.send_query(prepared, values, Fate::Awaited)?;
        Ok(match self.settle()? {
            Some(Told::Rows(rows)) => rows,
            Some(Told::Changed(_)) | None => Vec::new(),
        })
    }

    fn send_batch(&mut self, sql: &str, fate: Fate) -> Result<(), SqlError> {
        if sql.starts_with("ROLLBACK") {
            // What was said of a part goes with it, and so does its failure.
            (self.failed, self.said) = (false, None);
            self.asked.clear();
        }
        let client = Arc::clone(&self.line.get()?.client);
        let sql = sql.to_owned();
        let answer = async move { client.batch_execute(&sql).await.map(|()| Told::Changed(0)) };
        self.enqueue(Box::pin(answer), fate);
        Ok(())
    }

    fn send<P: Given>(
        &mut self,
        prepared: &Prepared,
        values: Vec<P>,
        fate: Fate,
    ) -> Result<(), SqlError> {
        // It may change the answers.
        self.asked.clear();
        let client = Arc::clone(&self.line.get()?.client);
        let statement = prepared.statement.clone();
        let answer =
            async move { (client.execute_raw(&statement, values).await).map(Told::Changed) };
        self.enqueue(Box::pin(answer), fate);
        Ok(())
    }

    fn send_query<P: Given>(
        &mut self,
        prepared: &Prepared,
        values: Vec<P>,
        fate: Fate,
    ) -> Result<(), SqlError> {
        let client = Arc::clone(&self.line.get()?.client);
        let statement = prepared.statement.clone();
        let answer = async move {
            let rows = client.query_raw(&statement, values).await?;
            rows.try_collect().await.map(Told::Rows)
        };
        self.enqueue(Box::pin(answer), fate);
        Ok(())
    }

    fn enqueue(&mut self, answer: Pin<Box<dyn Future<Output = Answer> + Send>>, fate: Fate) {
        self.under_way.push_back(UnderWay::new(answer, fate));
    }

    /// Waits for all that is under way; the last answer, if somebody waits for it, or the first failure.
    fn settle(&mut self) -> Result<Option<Told>, SqlError> {
        let mut queue = std::mem::take(&mut self.under_way);
        let (mut failure, mut awaited) = (None, None);
        let line = self.line.get()?;
        line.runtime.block_on(async {
            for one in &mut queue {
                if one.ready.is_none() {
                    one.ready = Some(one.answer.as_mut().await);
                }
            }
        });
        for one in queue {
            let Some(answer) = one.ready else { continue };
            match (answer, one.fate) {
                (Ok(told), Fate::Awaited) => awaited = Some(told),
                (Ok(Told::Rows(rows)), Fate::Kept(question)) => {
                    if let Some(place) = self.asked.get_mut(&question) {
                        *place = Some(rows);
                    }
                }
                (Ok(_), Fate::Unread | Fate::Kept(_)) => {}
                (Err(error), Fate::Awaited) => {
                    failure.get_or_insert(SqlError::Postgres(error));
                }
                (Err(error), Fate::Unread | Fate::Kept(_)) => {
                    failure.get_or_insert(SqlError::Late(Box::new(error.into())));
                }
            }
        }
        match failure {
            Some(failure) => {
                self.failed = true;
                self.asked.clear();
                Err(failure)
            }
            None => Ok(awaited),
        }
    }
}

/// A parameter that a question takes along: one value, or a whole column of them.
pub(super) trait Given: BorrowToSql + Send + 'static {}
impl<P: BorrowToSql + Send + 'static> Given for P {}

fn all_owned(values: &[Value<'_>]) -> Vec<Owned> {
    values.iter().map(Value::owned).collect()
}

/// `?1` as PostgreSQL writes it.
fn numbered(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        let counts = letter == '?' && letters.peek().is_some_and(char::is_ascii_digit);
        text.push(if counts { '$' } else { letter });
    }
    text
}
