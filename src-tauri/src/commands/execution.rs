//! Execution and telling. Each command hands its arguments to the use case of the same name.

use desk_app::dto::CaseScreen;

super::bridge! {
    execute_start(CaseRef) -> CaseScreen;
    execute_record(ExecuteRecordArgs) -> CaseScreen;
    notice_record(NoticeArgs) -> CaseScreen;
    follow_up(FollowUpArgs) -> CaseScreen;
}
