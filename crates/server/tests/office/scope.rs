use crate::support::{HERE, NOON, THERE, office, outcomes};
use desk_domain::ids::DocumentId;
use desk_server::door::SystemChance;
use serde_json::json;

#[test]
fn every_id_of_another_office_answers_404_like_an_id_that_does_not_exist() {
    let office = office();
    let mut owner = office.desk(HERE, "agent");
    let (case, create) = owner.new_case();
    let (document, manifest, attach) = owner.attach(case, b"a fake label");
    owner.write(vec![create, attach]);
    let stranger = office.desk(THERE, "stranger");
    let absent = DocumentId::new(NOON, &SystemChance);
    for id in [document, absent] {
        for (method, path) in [
            ("GET", format!("/v1/documents/{id}")),
            ("GET", format!("/v1/documents/{id}/state")),
            ("PUT", format!("/v1/documents/{id}/chunks/0")),
            ("POST", format!("/v1/documents/{id}/complete")),
        ] {
            let reply = stranger.send(method, &path, b"a fake label");
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (404, "document.unknown"),
                "{method} {path}"
            );
        }
        let offer =
            json!({"document": id, "case": case, "kind": "device_label", "manifest": manifest})
                .to_string();
        let reply = stranger.send("POST", "/v1/documents", offer.as_bytes());
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "document.unknown")
        );
    }
    for scope in [HERE, "ZZ999"] {
        for path in [
            format!("/v1/sync/pull?scope={scope}&cursor=0"),
            format!("/v1/sync/snapshot?scope={scope}"),
        ] {
            let reply = stranger.get(&path);
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (404, "request.not_found"),
                "{path}"
            );
        }
    }
    let hello = json!({"device": owner.id, "app_version": "0"}).to_string();
    assert_eq!(
        stranger
            .send("POST", "/v1/sync/hello", hello.as_bytes())
            .status,
        404
    );
    let (_, create) = owner.new_case();
    let batch = owner.chain(vec![create]);
    assert_eq!(
        stranger
            .send("POST", "/v1/sync/push", owner.push_body(&batch).as_bytes())
            .status,
        404
    );
    outcomes(&owner.push(&batch));
}

#[test]
fn administration_alone_opens_no_case() {
    let office = office();
    let chief = office.desk(HERE, "chief");
    assert_eq!(chief.pull(HERE, 0, 0).status, 404);
    let hello = json!({"device": chief.id, "app_version": "0"}).to_string();
    assert_eq!(
        chief
            .send("POST", "/v1/sync/hello", hello.as_bytes())
            .json()["scopes"],
        json!([])
    );
}
