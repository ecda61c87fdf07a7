//! A masked copy of a paper: what is covered is gone from it, and its purpose is burnt in.

use super::documents::{attach, known, take_in};
use super::read;
use crate::desk::Desk;
use crate::dto::{CaseScreen, DocumentMask, MaskArea};
use crate::error::{AppError, Thing};
use crate::screens::Painter;
use crate::screens::papers::Beside;
use desk_domain::calendar::shanghai_day;
use desk_media::{MAX_PAGE_PX, MaskRect, Rgb8Image, encode_jpeg, masked_copy, watermark_text};
use desk_store::Part;

/// Areas of one copy; whoever needs more covers larger ones.
const AREAS_MAX: usize = 40;
/// Areas come in parts of this, whatever the picture's size.
const WHOLE: u32 = 10_000;
const QUALITY: u8 = 88;

/// The copy takes the paper's place on the case; one page of several stands beside it. The original stays sealed.
pub fn document_mask(desk: &Desk, args: DocumentMask) -> Result<CaseScreen, AppError> {
    if args.areas.is_empty() || args.areas.len() > AREAS_MAX || !args.areas.iter().all(is_inside) {
        return Err(AppError::BadArguments);
    }
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let document = read::document(&args.document)?;
    let view = session.view(case)?;
    let on_case = view.case.documents.get(&document);
    let kind = on_case.ok_or(AppError::NotFound(Thing::Document))?.kind;
    let there = known(&session, document)?;
    if args.page >= there.manifest.pages {
        return Err(AppError::NotFound(Thing::Document));
    }
    let original = session.store.open_document(document, Part::Original)?;
    let page = args.page.saturating_add(1);
    let picture = desk.inner().docbox.page(&original, page, MAX_PAGE_PX)?;
    let areas: Vec<MaskRect> = args
        .areas
        .iter()
        .map(|area| in_pixels(area, &picture))
        .collect();
    let day = shanghai_day(desk.now()).format("%Y-%m-%d").to_string();
    let mark = watermark_text(&view.case.case_no.to_string(), &day);
    let copy = encode_jpeg(&masked_copy(&picture, &areas, &mark)?, QUALITY)?;
    let copy = take_in(desk, &session, &copy, Beside::of(&there).name)?;
    let replaces = (there.manifest.pages == 1).then_some(document);
    attach(desk, &session, case, copy, kind, replaces)?;
    Painter::new(&session, desk.now()).case(case)
}

const fn is_inside(area: &MaskArea) -> bool {
    let (right, bottom) = (
        area.x.saturating_add(area.width),
        area.y.saturating_add(area.height),
    );
    area.width > 0 && area.height > 0 && right <= WHOLE && bottom <= WHOLE
}

/// Rounded outwards: a covered edge shows nothing of what is under it.
fn in_pixels(area: &MaskArea, picture: &Rgb8Image) -> MaskRect {
    let floor = |part: u32, size: u32| share(part, size, 0);
    let ceil = |part: u32, size: u32| share(part, size, u64::from(WHOLE) - 1);
    let (width, height) = picture.dimensions();
    let (x, y) = (floor(area.x, width), floor(area.y, height));
    MaskRect {
        x,
        y,
        width: ceil(area.x.saturating_add(area.width), width).saturating_sub(x),
        height: ceil(area.y.saturating_add(area.height), height).saturating_sub(y),
    }
}

fn share(part: u32, size: u32, round: u64) -> u32 {
    let pixels = (u64::from(part) * u64::from(size) + round) / u64::from(WHOLE);
    u32::try_from(pixels).unwrap_or(size)
}
