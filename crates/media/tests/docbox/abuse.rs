//! Hostile and broken files, each through the real door.

use crate::common::{docbox, invoice, opened};
use desk_media::draw::bad;
use desk_media::{MAX_PIXELS, MediaError, encode_jpeg, encode_png};
use proptest::prelude::*;

fn code(bytes: &[u8]) -> &'static str {
    match docbox().intake(bytes) {
        Ok(_) => "taken in",
        Err(error) => error.code(),
    }
}

#[test]
fn an_empty_file_is_refused() {
    assert_eq!(code(&bad::empty()), "media.empty");
}

#[test]
fn fifty_megabytes_are_refused() {
    assert_eq!(code(&bad::fifty_megabytes()), "media.too_large");
}

#[test]
fn another_type_is_refused_by_name() {
    let refused = docbox().intake(b"GIF89a\x01\0\x01\0\0\0\0;").unwrap_err();
    assert_eq!(refused, MediaError::UnsupportedType { found: "GIF" });
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let refused = docbox().intake(&bad::png_bomb()).unwrap_err();
    let pixels = 60_000 * 60_000;
    assert_eq!(
        refused,
        MediaError::TooManyPixels {
            pixels,
            limit: MAX_PIXELS
        }
    );
}

#[test]
fn a_photo_that_is_also_an_archive_is_refused() {
    let refused = docbox()
        .intake(&bad::jpeg_and_zip(&bad::plain_jpeg(90, 60)))
        .unwrap_err();
    assert_eq!(refused, MediaError::Polyglot { found: "ZIP" });
}

#[test]
fn a_photo_that_is_also_a_web_page_is_refused() {
    let refused = docbox()
        .intake(&bad::jpeg_and_html(&bad::plain_jpeg(90, 60)))
        .unwrap_err();
    assert_eq!(refused, MediaError::Polyglot { found: "HTML" });
}

#[test]
fn a_photo_that_is_also_a_pdf_is_refused() {
    let photo = bad::plain_jpeg(90, 60);
    let both = [&photo[..2], b"\xFF\xFE\x00\x0B%PDF-1.4\n", &photo[2..]].concat();
    let refused = docbox().intake(&both).unwrap_err();
    assert_eq!(refused, MediaError::Polyglot { found: "PDF" });
}

#[test]
fn half_a_photo_is_refused() {
    assert_eq!(
        code(&bad::truncated(&bad::plain_jpeg(900, 600))),
        "media.corrupt"
    );
    let png = encode_png(&desk_media::Rgb8Image::new(300, 300)).unwrap();
    assert_eq!(code(&bad::truncated(&png)), "media.corrupt");
}

#[test]
fn half_a_photo_with_a_whole_preview_is_refused() {
    let whole = bad::jpeg_with_exif(&bad::plain_jpeg(900, 600), 1);
    // A preview inside the notes ends with an end mark of its own.
    let mut half = bad::truncated(&whole);
    half.splice(2..2, [0xFF, 0xE2, 0, 4, 0xFF, 0xD9]);
    assert_eq!(code(&half), "media.corrupt");
}

#[test]
fn a_script_in_a_pdf_is_reported_and_the_page_still_shown() {
    let intake = docbox()
        .intake(&bad::pdf_with_script(&invoice().sheet()))
        .unwrap();
    assert!(intake.had_active_content);
    assert_eq!(intake.qr_texts, [crate::common::QR_TEXT]);
}

#[test]
fn a_locked_pdf_is_refused_with_its_own_reason() {
    assert_eq!(
        code(&bad::pdf_locked(&invoice().sheet())),
        "media.encrypted_pdf"
    );
}

#[test]
fn a_pdf_of_too_many_pages_is_refused() {
    let refused = docbox()
        .intake(&bad::pdf_with_too_many_pages())
        .unwrap_err();
    assert_eq!(
        refused,
        MediaError::TooManyPages {
            pages: 31,
            limit: 30
        }
    );
}

#[test]
fn a_pdf_of_garbage_is_refused() {
    assert_eq!(code(b"%PDF-1.7\nnothing here\n%%EOF"), "media.corrupt");
}

#[test]
fn a_bomb_inside_a_pdf_is_left_out_and_the_page_still_shown() {
    let intake = docbox().intake(&bad::pdf_with_image_bomb()).unwrap();
    assert_eq!((intake.pages, intake.width, intake.height), (1, 600, 600));
}

#[test]
fn endless_nesting_in_a_pdf_is_left_out_and_the_page_still_shown() {
    let intake = docbox().intake(&bad::pdf_of_nested_arrays()).unwrap();
    assert_eq!((intake.pages, intake.width, intake.height), (1, 600, 600));
}

#[test]
fn a_malformed_qr_gives_no_text_and_no_error() {
    let photo = encode_jpeg(&bad::malformed_qr(), 85).unwrap();
    assert_eq!(
        docbox().intake(&photo).unwrap().qr_texts,
        Vec::<String>::new()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    /// Whatever is done to a file, the box answers or refuses; it never crashes.
    #[test]
    fn mutated_files_are_answered_or_refused(
        which in 0_usize..3,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let picture = opened(&bad::plain_jpeg(60, 40));
        let mut file = match which {
            0 => encode_jpeg(&picture, 80).unwrap(),
            1 => encode_png(&picture).unwrap(),
            _ => bad::pdf_with_absent_font(),
        };
        for (at, value) in edits {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Err(error) = docbox().intake(&file) {
            let crashed = matches!(error, MediaError::BoxCrashed | MediaError::BoxUnavailable);
            prop_assert!(!crashed, "{error:?}");
        }
    }
}
