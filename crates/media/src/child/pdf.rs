//! Draws pages of a PDF. There is no script engine: scripts are noticed, reported and left alone.

use super::{Want, codes};
use crate::fonts::FontFile;
use crate::wire::Decoded;
use crate::{MAX_PDF_PAGES, MediaError, Rgb8Image, num, raster};
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_interpret::font::{FontData, FontQuery};
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object};
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{DecryptionError, LoadPdfError};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use std::sync::Arc;

/// No page is drawn larger than this many times 72 dpi: at 3 every measured code was read.
const MAX_SCALE: f32 = 3.0;
/// The scale of the second look for codes.
const SECOND_SCALE: f32 = 2.0;
/// A page with a side under one point is not a page.
const MIN_SIDE_PT: f32 = 1.0;
/// How many objects, and how deep in each, are searched for scripts.
const MAX_OBJECTS: usize = 50_000;
const MAX_DEPTH: u32 = 8;
/// Entries that make a reader act by itself.
const ACTIVE_KEYS: [&str; 3] = ["JS", "JavaScript", "AA"];
const ACTIVE_ACTIONS: [&str; 6] = [
    "JavaScript",
    "Launch",
    "SubmitForm",
    "ImportData",
    "GoToE",
    "RichMediaExecute",
];

pub fn decode(bytes: Vec<u8>, want: &Want, font: Option<FontFile>) -> Result<Decoded, MediaError> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(why) => locked(why),
        LoadPdfError::Invalid => MediaError::Corrupt,
    })?;
    let pages = num::count(pdf.pages().len());
    if pages == 0 {
        return Err(MediaError::Corrupt);
    }
    if pages > MAX_PDF_PAGES {
        return Err(MediaError::TooManyPages {
            pages,
            limit: MAX_PDF_PAGES,
        });
    }
    want.check_page(pages)?;
    let at = num::index(want.page.saturating_sub(1));
    let page = pdf.pages().get(at).ok_or(MediaError::Corrupt)?;
    let settings = settings(font);
    let cache = RenderCache::new();
    let scale = scale_for(page, want.max_px)?;
    let picture = draw(page, &cache, &settings, scale)?;
    let mut texts = Vec::new();
    if want.with_codes {
        texts = codes::read(&raster::luma(&picture));
        if texts.is_empty() && scale > SECOND_SCALE {
            let second = draw(page, &cache, &settings, SECOND_SCALE)?;
            texts = codes::read(&raster::luma(&second));
        }
    }
    let (width, height) = picture.dimensions();
    let had_active_content = has_active_content(&pdf);
    Ok(Decoded {
        pages,
        width,
        height,
        had_active_content,
        texts,
        picture,
    })
}

fn locked(why: DecryptionError) -> MediaError {
    match why {
        DecryptionError::PasswordProtected | DecryptionError::UnsupportedAlgorithm => {
            MediaError::EncryptedPdf
        }
        DecryptionError::MissingIDEntry | DecryptionError::InvalidEncryption => MediaError::Corrupt,
    }
}

/// Chinese tax invoices name fonts that they do not carry; the computer's own stands in.
fn settings(font: Option<FontFile>) -> InterpreterSettings {
    let font: Option<(FontData, u32)> = font.map(|file| {
        let data: FontData = file.bytes;
        (data, file.face)
    });
    InterpreterSettings {
        font_resolver: Arc::new(move |query| match query {
            FontQuery::Standard(standard) => Some(standard.get_font_data()),
            FontQuery::Fallback(wanted) => match (&wanted.character_collection, &font) {
                (Some(_), Some(chinese)) => Some(chinese.clone()),
                (Some(_) | None, _) => Some(wanted.pick_standard_font().get_font_data()),
            },
        }),
        ..InterpreterSettings::default()
    }
}

fn scale_for(page: &Page<'_>, max_px: u32) -> Result<f32, MediaError> {
    let (width, height) = page.render_dimensions();
    let usable = |side: f32| side.is_finite() && side >= MIN_SIDE_PT;
    if !usable(width) || !usable(height) {
        return Err(MediaError::Corrupt);
    }
    Ok((num::real(max_px) / width.max(height)).min(MAX_SCALE))
}

fn draw<'a>(
    page: &'a Page<'a>,
    cache: &RenderCache<'a>,
    settings: &InterpreterSettings,
    scale: f32,
) -> Result<Rgb8Image, MediaError> {
    let (width, height) = page.render_dimensions();
    // A very thin page must not become one of no pixels at all.
    let size = PixmapSettings {
        x_scale: scale.max(MIN_SIDE_PT / width),
        y_scale: scale.max(MIN_SIDE_PT / height),
        bg_color: WHITE,
    };
    let drawn = hayro::render(page, cache, settings, &RenderSettings::default(), &size);
    let (wide, high) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let rgb: Vec<u8> = drawn
        .data_as_u8_slice()
        .chunks_exact(4)
        .flat_map(|pixel| pixel.iter().take(3).copied())
        .collect();
    Rgb8Image::from_raw(wide, high, rgb)
        .filter(|picture| picture.width() > 0 && picture.height() > 0)
        .ok_or(MediaError::Corrupt)
}

fn has_active_content(pdf: &Pdf) -> bool {
    pdf.objects()
        .into_iter()
        .take(MAX_OBJECTS)
        .any(|object| is_active(&object, MAX_DEPTH))
}

fn is_active(object: &Object<'_>, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    match object {
        Object::Dict(dict) => is_active_dict(dict, depth),
        Object::Stream(stream) => is_active_dict(stream.dict(), depth),
        Object::Array(array) => is_active_array(array, depth),
        Object::Null(_)
        | Object::Boolean(_)
        | Object::Number(_)
        | Object::String(_)
        | Object::Name(_) => false,
    }
}

fn is_active_dict(dict: &Dict<'_>, depth: u32) -> bool {
    let acts = dict
        .get::<Name<'_>>("S")
        .is_some_and(|action| ACTIVE_ACTIONS.contains(&action.as_str()));
    if acts || ACTIVE_KEYS.iter().any(|key| dict.contains_key(key)) {
        return true;
    }
    // What is referred to elsewhere is visited as an object of its own.
    dict.entries().any(|(_, value)| match value {
        hayro::hayro_syntax::object::MaybeRef::NotRef(inner) => is_active(&inner, depth),
        hayro::hayro_syntax::object::MaybeRef::Ref(_) => false,
    })
}

fn is_active_array(array: &Array<'_>, depth: u32) -> bool {
    array.raw_iter().take(MAX_OBJECTS).any(|value| match value {
        hayro::hayro_syntax::object::MaybeRef::NotRef(inner) => is_active(&inner, depth),
        hayro::hayro_syntax::object::MaybeRef::Ref(_) => false,
    })
}
