//! Jobs share a transaction and run ahead of the answers to what they write: what fails late fails alone, and nobody is told
//! that something stands which does not.

use crate::support::office;
use desk_server::repo::sql::{Connection, SqlError};
use desk_server::repo::{Repo, RepoError, Scope};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

const NOTE: &str = "INSERT INTO meta (key, value) VALUES (?1, ?2)";
const READ: &str = "SELECT value FROM meta WHERE key = ?1";

fn note(conn: &Connection, key: &str) -> Result<(), SqlError> {
    conn.put(NOTE, [key, "one"])
}

fn value(repo: &Repo, key: &'static str) -> Option<String> {
    let read = move |conn: &Connection| Ok(conn.query_row(READ, [key], |row| row.get(0)));
    repo.read_blocking(read).unwrap().ok()
}

type Job = fn(&Connection) -> Result<(), RepoError>;

/// Runs the jobs in one transaction: they come while the writer is at work.
fn together(repo: &Arc<Repo>, jobs: &[Job]) -> Vec<Result<(), RepoError>> {
    Runtime::new().unwrap().block_on(async {
        let busy = repo.write(Scope::House, |_| {
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        });
        let jobs = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            join_all(jobs.iter().map(|job| repo.write(Scope::House, *job))).await
        };
        let (busy, told) = tokio::join!(busy, jobs);
        busy.unwrap();
        told
    })
}

#[test]
fn a_write_that_fails_late_fails_alone() {
    let office = office();
    let repo = office.house().repo;
    let told = together(
        &repo,
        &[
            |conn| Ok(note(conn, "a")?),
            |conn| Ok(note(conn, "b")?),
            // Its failure shows when somebody else waits for an answer, or with the COMMIT.
            |conn| Ok(note(conn, "a")?),
            |conn| Ok(note(conn, "c")?),
            |_| Err(RepoError::Damaged("by its own word")),
            |conn| Ok(note(conn, "d")?),
        ],
    );
    let stood: Vec<bool> = told.iter().map(Result::is_ok).collect();
    assert_eq!(stood, [true, true, false, true, false, true], "{told:?}");
    for key in ["a", "b", "c", "d"] {
        assert_eq!(value(&repo, key).as_deref(), Some("one"), "{key}");
    }
}

#[test]
fn who_overlooks_a_failure_is_not_told_that_the_rest_stands() {
    let office = office();
    let repo = office.house().repo;
    let told = together(
        &repo,
        &[
            |conn| Ok(note(conn, "a")?),
            |conn| {
                // A defect, made on purpose: the error goes nowhere.
                let _ = conn.execute(NOTE, ["a", "two"]);
                let _ = note(conn, "beside");
                Ok(())
            },
            |conn| Ok(note(conn, "b")?),
        ],
    );
    assert!(told[0].is_ok() && told[2].is_ok(), "{told:?}");
    assert_eq!(value(&repo, "b").as_deref(), Some("one"));
    assert_eq!(
        told[1].is_ok(),
        value(&repo, "beside").is_some(),
        "{told:?}"
    );
    assert_eq!(value(&repo, "a").as_deref(), Some("one"));
}

#[test]
fn what_was_asked_ahead_is_asked_anew_after_a_change() {
    let office = office();
    let repo = office.house().repo;
    let told = together(
        &repo,
        &[
            |conn| Ok(note(conn, "a")?),
            |conn| {
                let read =
                    |conn: &Connection| conn.query_row(READ, ["a"], |row| row.get::<String>(0));
                conn.ahead(READ, ["a"])?;
                assert_eq!(read(conn)?, "one");
                conn.ahead(READ, ["a"])?;
                conn.put("UPDATE meta SET value = ?2 WHERE key = ?1", ["a", "two"])?;
                assert_eq!(read(conn)?, "two");
                Ok(())
            },
        ],
    );
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    assert_eq!(value(&repo, "a").as_deref(), Some("two"));
}

#[test]
fn a_glance_sees_the_house_and_changes_nothing() {
    let office = office();
    let repo = office.house().repo;
    together(&repo, &[|conn| Ok(note(conn, "a")?)]);
    let runtime = Runtime::new().unwrap();
    let glance = |sql: &'static str| {
        runtime.block_on(
            repo.glance(move |house| Ok(house.query_row(sql, ["a"], |row| row.get::<String>(0))?)),
        )
    };
    assert_eq!(glance(READ).unwrap(), "one");
    assert!(glance("UPDATE meta SET value = 'two' WHERE key = ?1 RETURNING value").is_err());
    // As after a failure in a transaction: the next question is answered.
    assert_eq!(glance(READ).unwrap(), "one");
    assert_eq!(value(&repo, "a").as_deref(), Some("one"));
}
