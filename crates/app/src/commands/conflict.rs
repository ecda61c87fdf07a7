//! Two values for one field: a person chooses, both stay in the history.

use super::read;
use crate::desk::Desk;
use crate::dto::{CaseScreen, ConflictArgs};
use crate::error::{AppError, Thing};
use crate::screens::Painter;
use crate::session::Session;
use desk_domain::calendar::shanghai_day;
use desk_domain::case::{Case, FieldConflict};
use desk_domain::field::{self, FieldValue};
use desk_domain::op::OpBody;
use std::collections::BTreeMap;

pub fn conflict_resolve(desk: &Desk, args: ConflictArgs) -> Result<CaseScreen, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let conflict = read::conflict(&args.conflict)?;
    let view = session.view(case)?;
    let open = view
        .case
        .conflicts
        .get(&conflict)
        .ok_or(AppError::NotFound(Thing::Conflict))?;
    let value = match args.take.as_str() {
        "mine" => side(&session, &view.case, open, true),
        "theirs" => side(&session, &view.case, open, false),
        "value" => typed(desk, open, args.raw.as_deref().unwrap_or_default())?,
        _ => return Err(AppError::NotAChoice("take")),
    };
    session.act(
        desk,
        case,
        vec![OpBody::ConflictResolve { conflict, value }.into()],
    )?;
    Painter::new(&session, desk.now()).case(case)
}

/// The same sides as the screen shows: "mine" is the value of the person who looks.
fn side(session: &Session, case: &Case, open: &FieldConflict, mine: bool) -> Option<FieldValue> {
    let losing_is_mine = open.by == session.user.user;
    if losing_is_mine == mine {
        open.value.clone()
    } else {
        case.value(open.field).cloned()
    }
}

fn typed(desk: &Desk, open: &FieldConflict, raw: &str) -> Result<Option<FieldValue>, AppError> {
    let canonical = field::canonicalise(open.field, raw, shanghai_day(desk.now()));
    canonical
        .map(|canonical| canonical.value)
        .map_err(|reject| {
            let is_secret = reject.code.contains('.');
            let count = if is_secret { desk.count_secret() } else { 0 };
            AppError::Field {
                field: reject.field.as_str().to_owned(),
                code: if is_secret {
                    reject.code.to_owned()
                } else {
                    format!("field.{}", reject.code.to_lowercase())
                },
                params: if is_secret {
                    BTreeMap::from([("count".to_owned(), count.to_string())])
                } else {
                    BTreeMap::new()
                },
            }
        })
}
