//! Reveal, register, knowledge, sync centre. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{
    ArticleRow, ArticleScreen, Diagnostics, MerchantScreen, Revealed, SyncScreen, UsbScreen,
    UsbTaken, UsbWritten,
};

super::bridge! {
    reveal(RevealArgs) -> Revealed;
    merchant_open(MerchantRef) -> MerchantScreen;
    knowledge_list(Nothing) -> Vec<ArticleRow>;
    knowledge_open(ArticleRef) -> ArticleScreen;
    sync_status(Nothing) -> SyncScreen;
    sync_now(Nothing) -> SyncScreen;
    sync_act(SyncAct) -> SyncScreen;
    sync_diagnostics(DiagnosticsArgs) -> Diagnostics;
    usb_places(Nothing) -> UsbScreen;
    usb_export(UsbExport) -> UsbWritten;
    usb_import(UsbImport) -> UsbTaken;
}
