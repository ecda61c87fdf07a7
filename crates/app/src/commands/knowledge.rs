//! What the desk knows by heart, and the register.

use super::read;
use crate::content;
use crate::desk::Desk;
use crate::dto::{
    ArticleRef, ArticleRow, ArticleScreen, MerchantRef, MerchantScreen, Nothing, TerminalView,
};
use crate::error::{AppError, Thing};
use crate::screens::Painter;
use desk_domain::case::CaseState;
use desk_domain::mask;
use desk_domain::registry::TerminalRecord;
use desk_store::CaseRow;

const CASES: usize = 20;

pub fn knowledge_list(_: &Desk, _: Nothing) -> Result<Vec<ArticleRow>, AppError> {
    Ok(content::articles())
}

pub fn knowledge_open(_: &Desk, args: ArticleRef) -> Result<ArticleScreen, AppError> {
    content::article(&args.article)
}

/// A record of the register with its personal values masked. What a caller must say is masked hardest.
pub fn merchant_open(desk: &Desk, args: MerchantRef) -> Result<MerchantScreen, AppError> {
    let session = desk.session()?;
    let id = read::merchant(&args.merchant)?;
    let record = session
        .store
        .merchant(id)?
        .ok_or(AppError::NotFound(Thing::Merchant))?;
    let cases = session.store.search(&record.merchant_no, None, CASES)?.rows;
    let painter = Painter::new(&session, desk.now());
    Ok(MerchantScreen {
        id: record.id.to_string(),
        merchant_no: record.merchant_no.clone(),
        name: record.name.clone(),
        class: record.class.clone(),
        legal_name: mask::name(&record.legal_name).to_string(),
        phone: mask::phone(&record.phone).to_string(),
        address: mask::address(&record.address).to_string(),
        terminals: record
            .terminals
            .iter()
            .map(|terminal| terminal_view(terminal, &cases))
            .collect(),
        cases: cases.iter().map(|row| painter.row(row)).collect(),
    })
}

fn terminal_view(terminal: &TerminalRecord, cases: &[CaseRow]) -> TerminalView {
    let open = cases.iter().find(|row| {
        row.terminal_serial.as_deref() == Some(terminal.serial.as_str())
            && !row.state.is_final()
            && row.state != CaseState::Unbound
    });
    TerminalView {
        serial: terminal.serial.clone(),
        model: terminal.model.clone(),
        kind: terminal.kind.clone(),
        obtained_by: terminal.obtained_by.clone(),
        terminal_numbers: terminal.terminal_numbers.clone(),
        bound_at: terminal.bound_at,
        unbound_at: terminal.unbound_at,
        open_case: open.map(|row| row.id.to_string()),
    }
}
