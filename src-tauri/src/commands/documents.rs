//! Documents and their tray. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{CaseScreen, DocumentCard, Ticket, TrayItem};

super::bridge! {
    document_add(DocumentAdd) -> DocumentCard;
    document_tray(Nothing) -> Vec<TrayItem>;
    document_attach(DocumentAttachArgs) -> CaseScreen;
    document_detach(DocumentDetachArgs) -> CaseScreen;
    document_ticket(DocumentTicket) -> Ticket;
    document_mask(DocumentMask) -> CaseScreen;
}
