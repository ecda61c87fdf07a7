//! Every route × every kind of caller × whose thing it is: own, another office's, nobody's.
//!
//! The routes come from the router's own table; one that nobody wrote a probe for fails the test.

use crate::support::calls::line;
use crate::support::core::{Core, hook};
use crate::support::{Desk, HERE, NOON, Reply, THERE, TestOffice, add_user, office};
use desk_domain::case::DocumentManifest;
use desk_domain::ids::{CaseId, DeviceId, DocumentId, UserId};
use desk_domain::people::Role;
use desk_protocol::people::DeviceStatus;
use desk_server::door::SystemChance;
use desk_server::gateway::GatewayKind;
use desk_server::http::table::routes;
use desk_server::repo::sql::Connection;
use desk_server::repo::{devices, people, receipts, system};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BYTES: &[u8] = b"a fake label";

/// What a request may name.
struct Target {
    office: String,
    case: CaseId,
    document: DocumentId,
    manifest: DocumentManifest,
    device: DeviceId,
    person: UserId,
    /// The tokens in the addresses of delivery reports and of the core system's callbacks.
    receipts: String,
    hook: String,
    /// The address of a telephone system.
    line: String,
}

/// Who asks, and what the gate says to such a caller before anything else.
struct Caller {
    name: &'static str,
    desk: Desk,
    turned_away: Option<u16>,
    sees_cases: bool,
    collects: bool,
    administers: bool,
}

/// A case with a whole document.
fn written(office: &TestOffice, desk: &mut Desk) -> Target {
    let token = |conn: &Connection| system::note(conn, receipts::TOKEN);
    let (case, create) = desk.new_case();
    let (document, manifest, attach) = desk.attach(case, BYTES);
    desk.write(vec![create, attach]);
    let target = Target {
        office: desk.office.clone(),
        case,
        document,
        manifest,
        device: desk.id,
        person: desk.user,
        hook: hook(office),
        line: line(office, &desk.office),
        receipts: office.house().repo.read_blocking(token).unwrap().unwrap(),
    };
    for (method, path) in [
        ("PUT", format!("/v1/documents/{document}/chunks/0")),
        ("POST", format!("/v1/documents/{document}/complete")),
    ] {
        assert_eq!(desk.send(method, &path, BYTES).status, 200);
    }
    target
}

fn nobodys(like: &Target) -> Target {
    Target {
        office: "ZZ999".into(),
        case: CaseId::new(NOON, &SystemChance),
        document: DocumentId::new(NOON, &SystemChance),
        manifest: like.manifest.clone(),
        device: DeviceId::new(NOON, &SystemChance),
        person: UserId::new(NOON, &SystemChance),
        receipts: like.receipts.clone(),
        hook: like.hook.clone(),
        line: like.line.clone(),
    }
}

fn callers(office: &TestOffice) -> Vec<Caller> {
    let roles = [
        ("agent", Role::Agent),
        ("clerk", Role::Clerk),
        ("reviewer", Role::Reviewer),
        ("operator", Role::Operator),
        ("supervisor", Role::Supervisor),
        ("auditor", Role::Auditor),
        ("chief", Role::Admin),
    ];
    for (login, role) in roles {
        if !["agent", "clerk", "reviewer", "chief"].contains(&login) {
            add_user(&office.house(), login, role, &[HERE]);
        }
    }
    let caller = |name, login, turned_away, sees_cases| Caller {
        name,
        desk: office.desk(HERE, login),
        turned_away,
        sees_cases,
        collects: ["agent", "clerk"].contains(&login),
        administers: login == "chief",
    };
    let mut all: Vec<Caller> = roles
        .iter()
        .map(|(login, role)| caller(login, login, None, *role != Role::Admin))
        .collect();
    all.push(Caller {
        name: "nobody",
        desk: Desk::new(office),
        turned_away: Some(401),
        sees_cases: false,
        collects: false,
        administers: false,
    });
    add_user(&office.house(), "gone", Role::Agent, &[HERE]);
    let revoked = caller("revoked desk", "agent", Some(403), false);
    let gone = caller("revoked person", "gone", Some(401), false);
    let device = revoked.desk.id;
    let repo = office.house().repo;
    repo.write_blocking(move |conn| {
        let mut chief = people::by_login(conn, "chief")?.unwrap();
        chief.card.offices.retain(|code| code.as_str() == HERE);
        people::put(conn, &chief, NOON)?;
        devices::set_status(conn, device, DeviceStatus::Revoked, NOON)?;
        let mut account = people::by_login(conn, "gone")?.unwrap();
        account.card.active = false;
        people::put(conn, &account, NOON)
    })
    .unwrap();
    all.extend([revoked, gone]);
    all
}

/// Their bodies name nothing that could be elsewhere.
const NAMELESS: [&str; 8] = [
    "POST /v1/enrol",
    "POST /v1/session",
    "POST /v1/session/invited",
    "POST /v1/session/oidc/begin",
    "POST /v1/session/oidc",
    "POST /v1/session/refresh",
    "POST /v1/device/wiped",
    "POST /v1/bundles",
];

/// Its body is signed by the core system, and nobody who signs in can do that.
const SIGNED: &str = "POST /hooks/execution/{token}";

/// Whether the request names a thing, and the request.
fn probe(
    route: &str,
    caller: &mut Desk,
    on: &Target,
    own: bool,
) -> Option<(bool, String, Vec<u8>)> {
    let (document, office) = (on.document, &on.office);
    let body = |value: Value| value.to_string().into_bytes();
    let named = |path: String, body: Vec<u8>| Some((true, path, body));
    let device = if own { caller.id } else { on.device };
    match route {
        "GET /livez" | "GET /readyz" | "GET /version" | "GET /openapi.json" | "GET /docs"
        | "GET /u" | "GET /p" | "GET /s" => Some((
            false,
            route.trim_start_matches("GET ").to_owned(),
            Vec::new(),
        )),
        "POST /hooks/sms/{provider}/{token}" => {
            let path = format!("/hooks/sms/http/{}", on.receipts);
            Some((false, path, b"[]".to_vec()))
        }
        "POST /hooks/cti/{token}" => {
            let event = json!({"event": "hangup", "direction": "in", "callId": "A-1", "from": "", "to": "1"});
            Some((false, on.line.clone(), body(event)))
        }
        SIGNED => Some((false, on.hook.clone(), b"{}".to_vec())),
        route if NAMELESS.contains(&route) => Some((
            false,
            route.trim_start_matches("POST ").to_owned(),
            body(json!({})),
        )),
        "POST /v1/sync/hello" => named(
            "/v1/sync/hello".into(),
            body(json!({"device": device, "app_version": "0"})),
        ),
        "POST /v1/sync/push" => {
            let mut writer = caller.clone();
            let (_, create) = writer.new_case();
            let batch = writer.chain(vec![create]);
            writer.id = device;
            named(
                "/v1/sync/push".into(),
                writer.push_body(&batch).into_bytes(),
            )
        }
        "GET /v1/sync/pull" => named(format!("/v1/sync/pull?scope={office}&cursor=0"), Vec::new()),
        "GET /v1/sync/snapshot" => named(format!("/v1/sync/snapshot?scope={office}"), Vec::new()),
        "POST /v1/sync/digest" => named(
            "/v1/sync/digest".into(),
            body(
                json!({"scope": office, "cursor": 0, "shape": 1, "ask": {"for": "whole", "hash": "0".repeat(64)}}),
            ),
        ),
        "POST /v1/documents" => named(
            "/v1/documents".into(),
            body(
                json!({"document": document, "case": on.case, "kind": "device_label", "manifest": on.manifest}),
            ),
        ),
        "GET /v1/documents/{id}/state" => {
            named(format!("/v1/documents/{document}/state"), Vec::new())
        }
        "PUT /v1/documents/{id}/chunks/{i}" => {
            named(format!("/v1/documents/{document}/chunks/0"), BYTES.to_vec())
        }
        "POST /v1/documents/{id}/complete" => {
            named(format!("/v1/documents/{document}/complete"), Vec::new())
        }
        "GET /v1/documents/{id}" => named(format!("/v1/documents/{document}"), Vec::new()),
        route if route.contains("/v1/admin/") => administering(route, on),
        _ => merchants(route, on),
    }
}

/// The same for administration: acts that are refused or change nothing of what the others ask for.
fn administering(route: &str, on: &Target) -> Option<(bool, String, Vec<u8>)> {
    let office = &on.office;
    let (method, path) = route.split_once(' ')?;
    let bytes = |value: Value| value.to_string().into_bytes();
    Some(match (method, path) {
        ("GET", "/v1/admin/office" | "/v1/admin/log") => (false, path.to_owned(), Vec::new()),
        ("GET", "/v1/admin/people" | "/v1/admin/desks") => {
            (true, format!("{path}?office={office}"), Vec::new())
        }
        ("POST", "/v1/admin/desks") => (true, path.to_owned(), bytes(json!({"office": office}))),
        ("POST", "/v1/admin/people/{user}") => (
            true,
            format!("/v1/admin/people/{}", on.person),
            bytes(json!({"do": "renew", "office": null})),
        ),
        ("POST", "/v1/admin/desks/{device}") => (
            true,
            format!("/v1/admin/desks/{}", on.device),
            bytes(json!({"do": "approve"})),
        ),
        ("POST", "/v1/admin/policy/approve") => {
            (false, path.to_owned(), bytes(json!({"version": 1})))
        }
        ("POST", "/v1/admin/people") => (
            false,
            path.to_owned(),
            bytes(
                json!({"login": "", "name": "", "roles": [], "employer": "acquirer", "offices": []}),
            ),
        ),
        ("POST", "/v1/admin/office") => (
            false,
            path.to_owned(),
            bytes(json!({"code": office, "name": ""})),
        ),
        _ => return None,
    })
}

/// The same for what has to do with the merchant: links, the phone's own requests, codes.
fn merchants(route: &str, on: &Target) -> Option<(bool, String, Vec<u8>)> {
    let document = on.document;
    let body = |value: Value| value.to_string().into_bytes();
    let named = |path: String, body: Vec<u8>| Some((true, path, body));
    match route {
        "GET /v1/calls" => Some((false, "/v1/calls?cursor=0".into(), Vec::new())),
        "GET /guest/{file}" => Some((false, "/guest/guest.css".into(), Vec::new())),
        "POST /v1/links" => named(
            "/v1/links".into(),
            body(json!({"case": on.case, "way": "show"})),
        ),
        "POST /v1/links/look" | "POST /v1/links/end" => named(
            route.trim_start_matches("POST ").to_owned(),
            body(json!({"case": on.case})),
        ),
        "GET /v1/guest/case" => named("/v1/guest/case".into(), Vec::new()),
        "POST /v1/guest/uploads" => named(
            "/v1/guest/uploads".into(),
            body(json!({"kind": "invoice", "size_bytes": 1, "file": "a"})),
        ),
        "PUT /v1/guest/uploads/{id}/chunks/{i}" => named(
            format!("/v1/guest/uploads/{document}/chunks/0"),
            BYTES.to_vec(),
        ),
        "POST /v1/guest/uploads/{id}/complete" => {
            named(format!("/v1/guest/uploads/{document}/complete"), Vec::new())
        }
        "POST /v1/guest/progress" => named(
            "/v1/guest/progress".into(),
            body(json!({"case_no": "JB-260101-ZZZZZ-00-0000-X", "code": "00000000"})),
        ),
        "POST /v1/guest/stop" | "POST /v1/guest/stop/look" => named(
            route
                .split_once(' ')
                .map(|(_, path)| path.to_owned())
                .unwrap_or_default(),
            body(json!({"token": "aaaaaaaaaaaaaaaaaaaaaaaaaa"})),
        ),
        "POST /v1/codes" => named(
            "/v1/codes".into(),
            body(json!({"case": on.case, "serial": "DEMO0000001"})),
        ),
        "POST /v1/codes/verify" => named(
            "/v1/codes/verify".into(),
            body(json!({"case": on.case, "serial": "DEMO0000001", "code": "000000"})),
        ),
        _ => None,
    }
}

/// `200`, or the status and the code of the refusal.
fn told(reply: &Reply) -> String {
    if reply.status < 400 {
        return reply.status.to_string();
    }
    format!("{} {}", reply.status, reply.code())
}

fn is_public(route: &str) -> bool {
    !route.contains("/v1/")
}

/// A signature in the body is asked for in place of a session.
fn is_of_device(route: &str) -> bool {
    ["POST /v1/enrol", "POST /v1/session", "POST /v1/device"]
        .iter()
        .any(|of_device| route.starts_with(of_device))
}

/// What has to do with the merchant has to do with those who collect.
fn is_of_the_merchant(route: &str) -> bool {
    ["/v1/codes", "/v1/links", "/v1/calls"]
        .iter()
        .any(|part| route.contains(part))
}

/// Nobody but an admin gets in, and an admin finds only what is in an office of his.
fn administered(what: &str, caller: &Caller, own: &Reply, others: Option<[String; 2]>) {
    if caller.administers {
        assert_ne!(own.status, 403, "{what}");
        assert_ne!(own.status, 404, "{what}");
        for other in others.into_iter().flatten() {
            assert_eq!(other, "404 request.not_found", "{what}");
        }
    } else {
        let all = others.into_iter().flatten().chain([told(own)]);
        assert!(
            all.into_iter().all(|told| told == "403 auth.forbidden"),
            "{what}"
        );
    }
}

fn judge(route: &str, caller: &Caller, own: &Reply, others: Option<[String; 2]>) {
    let what = format!("{route} by {}", caller.name);
    assert!(own.status < 500, "{what}: {}", own.text());
    if route == SIGNED {
        assert_eq!(told(own), "401 execution.bad_signature", "{what}");
    } else if is_public(route) {
        assert_eq!(own.status, 200, "{what}");
    } else if route.contains("/v1/guest/") {
        // A session opens no link, and the progress page knows numbers and codes only.
        let all = others.into_iter().flatten().chain([told(own)]);
        let shut = [
            "404 link.unknown",
            "404 progress.wrong",
            "410 link.over",
            "429 request.rate_limited",
        ];
        assert!(
            all.into_iter().all(|told| shut.contains(&told.as_str())),
            "{what}"
        );
    } else if is_of_device(route) {
        assert!((400..500).contains(&own.status), "{what}");
    } else if let Some(status) = caller.turned_away {
        assert_eq!(own.status, status, "{what}");
        for other in others.iter().flatten() {
            assert_eq!(*other, told(own), "{what}: the gate tells things apart");
        }
    } else if route.contains("/v1/admin/") {
        administered(&what, caller, own, others);
    } else if is_of_the_merchant(route) && !caller.collects {
        // Refused by the route, whatever the thing is.
        let all = others.into_iter().flatten().chain([told(own)]);
        assert!(
            all.into_iter().all(|told| told == "403 auth.forbidden"),
            "{what}"
        );
    } else if route.contains("/v1/calls") {
        assert_eq!(own.status, 200, "{what}: {}", own.text());
    } else if let Some([foreign, absent]) = others {
        assert!(foreign.starts_with("404 "), "{what}: {foreign}");
        assert_eq!(
            foreign, absent,
            "{what}: what is elsewhere is told from what is nowhere"
        );
        let of_the_desk = route.ends_with("/hello") || route.ends_with("/push");
        if !caller.sees_cases && !of_the_desk {
            assert_eq!(told(own), foreign, "{what}: no case for this role");
        } else if !is_of_the_merchant(route) {
            assert_eq!(own.status, 200, "{what}: {}", own.text());
        }
    }
}

#[test]
fn every_route_for_every_caller_on_own_foreign_and_absent_things() {
    let mut office = office();
    office.config.gateway = GatewayKind::Log;
    let core = Core::start();
    core.serve(&mut office, &[]);
    let own = written(&office, &mut office.desk(HERE, "agent"));
    let foreign = written(&office, &mut office.desk(THERE, "stranger"));
    let absent = nobodys(&own);
    let mut callers = callers(&office);
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in routes() {
        let route = format!("{} {}", route.method, route.path);
        let method = route.split(' ').next().unwrap();
        for caller in &mut callers {
            let mut ask = |target: &Target, is_own: bool| {
                let probe = probe(&route, &mut caller.desk, target, is_own);
                let (names, path, body) =
                    probe.unwrap_or_else(|| panic!("no probe for {route}: write one"));
                (names, caller.desk.send(method, &path, &body))
            };
            let (names, reply) = ask(&own, true);
            let others =
                names.then(|| [&foreign, &absent].map(|target| told(&ask(target, false).1)));
            let cell = match &others {
                Some([elsewhere, nowhere]) => format!("{} | {elsewhere} | {nowhere}", told(&reply)),
                None => told(&reply),
            };
            let row = format!("{:<15} {cell}", caller.name);
            table.entry(route.clone()).or_default().push(row);
            judge(&route, caller, &reply, others);
        }
    }
    assert!(table.len() >= 19, "{} routes", table.len());
    show(&table);
}

#[expect(clippy::print_stdout, reason = "the table is for people: --nocapture")]
fn show(table: &BTreeMap<String, Vec<String>>) {
    println!("caller: own | another office's | nobody's");
    for (route, rows) in table {
        println!("\n{route}");
        for row in rows {
            println!("  {row}");
        }
    }
}
