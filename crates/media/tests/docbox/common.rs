//! The box as tests use it, and documents to feed it.

use desk_media::draw::VatInvoice;
use desk_media::{Docbox, Rgb8Image};
use std::path::PathBuf;

pub const QR_TEXT: &str = "01,32,,24990000000000000001,1299.00,20240315,,0A1B,";

pub fn docbox() -> Docbox {
    Docbox::new(PathBuf::from(env!("CARGO_BIN_EXE_desk-docbox")))
}

pub fn invoice() -> VatInvoice {
    VatInvoice {
        title: "电子发票（普通发票）".into(),
        invoice_no: "24990000000000000001".into(),
        issued_on: "2024年03月15日".into(),
        buyer: "虚构小卖部".into(),
        buyer_tax_no: "000000000000000000".into(),
        seller: "虚构机具有限公司".into(),
        seller_tax_no: "000000000000000000".into(),
        item: "*电子设备*终端 1台".into(),
        amount: "¥1149.56".into(),
        tax: "¥149.44".into(),
        total: "¥1299.00".into(),
        qr_text: QR_TEXT.into(),
    }
}

#[expect(clippy::expect_used, reason = "a test's helper")]
pub fn opened(jpeg: &[u8]) -> Rgb8Image {
    image::load_from_memory(jpeg)
        .expect("our own JPEG opens")
        .into_rgb8()
}
