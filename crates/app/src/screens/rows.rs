//! Lines of lists.

use super::{Painter, title};
use crate::dto::{CaseRow, MerchantRow};
use crate::words::word;
use desk_domain::registry::MerchantRecord;

/// Last characters of a serial that a list shows.
const TAIL_CHARS: usize = 6;

impl Painter<'_> {
    pub(crate) fn row(&self, row: &desk_store::CaseRow) -> CaseRow {
        let view = self.session.store.case_view(row.id).ok().flatten();
        let due = view
            .as_ref()
            .and_then(|view| self.dues(&view.case).into_iter().next());
        let active = view.iter().flat_map(|view| view.case.active_documents());
        let (documents, stored) = active.fold((0_u32, 0_u32), |(all, stored), (_, document)| {
            (all + 1, stored + u32::from(document.stored))
        });
        CaseRow {
            id: row.id.to_string(),
            case_no: row.case_no.clone(),
            state: word(&row.state),
            title: title(
                row.merchant_name.as_deref().unwrap_or_default(),
                row.caller_name.as_deref().unwrap_or_default(),
            ),
            serial_tail: tail(row.terminal_serial.as_deref().unwrap_or_default()),
            updated_at: row.updated_at,
            due_at: due.as_ref().map(|due| due.due_at),
            due_level: due.map(|due| due.level),
            sync: sync_word(row),
            returned: row.state == desk_domain::case::CaseState::Returned,
            mine: row.created_by == self.session.user.user,
            documents,
            documents_stored: stored,
        }
    }
}

fn sync_word(row: &desk_store::CaseRow) -> String {
    let word = match (row.conflicts, row.pending) {
        (1.., _) => "conflict",
        (0, 1..) => "queued",
        (0, 0) => "applied",
    };
    word.to_owned()
}

fn tail(serial: &str) -> String {
    let skipped = serial.chars().count().saturating_sub(TAIL_CHARS);
    serial.chars().skip(skipped).collect()
}

pub(crate) fn merchant_row(record: &MerchantRecord) -> MerchantRow {
    MerchantRow {
        id: record.id.to_string(),
        merchant_no: record.merchant_no.clone(),
        name: record.name.clone(),
        phone: desk_domain::mask::phone(&record.phone).to_string(),
        terminals: record
            .terminals
            .iter()
            .map(|terminal| terminal.serial.clone())
            .collect(),
    }
}
