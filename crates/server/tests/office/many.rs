//! Rows that go into a table together, and one question about many keys: both databases keep and answer the same.

use crate::support::office;
use desk_server::repo::sql::Kind::{Blob, Int, Text};
use desk_server::repo::sql::{Connection, Insert, SqlError, ToSql};
use desk_server::repo::{Repo, RepoError};
use std::collections::BTreeSet;

const ENDS: &str = "SELECT incarnation, seq, hash FROM head WHERE incarnation = ?1";
const STORED_AT: &str = "SELECT id, stored_at FROM document WHERE id = ?1";

type End = (String, u64, Vec<u8>);

fn heads() -> Insert {
    let columns = [
        ("device", Text),
        ("incarnation", Text),
        ("seq", Int),
        ("hash", Blob),
    ];
    let then = "ON CONFLICT (device, incarnation) DO UPDATE SET seq = excluded.seq";
    Insert::into("head", &columns, then)
}

fn put(conn: &Connection, ends: &[(&str, u64)]) -> Result<(), RepoError> {
    conn.put_rows(&heads(), |rows| {
        for (incarnation, seq) in ends {
            let hash = incarnation.as_bytes().repeat(3);
            rows.put([&"desk" as &dyn ToSql, incarnation, seq, &hash])?;
        }
        Ok(())
    })
}

fn keys(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn ends_of(conn: &Connection, names: &[&str]) -> Result<Vec<End>, SqlError> {
    let mut found = conn.query_each(ENDS, &keys(names), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?;
    found.sort();
    Ok(found)
}

fn stored(repo: &Repo, names: &'static [&'static str]) -> Vec<End> {
    repo.read_blocking(move |conn| Ok(ends_of(conn, names)?))
        .unwrap()
}

#[test]
fn one_row_none_and_many_are_kept_as_they_were_given() {
    let office = office();
    let repo = office.house().repo;
    let write = |ends: &'static [(&'static str, u64)]| {
        repo.write_blocking(move |conn| put(conn, ends)).unwrap();
    };
    write(&[]);
    write(&[("a", 1)]);
    write(&[("b", 2), ("c", 3), ("a", 4)]);
    let hash = |name: &str| name.as_bytes().repeat(3);
    let expected = [
        ("a".to_owned(), 4, hash("a")),
        ("b".to_owned(), 2, hash("b")),
        ("c".to_owned(), 3, hash("c")),
    ];
    assert_eq!(stored(&repo, &["a", "b", "c", "not there"]), expected);
    assert_eq!(stored(&repo, &[]), []);
}

#[test]
fn nothing_is_kept_as_nothing() {
    let office = office();
    let repo = office.house().repo;
    let columns = [
        ("office", Text),
        ("id", Text),
        ("case_id", Text),
        ("kind", Text),
        ("sha256", Text),
        ("manifest", Text),
        ("stored_at", Int),
    ];
    let insert = Insert::into("document", &columns, "");
    repo.write_blocking(move |conn| {
        conn.put_rows(&insert, |rows| {
            for (id, at) in [("one", None), ("two", Some(7_i64)), ("three", None)] {
                rows.put([
                    &"HZ001" as &dyn ToSql,
                    &id,
                    &"case",
                    &"other",
                    &"",
                    &"{}",
                    &at,
                ])?;
            }
            Ok::<_, RepoError>(())
        })
    })
    .unwrap();
    let found = repo.read_blocking(|conn| {
        let names = keys(&["one", "two", "three"]);
        Ok(conn.query_each(STORED_AT, &names, |row| {
            Ok((row.get::<String>(0)?, row.get::<Option<i64>>(1)?))
        })?)
    });
    let mut found = found.unwrap();
    found.sort();
    let expected = [("one", None), ("three", None), ("two", Some(7))];
    let expected = expected.map(|(id, at)| (id.to_owned(), at));
    assert_eq!(found, expected);
}

#[test]
fn one_row_that_cannot_be_kept_keeps_its_neighbours_out() {
    let office = office();
    let repo = office.house().repo;
    let told = repo.write_blocking(|conn| {
        conn.put_rows(&heads(), |rows| {
            rows.put([&"desk" as &dyn ToSql, &"a", &1_u64, &b"a".as_slice()])?;
            rows.put([&"desk" as &dyn ToSql, &"b", &2_u64, &None::<String>])?;
            rows.put([&"desk" as &dyn ToSql, &"c", &3_u64, &b"c".as_slice()])?;
            Ok::<_, RepoError>(())
        })
    });
    assert!(told.is_err(), "{told:?}");
    assert_eq!(stored(&repo, &["a", "b", "c"]), []);
}

#[test]
fn a_question_about_many_is_asked_anew_after_a_change() {
    let office = office();
    let repo = office.house().repo;
    let told = repo.write_blocking(|conn| {
        let names = ["a", "b"];
        put(conn, &[("a", 1), ("b", 2)])?;
        conn.ahead_each(ENDS, &keys(&names))?;
        assert_eq!(ends_of(conn, &names)?.len(), 2);
        conn.ahead_each(ENDS, &keys(&names))?;
        put(conn, &[("a", 5), ("b", 6)])?;
        let seqs: Vec<u64> = ends_of(conn, &names)?
            .into_iter()
            .map(|end| end.1)
            .collect();
        assert_eq!(seqs, [5, 6]);
        Ok(())
    });
    told.unwrap();
}

#[test]
fn who_fails_while_he_gives_rows_writes_none() {
    let office = office();
    let repo = office.house().repo;
    let told = repo.write_blocking(|conn| {
        conn.put_rows(&heads(), |rows| {
            rows.put([&"desk" as &dyn ToSql, &"a", &1_u64, &b"a".as_slice()])?;
            Err(RepoError::Damaged("by its own word"))
        })
    });
    assert!(told.is_err(), "{told:?}");
    assert_eq!(stored(&repo, &["a"]), []);
}
