//! Everything a front end may ask, by name. One file per area; one struct per command; unknown fields are refused.

mod admin;
mod case;
mod case_moves;
mod code;
mod conflict;
mod documents;
mod execution;
mod fields;
mod identity;
mod knowledge;
mod links;
mod masking;
mod queues;
mod review;
mod start;
mod status;
pub(crate) mod sync;
mod sync_act;
pub(crate) mod usb;

use crate::desk::Desk;
use crate::dto::UiError;
use crate::error::AppError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

macro_rules! commands {
    ($($area:ident: $($name:ident),+;)+) => {
        $($( pub use $area::$name; )+)+

        /// Every command, in the order of the bridge.
        pub const COMMANDS: &[&str] = &[$($( stringify!($name) ),+),+];

        /// Runs a command by name.
        #[expect(clippy::result_large_err, reason = "a refusal is as rare as a person's slip")]
        pub fn dispatch(desk: &Desk, name: &str, args: Value) -> Result<Value, UiError> {
            let answer = match name {
                $($( stringify!($name) => run(desk, args, $area::$name), )+)+
                _ => Err(AppError::UnknownCommand),
            };
            answer.map_err(|error| desk.explain(name, &error))
        }
    };
}

commands! {
    status: app_status, form_spec, settings_set;
    start: setup_demo, setup_server, setup_standalone, unlock, lock, sign_in;
    queues: queue, queue_counts, search, notifications, calls;
    case: case_open, case_new, note_add, call_end;
    fields: draft_put, field_set, fields_fill, diagnosis_answer;
    identity: identity_match, evidence_add, reveal;
    code: code_send, code_verify;
    links: merchant_link;
    admin: admin_view, admin_act;
    case_moves: submit, case_move, return_answer;
    masking: document_mask;
    documents: document_add, document_tray, document_attach, document_detach, document_ticket;
    review: review_open, review_take, document_judge, document_waive, review_decide, risk_act;
    execution: execute_start, execute_record, notice_record, follow_up;
    conflict: conflict_resolve;
    knowledge: merchant_open, knowledge_list, knowledge_open;
    sync: sync_status, sync_now, sync_diagnostics;
    sync_act: sync_act;
    usb: usb_places, usb_export, usb_import;
}

fn run<A: DeserializeOwned, O: Serialize>(
    desk: &Desk,
    args: Value,
    command: impl FnOnce(&Desk, A) -> Result<O, AppError>,
) -> Result<Value, AppError> {
    // No body at all is an empty struct.
    let args = if args.is_null() {
        Value::Object(serde_json::Map::new())
    } else {
        args
    };
    let args = serde_json::from_value(args).map_err(|_| AppError::BadArguments)?;
    let out = command(desk, args)?;
    serde_json::to_value(out).map_err(|_| AppError::Unexpected("answer is not JSON"))
}

/// Ids and texts of arguments.
pub(crate) mod read {
    use crate::desk::Desk;
    use crate::error::{AppError, Thing};
    use crate::words;
    use desk_domain::ids::{CaseId, DocumentId, MerchantId, OpId};
    use desk_domain::secret_trap::{self, FieldKind};

    pub(crate) fn case(text: &str) -> Result<CaseId, AppError> {
        CaseId::parse(text).ok_or(AppError::NotFound(Thing::Case))
    }
    pub(crate) fn document(text: &str) -> Result<DocumentId, AppError> {
        DocumentId::parse(text).ok_or(AppError::NotFound(Thing::Document))
    }
    pub(crate) fn merchant(text: &str) -> Result<MerchantId, AppError> {
        MerchantId::parse(text).ok_or(AppError::NotFound(Thing::Merchant))
    }
    pub(crate) fn conflict(text: &str) -> Result<OpId, AppError> {
        OpId::parse(text).ok_or(AppError::NotFound(Thing::Conflict))
    }

    /// A free text that says something and holds no secret.
    pub(crate) fn said(desk: &Desk, text: &str, what: &'static str) -> Result<String, AppError> {
        let text = words::said(text, what, words::NOTE_CHARS)?;
        harmless(desk, &text, FieldKind::FreeText, Some(what))?;
        Ok(text)
    }

    /// A free text that may be empty and holds no secret.
    pub(crate) fn maybe_said(
        desk: &Desk,
        text: &str,
        what: &'static str,
    ) -> Result<String, AppError> {
        let text = words::maybe_said(text, what, words::NOTE_CHARS)?;
        harmless(desk, &text, FieldKind::FreeText, Some(what))?;
        Ok(text)
    }

    /// A reference of another system: long digits are its nature.
    pub(crate) fn reference(
        desk: &Desk,
        text: &str,
        what: &'static str,
    ) -> Result<String, AppError> {
        let text = words::maybe_said(text, what, words::SHORT_CHARS)?;
        harmless(desk, &text, FieldKind::OrderNumber, Some(what))?;
        Ok(text)
    }

    /// The trap, with its counter.
    pub(crate) fn harmless(
        desk: &Desk,
        text: &str,
        kind: FieldKind,
        field: Option<&str>,
    ) -> Result<(), AppError> {
        secret_trap::inspect(text, kind).map_err(|found| AppError::Secret {
            found,
            field: field.map(str::to_owned),
            count: desk.count_secret(),
        })
    }
}
