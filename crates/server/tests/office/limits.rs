use crate::support::{HERE, call, office, outcomes};

#[test]
fn a_body_of_ten_megabytes_is_refused_on_every_json_route() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let body = format!("{{\"x\":\"{}\"}}", "长".repeat(3_500_000));
    for path in [
        "/v1/enrol",
        "/v1/session",
        "/v1/session/refresh",
        "/v1/sync/hello",
        "/v1/sync/push",
        "/v1/documents",
    ] {
        let reply = desk.send("POST", path, body.as_bytes());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (413, "request.too_large"),
            "{path}"
        );
    }
}

#[test]
fn a_zstd_bomb_is_stopped_at_the_limit() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    let bomb = zstd::encode_all([b' '; 64].repeat(1_000_000).as_slice(), 19).unwrap();
    assert!(bomb.len() < 100_000);
    let bearer = format!("Bearer {}", desk.access);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("content-encoding", "zstd"),
    ];
    assert_eq!(
        call(desk.addr, "POST", "/v1/sync/push", &headers, &bomb).code(),
        "request.too_large"
    );
    assert_eq!(
        call(desk.addr, "POST", "/v1/sync/push", &headers, b"not zstd").code(),
        "request.bad_json"
    );
}

#[test]
fn a_packed_push_is_taken_and_a_packed_page_is_given() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (_, create) = desk.new_case();
    let batch = desk.chain(vec![create]);
    let packed = zstd::encode_all(desk.push_body(&batch).as_bytes(), 3).unwrap();
    let bearer = format!("Bearer {}", desk.access);
    let ours = desk_protocol::CONTENT_TYPE;
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", ours),
        ("content-encoding", "zstd"),
    ];
    outcomes(&call(desk.addr, "POST", "/v1/sync/push", &headers, &packed));
    let headers = [
        ("authorization", bearer.as_str()),
        ("accept-encoding", "gzip, zstd"),
    ];
    let page = call(
        desk.addr,
        "GET",
        "/v1/sync/pull?scope=HZ001&cursor=0",
        &headers,
        b"",
    );
    assert_eq!(
        (
            page.headers["content-encoding"].as_str(),
            page.headers["content-type"].as_str()
        ),
        ("zstd", ours)
    );
    let text = zstd::decode_all(page.body.as_slice()).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert!(
        json["epoch"].is_string() && json["server_time"].is_i64() && json["request_id"].is_string()
    );
}

#[test]
fn malformed_requests_get_a_problem_in_an_envelope() {
    let office = office();
    let desk = office.desk(HERE, "agent");
    for body in ["", "{", "[]", "{\"device\":1}", "null"] {
        let reply = desk.send("POST", "/v1/sync/push", body.as_bytes());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "request.bad_json"),
            "{body}"
        );
        assert!(reply.json()["request_id"].is_string());
        assert_eq!(reply.headers["content-type"], desk_protocol::CONTENT_TYPE);
    }
    let empty = format!(
        r#"{{"device":"{}","incarnation":"{}","first_seq":1,"ops":[],"signature":""}}"#,
        desk.id, desk.incarnation
    );
    assert_eq!(
        desk.send("POST", "/v1/sync/push", empty.as_bytes()).code(),
        "sync.bad_op"
    );
}
