use super::*;
use crate::field::REASONS;

fn codes(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|&code| code.to_owned()).collect()
}

fn broken(from: &str, to: &str) -> String {
    assert!(SHIPPED.contains(from), "{from}");
    Tree::parse(&SHIPPED.replacen(from, to, 1))
        .unwrap_err()
        .to_string()
}

/// One edit each, and what the refusal must say.
const UNSOUND: &[(&str, &str, &str)] = &[
    ("version = 1", "version = 0", "versions count from 1"),
    ("start = \"wish\"", "start = \"nowhere\"", "first question"),
    (
        "start = \"wish\"",
        "start = \"danger\"",
        "no answer leads there",
    ),
    ("goto = \"at_hand\"", "goto = \"att_hand\"", "leads nowhere"),
    ("goto = \"at_hand\"", "goto = \"danger\"", "circle"),
    ("goto = \"hurt\"", "goto = \"danger\"", "circle"),
    ("id = \"at_hand\"", "id = \"at hand\"", "an id is"),
    ("id = \"hurt\"", "id = \"power\"", "used twice"),
    (
        "id = \"lost\"\nconclusion",
        "id = \"power\"\nconclusion",
        "used twice",
    ),
    ("id = \"no\", key = 1", "id = \"no\", key = 2", "keys"),
    ("id = \"no\", key = 1", "id = \"no\", key = 0", "keys"),
    (
        "id = \"other\", key = 9",
        "id = \"other\", key = 10",
        "keys",
    ),
    (
        "id = \"no\", key = 1",
        "id = \"yes\", key = 1",
        "option ids",
    ),
    (
        "id = \"no\", key = 1",
        "id = \"n:o\", key = 1",
        "option ids",
    ),
    ("zh = \"都没有\"", "zh = \" \"", "text is empty"),
    (
        "en = \"Safety first: any smell, smoke, heat or bulging battery?\"",
        "en = \"\"",
        "text is empty",
    ),
    (
        "conclusion = \"lost_stolen\"",
        "conclusion = \"lost\"",
        "conclusion",
    ),
    (
        "route = \"swap\"",
        "route = \"exchange\"",
        "route is not known",
    ),
    (
        "reason_code = \"LOST\"",
        "reason_code = \"MISLAID\"",
        "reason is not known",
    ),
    ("reason_code = \"LOST\"\n", "", "no reason"),
    (
        "reason_code = \"LOST\"\nunbind_allowed = true",
        "reason_code = \"LOST\"\nunbind_allowed = false",
        "not allowed",
    ),
    (
        "reason_code = \"LOST\"\nunbind_allowed = true",
        "reason_code = \"LOST\"\nunbind_allowed = true\nrepair_first = true",
        "repair comes first",
    ),
    (
        "id = \"repair\", key = 1",
        "id = \"repair\", key = 8",
        "harsher route",
    ),
    (
        "version = 1",
        "version = 1\nsurprise = 1",
        "not the agreed TOML",
    ),
];

#[test]
fn unsound_trees_are_refused() {
    for (from, to, why) in UNSOUND {
        let said = broken(from, to);
        assert!(said.contains(why), "{from} -> {to}: {said}");
    }
}

#[test]
fn question_with_one_option_is_refused() {
    let mut tree = Tree::shipped().clone();
    tree.questions
        .iter_mut()
        .find(|question| question.id == "danger")
        .unwrap()
        .options
        .pop();
    assert!(
        tree.validate()
            .unwrap_err()
            .to_string()
            .contains("two options")
    );
}

#[test]
fn answers_to_what_was_not_asked_are_refused() {
    let tree = Tree::shipped();
    let none = BTreeSet::new();
    assert_eq!(
        tree.after_answer(&none, "colour", "red"),
        Err(AnswerError::UnknownQuestion)
    );
    assert_eq!(
        tree.after_answer(&none, "wish", "red"),
        Err(AnswerError::UnknownOption)
    );
    assert_eq!(
        tree.after_answer(&none, "danger", "no"),
        Err(AnswerError::NotAsked)
    );
    assert_eq!(
        tree.cleared_from(&none, "colour"),
        Err(AnswerError::UnknownQuestion)
    );
    assert_eq!(AnswerError::NotAsked.code(), "diagnosis.not_asked");
}

#[test]
fn walk_starts_with_the_first_question_and_ignores_codes_it_does_not_know() {
    let tree = Tree::shipped();
    for answers in [
        codes(&[]),
        codes(&[
            "",
            "wish",
            "wish:",
            ":fault",
            "wish:nonsense",
            "danger:no",
            "future:yes",
        ]),
    ] {
        let position = tree.walk(&answers);
        assert_eq!(
            position.next.map(|question| question.id.as_str()),
            Some("wish")
        );
        assert!(position.answered.is_empty() && position.leaf.is_none());
    }
}

#[test]
fn question_on_which_two_desks_disagree_is_asked_again() {
    let tree = Tree::shipped();
    let both = codes(&["wish:fault", "danger:no", "danger:yes", "at_hand:here"]);
    let position = tree.walk(&both);
    assert_eq!(
        position.next.map(|question| question.id.as_str()),
        Some("danger")
    );
    assert_eq!(
        tree.after_answer(&both, "danger", "no"),
        Ok(codes(&["wish:fault", "danger:no", "at_hand:here"]))
    );
}

#[test]
fn dead_terminal_walks_to_unbind_after_repair_and_swap_were_declined() {
    let tree = Tree::shipped();
    let mut answers = BTreeSet::new();
    let said = [
        ("wish", "fault"),
        ("danger", "no"),
        ("at_hand", "here"),
        ("hurt", "no"),
        ("power", "nothing"),
        ("power_supply", "dead"),
        ("battery_seat", "built_in"),
        ("power_choice", "unbind"),
    ];
    for (question, option) in said {
        assert_eq!(
            tree.walk(&answers).next.map(|next| next.id.as_str()),
            Some(question)
        );
        answers = tree.after_answer(&answers, question, option).unwrap();
    }
    let position = tree.walk(&answers);
    let order: Vec<_> = position
        .answered
        .iter()
        .map(|(q, o)| (q.id.as_str(), o.id.as_str()))
        .collect();
    assert_eq!(order, said);
    let leaf = position.leaf.unwrap();
    assert_eq!(
        (leaf.conclusion.as_str(), leaf.route.as_str()),
        ("confirmed_damaged", "unbind")
    );
    assert_eq!(leaf.reason_code.as_deref(), Some("FAULT_POWER"));
    assert!(position.next.is_none() && leaf.unbind_allowed);
}

#[test]
fn changing_an_early_answer_keeps_what_still_lies_on_the_way() {
    let tree = Tree::shipped();
    let answers = codes(&[
        "wish:fault",
        "danger:no",
        "at_hand:here",
        "hurt:no",
        "power:starts",
        "message:none",
    ]);
    let changed = tree
        .after_answer(&answers, "hurt", "dropped_works")
        .unwrap();
    assert_eq!(
        changed,
        codes(&[
            "wish:fault",
            "danger:no",
            "at_hand:here",
            "hurt:dropped_works",
            "power:starts",
            "message:none"
        ])
    );
    let stopped = tree.after_answer(&changed, "danger", "yes").unwrap();
    assert_eq!(stopped, codes(&["wish:fault", "danger:yes"]));
}

#[test]
fn clearing_takes_back_the_question_and_all_that_followed() {
    let tree = Tree::shipped();
    let answers = codes(&[
        "wish:fault",
        "danger:no",
        "at_hand:here",
        "hurt:no",
        "future:yes",
    ]);
    assert_eq!(
        tree.cleared_from(&answers, "danger"),
        Ok(codes(&["wish:fault", "future:yes"]))
    );
    assert_eq!(
        tree.cleared_from(&answers, "wish"),
        Ok(codes(&["future:yes"]))
    );
    assert_eq!(tree.cleared_from(&answers, "sound"), Ok(answers));
}

/// Every chain of answers, with the questions it asked and the leaf it met.
fn all_walks<'tree>(
    tree: &'tree Tree,
    answers: &BTreeSet<String>,
    found: &mut Vec<(Vec<&'tree str>, &'tree Leaf)>,
) {
    let position = tree.walk(answers);
    if let Some(leaf) = position.leaf {
        assert!(position.next.is_none());
        found.push((
            position
                .answered
                .iter()
                .map(|(question, _)| question.id.as_str())
                .collect(),
            leaf,
        ));
        return;
    }
    let question = position.next.expect("a walk goes on or ends");
    for option in &question.options {
        let answers = tree
            .after_answer(answers, &question.id, &option.id)
            .unwrap();
        all_walks(tree, &answers, found);
    }
}

#[test]
fn every_chain_of_answers_ends_in_a_leaf_and_no_leaf_is_out_of_reach() {
    let tree = Tree::shipped();
    let mut found = Vec::new();
    all_walks(tree, &BTreeSet::new(), &mut found);
    let met: BTreeSet<_> = found.iter().map(|(_, leaf)| &leaf.id).collect();
    assert_eq!(met.len(), tree.leaves.len());
    assert!(found.iter().all(|(asked, _)| asked.len() <= 16));
}

#[test]
fn every_fault_is_asked_about_danger_before_anything_is_tried() {
    let mut found = Vec::new();
    all_walks(Tree::shipped(), &BTreeSet::new(), &mut found);
    for (asked, leaf) in found {
        if asked.contains(&"power") {
            assert_eq!(asked.get(1), Some(&"danger"));
        }
        if leaf.conclusion == "lost_stolen" {
            assert_eq!(
                asked,
                ["wish"],
                "a lost terminal is suspended without a test"
            );
        }
        if leaf.reason_code.as_deref() == Some("FAULT_BATTERY") {
            assert_eq!(
                asked,
                ["wish", "danger", "battery_next"],
                "no self-test on a bulging battery"
            );
        }
    }
}

#[test]
fn every_reason_of_the_form_is_met_by_some_leaf() {
    let tree = Tree::shipped();
    for reason in REASONS {
        assert!(
            tree.leaves
                .iter()
                .any(|leaf| leaf.reason_code.as_deref() == Some(*reason)),
            "{reason}"
        );
    }
}

#[test]
fn holds_and_cold_calls_do_not_allow_an_unbind() {
    let tree = Tree::shipped();
    for id in [
        "hold",
        "cold_call",
        "all_fine",
        "keys_backend",
        "not_a_terminal",
    ] {
        assert!(!tree.leaf(id).unwrap().unbind_allowed, "{id}");
    }
    for id in [
        "battery_swap",
        "battery_unbind",
        "lost",
        "stolen",
        "wet_unbind",
        "repair_wet",
        "cold_call",
    ] {
        assert!(tree.leaf(id).unwrap().safety.is_some(), "{id}");
    }
}
