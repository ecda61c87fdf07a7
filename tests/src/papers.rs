//! The papers of the script's case, drawn by the house's own generator; every one overprinted as a specimen.

use crate::Failure;
use crate::case_script::{LEGAL_ID_NO, LEGAL_NAME, MERCHANT_NAME, SERIAL, USCC};
use desk_media::draw::{BusinessLicence, IdCard, PaperForm, Sheet, VatInvoice};
use std::path::Path;

/// The papers that such a case needs, and the file each is drawn to.
pub const PAPERS: &[(&str, &str)] = &[
    ("invoice", "购机发票.pdf"),
    ("id_card_front", "身份证 人像面.jpg"),
    ("id_card_back", "身份证 国徽面.jpg"),
    ("business_licence", "营业执照.jpg"),
    ("signed_form", "签字申请表.jpg"),
];

/// Draws all of them into `folder`.
pub fn draw_papers(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(Failure::at("make the folder of papers"))?;
    let pictures = [
        id_card().front(),
        id_card().back(),
        licence().sheet(),
        form().sheet(),
    ];
    let names = PAPERS.iter().map(|(_, name)| *name);
    for (name, sheet) in names.clone().skip(1).zip(pictures) {
        write(&folder.join(name), &photo(&sheet)?)?;
    }
    match names.clone().next() {
        Some(name) => write(&folder.join(name), &invoice().pdf()),
        None => Ok(()),
    }
}

/// The portrait side of the identity card, as a phone would take it.
pub fn id_card_photo() -> Result<Vec<u8>, Failure> {
    photo(&id_card().front())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(Failure::at(format!("write {}", path.display())))
}

/// As a phone would take it: about 200 dots an inch.
fn photo(sheet: &Sheet) -> Result<Vec<u8>, Failure> {
    desk_media::encode_jpeg(&sheet.picture(4.0), 85).map_err(Failure::at("draw a photo"))
}

fn id_card() -> IdCard {
    IdCard {
        name: LEGAL_NAME.to_owned(),
        sex: "男".to_owned(),
        ethnicity: "汉".to_owned(),
        born_on: "1990 年 3 月 7 日".to_owned(),
        address: "示例市样板路 1 号".to_owned(),
        id_no: LEGAL_ID_NO.to_owned(),
        authority: "示例市公安局（样张）".to_owned(),
        valid: "2016.01.01-2036.01.01".to_owned(),
    }
}

fn licence() -> BusinessLicence {
    BusinessLicence {
        uscc: USCC.to_owned(),
        name: MERCHANT_NAME.to_owned(),
        kind: "个体工商户".to_owned(),
        legal_person: LEGAL_NAME.to_owned(),
        founded_on: "2016 年 1 月 1 日".to_owned(),
        address: "示例市样板路 1 号".to_owned(),
        scope: "食品销售（样张）".to_owned(),
    }
}

fn form() -> PaperForm {
    PaperForm {
        title: "终端解绑申请表".to_owned(),
        case_no: String::new(),
        lines: vec![
            ("商户名称".to_owned(), MERCHANT_NAME.to_owned()),
            ("机身序列号".to_owned(), SERIAL.to_owned()),
            ("解绑原因".to_owned(), "无法开机".to_owned()),
        ],
        signed_by: LEGAL_NAME.to_owned(),
        signed_on: "2026-11-22".to_owned(),
    }
}

fn invoice() -> VatInvoice {
    VatInvoice {
        title: "电子发票（普通发票）".to_owned(),
        invoice_no: "24990000000000000001".to_owned(),
        issued_on: "2024-03-15".to_owned(),
        buyer: MERCHANT_NAME.to_owned(),
        buyer_tax_no: USCC.to_owned(),
        seller: "示例终端销售有限公司（样张）".to_owned(),
        seller_tax_no: "91110105MA000T0148".to_owned(),
        item: "*电子产品*智能终端".to_owned(),
        amount: "1149.56".to_owned(),
        tax: "149.44".to_owned(),
        total: "1299.00".to_owned(),
        qr_text: "01,32,,24990000000000000001,1299.00,20240315,,0A1B,".to_owned(),
    }
}

/// A scan that does not compress: noise of so many pixels a side, about three bytes each. A seed gives one scan.
pub fn scan(side_px: u32, seed: u64) -> Result<Vec<u8>, Failure> {
    let mut state = seed | 1;
    let pixels = u64::from(side_px) * u64::from(side_px) * 3;
    let mut noise = Vec::new();
    for _ in 0..pixels {
        // Xorshift: it must only look like grain.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.push(u8::try_from(state >> 56).unwrap_or(0));
    }
    let picture = desk_media::Rgb8Image::from_raw(side_px, side_px, noise)
        .ok_or_else(|| Failure::new("a scan without pixels"))?;
    desk_media::encode_png(&picture).map_err(Failure::at("draw a scan"))
}
