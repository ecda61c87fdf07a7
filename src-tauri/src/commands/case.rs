//! One case. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{CaseScreen, CodeSent, CodeVerified, Done, MatchResult, MerchantLinkView};

super::bridge! {
    case_open(CaseRef) -> CaseScreen;
    case_new(CaseNew) -> CaseScreen;
    draft_put(DraftPut) -> Done;
    field_set(FieldSetArgs) -> CaseScreen;
    fields_fill(FieldsFill) -> CaseScreen;
    identity_match(CaseRef) -> MatchResult;
    evidence_add(EvidenceAdd) -> CaseScreen;
    code_send(CaseRef) -> CodeSent;
    code_verify(CodeVerifyArgs) -> CodeVerified;
    merchant_link(MerchantLinkArgs) -> MerchantLinkView;
    diagnosis_answer(DiagnosisAnswer) -> CaseScreen;
    note_add(NoteArgs) -> CaseScreen;
    submit(CaseRef) -> CaseScreen;
    case_move(CaseMoveArgs) -> CaseScreen;
    return_answer(ReturnAnswerArgs) -> CaseScreen;
    call_end(CallEnd) -> CaseScreen;
}
