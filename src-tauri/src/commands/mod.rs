//! The IPC commands. No logic here: arguments in, use case, answer out.

pub mod admin;
pub mod case;
pub mod conflict;
pub mod desk;
pub mod documents;
pub mod execution;
pub mod library;
pub mod queues;
pub mod review;
pub mod start;

/// One command per line: `name(Args) -> Result`. Runs on a thread that may block: the store and the disk are synchronous.
macro_rules! bridge {
    ($($name:ident($args:ident) -> $out:ty;)+) => {$(
        #[tauri::command]
        pub async fn $name(desk: tauri::State<'_, desk_app::Desk>, args: desk_app::dto::$args) -> Result<$out, desk_app::dto::UiError> {
            let desk = desk.inner().clone();
            crate::error::told(move || desk_app::commands::$name(&desk, args)).await
        }
    )+};
}
use bridge;

/// Every command, for the invoke handler.
macro_rules! all {
    () => {
        tauri::generate_handler![
            commands::desk::app_status,
            commands::desk::form_spec,
            commands::desk::settings_set,
            commands::start::setup_demo,
            commands::start::setup_server,
            commands::start::setup_standalone,
            commands::start::unlock,
            commands::start::lock,
            commands::start::sign_in,
            commands::queues::queue,
            commands::queues::queue_counts,
            commands::queues::search,
            commands::queues::notifications,
            commands::queues::calls,
            commands::case::case_open,
            commands::case::case_new,
            commands::case::draft_put,
            commands::case::field_set,
            commands::case::fields_fill,
            commands::case::identity_match,
            commands::case::evidence_add,
            commands::case::code_send,
            commands::case::code_verify,
            commands::case::merchant_link,
            commands::case::diagnosis_answer,
            commands::case::note_add,
            commands::case::submit,
            commands::case::case_move,
            commands::case::return_answer,
            commands::case::call_end,
            commands::documents::document_add,
            commands::documents::document_tray,
            commands::documents::document_attach,
            commands::documents::document_detach,
            commands::documents::document_ticket,
            commands::documents::document_mask,
            commands::review::review_open,
            commands::review::review_take,
            commands::review::document_judge,
            commands::review::document_waive,
            commands::review::review_decide,
            commands::review::risk_act,
            commands::execution::execute_start,
            commands::execution::execute_record,
            commands::execution::notice_record,
            commands::execution::follow_up,
            commands::conflict::conflict_resolve,
            commands::library::reveal,
            commands::library::merchant_open,
            commands::library::knowledge_list,
            commands::library::knowledge_open,
            commands::library::sync_status,
            commands::library::sync_now,
            commands::library::sync_act,
            commands::library::sync_diagnostics,
            commands::library::usb_places,
            commands::library::usb_export,
            commands::library::usb_import,
            commands::admin::admin_view,
            commands::admin::admin_act,
        ]
    };
}
pub(crate) use all;
