use crate::support::{Desk, HERE, office};
use desk_domain::case::{CHUNK_BYTES, DocumentManifest};
use desk_domain::ids::{CaseId, DocumentId};
use serde_json::json;

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from(i * 7 % 251).unwrap())
        .collect()
}

fn announced(desk: &mut Desk, bytes: &[u8]) -> (CaseId, DocumentId, DocumentManifest) {
    let (case, create) = desk.new_case();
    let (document, manifest, attach) = desk.attach(case, bytes);
    desk.write(vec![create, attach]);
    (case, document, manifest)
}

fn offer(
    desk: &Desk,
    case: CaseId,
    document: DocumentId,
    manifest: &DocumentManifest,
) -> crate::support::Reply {
    let body =
        json!({"document": document, "case": case, "kind": "device_label", "manifest": manifest});
    desk.send("POST", "/v1/documents", body.to_string().as_bytes())
}

fn put(desk: &Desk, document: DocumentId, index: usize, bytes: &[u8]) -> crate::support::Reply {
    desk.send(
        "PUT",
        &format!("/v1/documents/{document}/chunks/{index}"),
        bytes,
    )
}

fn complete(desk: &Desk, document: DocumentId) -> crate::support::Reply {
    desk.send("POST", &format!("/v1/documents/{document}/complete"), b"")
}

#[test]
fn a_document_that_no_op_announced_is_unknown_and_may_be_offered_again() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    let (document, manifest, attach) = desk.attach(case, b"early");
    let reply = offer(&desk, case, document, &manifest);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (404, "document.unknown")
    );
    assert_eq!(reply.json()["retryable"], true);
    desk.write(vec![create, attach]);
    assert_eq!(offer(&desk, case, document, &manifest).status, 200);
}

#[test]
fn an_offer_that_differs_from_what_was_announced_is_refused() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let (case, document, manifest) = announced(&mut desk, &bytes(10));
    let lie = DocumentManifest {
        size_bytes: 11,
        ..manifest
    };
    assert_eq!(
        offer(&desk, case, document, &lie).code(),
        "document.unknown"
    );
}

#[test]
fn wrong_short_long_and_misplaced_chunks_are_refused() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let whole = bytes(CHUNK_BYTES + 10);
    let (_, document, _) = announced(&mut desk, &whole);
    let (first, last) = whole.split_at(CHUNK_BYTES);
    assert_eq!(
        put(&desk, document, 0, last).code(),
        "document.chunk_mismatch"
    );
    assert_eq!(
        put(&desk, document, 0, &first[1..]).code(),
        "document.chunk_mismatch"
    );
    assert_eq!(
        put(&desk, document, 1, &whole[..10]).code(),
        "document.chunk_mismatch"
    );
    assert_eq!(put(&desk, document, 0, &whole).code(), "request.too_large");
    assert_eq!(put(&desk, document, 2, last).status, 404);
    assert_eq!(
        put(&desk, document, 0, b"").code(),
        "document.chunk_mismatch"
    );
    assert_eq!(complete(&desk, document).code(), "document.incomplete");
}

#[test]
fn a_manifest_whose_whole_is_not_its_chunks_is_found_out_and_nothing_is_kept() {
    let office = office();
    let mut desk = office.desk(HERE, "agent");
    let whole = bytes(100);
    let (case, create) = desk.new_case();
    let (document, mut manifest, _) = desk.attach(case, &whole);
    manifest.sha256 = "ab".repeat(32);
    let body = desk_domain::op::OpBody::DocumentAttach {
        document,
        kind: desk_domain::case::DocumentKind::DeviceLabel,
        manifest,
        replaces: None,
    };
    let attach = desk.op(case, &body);
    desk.write(vec![create, attach]);
    assert_eq!(put(&desk, document, 0, &whole).status, 200);
    assert_eq!(complete(&desk, document).code(), "document.hash_mismatch");
    assert_eq!(desk.get(&format!("/v1/documents/{document}")).status, 409);
    assert_eq!(
        desk.get(&format!("/v1/documents/{document}/state")).json()["have"],
        json!([false])
    );
}

#[test]
fn an_upload_resumes_after_a_restart_and_the_case_is_told_once() {
    let mut office = office();
    let mut desk = office.desk(HERE, "agent");
    let whole = bytes(2 * CHUNK_BYTES + 5);
    let (case, document, manifest) = announced(&mut desk, &whole);
    assert_eq!(
        offer(&desk, case, document, &manifest).json()["have"],
        json!([false, false, false])
    );
    assert_eq!(
        put(&desk, document, 2, &whole[2 * CHUNK_BYTES..]).status,
        200
    );
    office.restart();
    desk.addr = office.addr();
    let seen = offer(&desk, case, document, &manifest).json();
    assert_eq!(
        (seen["have"].clone(), seen["stored"].clone()),
        (json!([false, false, true]), json!(false))
    );
    for index in 0..2 {
        let chunk = &whole[index * CHUNK_BYTES..(index + 1) * CHUNK_BYTES];
        assert_eq!(put(&desk, document, index, chunk).status, 200);
    }
    for _ in 0..2 {
        assert_eq!(complete(&desk, document).json()["stored"], true);
    }
    let page = desk.pull(HERE, 0, 0).json();
    let change = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|change| change["of"] == "case")
        .unwrap()
        .clone();
    assert_eq!(
        change["case"]["documents"][document.to_string()]["stored"],
        true
    );
    let told = change["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["kind"] == "document.stored")
        .count();
    assert_eq!(told, 1);
    let got = desk.get(&format!("/v1/documents/{document}"));
    assert!(got.status == 200 && got.body == whole);
    let bearer = format!("Bearer {}", desk.access);
    let part = crate::support::call(
        desk.addr,
        "GET",
        &format!("/v1/documents/{document}"),
        &[
            ("authorization", &bearer),
            ("range", "bytes=1048570-1048580"),
        ],
        b"",
    );
    assert_eq!(part.status, 206);
    assert_eq!(part.body, whole[1_048_570..=1_048_580]);
    assert_eq!(
        part.headers["content-range"],
        format!("bytes 1048570-1048580/{}", whole.len())
    );
}
