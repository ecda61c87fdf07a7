//! Good documents through the real child process.

use crate::common::{QR_TEXT, docbox, invoice, opened};
use desk_media::draw::{
    BusinessLicence, DeviceLabel, FaultScreen, IdCard, PaperForm, SalesSlip, bad,
};
use desk_media::{MediaError, MediaKind, Rgb8Image, encode_jpeg, encode_png};
use image::Rgb;
use sha2::{Digest, Sha256};

#[test]
fn a_photo_is_measured_hashed_and_shrunk() {
    let photo = bad::plain_jpeg(3000, 1500);
    let intake = docbox().intake(&photo).unwrap();
    assert_eq!(intake.kind, MediaKind::Jpeg);
    assert_eq!((intake.pages, intake.width, intake.height), (1, 3000, 1500));
    assert_eq!(intake.sha256_hex, hex::encode(Sha256::digest(&photo)));
    assert_eq!(opened(&intake.rendition).dimensions(), (2400, 1200));
    assert_eq!(opened(&intake.thumbnail).dimensions(), (320, 160));
}

#[test]
fn a_small_photo_is_never_enlarged() {
    let intake = docbox().intake(&bad::plain_jpeg(200, 100)).unwrap();
    assert_eq!(opened(&intake.rendition).dimensions(), (200, 100));
    assert_eq!(opened(&intake.thumbnail).dimensions(), (200, 100));
}

#[test]
fn a_transparent_png_is_shown_on_white() {
    let clear = image::RgbaImage::from_pixel(40, 30, image::Rgba([0, 0, 0, 0]));
    let mut file = std::io::Cursor::new(Vec::new());
    clear.write_to(&mut file, image::ImageFormat::Png).unwrap();
    let intake = docbox().intake(file.get_ref()).unwrap();
    assert!(
        opened(&intake.rendition)
            .pixels()
            .all(|pixel| pixel.0 == [255; 3])
    );
}

#[test]
fn a_webp_is_taken_in() {
    let mut file = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut file)
        .encode(
            &Rgb8Image::new(64, 48),
            64,
            48,
            image::ExtendedColorType::Rgb8,
        )
        .unwrap();
    let intake = docbox().intake(&file).unwrap();
    assert_eq!(
        (intake.kind, intake.width, intake.height),
        (MediaKind::Webp, 64, 48)
    );
}

/// Left half red, right half blue, held in each of the eight ways: afterwards always upright.
#[test]
fn every_exif_orientation_is_applied() {
    let upright = Rgb8Image::from_fn(80, 40, |x, y| {
        Rgb(match (x < 40, y < 20) {
            (true, true) => [230, 20, 20],
            (false, true) => [20, 20, 230],
            (true, false) => [20, 200, 20],
            (false, false) => [240, 240, 240],
        })
    });
    for orientation in 1_u8..=8 {
        let how = image::metadata::Orientation::from_exif(orientation).unwrap();
        let mut held = image::DynamicImage::ImageRgb8(upright.clone());
        held.apply_orientation(inverse(how));
        let photo = encode_jpeg(&held.into_rgb8(), 95).unwrap();
        let photo = bad::jpeg_with_exif(&photo, u16::from(orientation));
        let intake = docbox().intake(&photo).unwrap();
        assert_eq!(
            (intake.width, intake.height),
            (80, 40),
            "orientation {orientation}"
        );
        let seen = opened(&intake.rendition);
        for (x, y) in [(10, 10), (70, 10), (10, 30), (70, 30)] {
            let (a, b) = (seen.get_pixel(x, y).0, upright.get_pixel(x, y).0);
            let near = a.iter().zip(b).all(|(a, b)| a.abs_diff(b) < 40);
            assert!(
                near,
                "orientation {orientation} at {x},{y}: {a:?} for {b:?}"
            );
        }
    }
}

fn inverse(how: image::metadata::Orientation) -> image::metadata::Orientation {
    use image::metadata::Orientation as O;
    match how {
        O::Rotate90 => O::Rotate270,
        O::Rotate270 => O::Rotate90,
        O::NoTransforms
        | O::Rotate180
        | O::FlipHorizontal
        | O::FlipVertical
        | O::Rotate90FlipH
        | O::Rotate270FlipH => how,
    }
}

#[test]
fn exif_and_position_are_gone_from_what_is_kept() {
    let photo = bad::jpeg_with_exif(&bad::plain_jpeg(400, 300), 1);
    assert!(
        holds(&photo, b"Exif"),
        "the sample must carry what is to vanish"
    );
    let intake = docbox().intake(&photo).unwrap();
    for file in [&intake.rendition, &intake.thumbnail] {
        assert!(!holds(file, b"Exif"));
        assert!(!file.windows(2).any(|pair| pair == [0xFF, 0xE1]));
    }
}

fn holds(file: &[u8], what: &[u8]) -> bool {
    file.windows(what.len()).any(|window| window == what)
}

#[test]
fn invoice_pdf_gives_its_qr_text() {
    let intake = docbox().intake(&invoice().pdf()).unwrap();
    assert_eq!((intake.kind, intake.pages), (MediaKind::Pdf, 1));
    assert_eq!(intake.qr_texts, [QR_TEXT]);
    assert!(!intake.had_active_content);
    assert_eq!(intake.quality.hints, []);
}

#[test]
fn invoice_scan_gives_its_qr_text() {
    let intake = docbox().intake(&invoice().jpeg().unwrap()).unwrap();
    assert_eq!(intake.qr_texts, [QR_TEXT]);
}

#[test]
fn a_coarse_scan_of_75_dpi_is_read() {
    let scan = invoice().sheet().picture(75.0 / 72.0);
    let intake = docbox().intake(&encode_jpeg(&scan, 75).unwrap()).unwrap();
    assert_eq!(intake.qr_texts, [QR_TEXT]);
}

#[test]
fn a_label_gives_its_serial_once() {
    let label = DeviceLabel {
        maker: "虚构终端厂".into(),
        model: "X-000".into(),
        serial_no: "N9QT000000000001".into(),
    };
    let photo = encode_png(&label.sheet().picture(4.0)).unwrap();
    assert_eq!(
        docbox().intake(&photo).unwrap().qr_texts,
        ["N9QT000000000001"]
    );
}

#[test]
fn bars_alone_are_read_too() {
    let mut sheet = desk_media::draw::Sheet::new(300.0, 80.0, desk_media::draw::Colour::White);
    sheet.bars((40.0, 20.0), (0.8, 40.0), "N9QT000000000002");
    let photo = encode_png(&sheet.picture(4.0)).unwrap();
    assert_eq!(
        docbox().intake(&photo).unwrap().qr_texts,
        ["N9QT000000000002"]
    );
}

#[test]
fn a_pdf_with_an_absent_chinese_font_is_still_legible() {
    let intake = docbox().intake(&bad::pdf_with_absent_font()).unwrap();
    let dark = opened(&intake.rendition)
        .pixels()
        .filter(|pixel| pixel.0[0] < 80)
        .count();
    assert!(
        dark > 3000,
        "only {dark} dark pixels: the text was not drawn"
    );
}

#[test]
fn each_page_of_a_pdf_can_be_asked_for() {
    let pdf = bad::pdf_of_pages(3);
    assert_eq!(docbox().intake(&pdf).unwrap().pages, 3);
    let third = docbox().page(&pdf, 3, 604).unwrap();
    assert_eq!(third.dimensions(), (604, 400));
    let refused = docbox().page(&pdf, 4, 604).unwrap_err();
    assert_eq!(refused, MediaError::NoSuchPage { page: 4, pages: 3 });
    assert!(docbox().page(&pdf, 0, 604).is_err());
}

#[test]
fn a_page_is_never_larger_than_asked() {
    let page = docbox().page(&bad::plain_jpeg(1000, 500), 1, 300).unwrap();
    assert_eq!(page.dimensions(), (300, 150));
}

#[test]
fn every_sample_paper_goes_through_as_picture_and_as_pdf() {
    let some = String::from("虚构 0000");
    let card = IdCard {
        name: "样张人".into(),
        sex: "男".into(),
        ethnicity: "汉".into(),
        born_on: "1900年1月1日".into(),
        address: "虚构省虚构市样张区演示路零号楼零单元零零零室".into(),
        id_no: "000000190001010000".into(),
        authority: "虚构机关".into(),
        valid: "1900.01.01-1920.01.01".into(),
    };
    let licence = BusinessLicence {
        uscc: "000000000000000000".into(),
        name: some.clone(),
        kind: some.clone(),
        legal_person: some.clone(),
        founded_on: some.clone(),
        address: some.clone(),
        scope: some.clone(),
    };
    let form = PaperForm {
        title: "解绑申请表".into(),
        case_no: "JB-000101-00000-00-0000-0".into(),
        lines: vec![("商户".into(), some.clone()), ("原因".into(), some.clone())],
        signed_by: "样张人".into(),
        signed_on: "1900-01-01".into(),
    };
    let slip = SalesSlip {
        merchant_name: some.clone(),
        merchant_no: "000000000000000".into(),
        terminal_no: "00000000".into(),
        card_last4: "0000".into(),
        amount: "¥1.00".into(),
        paid_at: "1900-01-01 00:00".into(),
    };
    let screen = FaultScreen {
        code: "ERR 00".into(),
        lines: vec![some],
    };
    let sheets = [
        card.front(),
        card.back(),
        licence.sheet(),
        form.sheet(),
        slip.sheet(),
        screen.sheet(),
    ];
    for sheet in sheets {
        let photo = encode_jpeg(&sheet.picture(3.0), 85).unwrap();
        let a = docbox().intake(&photo).unwrap();
        let b = docbox().intake(&sheet.pdf()).unwrap();
        let apart = desk_media::perceptual_distance(a.perceptual_hash, b.perceptual_hash);
        assert!(
            apart <= 12,
            "picture and PDF of one sheet differ in {apart} bits"
        );
    }
}

/// 48 megapixels in, within the cage's memory.
#[test]
fn a_large_photo_fits_into_the_cage() {
    let intake = docbox()
        .intake(&bad::jpeg_with_exif(&bad::plain_jpeg(8000, 6000), 6))
        .unwrap();
    assert_eq!((intake.width, intake.height), (6000, 8000));
    assert_eq!(opened(&intake.rendition).dimensions(), (1800, 2400));
}
