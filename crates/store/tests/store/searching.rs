//! Search finds everything that a plain look would find, newest first, whatever was typed.

use crate::house::{Desk, START, office, server_fold};
use desk_domain::case::Case;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::CaseId;
use desk_store::{Page, PageChange};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn found(desk: &Desk, typed: &str) -> BTreeSet<CaseId> {
    let mut all = BTreeSet::new();
    let mut before = None;
    loop {
        let page = desk.store.search(typed, before, 7).unwrap();
        for row in &page.rows {
            assert!(all.insert(row.id), "{typed}: a row twice");
        }
        match page.next {
            Some(next) => before = Some(next),
            None => return all,
        }
    }
}

fn filled() -> (Desk, CaseId) {
    let desk = Desk::new();
    let case = desk.new_case();
    let group: Vec<_> = [
        (FieldKey::MerchantName, "重庆示例便利店"),
        (FieldKey::CallerName, "欧阳样例"),
        (FieldKey::CallerPhone, "13800001234"),
        (FieldKey::RequestWords, "机器黑屏，想解绑POS机 E45"),
        (FieldKey::MerchantNo, "822100054990001"),
        (FieldKey::TerminalSerial, "SN0000A7788"),
    ]
    .map(|(field, text)| desk.set_op(case, field, text))
    .into();
    desk.store.append(&group, &[]).unwrap();
    // Another case that must not be found by any of it.
    let other = desk.new_case();
    desk.set(other, FieldKey::MerchantName, "无关文具行")
        .unwrap();
    (desk, case)
}

const HITS: &[&str] = &[
    "绑",
    "解绑",
    "黑屏",
    "想解绑",
    "示例便利店",
    "pos",
    "POS",
    "ＰＯＳ",
    "e45",
    "E4",
    "解绑POS",
    "欧阳",
    "重庆 解绑",
    // initials, a heteronym (重: c, z) and the middle of a name
    "cqsl",
    "zqsl",
    "slbld",
    "oyyl",
    "OYYL",
    "cq 黑屏",
    // whole numbers and tails
    "13800001234",
    "1234",
    "001234",
    "138 0000 1234",
    "822100054990001",
    "0001",
    "990001",
    "54990001",
    "sn0000a7788",
    "7788",
    "a7788",
    "A7788",
    "1234 黑屏",
    "7788 cqsl",
];

const MISSES: &[&str] = &[
    "绑解",
    "屏想",
    "银行",
    "lsqc",
    "9999",
    "138000012345",
    "13900001234",
    "88 77",
    "解绑 9999",
    "ebang",
];

#[test]
fn words_initials_and_tails_find_the_case_before_and_after_indexing() {
    let (desk, case) = filled();
    for indexed in [false, true] {
        if indexed {
            assert_eq!(desk.store.upkeep(1000).unwrap().unindexed, 0);
        }
        for typed in HITS {
            assert!(
                found(&desk, typed).contains(&case),
                "{typed}, indexed {indexed}"
            );
        }
        for typed in MISSES {
            assert!(
                !found(&desk, typed).contains(&case),
                "{typed}, indexed {indexed}"
            );
        }
    }
}

#[test]
fn a_case_number_is_found_whole_and_by_its_tail() {
    let (desk, case) = filled();
    let number = desk.case(case).case_no.to_string();
    let bare = number.replace('-', "");
    for typed in [
        number.as_str(),
        &number.to_lowercase(),
        &bare,
        bare.get(bare.len() - 5..).unwrap(),
        number.get(number.len() - 6..).unwrap(),
    ] {
        assert!(found(&desk, typed).contains(&case), "{typed}");
    }
}

#[test]
fn no_typed_text_is_an_expression() {
    let (desk, _) = filled();
    desk.store.upkeep(1000).unwrap();
    for typed in [
        "-解绑",
        "\"",
        "\"解绑",
        "解绑\"",
        "解绑*",
        "*",
        "^解",
        "NEAR(a b)",
        "a AND",
        "OR",
        "NOT",
        "words:解绑",
        "search_text",
        "'; DROP TABLE op; --",
        "解绑) OR (1",
        "{words}:x",
        "\\",
        "%",
        "_",
        "\u{0}",
        "\u{e000}cq",
        "（解绑）",
        "a\"b",
        "+ - ( )",
        "",
        "   ",
        "\u{10ffff}",
        "𠮷野家",
    ] {
        assert!(desk.store.search(typed, None, 10).is_ok(), "{typed:?}");
    }
    assert_eq!(
        found(&desk, "-解绑").len(),
        1,
        "what is left of it is looked for"
    );
    assert_eq!(
        found(&desk, "NOT 解绑").len(),
        0,
        "NOT is a word that no case has"
    );
    assert!(
        desk.store
            .search(&"解".repeat(100_000), None, 10)
            .unwrap()
            .rows
            .is_empty()
    );
}

#[test]
fn a_changed_text_is_found_by_its_new_words_only() {
    let (desk, case) = filled();
    desk.store.upkeep(1000).unwrap();
    desk.set(case, FieldKey::MerchantName, "上海样品茶馆")
        .unwrap();
    desk.set(case, FieldKey::CallerPhone, "13800005678")
        .unwrap();
    for indexed in [false, true] {
        if indexed {
            desk.store.upkeep(1000).unwrap();
        }
        for gone in ["便利店", "slbld", "1234"] {
            assert!(found(&desk, gone).is_empty(), "{gone}");
        }
        for there in ["茶馆", "shyp", "5678", "解绑"] {
            assert_eq!(found(&desk, there), BTreeSet::from([case]), "{there}");
        }
    }
}

#[test]
fn newest_case_comes_first_over_pages() {
    let desk = Desk::new();
    let mut cases = Vec::new();
    for i in 0..40_i64 {
        let case = CaseId::new(START + i * 60_000, &*desk.chance);
        desk.store.append(&[desk.create_op(case)], &[]).unwrap();
        desk.set(case, FieldKey::RequestWords, "解绑").unwrap();
        cases.push(case);
        if i == 25 {
            desk.store.upkeep(1000).unwrap();
        }
    }
    cases.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = desk.store.search("解绑", before, 9).unwrap();
        seen.extend(page.rows.iter().map(|row| row.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, cases);
}

/// What a person would call a hit, said as plainly as can be and without the code under test.
fn plain_hit(case: &Case, typed: &str) -> bool {
    let text = |key: FieldKey| match case.fields.get(&key).and_then(|field| field.value.clone()) {
        Some(FieldValue::Text(text)) => text,
        _ => String::new(),
    };
    let texts = [
        FieldKey::MerchantName,
        FieldKey::CallerName,
        FieldKey::RequestWords,
        FieldKey::ReasonText,
    ]
    .map(text);
    if typed.chars().all(|c| c.is_ascii_digit()) {
        return text(FieldKey::CallerPhone).ends_with(typed)
            || case.case_no.to_string().replace('-', "").ends_with(typed);
    }
    texts.iter().any(|text| text.contains(typed))
}

/// Cases of random text made without the store, as a feed brings them.
fn corpus(texts: &[(String, String, String)]) -> Vec<Case> {
    let desk = Desk::new();
    let template = desk.new_case();
    for (field, text) in [
        (FieldKey::MerchantName, "甲"),
        (FieldKey::RequestWords, "甲"),
        (FieldKey::CallerPhone, "13800000000"),
    ] {
        desk.set(template, field, text).unwrap();
    }
    let rows = desk.store.unsent(0, 9, usize::MAX).unwrap();
    let ops: Vec<&str> = rows.iter().map(|row| row.bytes.as_str()).collect();
    let template = server_fold(None, &ops, &desk.agent).unwrap();
    let cases = texts.iter().zip(0_i64..).map(|((name, words, phone), i)| {
        let mut case = template.clone();
        case.id = CaseId::new(START + i * 997, &*desk.chance);
        for (key, text) in [
            (FieldKey::MerchantName, name),
            (FieldKey::RequestWords, words),
            (FieldKey::CallerPhone, phone),
        ] {
            case.fields.get_mut(&key).unwrap().value = Some(FieldValue::Text(text.clone()));
        }
        case
    });
    cases.collect()
}

/// Few characters, so that pairs repeat and chance hits are many.
const HAN: &str = "[解绑机黑屏商行店重庆，]{0,14}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn search_finds_exactly_what_a_plain_scan_finds(
        texts in prop::collection::vec((HAN, HAN, "138[0-3]{8}"), 1..60),
        queries in prop::collection::vec(prop_oneof!["[解绑机黑屏商行店重庆]{1,5}", "[0-3]{4,7}"], 1..12),
        unindexed in any::<bool>(),
    ) {
        let desk = Desk::new();
        let cases = corpus(&texts);
        let change = |case: &Case| PageChange::Case { case: Box::new(case.clone()), timeline: vec![], outcomes: vec![] };
        desk.store.apply_page(&Page { scope: office(), cursor: Some(1), fill: true, changes: cases.iter().map(change).collect() }).unwrap();
        if unindexed {
            // Some cases wait for their rows again.
            for case in cases.iter().step_by(3) {
                desk.set(case.id, FieldKey::ReasonText, "黑屏解绑").unwrap();
            }
        }
        for query in queries {
            let plain: BTreeSet<CaseId> =
                cases.iter().map(|case| desk.case(case.id)).filter(|case| plain_hit(case, &query)).map(|case| case.id).collect();
            prop_assert_eq!(found(&desk, &query), plain, "{}", query);
        }
    }
}
