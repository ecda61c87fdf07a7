//! Review. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{CaseScreen, ReviewScreen};

super::bridge! {
    review_open(CaseRef) -> ReviewScreen;
    review_take(CaseRef) -> ReviewScreen;
    document_judge(JudgeArgs) -> ReviewScreen;
    document_waive(WaiveArgs) -> CaseScreen;
    review_decide(ReviewDecideArgs) -> CaseScreen;
    risk_act(RiskActArgs) -> CaseScreen;
}
