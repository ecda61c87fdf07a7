use crate::support::{Desk, HERE, applied, office};
use chrono::NaiveDate;
use desk_domain::canonical::canonicalise;
use desk_domain::case::{Case, DocumentKind, EvidenceKind, Provenance};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DocumentId};
use desk_domain::op::{Op, OpBody};
use desk_domain::outcome::Outcome;
use desk_server::door::SystemChance;
use desk_server::repo::cases;
use std::collections::BTreeMap;

const ANSWERS: &[(&str, &str)] = &[
    ("caller.name", "样例甲乙"),
    ("caller.phone", "13000000001"),
    ("caller.relation", "holder"),
    ("caller.channel", "phone"),
    ("request.kind", "unbind_terminal"),
    ("merchant.no", "822290054110001"),
    ("merchant.name", "示例商户甲"),
    ("merchant.class", "micro"),
    ("merchant.phone", "13000000001"),
    ("legal.name", "样例甲乙"),
    ("legal.id_no", "110105199003070017"),
    ("diagnosis.conclusion", "confirmed_damaged"),
    ("diagnosis.route", "unbind"),
    ("terminal.serial", "DEMO00001001"),
    ("terminal.serial_again", "DEMO00001001"),
    ("terminal.numbers", "D0000101"),
    ("terminal.obtained_by", "purchased"),
    ("terminal.place", "in_hand"),
    ("reason.code", "FAULT_POWER"),
    ("effects.unsettled_fen", "0"),
    ("effects.told", "true"),
    ("handover.transactions", "done"),
    ("handover.settlement", "done"),
    ("handover.receipts", "waived"),
    ("notice.read_back", "true"),
    ("form.signature", "on_site"),
];

/// A case with everything that a submit asks for.
fn ready(desk: &mut Desk) -> CaseId {
    let (case, create) = desk.new_case();
    let today = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    let mut ops = vec![create];
    for (key, typed) in ANSWERS {
        let field = FieldKey::parse(key).unwrap();
        let canonical = canonicalise(field, typed, today).unwrap();
        let accepted: BTreeMap<_, _> = canonical
            .warnings
            .iter()
            .map(|w| ((*w).into(), "示例".into()))
            .collect();
        ops.push(desk.op(
            case,
            &OpBody::FieldSet {
                field,
                value: canonical.value,
                source: Provenance::Typed,
                accepted,
            },
        ));
    }
    for evidence in [EvidenceKind::CallBack, EvidenceKind::CallBackWithCallId] {
        let call_ref = Some("CALL-1".to_owned());
        ops.push(desk.op(
            case,
            &OpBody::EvidenceRecord {
                evidence,
                call_ref,
                note: String::new(),
            },
        ));
    }
    for kind in [
        DocumentKind::IdCardFront,
        DocumentKind::IdCardBack,
        DocumentKind::Invoice,
    ] {
        let document = DocumentId::new(1, &SystemChance);
        let manifest = crate::support::manifest(format!("{document}").as_bytes());
        ops.push(desk.op(
            case,
            &OpBody::DocumentAttach {
                document,
                kind,
                manifest,
                replaces: None,
            },
        ));
    }
    let outcomes = desk.write(ops);
    assert!(outcomes.iter().all(applied), "{outcomes:?}");
    case
}

fn submit(desk: &Desk, case: &Case) -> Op {
    desk.op(
        case.id,
        &OpBody::Submit {
            digest: case.content_digest(),
        },
    )
}

#[test]
fn of_two_submits_at_once_one_wins_and_the_other_said_the_same() {
    let office = office();
    let (mut one, mut two) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let id = ready(&mut one);
    let case = office
        .house()
        .repo
        .read_blocking(move |conn| cases::load(conn, id))
        .unwrap()
        .unwrap();
    let (first, second) = (submit(&one, &case), submit(&two, &case));
    let ids = [first.op_id, second.op_id];
    let (mine, yours) = std::thread::scope(|scope| {
        let mine = scope.spawn(|| one.write(vec![first]).remove(0));
        let yours = scope.spawn(|| two.write(vec![second]).remove(0));
        (mine.join().unwrap(), yours.join().unwrap())
    });
    let winner = if applied(&mine) { ids[0] } else { ids[1] };
    let loser = if applied(&mine) { yours } else { mine };
    assert_eq!(loser, Outcome::Noop { same_as: winner });
}

#[test]
fn a_second_open_case_of_the_same_serial_is_not_submitted_unseen() {
    let office = office();
    let (mut one, mut two) = (office.desk(HERE, "agent"), office.desk(HERE, "clerk"));
    let (first, second) = (ready(&mut one), ready(&mut two));
    let load = |id| {
        office
            .house()
            .repo
            .read_blocking(move |conn| cases::load(conn, id))
            .unwrap()
            .unwrap()
    };
    let op = submit(&one, &load(first));
    assert!(applied(&one.write(vec![op])[0]));
    let op = submit(&two, &load(second));
    let Outcome::Refused { code, params } = two.write(vec![op]).remove(0) else {
        panic!("submitted")
    };
    assert_eq!(code, "submit.incomplete");
    assert!(
        params["missing"].contains("serial_in_open_case"),
        "{params:?}"
    );
}
