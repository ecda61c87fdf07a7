//! Upload links: what an agent may make, what a phone may do with one, and everything it may not.

use crate::support::{Desk, HERE, Reply, THERE, TestOffice, call, eventually, manifest, office};
use desk_domain::case::DocumentKind;
use desk_domain::ids::CaseId;
use desk_media::draw::bad;
use desk_server::gateway::GatewayKind;
use serde_json::{Value, json};
use std::net::SocketAddr;

const CHUNK: usize = 256 * 1024;

fn send(desk: &Desk, path: &str, body: &Value) -> Reply {
    desk.send("POST", path, body.to_string().as_bytes())
}

/// An agent's case, and a link to it.
fn linked(office: &TestOffice) -> (Desk, CaseId, Phone) {
    let mut desk = office.desk(HERE, "agent");
    let (case, create) = desk.new_case();
    desk.write(vec![create]);
    let phone = link(office, &desk, case);
    (desk, case, phone)
}

fn link(office: &TestOffice, desk: &Desk, case: CaseId) -> Phone {
    let made = send(desk, "/v1/links", &json!({"case": case, "way": "show"}));
    assert_eq!(made.status, 200, "{}", made.text());
    let made = made.json();
    let address = made["made"]["address"].as_str().unwrap();
    Phone {
        addr: office.addr(),
        token: address.strip_prefix("/u#").unwrap().to_owned(),
    }
}

/// The merchant's phone: nothing but a token.
struct Phone {
    addr: SocketAddr,
    token: String,
}

impl Phone {
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        call(self.addr, method, path, &headers, body)
    }

    fn case(&self) -> Reply {
        self.ask("GET", "/v1/guest/case", b"")
    }

    fn begin(&self, kind: &str, size: usize, file: &str) -> Reply {
        let wish = json!({"kind": kind, "size_bytes": size, "file": file});
        self.ask("POST", "/v1/guest/uploads", wish.to_string().as_bytes())
    }

    fn chunk(&self, upload: &str, index: usize, bytes: &[u8]) -> Reply {
        let path = format!("/v1/guest/uploads/{upload}/chunks/{index}");
        self.ask("PUT", &path, bytes)
    }

    fn complete(&self, upload: &str) -> Reply {
        self.ask("POST", &format!("/v1/guest/uploads/{upload}/complete"), b"")
    }

    /// Begins and sends every chunk; returns the upload.
    fn bring(&self, kind: &str, file: &str, bytes: &[u8]) -> String {
        let begun = self.begin(kind, bytes.len(), file);
        assert_eq!(begun.status, 200, "{}", begun.text());
        let upload = begun.json()["upload"].as_str().unwrap().to_owned();
        for (index, part) in bytes.chunks(CHUNK).enumerate() {
            assert_eq!(self.chunk(&upload, index, part).status, 200);
        }
        upload
    }
}

fn case_of(desk: &Desk, case: CaseId) -> Value {
    let page = desk.get(&format!("/v1/sync/snapshot?scope={HERE}")).json();
    let changes = page["changes"].as_array().unwrap();
    changes
        .iter()
        .find(|change| change["case"]["id"] == json!(case))
        .unwrap()["case"]
        .clone()
}

fn photo() -> Vec<u8> {
    bad::plain_jpeg(1600, 1200)
}

#[test]
fn a_wrong_an_old_and_an_ended_link_open_nothing() {
    let office = office();
    let (desk, case, phone) = linked(&office);
    let stranger = Phone {
        addr: office.addr(),
        token: "abcdefghijklmnopqrstuvwxyz".into(),
    };
    assert_eq!(stranger.case().code(), "link.unknown");
    assert_eq!(stranger.begin("invoice", 10, "a").status, 404);
    // A session's token is not a link's, and the other way round.
    let session = Phone {
        addr: office.addr(),
        token: desk.access.clone(),
    };
    assert_eq!(session.case().code(), "link.unknown");
    let guest = Desk {
        access: phone.token.clone(),
        ..desk.clone()
    };
    assert_eq!(guest.get("/v1/sync/pull?scope=HZ001&cursor=0").status, 401);
    assert_eq!(phone.case().status, 200);
    office.clock.advance(2 * 86_400_000 + 1);
    assert_eq!(phone.case().code(), "link.over");
    let desk = office.desk(HERE, "agent");
    desk.clock.advance(1);
    let second = link(&office, &desk, case);
    assert_eq!(second.case().status, 200);
    let ended = send(&desk, "/v1/links/end", &json!({"case": case}));
    assert_eq!(ended.json()["active"], json!([]));
    for reply in [second.case(), second.begin("other", 10, "a")] {
        assert_eq!((reply.status, reply.code()), (410, "link.over".to_owned()));
    }
}

#[test]
fn what_a_phone_says_wrongly_is_named_and_loses_nothing() {
    let office = office();
    let (_, _, phone) = linked(&office);
    assert_eq!(
        phone.begin("police_receipt", 10, "a").code(),
        "link.kind_not_asked"
    );
    assert_eq!(phone.begin("selfie", 10, "a").code(), "request.bad_json");
    assert_eq!(phone.begin("invoice", 0, "a").code(), "upload.refused");
    let huge = phone.begin("invoice", 20 * 1024 * 1024 + 1, "a");
    assert_eq!(huge.code(), "request.too_large");
    assert_eq!(huge.json()["field"], "size_bytes");
    for name in ["", "照片", "a/b", &"x".repeat(65)] {
        let refused = phone.begin("invoice", 10, name);
        assert_eq!(refused.code(), "request.bad_json", "{name}");
        assert_eq!(refused.json()["field"], "file");
    }
    let begun = phone.begin("invoice", CHUNK + 5, "two").json();
    let upload = begun["upload"].as_str().unwrap();
    assert_eq!(begun["have"], json!([false, false]));
    assert_eq!(
        phone.chunk(upload, 0, b"short").code(),
        "document.chunk_mismatch"
    );
    assert_eq!(phone.chunk(upload, 2, b"x").status, 404);
    assert_eq!(
        phone.chunk(upload, 1, &vec![0; CHUNK + 1]).code(),
        "request.too_large"
    );
    assert_eq!(phone.chunk("no-such-thing", 0, b"x").status, 404);
    assert_eq!(phone.chunk(upload, 1, b"12345").status, 200);
    assert_eq!(phone.complete(upload).code(), "document.incomplete");
    // The same file again goes on where it was; under its name as another kind it is somebody's mistake.
    assert_eq!(
        phone.begin("invoice", CHUNK + 5, "two").json()["have"],
        json!([false, true])
    );
    assert_eq!(
        phone.begin("receipt", CHUNK + 5, "two").code(),
        "link.kind_not_asked"
    );
    // Not a picture: refused with its reason, and the same file may come again.
    let upload = phone.bring("invoice", "words", b"these are only words");
    let refused = phone.complete(&upload);
    assert_eq!(refused.status, 422);
    assert_eq!(refused.code(), "upload.refused");
    assert_eq!(
        refused.json()["params"]["why"],
        "media.unsupported_type",
        "{}",
        refused.text()
    );
    assert_eq!(
        phone.begin("invoice", 20, "words").json()["have"],
        json!([false])
    );
}

#[test]
fn a_photo_is_on_the_case_when_the_answer_comes_and_only_once() {
    let office = office();
    let (desk, case, phone) = linked(&office);
    let asked = phone.case().json();
    assert_eq!(asked["open"], true);
    let front = |asked: &Value| {
        let items = asked["items"].as_array().unwrap().clone();
        items
            .into_iter()
            .find(|item| item["any_of"][0] == "id_card_front")
            .unwrap()["status"]
            .clone()
    };
    assert_eq!(front(&asked), "missing");
    let photo = photo();
    let upload = phone.bring("id_card_front", "front", &photo);
    let first = phone.complete(&upload);
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json()["kept"], true);
    // The reply was lost: the phone asks again, by either way.
    assert_eq!(phone.complete(&upload).json()["kept"], true);
    let again = phone.begin("id_card_front", photo.len(), "front").json();
    assert_eq!(
        (&again["upload"], &again["kept"]),
        (&json!(upload), &json!(true))
    );
    assert_eq!(front(&phone.case().json()), "attached");
    let documents = case_of(&desk, case)["documents"].clone();
    let documents = documents.as_object().unwrap();
    assert_eq!(documents.len(), 1);
    let document = &documents[&upload];
    assert_eq!(document["stored"], true);
    assert_eq!(document["kind"], json!(DocumentKind::IdCardFront));
    assert_eq!(document["manifest"]["sha256"], manifest(&photo).sha256);
    let bytes = desk.get(&format!("/v1/documents/{upload}"));
    assert_eq!(bytes.body, photo);
    let entries = desk.pull(HERE, 0, 0).json().to_string();
    assert!(entries.contains("\"from\":\"merchant\""), "{entries}");
    // What the agent sees: opened, and nothing on its way any more.
    let look = send(&desk, "/v1/links/look", &json!({"case": case})).json();
    assert!(look["active"][0]["opened_at"].is_i64());
    assert_eq!(look["arriving"], json!([]));
}

#[test]
fn an_upload_survives_the_server_and_the_loss_of_its_chunks() {
    let mut office = office();
    let (desk, case, phone) = linked(&office);
    let photo = photo();
    let upload = phone.bring("fault_photo", "fault", &photo);
    let look = send(&desk, "/v1/links/look", &json!({"case": case})).json();
    assert_eq!(look["arriving"][0]["received_bytes"], photo.len());
    office.restart();
    let phone = Phone {
        addr: office.addr(),
        ..phone
    };
    std::fs::remove_dir_all(office.dir.path().join("incoming")).unwrap();
    std::fs::create_dir(office.dir.path().join("incoming")).unwrap();
    assert_eq!(phone.complete(&upload).code(), "document.incomplete");
    let again = phone.bring("fault_photo", "fault", &photo);
    assert_eq!(again, upload);
    assert_eq!(phone.complete(&upload).json()["kept"], true);
}

#[test]
fn a_link_brings_so_many_files_and_a_case_has_so_many_links() {
    let office = office();
    let (desk, case, phone) = linked(&office);
    for number in 0..40 {
        assert_eq!(phone.begin("other", 10, &format!("f{number}")).status, 200);
    }
    assert_eq!(phone.begin("other", 10, "one-more").code(), "link.full");
    assert_eq!(phone.case().json()["files_left"], 0);
    for left in (0..9).rev() {
        let made = send(&desk, "/v1/links", &json!({"case": case, "way": "show"})).json();
        assert_eq!(made["links_left"], left);
    }
    let refused = send(&desk, "/v1/links", &json!({"case": case, "way": "show"}));
    assert_eq!(
        (refused.status, refused.code()),
        (429, "link.too_many".to_owned())
    );
}

#[test]
fn links_are_for_those_who_collect_and_for_cases_of_their_office() {
    let office = office();
    let (_, case, _) = linked(&office);
    let stranger = office.desk(THERE, "stranger");
    let reviewer = office.desk(HERE, "reviewer");
    for path in ["/v1/links", "/v1/links/look", "/v1/links/end"] {
        let body = if path == "/v1/links" {
            json!({"case": case, "way": "show"})
        } else {
            json!({ "case": case })
        };
        assert_eq!(send(&stranger, path, &body).status, 404, "{path}");
        assert_eq!(
            send(&reviewer, path, &body).code(),
            "auth.forbidden",
            "{path}"
        );
    }
}

#[test]
fn one_links_upload_is_nothing_to_another_link() {
    let office = office();
    let (_, _, phone) = linked(&office);
    let (_, _, other) = linked(&office);
    let upload = phone.begin("invoice", 5, "a").json()["upload"]
        .as_str()
        .unwrap()
        .to_owned();
    for reply in [other.chunk(&upload, 0, b"12345"), other.complete(&upload)] {
        assert_eq!(
            (reply.status, reply.code()),
            (404, "request.not_found".to_owned())
        );
    }
    assert_eq!(phone.chunk(&upload, 0, b"12345").status, 200);
}

#[test]
fn a_link_is_texted_when_there_is_a_gateway_an_address_and_a_number() {
    let mut office = office();
    let (desk, case, _) = linked(&office);
    let by_text = json!({"case": case, "way": "caller"});
    assert_eq!(send(&desk, "/v1/links", &by_text).code(), "code.no_gateway");
    office.config.gateway = GatewayKind::Log;
    office.restart();
    let mut desk = Desk {
        addr: office.addr(),
        ..desk
    };
    assert_eq!(send(&desk, "/v1/links", &by_text).code(), "link.no_address");
    office.config.public_url = Some("https://desk.example.com".into());
    office.restart();
    desk.addr = office.addr();
    assert_eq!(send(&desk, "/v1/links", &by_text).code(), "link.no_phone");
    let phone = desk_domain::field::FieldKey::CallerPhone;
    let said = desk.set(case, phone, "19900000001", None);
    desk.write(vec![said]);
    let made = send(&desk, "/v1/links", &by_text);
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(made.json()["made"]["phone"], "199****0001");
    assert!(made.json()["made"]["address"].is_null());
    let path = office.dir.path().join("outbox.jsonl");
    let token: String = eventually(|| {
        let sent = std::fs::read_to_string(&path).ok()?;
        let (_, link) = sent.split_once("https://desk.example.com/u#")?;
        Some(link.chars().take(26).collect())
    });
    let phone = Phone {
        addr: office.addr(),
        token,
    };
    assert_eq!(phone.case().status, 200);
    // What the phone is told names nobody.
    let told = phone.case().text();
    assert!(
        !told.contains("19900000001") && !told.contains("网点"),
        "{told}"
    );
}

#[test]
fn progress_is_told_to_number_and_code_and_guessing_is_slowed() {
    let office = office();
    let (desk, case, phone) = linked(&office);
    let number = phone.case().json()["case_no"].clone();
    let look = send(&desk, "/v1/links/look", &json!({"case": case})).json();
    let code = look["query_code"].as_str().unwrap().to_owned();
    assert_eq!(code.len(), 8);
    let ask = |number: &Value, code: &str| {
        let body = json!({"case_no": number, "code": code}).to_string();
        let headers = [("content-type", "application/json")];
        call(
            office.addr(),
            "POST",
            "/v1/guest/progress",
            &headers,
            body.as_bytes(),
        )
    };
    let told = ask(&number, &code).json();
    assert_eq!(told["stage"], "collecting");
    assert!(
        told["missing"]
            .as_array()
            .unwrap()
            .contains(&json!("id_card_front"))
    );
    let nobodys = json!("JB-260101-ZZZZZ-00-0000-X");
    let wrong = [
        ask(&nobodys, &code),
        ask(&json!("nonsense"), &code),
        ask(&number, "1"),
    ];
    for reply in wrong {
        assert_eq!(
            (reply.status, reply.code()),
            (404, "progress.wrong".to_owned())
        );
    }
    for _ in 0..4 {
        assert_eq!(ask(&number, "00000000").code(), "progress.wrong");
    }
    let locked = ask(&number, &code);
    assert_eq!(
        (locked.status, locked.code()),
        (429, "request.rate_limited".to_owned())
    );
    assert!(locked.headers.contains_key("retry-after"));
    office.clock.advance(31_000);
    assert_eq!(ask(&number, &code).status, 200);
}

#[test]
fn the_pages_bring_their_own_parts_and_let_nothing_else_in() {
    let office = office();
    for page in ["/u", "/p", "/s"] {
        let reply = call(office.addr(), "GET", page, &[], b"");
        assert_eq!(reply.status, 200);
        let policy = &reply.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"));
        assert_eq!(reply.headers["referrer-policy"], "no-referrer");
        let html = reply.text();
        assert!(!html.contains("http://") && !html.contains("https://"));
        for part in html.split('"').filter(|text| text.starts_with("/guest/")) {
            assert_eq!(
                call(office.addr(), "GET", part, &[], b"").status,
                200,
                "{part}"
            );
        }
    }
    assert_eq!(
        call(office.addr(), "GET", "/guest/../office.db", &[], b"").status,
        404
    );
}
