//! The rules against the product page, guard by guard, and under arbitrary ops.

mod execution;
mod facts;
mod guards;
mod notices;
mod people;
mod properties;
mod submit;
mod table;
mod values;

use crate::outcome::Outcome;

/// The code of a refusal; anything else fails the test.
fn code(outcome: &Outcome) -> String {
    if let Outcome::Refused { code, .. } = outcome {
        return code.clone();
    }
    panic!("not refused: {outcome:?}")
}
