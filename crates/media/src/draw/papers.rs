//! Papers of people and companies. They resemble nothing that could be used: plain lines, a shape
//! for a portrait, no seals, no patterns, and the overprint.

use super::sheet::{Colour, Sheet};

/// A made-up person's card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdCard {
    pub name: String,
    pub sex: String,
    pub ethnicity: String,
    pub born_on: String,
    pub address: String,
    pub id_no: String,
    pub authority: String,
    pub valid: String,
}

impl IdCard {
    /// The portrait side.
    pub fn front(&self) -> Sheet {
        let mut sheet = Sheet::new(243.0, 153.0, Colour::Pale);
        let lines = [
            ("姓名", &self.name),
            ("性别", &self.sex),
            ("民族", &self.ethnicity),
            ("出生", &self.born_on),
            ("住址", &self.address),
        ];
        let mut y = 16.0;
        for (label, value) in lines {
            sheet.text(14.0, y, 9.0, label, Colour::Blue);
            for part in wrapped(value, 13) {
                sheet.text(40.0, y, 10.0, &part, Colour::Black);
                y += 17.0;
            }
        }
        sheet.text(14.0, 130.0, 9.0, "公民身份号码", Colour::Blue);
        sheet.text(84.0, 128.5, 12.0, &self.id_no, Colour::Black);
        sheet.fill(172.0, 28.0, 54.0, 70.0, Colour::White);
        sheet.fill(188.0, 38.0, 22.0, 24.0, Colour::Grey);
        sheet.fill(180.0, 68.0, 38.0, 30.0, Colour::Grey);
        stamp(&mut sheet, 170.0, 104.0);
        sheet
    }

    /// The side of the issuing authority.
    pub fn back(&self) -> Sheet {
        let mut sheet = Sheet::new(243.0, 153.0, Colour::Pale);
        sheet.centred(26.0, 15.0, "虚构证件 · 仅供演示", Colour::Red);
        sheet.centred(52.0, 20.0, "样张（反面）", Colour::Red);
        sheet.text(40.0, 104.0, 9.0, "签发机关", Colour::Blue);
        sheet.text(88.0, 103.0, 10.0, &self.authority, Colour::Black);
        sheet.text(40.0, 124.0, 9.0, "有效期限", Colour::Blue);
        sheet.text(88.0, 123.0, 10.0, &self.valid, Colour::Black);
        stamp(&mut sheet, 14.0, 12.0);
        sheet
    }
}

/// A made-up company's licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessLicence {
    pub uscc: String,
    pub name: String,
    pub kind: String,
    pub legal_person: String,
    pub founded_on: String,
    pub address: String,
    pub scope: String,
}

impl BusinessLicence {
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(595.0, 420.0, Colour::White);
        sheet.frame((14.0, 14.0), (567.0, 392.0), 4.0, Colour::Red);
        sheet.centred(36.0, 40.0, "营业执照", Colour::Black);
        sheet.text(40.0, 92.0, 13.0, "统一社会信用代码", Colour::Grey);
        sheet.text(160.0, 90.0, 17.0, &self.uscc, Colour::Black);
        let lines = [
            ("名称", &self.name),
            ("类型", &self.kind),
            ("法定代表人", &self.legal_person),
            ("成立日期", &self.founded_on),
            ("住所", &self.address),
            ("经营范围", &self.scope),
        ];
        let mut y = 128.0;
        for (label, value) in lines {
            sheet.text(40.0, y, 13.0, label, Colour::Grey);
            for part in wrapped(value, 26) {
                sheet.text(130.0, y, 14.0, &part, Colour::Black);
                y += 24.0;
            }
            y += 8.0;
        }
        sheet.qr(480.0, 300.0, 84.0, "https://licence.example.invalid/sample");
        stamp(&mut sheet, 360.0, 352.0);
        sheet
    }
}

/// The signed paper of an unbinding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperForm {
    pub title: String,
    pub case_no: String,
    /// Label and value, one line each.
    pub lines: Vec<(String, String)>,
    pub signed_by: String,
    pub signed_on: String,
}

impl PaperForm {
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(595.0, 842.0, Colour::White);
        sheet.centred(52.0, 24.0, &self.title, Colour::Black);
        sheet.text(
            60.0,
            96.0,
            12.0,
            &format!("编号 {}", self.case_no),
            Colour::Grey,
        );
        sheet.qr(470.0, 40.0, 76.0, &self.case_no);
        let mut y = 130.0;
        for (label, value) in self.lines.iter().take(20) {
            sheet.frame((60.0, y), (475.0, 30.0), 0.8, Colour::Grey);
            sheet.text(68.0, y + 8.0, 12.0, label, Colour::Grey);
            sheet.text(190.0, y + 7.0, 13.0, value, Colour::Black);
            y += 30.0;
        }
        sheet.text(300.0, y + 40.0, 13.0, "申请人签字", Colour::Grey);
        sheet.text(380.0, y + 32.0, 24.0, &self.signed_by, Colour::Blue);
        sheet.text(380.0, y + 68.0, 12.0, &self.signed_on, Colour::Blue);
        stamp(&mut sheet, 80.0, y + 40.0);
        sheet
    }
}

/// The word SAMPLE in a box, on top of everything.
pub fn stamp(sheet: &mut Sheet, x: f32, y: f32) {
    sheet.frame((x, y), (58.0, 18.0), 1.4, Colour::Red);
    sheet.text(x + 4.0, y + 3.5, 9.5, super::sheet::OVERPRINT, Colour::Red);
}

fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let all: Vec<char> = text.chars().collect();
    if all.is_empty() {
        return vec![String::new()];
    }
    all.chunks(letters.max(1))
        .map(|part| part.iter().collect())
        .collect()
}
