//! A made-up VAT invoice, 240 × 140 mm, with a QR code that decodes.

use super::papers::stamp;
use super::sheet::{Colour, Sheet};
use crate::{MediaError, Rgb8Image};

/// The fields of an invoice; `qr_text` is the text of its code, as the caller composes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatInvoice {
    pub title: String,
    pub invoice_no: String,
    pub issued_on: String,
    pub buyer: String,
    pub buyer_tax_no: String,
    pub seller: String,
    pub seller_tax_no: String,
    pub item: String,
    pub amount: String,
    pub tax: String,
    pub total: String,
    pub qr_text: String,
}

/// 240 × 140 mm in points.
const SIDES: (f32, f32) = (680.0, 397.0);
/// The code is 20 mm wide, with its margin.
const CODE_SIDE: f32 = 68.0;

impl VatInvoice {
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(SIDES.0, SIDES.1, Colour::White);
        sheet.qr(24.0, 14.0, CODE_SIDE, &self.qr_text);
        sheet.centred(26.0, 24.0, &self.title, Colour::Red);
        sheet.text(
            480.0,
            24.0,
            11.0,
            &format!("发票号码 {}", self.invoice_no),
            Colour::Black,
        );
        sheet.text(
            480.0,
            46.0,
            11.0,
            &format!("开票日期 {}", self.issued_on),
            Colour::Black,
        );
        sheet.frame((24.0, 92.0), (632.0, 280.0), 1.0, Colour::Red);
        let sides = [
            (32.0, "购买方", &self.buyer, &self.buyer_tax_no),
            (350.0, "销售方", &self.seller, &self.seller_tax_no),
        ];
        for (x, who, name, tax_no) in sides {
            sheet.text(x, 100.0, 11.0, who, Colour::Red);
            sheet.text(x, 120.0, 12.0, &format!("名称：{name}"), Colour::Black);
            sheet.text(x, 142.0, 12.0, &format!("税号：{tax_no}"), Colour::Black);
        }
        sheet.fill(24.0, 170.0, 632.0, 1.0, Colour::Red);
        for (x, head, value) in [
            (32.0, "项目名称", &self.item),
            (380.0, "金额", &self.amount),
            (520.0, "税额", &self.tax),
        ] {
            sheet.text(x, 178.0, 11.0, head, Colour::Red);
            sheet.text(x, 202.0, 13.0, value, Colour::Black);
        }
        sheet.fill(24.0, 320.0, 632.0, 1.0, Colour::Red);
        sheet.text(32.0, 334.0, 14.0, "价税合计", Colour::Red);
        sheet.text(380.0, 332.0, 16.0, &self.total, Colour::Black);
        stamp(&mut sheet, 570.0, 350.0);
        sheet
    }

    /// The invoice as an electronic one arrives.
    pub fn pdf(&self) -> Vec<u8> {
        self.sheet().pdf()
    }

    /// The invoice as scanned at 150 dpi.
    pub fn picture(&self) -> Rgb8Image {
        self.sheet().picture(150.0 / 72.0)
    }

    /// The scan as a file.
    ///
    /// # Errors
    /// The encoder refuses.
    pub fn jpeg(&self) -> Result<Vec<u8>, MediaError> {
        crate::encode_jpeg(&self.picture(), 88)
    }
}
