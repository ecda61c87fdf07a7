//! What is photographed of a terminal: its label, its screen, its slip.

use super::papers::stamp;
use super::sheet::{Colour, Sheet};

/// The label on the back of a terminal, with the serial as Code 128 and as QR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLabel {
    pub maker: String,
    pub model: String,
    pub serial_no: String,
}

impl DeviceLabel {
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(300.0, 150.0, Colour::White);
        sheet.frame((6.0, 6.0), (288.0, 138.0), 1.2, Colour::Black);
        sheet.text(16.0, 14.0, 13.0, &self.maker, Colour::Black);
        sheet.text(
            16.0,
            32.0,
            11.0,
            &format!("型号 {}", self.model),
            Colour::Black,
        );
        sheet.bars((26.0, 56.0), (0.75, 34.0), &self.serial_no);
        sheet.text(
            16.0,
            96.0,
            12.0,
            &format!("SN {}", self.serial_no),
            Colour::Black,
        );
        sheet.qr(226.0, 78.0, 62.0, &self.serial_no);
        stamp(&mut sheet, 16.0, 118.0);
        sheet
    }
}

/// A terminal's screen that shows a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultScreen {
    pub code: String,
    pub lines: Vec<String>,
}

impl FaultScreen {
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(260.0, 340.0, Colour::Grey);
        sheet.fill(20.0, 24.0, 220.0, 220.0, Colour::Black);
        sheet.text(36.0, 44.0, 26.0, &self.code, Colour::Red);
        let mut y = 92.0;
        for line in self.lines.iter().take(6) {
            sheet.text(36.0, y, 14.0, line, Colour::White);
            y += 24.0;
        }
        for key in 0_u8..12 {
            let (column, row) = (f32::from(key % 4), f32::from(key / 4));
            sheet.fill(
                24.0 + column * 54.0,
                256.0 + row * 26.0,
                46.0,
                20.0,
                Colour::Pale,
            );
        }
        stamp(&mut sheet, 176.0, 220.0);
        sheet
    }
}

/// The paper that a payment leaves; card numbers appear by their last four only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalesSlip {
    pub merchant_name: String,
    pub merchant_no: String,
    pub terminal_no: String,
    pub card_last4: String,
    pub amount: String,
    pub paid_at: String,
}

impl SalesSlip {
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(164.0, 300.0, Colour::White);
        sheet.centred(12.0, 15.0, "签购单", Colour::Black);
        let card = format!("**** {}", self.card_last4);
        let lines = [
            ("商户名称", &self.merchant_name),
            ("商户编号", &self.merchant_no),
            ("终端号", &self.terminal_no),
            ("卡号", &card),
            ("金额", &self.amount),
            ("时间", &self.paid_at),
        ];
        let mut y = 40.0;
        for (label, value) in lines {
            sheet.text(10.0, y, 8.5, label, Colour::Grey);
            sheet.text(10.0, y + 11.0, 11.0, value, Colour::Black);
            y += 33.0;
        }
        sheet.text(10.0, 246.0, 8.5, "持卡人签名", Colour::Grey);
        stamp(&mut sheet, 96.0, 268.0);
        sheet
    }
}
