//! Bytes in, bytes out.

use super::*;
use crate::machine::port::OutboxRow;
use desk_domain::ids::{CaseId, DeviceId, DocumentId, GroupId, Incarnation, OpId, UserId};
use desk_domain::op::{Group, Hlc};
use std::sync::Arc;

fn id(n: u64) -> String {
    format!("00000000-0000-7000-8000-{n:012x}")
}

fn prover() -> Prover {
    let signer = |message: &[u8]| {
        let mut signature = [0_u8; 64];
        for (to, from) in signature.iter_mut().zip(message) {
            *to = *from;
        }
        signature
    };
    Prover::new(DeviceId::parse(&id(1)).unwrap(), Arc::new(signer))
}

fn raw(status: u16, content_type: &str, body: &str) -> Raw {
    Raw {
        status,
        content_type: content_type.to_owned(),
        body: body.as_bytes().to_vec(),
        ..Raw::default()
    }
}

fn chunk_reply() -> String {
    format!(
        r#"{{"epoch":"{}","server_time":5,"request_id":"r","stored":true}}"#,
        id(3)
    )
}

fn batch(parked: bool) -> Batch {
    let op = Op {
        op_id: OpId::parse(&id(4)).unwrap(),
        device: DeviceId::parse(&id(1)).unwrap(),
        incarnation: Incarnation::parse(&id(2)).unwrap(),
        seq: 7,
        prev_hash: ChainHash::after(ChainHash::GENESIS, b"before"),
        actor: UserId::parse(&id(5)).unwrap(),
        case: CaseId::parse(&id(6)).unwrap(),
        group: Group {
            id: GroupId::parse(&id(8)).unwrap(),
            i: 0,
            len: 1,
        },
        kind: "future.kind".to_owned(),
        version: 9,
        body: RawValue::from_string(r#"{ "kept" :  "verbatim \u4e2d" }"#.to_owned()).unwrap(),
        base_rev: None,
        hlc: Hlc::default(),
        captured_at: 0,
    };
    let bytes = op.to_bytes().unwrap();
    let hash = ChainHash::after(op.prev_hash, bytes.as_bytes());
    let row = OutboxRow {
        seq: 7,
        op_id: op.op_id,
        bytes: bytes.into(),
        hash,
        parked,
    };
    Batch {
        incarnation: op.incarnation,
        rows: vec![row],
    }
}

fn json_of(call: Call) -> serde_json::Value {
    let Body::Json { bytes, packed } = call.body else {
        panic!("no JSON")
    };
    let bytes = if packed {
        zstd::decode_all(bytes.as_slice()).unwrap()
    } else {
        bytes
    };
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn only_our_content_type_with_an_envelope_is_a_receipt() {
    let good = decode(
        Expect::Chunk,
        raw(
            200,
            "Application/vnd.unbind-desk+json; charset=utf-8",
            &chunk_reply(),
        ),
    );
    assert_eq!(good.body, ReplyBody::Chunk(ChunkReply { stored: true }));
    assert_eq!(good.stamp.map(|stamp| stamp.server_time), Some(5));
    let body = chunk_reply();
    for stranger in [
        "text/html",
        "application/json",
        "",
        "application/vnd.unbind-desk+jsonx",
        "text/plain",
    ] {
        let reply = decode(Expect::Chunk, raw(200, stranger, &body));
        assert_eq!(
            (reply.stamp, reply.body),
            (None, ReplyBody::Foreign),
            "{stranger}"
        );
    }
    for broken in [
        "",
        "{}",
        r#"{"stored":true}"#,
        body.strip_suffix('}').unwrap(),
        "<html>",
        "[1]",
        "null",
    ] {
        let reply = decode(Expect::Chunk, raw(200, CONTENT_TYPE, broken));
        assert_eq!(
            (reply.stamp, reply.body),
            (None, ReplyBody::Unreadable),
            "{broken}"
        );
    }
}

#[test]
fn a_refusal_is_read_with_and_without_envelope() {
    let bare = r#"{"code":"sync.gap","message":"m","retryable":true,"params":{"expected":"3"}}"#;
    let full = format!(
        r#"{{"epoch":"{}","server_time":5,"request_id":"r",{}"#,
        id(3),
        bare.strip_prefix('{').unwrap()
    );
    for body in [bare, &full] {
        let reply = decode(Expect::Push, raw(409, CONTENT_TYPE, body));
        let ReplyBody::Problem(problem) = reply.body else {
            panic!("{body}")
        };
        assert_eq!(
            (problem.code.as_str(), problem.params["expected"].as_str()),
            ("sync.gap", "3")
        );
    }
    assert_eq!(
        decode(Expect::Push, raw(409, CONTENT_TYPE, "{}")).body,
        ReplyBody::Unreadable
    );
}

#[test]
fn packed_replies_are_unpacked_within_bounds_and_unknown_packing_is_not_guessed() {
    let packed = |body: &[u8]| Raw {
        status: 200,
        content_type: CONTENT_TYPE.to_owned(),
        content_encoding: "zstd".to_owned(),
        body: zstd::encode_all(body, 3).unwrap(),
        ..Raw::default()
    };
    assert!(matches!(
        decode(Expect::Chunk, packed(chunk_reply().as_bytes())).body,
        ReplyBody::Chunk(_)
    ));
    let bomb = vec![b' '; MAX_REPLY_BYTES + 1];
    assert_eq!(
        decode(Expect::Chunk, packed(&bomb)).body,
        ReplyBody::Unreadable
    );
    let gzip = Raw {
        content_encoding: "gzip".to_owned(),
        ..raw(200, CONTENT_TYPE, &chunk_reply())
    };
    assert_eq!(decode(Expect::Chunk, gzip).body, ReplyBody::Unreadable);
    let torn = Raw {
        content_encoding: "zstd".to_owned(),
        ..raw(200, CONTENT_TYPE, "no zstd")
    };
    assert_eq!(decode(Expect::Chunk, torn).body, ReplyBody::Unreadable);
}

#[test]
fn retry_after_counts_in_seconds_and_nonsense_is_ignored() {
    for (text, expected) in [
        ("7", Some(7_000)),
        (" 0 ", Some(0)),
        ("", None),
        ("-1", None),
        ("soon", None),
    ] {
        let with = Raw {
            retry_after: Some(text.to_owned()),
            ..raw(503, "text/html", "")
        };
        assert_eq!(
            decode(Expect::Push, with).retry_after_ms,
            expected,
            "{text}"
        );
    }
    let huge = Raw {
        retry_after: Some(u64::MAX.to_string()),
        ..raw(503, "", "")
    };
    assert_eq!(decode(Expect::Push, huge).retry_after_ms, Some(u64::MAX));
}

#[test]
fn document_bytes_say_where_they_begin_and_a_web_page_is_none() {
    let part = |status, range: Option<&str>, kind: &str| Raw {
        content_range: range.map(str::to_owned),
        ..raw(status, kind, "xyz")
    };
    let at = |from| ReplyBody::Bytes {
        from,
        bytes: b"xyz".to_vec(),
    };
    let octets = "application/octet-stream";
    assert_eq!(
        decode(Expect::Bytes, part(206, Some("bytes 40-42/90"), octets)).body,
        at(40)
    );
    assert_eq!(decode(Expect::Bytes, part(200, None, octets)).body, at(0));
    for bad in [None, Some("items 1-2"), Some("bytes -2/9"), Some("")] {
        assert_eq!(
            decode(Expect::Bytes, part(206, bad, octets)).body,
            ReplyBody::Unreadable,
            "{bad:?}"
        );
    }
    assert_eq!(
        decode(Expect::Bytes, part(200, None, "text/html; charset=gbk")).body,
        ReplyBody::Foreign
    );
}

#[test]
fn ops_travel_byte_for_byte_and_the_last_hash_is_signed() {
    let batch = batch(false);
    let call = encode(&Request::Push(batch.clone()), &prover(), "1", Vec::new()).unwrap();
    let Body::Json {
        bytes,
        packed: true,
    } = &call.body
    else {
        panic!("an op is worth packing")
    };
    let text = String::from_utf8(zstd::decode_all(bytes.as_slice()).unwrap()).unwrap();
    assert!(
        text.contains(&*batch.rows[0].bytes),
        "verbatim, blanks and escapes included"
    );
    let json = json_of(call);
    assert_eq!(json["first_seq"], 7);
    assert_eq!(json["signature"], prover().push(batch.rows[0].hash));
}

#[test]
fn a_parked_op_travels_as_its_place_in_the_chain_only() {
    let batch = batch(true);
    let json = json_of(encode(&Request::Push(batch.clone()), &prover(), "1", Vec::new()).unwrap());
    let prev = ChainHash::after(ChainHash::GENESIS, b"before");
    let stub = serde_json::json!({ "parked": { "op_id": id(4), "prev_hash": prev, "hash": batch.rows[0].hash } });
    assert_eq!(json["ops"], serde_json::json!([stub]));
}

#[test]
fn a_range_and_a_long_poll_are_asked_for_as_agreed() {
    let document = DocumentId::parse(&id(9)).unwrap();
    let fetch = encode(
        &Request::Fetch {
            document,
            from: 5,
            to: 9,
        },
        &prover(),
        "1",
        Vec::new(),
    )
    .unwrap();
    assert_eq!((fetch.method, fetch.range), (Method::Get, Some((5, 9))));
    let scope = OfficeCode::parse("HZ001").unwrap();
    let pull = Request::Pull {
        scope,
        cursor: 3,
        wait_ms: 50_000,
        limit: 200,
    };
    let pull = encode(&pull, &prover(), "1", Vec::new()).unwrap();
    assert!(pull.timeout_ms > 50_000, "the wait itself is no time-out");
    let query: Vec<String> = pull
        .query
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        query,
        ["scope=HZ001", "cursor=3", "wait_ms=50000", "limit=200"]
    );
}

#[test]
fn three_chunks_beside_each_other_fit_into_their_patience_at_fifty_kilobits_with_loss() {
    let request = Request::PutChunk {
        document: DocumentId::parse(&id(4)).unwrap(),
        index: 0,
    };
    let call = encode(&request, &prover(), "0", Vec::new()).unwrap();
    let chunks = 3 * u64::try_from(desk_domain::case::CHUNK_BYTES).unwrap();
    // A third of the time is lost with the packets.
    let needed_ms = chunks * 1_000 / 6_250 * 3 / 2;
    assert!(
        call.timeout_ms > needed_ms,
        "{} of {needed_ms}",
        call.timeout_ms
    );
}
