//! The documents of a demo case, drawn for it and overprinted as samples.

use desk_domain::case::{CHUNK_BYTES, DocumentKind, DocumentManifest};
use desk_domain::registry::MerchantRecord;
use desk_media::draw::{BusinessLicence, DeviceLabel, IdCard, SalesSlip, Sheet, VatInvoice};
use desk_media::{MediaError, encode_jpeg};
use sha2::{Digest, Sha256};

/// Small pictures: there are many of them.
const PX_PER_POINT: f32 = 1.5;
const QUALITY: u8 = 70;

/// A drawn document.
pub struct Paper {
    pub kind: DocumentKind,
    pub bytes: Vec<u8>,
    pub mime: &'static str,
}

impl Paper {
    pub fn manifest(&self) -> DocumentManifest {
        DocumentManifest {
            sha256: hex::encode(Sha256::digest(&self.bytes)),
            size_bytes: u64::try_from(self.bytes.len()).unwrap_or(u64::MAX),
            chunks: self
                .bytes
                .chunks(CHUNK_BYTES)
                .map(|chunk| hex::encode(Sha256::digest(chunk)))
                .collect(),
            mime: self.mime.to_owned(),
            pages: 1,
        }
    }
}

/// What the checklist asks of this merchant, and the label of the terminal.
pub fn draw(merchant: &MerchantRecord, case_no: &str) -> Result<Vec<Paper>, MediaError> {
    let serial = merchant
        .terminals
        .first()
        .map_or("", |terminal| terminal.serial.as_str());
    let card = IdCard {
        name: merchant.legal_name.clone(),
        sex: "男".into(),
        ethnicity: "汉".into(),
        born_on: "1900年1月1日".into(),
        address: merchant.address.clone(),
        id_no: merchant.legal_id_no.clone(),
        authority: format!("虚构机关 {case_no}"),
        valid: "2020.01.01-2040.01.01".into(),
    };
    let label = DeviceLabel {
        maker: "示例制造".into(),
        model: "P-100".into(),
        serial_no: serial.to_owned(),
    };
    let mut papers = vec![
        photo(DocumentKind::IdCardFront, &card.front())?,
        photo(DocumentKind::IdCardBack, &card.back())?,
        photo(DocumentKind::DeviceLabel, &label.sheet())?,
    ];
    let owned = merchant
        .terminals
        .first()
        .map_or("", |terminal| terminal.obtained_by.as_str());
    papers.push(if owned == "purchased" {
        invoice(merchant, case_no)
    } else {
        receipt(merchant)?
    });
    if let Some(uscc) = &merchant.uscc {
        let licence = BusinessLicence {
            uscc: uscc.clone(),
            name: merchant.name.clone(),
            kind: "个体工商户（样例）".into(),
            legal_person: merchant.legal_name.clone(),
            founded_on: "2020年1月1日".into(),
            address: merchant.address.clone(),
            scope: "虚构经营范围，仅供演示".into(),
        };
        papers.push(photo(DocumentKind::BusinessLicence, &licence.sheet())?);
    }
    Ok(papers)
}

fn photo(kind: DocumentKind, sheet: &Sheet) -> Result<Paper, MediaError> {
    let bytes = encode_jpeg(&sheet.picture(PX_PER_POINT), QUALITY)?;
    Ok(Paper {
        kind,
        bytes,
        mime: "image/jpeg",
    })
}

fn invoice(merchant: &MerchantRecord, case_no: &str) -> Paper {
    let digits: String = merchant.merchant_no.chars().rev().take(4).collect();
    let number = format!(
        "26000000000000{:0>6}",
        digits.chars().rev().collect::<String>()
    );
    let invoice = VatInvoice {
        title: "电子发票（普通发票）样张".into(),
        invoice_no: number.clone(),
        issued_on: "2025年11月01日".into(),
        buyer: merchant.name.clone(),
        buyer_tax_no: merchant.uscc.clone().unwrap_or_default(),
        seller: "示例机具销售（虚构）".into(),
        seller_tax_no: "虚构税号".into(),
        item: format!("POS终端 P-100 {case_no}"),
        amount: "280.00".into(),
        tax: "19.00".into(),
        total: "¥299.00".into(),
        qr_text: format!("01,32,,{number},299.00,20251101,,0000"),
    };
    Paper {
        kind: DocumentKind::Invoice,
        bytes: invoice.pdf(),
        mime: "application/pdf",
    }
}

fn receipt(merchant: &MerchantRecord) -> Result<Paper, MediaError> {
    let slip = SalesSlip {
        merchant_name: merchant.name.clone(),
        merchant_no: merchant.merchant_no.clone(),
        terminal_no: merchant
            .terminals
            .iter()
            .flat_map(|t| &t.terminal_numbers)
            .next()
            .cloned()
            .unwrap_or_default(),
        card_last4: merchant.settle_tail.clone(),
        amount: "299.00".into(),
        paid_at: "2025-11-01 10:00".into(),
    };
    photo(DocumentKind::Receipt, &slip.sheet())
}
