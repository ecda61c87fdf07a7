//! Messages on their way: through every provider, past its moods, over dead nodes, and back as reports.

use crate::support::sms::{Mood, Provider, SECRET};
use crate::support::{HERE, NOON, TestOffice, call, eventually, office};
use desk_domain::ids::{MessageId, OfficeCode};
use desk_domain::time::Millis;
use desk_server::gateway::GatewayKind;
use desk_server::repo::outbox::{self, Claimed, LEASE_MS, NewMessage, TRIES, Verdict};
use desk_server::repo::receipts::TOKEN;
use desk_server::repo::sql::Connection;
use desk_server::repo::system;
use desk_server::run::House;
use desk_server::sms::settings::Secret;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a provider may be silent where silence is the matter.
const HASTY: Duration = Duration::from_secs(1);
const PHONE: &str = "13000000001";

/// An office whose messages go through that provider.
fn office_of(kind: GatewayKind, provider: &Provider) -> TestOffice {
    let mut office = office();
    office.config.gateway = kind;
    office.config.sms = provider.settings();
    office.restart();
    office
}

fn message(template: &'static str, expires_at: Option<Millis>) -> NewMessage {
    let params: &[(&str, &str)] = match template {
        "one_time_code" => &[("code", "012345")],
        _ => &[("sn4", "00A7"), ("time", "11月22日10:30")],
    };
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    NewMessage {
        office: OfficeCode::parse(HERE).unwrap(),
        case: None,
        template,
        phone: PHONE.to_owned(),
        params: params.iter().map(own).collect(),
        expires_at,
    }
}

fn put(house: &House, message: NewMessage) -> MessageId {
    let rules = house.rules.clone();
    let write = move |conn: &Connection| outbox::put(conn, &rules, &message);
    house.repo.write_blocking(write).unwrap()
}

fn claim(house: &House) -> Vec<Claimed> {
    let rules = house.rules.clone();
    let write = move |conn: &Connection| outbox::claim(conn, &rules, "http", 4);
    house.repo.write_blocking(write).unwrap()
}

fn settle(house: &House, claimed: &Claimed, verdict: Verdict) {
    let (rules, claimed) = (house.rules.clone(), claimed.clone());
    let at = house.rules.clock.now();
    let write = move |conn: &Connection| outbox::settle(conn, &rules, &claimed, &verdict, at);
    house.repo.write_blocking(write).unwrap();
}

fn sent() -> Verdict {
    let provider_id = Some("serial".to_owned());
    Verdict::Sent { provider_id }
}

/// How a message stands: status, tries, whether its values can still be read, the last error.
type Row = (String, u32, bool, String);

fn row(house: &House, id: MessageId) -> Row {
    let read = move |conn: &Connection| {
        let sql = "SELECT status, attempts, params, error FROM message WHERE id = ?1";
        Ok(conn.query_row(sql, [id.to_string()], |row| {
            let params: Option<String> = row.get(2)?;
            let error: Option<String> = row.get(3)?;
            Ok((
                row.get(0)?,
                row.get(1)?,
                params.is_some(),
                error.unwrap_or_default(),
            ))
        })?)
    };
    house.repo.read_blocking(read).unwrap()
}

fn status(house: &House, id: MessageId, wanted: &str) -> Row {
    eventually(|| Some(row(house, id)).filter(|row| row.0 == wanted))
}

const KINDS: [GatewayKind; 3] = [GatewayKind::Aliyun, GatewayKind::Tencent, GatewayKind::Http];

#[test]
fn a_message_without_its_words_is_not_written() {
    let office = office();
    let house = office.house();
    let unknown = NewMessage {
        template: "no_such",
        ..message("done", None)
    };
    let lacking = NewMessage {
        params: [("sn4".to_owned(), "00A7".to_owned())].into(),
        ..message("done", None)
    };
    for bad in [unknown, lacking] {
        let rules = house.rules.clone();
        let write = move |conn: &Connection| outbox::put(conn, &rules, &bad);
        assert!(house.repo.write_blocking(write).is_err());
    }
    assert_eq!(claim(&house).len(), 0);
}

#[test]
fn every_provider_takes_our_signature_and_reports_once_twice_and_out_of_order() {
    for kind in KINDS {
        let provider = Provider::start(kind);
        let office = office_of(kind, &provider);
        let house = office.house();
        let (first, second) = (
            put(&house, message("done", None)),
            put(&house, message("done", None)),
        );
        for id in [first, second] {
            assert_eq!(status(&house, id, "sent").1, 1, "{kind:?}");
        }
        let got = provider.got();
        assert_eq!((got.len(), provider.forged()), (2, 0), "{kind:?}");
        assert_eq!(
            (got[0].phone.as_str(), got[0].template.as_str()),
            (PHONE, "SMS_done")
        );
        assert!(
            got[0].values.iter().any(|value| value.contains("00A7")),
            "{got:?}"
        );
        let of = |id: MessageId| got.iter().find(|one| one.id == id.to_string()).unwrap();
        // By their number, by ours, again, and the failure that was overtaken.
        for (delivered, by_ours) in [(true, false), (true, true), (false, true)] {
            provider.report(&office, of(first), delivered, by_ours);
            assert_eq!(row(&house, first).0, "delivered", "{kind:?}");
        }
        for (delivered, then) in [(false, "failed"), (false, "failed"), (true, "delivered")] {
            provider.report(&office, of(second), delivered, true);
            assert_eq!(row(&house, second).0, then, "{kind:?}");
        }
    }
}

#[test]
fn a_wrong_key_is_refused_by_the_provider_and_the_message_fails_at_once() {
    for kind in KINDS {
        let provider = Provider::start(kind);
        let mut office = office_of(kind, &provider);
        office.config.sms.secret = Secret::new(&SECRET.replace("not", "surely"));
        office.restart();
        let house = office.house();
        let id = put(&house, message("done", None));
        let (_, attempts, _, error) = status(&house, id, "failed");
        assert_eq!((attempts, provider.forged()), (1, 1), "{kind:?} {error}");
        assert!(!error.is_empty() && provider.got().is_empty());
    }
}

#[test]
fn a_busy_provider_is_asked_again_later_and_given_up_after_some_tries() {
    let provider = Provider::start(GatewayKind::Aliyun);
    let office = office_of(GatewayKind::Aliyun, &provider);
    let house = office.house();
    provider.set(Mood::Busy(2));
    let id = put(&house, message("done", None));
    let (_, attempts, ..) = eventually(|| {
        office.clock.advance(10_000);
        Some(row(&house, id)).filter(|row| row.0 == "sent")
    });
    assert_eq!((attempts, provider.got().len()), (3, 1));
    provider.set(Mood::Busy(u32::MAX));
    let id = put(&house, message("done", None));
    let failed = eventually(|| {
        office.clock.advance(300_000);
        Some(row(&house, id)).filter(|row| row.0 == "failed")
    });
    assert_eq!((failed.1, failed.3.as_str()), (TRIES, "Throttling.User"));
    provider.set(Mood::Refuses);
    let id = put(&house, message("done", None));
    assert_eq!(status(&house, id, "failed").1, 1);
}

#[test]
fn a_code_that_may_have_arrived_is_not_sent_again_a_notice_is_under_its_id() {
    for mood in [Mood::Silent, Mood::Broken] {
        let provider = Provider::start(GatewayKind::Tencent);
        let mut office = office_of(GatewayKind::Tencent, &provider);
        if mood == Mood::Silent {
            office.config.sms.within = Some(HASTY);
            office.restart();
        }
        let house = office.house();
        provider.set(mood);
        let expires = Some(office.clock.now_ms() + 3_600_000);
        let code = put(&house, message("one_time_code", expires));
        let (_, attempts, readable, error) = status(&house, code, "sent");
        assert_eq!(
            (attempts, readable, error.is_empty()),
            (1, false, false),
            "{mood:?}"
        );
        let notice = put(&house, message("done", None));
        eventually(|| (provider.got().len() >= 2).then_some(()));
        provider.set(Mood::Well);
        eventually(|| {
            office.clock.advance(10_000);
            (row(&house, notice).0 == "sent").then_some(())
        });
        let times = |id: MessageId| {
            let got = provider.got();
            got.iter().filter(|one| one.id == id.to_string()).count()
        };
        assert_eq!(times(code), 1, "{mood:?}");
        // Once more than it was lost; more often only where a slow machine overran the hasty limit again.
        assert!(times(notice) >= 2, "{mood:?}");
        // What the phone says of it is still heard.
        let got = provider.got();
        let code_got = got.iter().find(|one| one.id == code.to_string()).unwrap();
        provider.report(&office, code_got, true, true);
        assert_eq!(row(&house, code).0, "delivered");
    }
}

#[test]
fn a_node_that_dies_loses_its_lease_and_its_late_word_counts_for_nothing() {
    let office = office();
    let (one, two) = (office.house(), office.house());
    let (notice, code) = (
        put(&one, message("done", None)),
        put(&one, message("one_time_code", None)),
    );
    let mine = claim(&one);
    assert_eq!(mine.len(), 2);
    assert!(claim(&two).is_empty(), "it is being sent");
    office.clock.advance(LEASE_MS);
    // The code may be on the phone: it is left alone, and cannot be read any more.
    let theirs = claim(&two);
    assert_eq!(
        theirs.iter().map(|one| one.id).collect::<Vec<_>>(),
        [notice]
    );
    assert_eq!(
        row(&two, code),
        ("sent".into(), 1, false, "lease.lost".into())
    );
    let of_notice = mine.iter().find(|one| one.id == notice).unwrap();
    let late = Verdict::Refused {
        code: "late".into(),
    };
    settle(&one, of_notice, late);
    assert_eq!(row(&one, notice).0, "sending");
    settle(&two, &theirs[0], sent());
    assert_eq!(row(&one, notice).0, "sent");
}

#[test]
fn two_nodes_at_once_never_claim_the_same_message() {
    let office = office();
    let (one, two) = (office.house(), office.house());
    let all: BTreeSet<MessageId> = (0..40).map(|_| put(&one, message("done", None))).collect();
    let take = |house: &House| {
        let mut mine = Vec::new();
        loop {
            let some = claim(house);
            if some.is_empty() {
                return mine;
            }
            mine.extend(some.into_iter().map(|claimed| claimed.id));
        }
    };
    let (mut mine, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| take(&two));
        (take(&one), theirs.join().unwrap())
    });
    mine.extend(theirs);
    assert_eq!(mine.len(), all.len());
    assert_eq!(mine.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn a_code_cannot_be_read_once_it_was_sent_or_has_expired() {
    let office = office();
    let house = office.house();
    let expires = Some(office.clock.now_ms() + 300_000);
    let (first, second) = (
        put(&house, message("one_time_code", expires)),
        put(&house, message("one_time_code", expires)),
    );
    assert!(row(&house, first).2);
    let mine = claim(&house);
    let of_first = mine.iter().find(|one| one.id == first).unwrap();
    let of_second = mine.iter().find(|one| one.id == second).unwrap();
    settle(&house, of_first, sent());
    assert_eq!(row(&house, first), ("sent".into(), 1, false, String::new()));
    let busy = Verdict::Later {
        code: "busy".into(),
    };
    settle(&house, of_second, busy);
    assert!(row(&house, second).2, "it is still to be sent");
    office.clock.advance(300_000);
    assert!(claim(&house).is_empty());
    assert_eq!(
        row(&house, second),
        ("expired".into(), 1, false, "busy".into())
    );
}

#[test]
fn a_report_that_comes_before_the_answer_stands() {
    let provider = Provider::start(GatewayKind::Http);
    let office = office();
    let house = office.house();
    let id = put(&house, message("done", None));
    let mine = claim(&house);
    let got = crate::support::sms::Got {
        id: id.to_string(),
        phone: PHONE.to_owned(),
        template: String::new(),
        values: Vec::new(),
    };
    provider.report(&office, &got, true, true);
    assert_eq!(row(&house, id).0, "delivered");
    settle(&house, &mine[0], sent());
    assert_eq!(row(&house, id).0, "delivered");
}

#[test]
fn reports_of_strangers_and_of_unknown_messages_change_nothing() {
    let office = office();
    let house = office.house();
    let waiting = put(&house, message("done", None));
    let token = |conn: &Connection| system::note(conn, TOKEN);
    let token = house.repo.read_blocking(token).unwrap().unwrap();
    assert!(token.len() >= 43, "256 bits");
    let post = |path: &str, body: &str| {
        let reply = call(office.addr(), "POST", path, &[], body.as_bytes());
        (reply.status, reply.text())
    };
    let good = format!("/hooks/sms/http/{token}");
    let of = |id: &str| format!(r#"[{{"id":"{id}","delivered":true}}]"#);
    assert_eq!(post("/hooks/sms/http/guess", "[]").0, 401);
    assert_eq!(post(&format!("/hooks/sms/pigeon/{token}"), "[]").0, 404);
    assert_eq!(post(&format!("/hooks/sms/log/{token}"), "[]").0, 400);
    assert_eq!(post(&good, "{").0, 400);
    assert_eq!(post(&good, &" ".repeat(300_000)).0, 413);
    // It was never sent, or is nobody's, or another provider's.
    let nobody = MessageId::new(NOON, house.rules.chance.as_ref()).to_string();
    for body in [of(&waiting.to_string()), of(&nobody), of("not an id")] {
        let (status, text) = post(&good, &body);
        assert_eq!((status, text.as_str()), (200, r#"{"ok":true}"#), "{body}");
    }
    let mine = claim(&house);
    let aliyun = format!(r#"[{{"success":true,"out_id":"{waiting}"}}]"#);
    let (status, text) = post(&format!("/hooks/sms/aliyun/{token}"), &aliyun);
    assert_eq!(
        (status, text.contains(r#""code":0"#)),
        (200, true),
        "{text}"
    );
    assert_eq!(row(&house, waiting).0, "sending");
    settle(&house, &mine[0], sent());
    assert_eq!(post(&good, &of(&waiting.to_string())).0, 200);
    assert_eq!(row(&house, waiting).0, "delivered");
}

#[test]
fn a_gateway_that_lacks_its_settings_does_not_start_and_does_not_tell_its_key() {
    use GatewayKind::{Aliyun, Http, Tencent};

    let provider = Provider::start(GatewayKind::Aliyun);
    let dir = tempfile::tempdir().unwrap();
    let settings = provider.settings();
    let started = |kind, change: &dyn Fn(&mut desk_server::sms::settings::SmsSettings)| {
        let mut sms = settings.clone();
        change(&mut sms);
        let opened = desk_server::gateway::Gateway::open(kind, dir.path(), &sms);
        opened.map(|_| ()).map_err(|error| error.to_string())
    };
    for kind in KINDS {
        assert_eq!(started(kind, &|_| {}), Ok(()), "{kind:?}");
    }
    let refused = |kind, change: &dyn Fn(&mut desk_server::sms::settings::SmsSettings)| {
        let error = started(kind, change).unwrap_err();
        assert!(!error.contains(SECRET), "{error}");
        error
    };
    assert!(refused(Aliyun, &|sms| sms.key_id.clear()).contains("UNBIND_DESK_SMS_KEY_ID"));
    assert!(refused(Tencent, &|sms| sms.file.app_id = None).contains("app_id"));
    assert!(refused(Aliyun, &|sms| drop(sms.file.templates.remove("done"))).contains("done"));
    assert!(refused(Http, &|sms| sms.secret = Secret::default()).contains("signature_header"));
    let brand = |sms: &mut desk_server::sms::settings::SmsSettings| {
        sms.file.brand = Some("一二三四五六七八九十一二三".to_owned());
    };
    assert!(refused(Http, &brand).contains("brand"));
    let plain = |sms: &mut desk_server::sms::settings::SmsSettings| {
        sms.file.endpoint = Some("http://sms.example.test/".to_owned());
    };
    assert!(refused(Aliyun, &plain).contains("https"));
    assert!(!format!("{settings:?}").contains(SECRET));
}
