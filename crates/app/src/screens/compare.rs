//! Form beside register: where they agree, and which characters differ.

use super::show;
use crate::dto::{CompareRow, DiffRun};
use desk_domain::case::Case;
use desk_domain::field::FieldKey;
use desk_domain::names::{NameMatch, compare};
use desk_domain::registry::{MerchantRecord, TerminalRecord};

/// Longer texts are marked as a whole: nobody compares them character by character.
const DIFF_CHARS_MAX: usize = 200;

/// The rows of the review's middle column.
pub(crate) fn rows(case: &Case, merchant: Option<&MerchantRecord>) -> Vec<CompareRow> {
    let form = |key: FieldKey| {
        case.fields
            .get(&key)
            .and_then(|state| state.value.as_ref())
            .map(show::plain)
    };
    let serial = form(FieldKey::TerminalSerial);
    let terminal = merchant.and_then(|merchant| {
        merchant
            .terminals
            .iter()
            .find(|terminal| Some(&terminal.serial) == serial.as_ref())
    });
    COMPARED
        .iter()
        .filter_map(|key| {
            let registry = merchant.and_then(|merchant| reference(*key, merchant, terminal));
            row(
                *key,
                form(*key).unwrap_or_default(),
                registry.unwrap_or_default(),
            )
        })
        .collect()
}

const COMPARED: &[FieldKey] = &[
    FieldKey::MerchantNo,
    FieldKey::MerchantInnerNo,
    FieldKey::MerchantName,
    FieldKey::MerchantClass,
    FieldKey::MerchantUscc,
    FieldKey::LegalName,
    FieldKey::LegalIdNo,
    FieldKey::MerchantPhone,
    FieldKey::SettleBank,
    FieldKey::SettleTail,
    FieldKey::TerminalSerial,
    FieldKey::TerminalTusn,
    FieldKey::TerminalNumbers,
    FieldKey::TerminalModel,
    FieldKey::TerminalKind,
    FieldKey::TerminalObtainedBy,
];

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the fields of COMPARED have a counterpart in the register"
)]
fn reference(
    key: FieldKey,
    merchant: &MerchantRecord,
    terminal: Option<&TerminalRecord>,
) -> Option<String> {
    match key {
        FieldKey::MerchantNo => Some(merchant.merchant_no.clone()),
        FieldKey::MerchantInnerNo => merchant.merchant_inner_no.clone(),
        FieldKey::MerchantName => Some(merchant.name.clone()),
        FieldKey::MerchantClass => Some(merchant.class.clone()),
        FieldKey::MerchantUscc => merchant.uscc.clone(),
        FieldKey::LegalName => Some(merchant.legal_name.clone()),
        FieldKey::LegalIdNo => Some(merchant.legal_id_no.clone()),
        FieldKey::MerchantPhone => Some(merchant.phone.clone()),
        FieldKey::SettleBank => Some(merchant.settle_bank.clone()),
        FieldKey::SettleTail => Some(merchant.settle_tail.clone()),
        FieldKey::TerminalSerial => terminal.map(|terminal| terminal.serial.clone()),
        FieldKey::TerminalTusn => terminal.and_then(|terminal| terminal.tusn.clone()),
        FieldKey::TerminalNumbers => terminal.map(|terminal| sorted(&terminal.terminal_numbers)),
        FieldKey::TerminalModel => terminal.map(|terminal| terminal.model.clone()),
        FieldKey::TerminalKind => terminal.map(|terminal| terminal.kind.clone()),
        FieldKey::TerminalObtainedBy => terminal.map(|terminal| terminal.obtained_by.clone()),
        _ => None,
    }
}

fn sorted(numbers: &[String]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort();
    numbers.join(",")
}

fn row(key: FieldKey, form: String, registry: String) -> Option<CompareRow> {
    let verdict = match (form.is_empty(), registry.is_empty()) {
        (true, true) => return None,
        (false, true) => "form_only",
        (true, false) => "registry_only",
        (false, false) if agree(key, &form, &registry) => "same",
        (false, false) => "differs",
    };
    // Personal values are compared in clear and shown masked: the runs may tell no more than the masks do.
    let (form, registry) = (show::masked(key, &form), show::masked(key, &registry));
    let (form_runs, registry_runs) = if verdict == "differs" {
        runs(&form, &registry)
    } else {
        Default::default()
    };
    Some(CompareRow {
        field: key.as_str().to_owned(),
        form,
        registry,
        verdict: verdict.to_owned(),
        form_runs,
        registry_runs,
    })
}

fn agree(key: FieldKey, form: &str, registry: &str) -> bool {
    let is_name = matches!(key, FieldKey::LegalName | FieldKey::MerchantName);
    if is_name {
        compare(form, registry) == NameMatch::Same
    } else {
        form == registry
    }
}

/// Marks the characters of both sides that are not part of their longest common subsequence.
fn runs(left: &str, right: &str) -> (Vec<DiffRun>, Vec<DiffRun>) {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len() > DIFF_CHARS_MAX || right.len() > DIFF_CHARS_MAX {
        return (whole(&left), whole(&right));
    }
    let (kept_left, kept_right) = common(&left, &right);
    (grouped(&left, &kept_left), grouped(&right, &kept_right))
}

fn whole(chars: &[char]) -> Vec<DiffRun> {
    vec![DiffRun {
        text: chars.iter().collect(),
        same: false,
    }]
}

fn common(left: &[char], right: &[char]) -> (Vec<bool>, Vec<bool>) {
    // lengths[i][j]: longest common subsequence of the texts from i and from j on.
    let mut lengths = vec![vec![0_u16; right.len() + 1]; left.len() + 1];
    let at = |lengths: &[Vec<u16>], i: usize, j: usize| {
        lengths
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or(0)
    };
    for (i, a) in left.iter().enumerate().rev() {
        for (j, b) in right.iter().enumerate().rev() {
            let best = if a == b {
                at(&lengths, i + 1, j + 1) + 1
            } else {
                at(&lengths, i + 1, j).max(at(&lengths, i, j + 1))
            };
            if let Some(cell) = lengths.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = best;
            }
        }
    }
    let (mut kept_left, mut kept_right) = (Vec::new(), Vec::new());
    while let (Some(a), Some(b)) = (left.get(kept_left.len()), right.get(kept_right.len())) {
        let (i, j) = (kept_left.len(), kept_right.len());
        if a == b {
            kept_left.push(true);
            kept_right.push(true);
        } else if at(&lengths, i + 1, j) >= at(&lengths, i, j + 1) {
            kept_left.push(false);
        } else {
            kept_right.push(false);
        }
    }
    kept_left.resize(left.len(), false);
    kept_right.resize(right.len(), false);
    (kept_left, kept_right)
}

fn grouped(chars: &[char], same: &[bool]) -> Vec<DiffRun> {
    let mut runs: Vec<DiffRun> = Vec::new();
    for (c, same) in chars.iter().zip(same) {
        match runs.last_mut() {
            Some(run) if run.same == *same => run.text.push(*c),
            _ => runs.push(DiffRun {
                text: c.to_string(),
                same: *same,
            }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(runs: &[DiffRun]) -> String {
        runs.iter()
            .map(|run| {
                if run.same {
                    run.text.clone()
                } else {
                    format!("[{}]", run.text)
                }
            })
            .collect()
    }

    #[test]
    fn differing_characters_are_marked_on_both_sides() {
        let (left, right) = runs("N900O", "N9000");
        assert_eq!(
            (marked(&left).as_str(), marked(&right).as_str()),
            ("N900[O]", "N900[0]")
        );
        let (left, right) = runs("样例商店", "样例商店一分店");
        assert_eq!(
            (marked(&left).as_str(), marked(&right).as_str()),
            ("样例商店", "样例商店[一分店]")
        );
    }

    #[test]
    fn endless_texts_are_marked_as_a_whole() {
        let (left, _) = runs(&"甲".repeat(DIFF_CHARS_MAX + 1), "乙");
        assert_eq!(left.len(), 1);
        assert!(!left[0].same);
    }

    #[test]
    fn personal_values_differ_without_being_told() {
        let row = row(
            FieldKey::LegalIdNo,
            "33010619930615002X".into(),
            "33010619930615001X".into(),
        )
        .unwrap();
        assert_eq!(row.verdict, "differs");
        let told = serde_json::to_string(&row).unwrap();
        assert!(!told.contains("19930615"), "{told}");
        assert!(super::row(FieldKey::LegalName, String::new(), String::new()).is_none());
    }
}
