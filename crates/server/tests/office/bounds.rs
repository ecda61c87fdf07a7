//! Bad input has a named answer, and its neighbours are unharmed.

use crate::support::{HERE, applied, call, office, outcomes};
use desk_domain::op::{MAX_OP_BYTES, Op};
use desk_server::ServerConfig;
use desk_server::error::ApiError;
use desk_server::repo::{Database, Repo, RepoError, Scope, journal};
use desk_server::run::rules;
use serde_json::value::RawValue;
use std::sync::mpsc::channel;

#[test]
fn an_op_of_70_kilobytes_is_named_by_its_seq_and_its_neighbours_come_through_without_it() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let first = desk.chain(vec![create]);
    let before = desk.clone();
    let small = desk.chain(vec![desk.clone().note(case, "之后")]);
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(70 * 1024));
    let large = before.note(case, "").to_bytes().unwrap();
    let large = large.replace("{\"text\":\"\"}", &body);
    assert!(large.len() > MAX_OP_BYTES);
    let mut both = before.clone().chain(vec![]);
    both.first_seq = 1;
    both.ops = vec![first.ops[0].clone(), large];
    both.last = small.last;
    let reply = desk.push(&both);
    assert_eq!((reply.status, reply.code().as_str()), (400, "sync.bad_op"));
    assert_eq!(reply.json()["params"]["seq"], "2");
    let counted = |office: &crate::support::TestOffice| {
        office.house().repo.read_blocking(journal::count).unwrap()
    };
    assert_eq!(counted(&office), (0, 0));
    // The desk halves its batch until the bad one stands alone; what is good gets in.
    assert!(applied(&outcomes(&desk.push(&first))[0]));
    assert!(applied(&outcomes(&desk.push(&small))[0]));
    assert_eq!(counted(&office), (2, 2));
}

#[test]
fn a_desk_that_is_too_old_to_read_may_still_send() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let bearer = format!("Bearer {}", desk.access);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("x-desk-protocol", "0"),
    ];
    let push = desk.push_body(&batch);
    let reply = call(
        desk.addr,
        "POST",
        "/v1/sync/push",
        &headers,
        push.as_bytes(),
    );
    assert!(applied(&outcomes(&reply)[0]));
    for (method, path) in [
        ("GET", "/v1/sync/pull?scope=HZ001&cursor=0"),
        ("GET", "/v1/sync/snapshot?scope=HZ001"),
    ] {
        let reply = call(desk.addr, method, path, &headers, b"");
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (426, "version.upgrade_required"),
            "{path}"
        );
    }
}

#[test]
fn a_push_of_501_ops_is_refused_and_one_of_500_is_taken() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let mut ops = vec![create];
    ops.extend((0..500).map(|n| desk.note(case, &n.to_string())));
    let last = ops.pop().unwrap();
    let most = desk.clone().chain(ops.clone());
    ops.push(last);
    let more = desk.clone().chain(ops);
    assert_eq!(desk.push(&more).code(), "sync.bad_op");
    assert_eq!(outcomes(&desk.push(&most)).len(), 500);
}

#[test]
fn json_that_is_broken_inside_one_op_stores_nothing_and_names_the_place() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let body = desk.push_body(&batch);
    let reply = desk.send(
        "POST",
        "/v1/sync/push",
        body.replacen("\"kind\":", "\"kind\";", 1).as_bytes(),
    );
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (400, "request.bad_json")
    );
    assert_eq!(reply.json()["params"]["line"], "1");
    let odd = body.replacen("\"kind\":", "\"sort\":", 1);
    let reply = desk.send("POST", "/v1/sync/push", odd.as_bytes());
    assert_eq!((reply.status, reply.code().as_str()), (400, "sync.bad_op"));
    assert!(applied(&outcomes(&desk.push(&batch))[0]));
}

#[test]
fn a_body_nested_without_end_is_held_or_refused_but_never_an_end_of_the_server() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let deep = |levels: usize| format!("{{\"text\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    let nested = Op {
        body: RawValue::from_string(deep(100)).unwrap(),
        ..desk.note(case, "")
    };
    let note = desk.note(case, "后面");
    let outcomes = desk.write(vec![create, nested, note]);
    assert!(applied(&outcomes[0]) && !applied(&outcomes[1]) && applied(&outcomes[2]));
    let hello = format!("{{\"device\":{}", "[".repeat(200_000));
    let reply = desk.send("POST", "/v1/sync/hello", hello.as_bytes());
    assert_eq!(reply.code(), "request.bad_json");
    assert_eq!(desk.get("/livez").status, 200);
}

#[test]
fn a_server_with_more_work_than_it_can_do_asks_to_come_back_and_loses_nothing_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let rules = rules(&ServerConfig::new(dir.path())).unwrap();
    let repo = Repo::open(&Database::File(dir.path().join("office.db")), &rules).unwrap();
    let (release, held) = channel::<()>();
    let (started, has_started) = channel();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (taken, turned_away) = runtime.block_on(async {
        let blocking = {
            let repo = repo.clone();
            tokio::spawn(async move {
                repo.write(Scope::House, move |_| {
                    started.send(()).unwrap();
                    held.recv().unwrap();
                    Ok(())
                })
                .await
            })
        };
        tokio::task::spawn_blocking(move || has_started.recv().unwrap())
            .await
            .unwrap();
        let mut many = tokio::task::JoinSet::new();
        for n in 0..300_u32 {
            let repo = repo.clone();
            many.spawn(async move {
                repo.write(Scope::House, move |conn| {
                    let key = format!("work-{n}");
                    conn.execute("INSERT INTO meta (key, value) VALUES (?1, '')", [key])?;
                    Ok(())
                })
                .await
            });
        }
        // The writer goes on once everybody without a place has been told so.
        let (mut taken, mut turned_away) = (0_u32, 0_u32);
        while let Some(one) = many.join_next().await {
            match one.unwrap() {
                Ok(()) => taken += 1,
                Err(RepoError::Busy) => turned_away += 1,
                Err(other) => panic!("{other}"),
            }
            if turned_away == 44 && taken == 0 {
                release.send(()).unwrap();
            }
        }
        blocking.await.unwrap().unwrap();
        (taken, turned_away)
    });
    assert_eq!((taken, turned_away), (256, 44));
    let stored: u32 = repo
        .read_blocking(|conn| {
            let sql = "SELECT count(*) FROM meta WHERE key LIKE 'work-%'";
            Ok(conn.query_row(sql, (), |row| row.get(0))?)
        })
        .unwrap();
    assert_eq!(stored, taken);
    let told = ApiError::from(RepoError::Busy);
    assert_eq!((told.status.as_u16(), told.retry_after), (503, Some(5)));
    assert!(told.problem.retryable);
}
