//! PostgreSQL itself keeps the offices apart: also where a statement has forgotten its clause.
#![expect(clippy::unwrap_used, reason = "a test may end at once")]

use desk_domain::ids::OfficeCode;
use desk_server::ServerConfig;
use desk_server::repo::sql::Connection;
use desk_server::repo::{Repo, RepoError, Scope, offices};
use desk_server::run::House;
use desk_tests::cluster::Cluster;
use postgres::{Client, NoTls};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

const HERE: &str = "HZ001";
const THERE: &str = "SH002";

fn office(code: &str) -> OfficeCode {
    OfficeCode::parse(code).unwrap()
}

fn config(folder: &Path, database: String) -> ServerConfig {
    ServerConfig {
        database: Some(database),
        ..ServerConfig::new(folder)
    }
}

/// Two offices with a merchant each.
fn house(folder: &Path, cluster: &Cluster) -> House {
    let house = House::open(&config(folder, cluster.url())).unwrap();
    for code in [HERE, THERE] {
        house
            .repo
            .write_blocking(move |conn| {
                offices::put(conn, &office(code), "网点示例", 1)?;
                add(conn, code, "one")
            })
            .unwrap();
    }
    house
}

fn add(conn: &Connection, code: &str, id: &str) -> Result<(), RepoError> {
    conn.execute(
        "INSERT INTO merchant (office, id, merchant_no, version, record) VALUES (?1, ?2, '000000000000001', 1, '{}')",
        [code, id],
    )?;
    Ok(())
}

/// Whose merchants a statement without any clause shows.
fn seen(conn: &Connection) -> Result<Vec<String>, RepoError> {
    let mut select = conn.prepare_cached("SELECT office FROM merchant ORDER BY office")?;
    let rows = select.query_map((), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One transaction of a server, from outside its runtime.
fn write<T: Send + 'static>(
    repo: &Arc<Repo>,
    scope: Scope,
    work: impl FnMut(&Connection) -> Result<T, RepoError> + Send + 'static,
) -> Result<T, RepoError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(repo.write(scope, work))
}

/// Rows that a statement without any clause changes.
fn changed(conn: &Connection) -> Result<usize, RepoError> {
    Ok(conn.execute("UPDATE merchant SET version = version + 1", ())?)
}

fn removed(conn: &Connection) -> Result<usize, RepoError> {
    Ok(conn.execute("DELETE FROM merchant", ())?)
}

#[test]
fn a_statement_without_its_clause_sees_and_changes_the_offices_of_its_transaction_alone() {
    let (folder, cluster) = (tempfile::tempdir().unwrap(), Cluster::start().unwrap());
    let house = house(folder.path(), &cluster);
    let repo = &house.repo;
    let reads = |scope: Scope| repo.read_within(&scope, seen).unwrap();
    assert_eq!(reads(Scope::of(&office(HERE))), [HERE]);
    assert_eq!(reads(Scope::House), [HERE, THERE]);
    assert_eq!(reads(Scope::Judging(office(HERE))), [HERE, THERE]);
    let none: [&str; 0] = [];
    assert_eq!(reads(Scope::Offices(BTreeSet::new())), none);

    for scope in [Scope::of(&office(HERE)), Scope::Judging(office(HERE))] {
        assert_eq!(write(repo, scope.clone(), changed).unwrap(), 1);
        let foreign = write(repo, scope, |conn| add(conn, THERE, "two"));
        // Of this one piece of work: its neighbours in the same commit go on.
        assert!(foreign.as_ref().is_err_and(RepoError::is_of_one_op));
        assert!(
            foreign
                .unwrap_err()
                .to_string()
                .contains("row-level security")
        );
    }
    // What sees the house may still be kept from writing all of it.
    let narrowed = write(repo, Scope::House, |conn| {
        conn.write_only(&Scope::of(&office(THERE)))?;
        Ok((seen(conn)?, changed(conn)?, removed(conn)?))
    });
    let all = vec![HERE.to_owned(), THERE.to_owned()];
    assert_eq!(narrowed.unwrap(), (all, 1, 1));
    assert_eq!(reads(Scope::House), [HERE]);
    // The role owns nothing: it takes no guard away, neither this one nor the log's.
    for act in [
        "ALTER TABLE merchant DISABLE ROW LEVEL SECURITY",
        "DROP TRIGGER journal_kept ON journal",
    ] {
        let tried = write(repo, Scope::House, move |conn| Ok(conn.execute_batch(act)?));
        assert!(
            tried.unwrap_err().to_string().contains("must be owner"),
            "{act}"
        );
    }
    // The next piece of work reaches as far as it says, not as far as the one before.
    assert_eq!(write(repo, Scope::House, changed).unwrap(), 1);
}

#[test]
fn every_table_with_an_office_is_guarded_against_its_owner_too() {
    let (folder, cluster) = (tempfile::tempdir().unwrap(), Cluster::start().unwrap());
    let house = house(folder.path(), &cluster);
    let mut client = Client::connect(&cluster.url(), NoTls).unwrap();
    let tables = client
        .query(
            "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity, \
             (SELECT string_agg(p.polcmd::text, '' ORDER BY p.polcmd::text) FROM pg_policy p WHERE p.polrelid = c.oid) \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'office'",
            &[],
        )
        .unwrap();
    assert!(tables.len() > 20, "{}", tables.len());
    for row in tables {
        let (name, forced): (String, bool) = (row.get(0), row.get(1));
        let commands: Option<String> = row.get(2);
        // Insert, delete, select, update, each by one policy.
        assert_eq!(
            (forced, commands.as_deref()),
            (true, Some("adrw")),
            "{name}"
        );
    }
    drop(house);
    let told = || {
        let findings = desk_server::doctor::look(&config(folder.path(), cluster.url()), None);
        format!("{findings:?}")
    };
    assert!(!told().contains("keep offices apart"), "{}", told());
    client
        .batch_execute(
            "ALTER TABLE merchant NO FORCE ROW LEVEL SECURITY; DROP POLICY seen ON upload",
        )
        .unwrap();
    let found = told();
    assert!(
        found.contains("does not keep offices apart in merchant, upload"),
        "{found}"
    );
    client
        .batch_execute("SELECT guard_rows('merchant'), guard_rows('upload')")
        .unwrap();
    assert!(!told().contains("keep offices apart"), "{}", told());
}

#[test]
fn a_login_that_may_make_no_role_is_told_what_to_ask_for_and_is_guarded_as_an_owner() {
    let (folder, cluster) = (tempfile::tempdir().unwrap(), Cluster::start().unwrap());
    let mut admin = Client::connect(&cluster.url(), NoTls).unwrap();
    // A database is made outside a transaction, so one by one.
    for make in [
        "CREATE ROLE plain LOGIN",
        "CREATE DATABASE bank OWNER plain",
    ] {
        admin.batch_execute(make).unwrap();
    }
    let address = format!("postgres://plain@127.0.0.1:{}/bank", cluster.port());
    let config = config(folder.path(), address.clone());
    let refused = House::open(&config).err().unwrap().to_string();
    assert!(
        refused.contains("CREATE ROLE unbind_desk_rows NOLOGIN"),
        "{refused}"
    );
    admin
        .batch_execute("CREATE ROLE unbind_desk_rows NOLOGIN; GRANT unbind_desk_rows TO plain")
        .unwrap();
    let house = House::open(&config).unwrap();
    house
        .repo
        .write_blocking(|conn| {
            offices::put(conn, &office(HERE), "网点示例", 1)?;
            add(conn, HERE, "one")
        })
        .unwrap();
    assert_eq!(house.repo.read_blocking(seen).unwrap(), [HERE]);
    // Its owner, outside the server, sees no row of any office.
    let mut owner = Client::connect(&address, NoTls).unwrap();
    assert!(
        owner
            .query("SELECT * FROM merchant", &[])
            .unwrap()
            .is_empty()
    );
}
