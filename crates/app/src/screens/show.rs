//! How one value is shown: open, or masked by the kind of privacy its field has.

use desk_domain::field::{self, FieldKey, FieldValue, Privacy};

/// A value ready for a screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Shown {
    pub display: String,
    /// For editing again; none when masked.
    pub raw: Option<String>,
    pub masked: bool,
}

pub(crate) fn is_personal(key: FieldKey) -> bool {
    key.spec().privacy != Privacy::Open
}

pub(crate) fn value(key: FieldKey, value: Option<&FieldValue>) -> Shown {
    let Some(value) = value else {
        return Shown::default();
    };
    if is_personal(key) {
        return Shown {
            display: field::masked(key, value),
            raw: None,
            masked: true,
        };
    }
    Shown {
        display: field::display(key, value),
        raw: Some(field::editable(key, value)),
        masked: false,
    }
}

/// A text of this field as it may leave the desk.
pub(crate) fn masked(key: FieldKey, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    field::masked(key, &FieldValue::Text(text.to_owned()))
}

/// The stored text in clear: for matching, comparing and an audited reveal only.
pub(crate) fn plain(value: &FieldValue) -> String {
    match value {
        FieldValue::Flag(flag) => flag.to_string(),
        FieldValue::Text(text) => text.clone(),
        FieldValue::Set(set) => set.iter().cloned().collect::<Vec<_>>().join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    #[test]
    fn no_personal_field_is_shown_or_editable_in_clear() {
        for key in FieldKey::ALL
            .iter()
            .copied()
            .filter(|key| is_personal(*key))
        {
            for canary in ["样张甲乙", "13800001234", "33010619930615002X", "1234"] {
                let shown = value(key, Some(&text(canary)));
                assert!(shown.masked && shown.raw.is_none(), "{key:?}");
                let is_card_tail = key.spec().privacy == Privacy::Card && canary.len() == 4;
                assert!(
                    is_card_tail || !shown.display.contains(canary),
                    "{key:?} {}",
                    shown.display
                );
            }
        }
    }

    #[test]
    fn open_values_come_back_as_they_would_be_typed() {
        let amount = value(FieldKey::InvoiceAmount, Some(&text("129900")));
        assert_eq!(
            (amount.display.as_str(), amount.raw.as_deref()),
            ("¥1,299.00", Some("1299.00"))
        );
        let numbers = FieldValue::Set(["A0000002".to_owned(), "A0000001".to_owned()].into());
        assert_eq!(
            value(FieldKey::TerminalNumbers, Some(&numbers))
                .raw
                .as_deref(),
            Some("A0000001, A0000002")
        );
        assert_eq!(
            value(FieldKey::EffectsTold, Some(&FieldValue::Flag(true))).display,
            "yes"
        );
        assert_eq!(value(FieldKey::MerchantName, None), Shown::default());
    }
}
