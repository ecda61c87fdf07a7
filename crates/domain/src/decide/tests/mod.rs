//! The rules against the product page, guard by guard, and under arbitrary ops.

mod facts;
mod guards;
mod people;
mod properties;
mod table;

use crate::outcome::Outcome;

/// The code of a refusal; anything else fails the test.
fn code(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused { code, .. } => code.clone(),
        other => panic!("not refused: {other:?}"),
    }
}
