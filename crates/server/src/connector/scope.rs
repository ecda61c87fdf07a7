//! Which cases the connector takes. Everything else stays for an operator.

use desk_domain::case::{Case, CaseState};
use desk_domain::field::FieldKey;
use desk_domain::ids::OfficeCode;
use std::collections::BTreeSet;

/// An empty list of offices takes nothing; the other lists, when empty, leave nothing out.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    pub offices: BTreeSet<OfficeCode>,
    pub merchant_prefixes: Vec<String>,
    pub models: Vec<String>,
}

impl Scope {
    /// True for an approved case on which nobody has begun. One that was tried before, by whomever and with whatever
    /// result, is a person's from then on.
    pub fn takes(&self, case: &Case) -> bool {
        let number = case.text(FieldKey::MerchantNo);
        let model = case.text(FieldKey::TerminalModel).trim();
        let named = self.merchant_prefixes.is_empty()
            || self
                .merchant_prefixes
                .iter()
                .any(|prefix| number.starts_with(prefix.trim()));
        let of_model = self.models.is_empty()
            || self
                .models
                .iter()
                .any(|one| one.trim().eq_ignore_ascii_case(model));
        case.state == CaseState::Approved
            && case.executions.is_empty()
            && self.offices.contains(&case.office)
            && named
            && of_model
    }
}
