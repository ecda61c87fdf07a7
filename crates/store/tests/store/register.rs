//! The register answers "agrees" or "differs" and gives nothing away.

use crate::house::{Desk, START, office};
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::MerchantId;
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_store::{BlindMatch, Page, PageChange};
use std::collections::{BTreeMap, BTreeSet};

fn record(desk: &Desk, number: &str, serial: &str) -> MerchantRecord {
    MerchantRecord {
        id: MerchantId::new(desk.now(), &*desk.chance),
        office: office(),
        merchant_no: number.to_owned(),
        merchant_inner_no: None,
        name: "示例便利店".to_owned(),
        class: "sole_trader".to_owned(),
        uscc: None,
        legal_name: "样例甲".to_owned(),
        legal_id_no: "110105199003070017".to_owned(),
        phone: "13800001234".to_owned(),
        phone_changed_at: START,
        settle_bank: "示例银行".to_owned(),
        settle_tail: "8888".to_owned(),
        address: "示例路1号".to_owned(),
        terminals: vec![TerminalRecord {
            serial: serial.to_owned(),
            tusn: None,
            terminal_numbers: vec!["A0000001".to_owned(), "A0000002".to_owned()],
            model: "示例型".to_owned(),
            kind: "traditional".to_owned(),
            obtained_by: "purchased".to_owned(),
            bound_at: START,
            unbound_at: None,
            last_trade_at: None,
        }],
        version: 2,
    }
}

fn facts(list: &[(FieldKey, &str)]) -> BTreeMap<FieldKey, FieldValue> {
    list.iter()
        .map(|(key, text)| (*key, FieldValue::Text((*text).to_owned())))
        .collect()
}

fn matched(desk: &Desk, list: &[(FieldKey, &str)]) -> BlindMatch {
    desk.store.blind_match(&facts(list)).unwrap()
}

#[test]
fn one_agreeing_fact_does_not_locate_a_record() {
    let desk = Desk::new();
    desk.store
        .put_merchant(&record(&desk, "822100054990001", "SN0001"))
        .unwrap();
    let found = matched(
        &desk,
        &[
            (FieldKey::MerchantNo, "822100054990001"),
            (FieldKey::LegalName, "别人"),
        ],
    );
    assert_eq!(found.merchant, None);
    assert_eq!(found.agreed, BTreeSet::from([FieldKey::MerchantNo]));
    assert_eq!(found.differed, BTreeSet::from([FieldKey::LegalName]));
}

#[test]
fn two_agreeing_facts_locate_it_and_no_stored_value_comes_back() {
    let desk = Desk::new();
    let merchant = record(&desk, "822100054990001", "SN0001");
    desk.store.put_merchant(&merchant).unwrap();
    let found = matched(
        &desk,
        &[
            (FieldKey::TerminalSerial, "sn-0001"),
            (FieldKey::SettleTail, "8888"),
            (FieldKey::MerchantPhone, "13900000000"),
        ],
    );
    assert_eq!(found.merchant, Some(merchant.id));
    let told = format!("{found:?}");
    for secret in ["13800001234", "110105199003070017", "样例甲", "示例"] {
        assert!(!told.contains(secret), "{secret}");
    }
}

#[test]
fn names_alone_lead_nowhere() {
    let desk = Desk::new();
    desk.store
        .put_merchant(&record(&desk, "822100054990001", "SN0001"))
        .unwrap();
    let found = matched(
        &desk,
        &[
            (FieldKey::MerchantName, "示例便利店"),
            (FieldKey::LegalName, "样例甲"),
            (FieldKey::CallerName, "样"),
        ],
    );
    assert_eq!(found.merchant, None);
    assert!(found.agreed.is_empty());
    assert_eq!(
        found.differed,
        BTreeSet::from([FieldKey::MerchantName, FieldKey::LegalName])
    );
}

#[test]
fn two_records_that_agree_alike_are_no_answer() {
    let desk = Desk::new();
    for number in ["822100054990001", "822100054990002"] {
        desk.store
            .put_merchant(&record(&desk, number, "SN0001"))
            .unwrap();
    }
    let phone = [
        (FieldKey::MerchantPhone, "13800001234"),
        (FieldKey::LegalName, "样例甲"),
    ];
    assert_eq!(matched(&desk, &phone).merchant, None);
    let mut more = phone.to_vec();
    more.push((FieldKey::MerchantNo, "822100054990002"));
    assert!(matched(&desk, &more).merchant.is_some());
}

#[test]
fn terminal_numbers_agree_only_when_all_are_the_records() {
    let desk = Desk::new();
    desk.store
        .put_merchant(&record(&desk, "822100054990001", "SN0001"))
        .unwrap();
    let set = |numbers: &[&str]| {
        FieldValue::Set(numbers.iter().map(|number| (*number).to_owned()).collect())
    };
    let agrees = |numbers: &[&str]| {
        let facts = BTreeMap::from([
            (FieldKey::TerminalNumbers, set(numbers)),
            (
                FieldKey::MerchantNo,
                FieldValue::Text("822100054990001".to_owned()),
            ),
        ]);
        desk.store
            .blind_match(&facts)
            .unwrap()
            .agreed
            .contains(&FieldKey::TerminalNumbers)
    };
    assert!(agrees(&["A0000001"]));
    assert!(agrees(&["A0000001", "A0000002"]));
    assert!(!agrees(&["A0000001", "B0000009"]));
    assert!(!agrees(&[]));
}

#[test]
fn a_newer_version_replaces_the_keys_and_an_older_one_is_ignored() {
    let desk = Desk::new();
    let old = record(&desk, "822100054990001", "SN0001");
    let new = MerchantRecord {
        version: 3,
        phone: "13911112222".to_owned(),
        ..old.clone()
    };
    let page = |record: &MerchantRecord| Page {
        scope: office(),
        cursor: Some(record.version),
        fill: false,
        changes: vec![PageChange::Merchant(Box::new(record.clone()))],
    };
    for record in [&old, &new, &old] {
        desk.store.apply_page(&page(record)).unwrap();
    }
    assert_eq!(desk.store.merchant(old.id).unwrap(), Some(new));
    assert!(desk.store.find_merchants("13800001234").unwrap().is_empty());
    assert_eq!(
        desk.store.find_merchants("139 1111 2222").unwrap(),
        [old.id]
    );
    assert_eq!(desk.store.find_merchants("A0000002").unwrap(), [old.id]);
}

#[test]
fn a_record_is_found_by_a_part_of_its_name_and_by_nothing_else_that_it_holds() {
    let desk = Desk::new();
    let first = record(&desk, "822290070110001", "SN0000000001");
    let second = MerchantRecord {
        name: "样例粮油店".to_owned(),
        ..record(&desk, "822290070110002", "SN0000000002")
    };
    for record in [&first, &second] {
        desk.store.put_merchant(record).unwrap();
    }
    let named = |part: &str| desk.store.merchants_named(part, 10).unwrap();
    assert_eq!(named("粮油"), [second.id]);
    assert_eq!(named(&first.name), [first.id]);
    for other in [&first.legal_name, &first.legal_id_no, "%", "_", "没有的店"] {
        assert!(named(other).is_empty(), "{other}");
    }
    assert_eq!(desk.store.merchants_named("店", 1).unwrap().len(), 1);
}
