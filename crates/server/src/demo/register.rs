//! A made-up register. People in it were born on the first days of 1900; names say 示例 or 样例.

use super::people::{BRANCH, code};
use crate::error::ServerError;
use crate::run::House;
use desk_domain::calendar::shanghai_day;
use desk_domain::ident::{ResidentId, Uscc};
use desk_domain::ids::MerchantId;
use desk_domain::registry::{MerchantRecord, TerminalRecord};
use desk_domain::time::Millis;

const STEMS: [&str; 10] = ["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸"];
const CLASSES: [&str; 3] = ["micro", "sole_trader", "enterprise"];
const OWNERSHIP: [&str; 3] = ["purchased", "leased", "free_with_deposit"];
const YEAR: Millis = 365 * 86_400_000;

/// Draws merchants 1…`count`.
pub fn draw(house: &House, count: u32) -> Result<Vec<MerchantRecord>, ServerError> {
    (1..=count).map(|n| merchant(house, n)).collect()
}

fn merchant(house: &House, n: u32) -> Result<MerchantRecord, ServerError> {
    let now = house.rules.clock.now();
    let class = pick(&CLASSES, n);
    let impossible = || ServerError::Usage(format!("no number for demo merchant {n}"));
    // One in forty changed its number lately: the risk flag has something to show.
    let phone_age = if n % 40 == 9 {
        12 * 86_400_000
    } else {
        2 * YEAR
    };
    Ok(MerchantRecord {
        id: MerchantId::new(now, house.rules.chance.as_ref()),
        office: code(BRANCH)?,
        merchant_no: format!("82229005411{n:04}"),
        merchant_inner_no: None,
        name: format!("示例商户{}{n:03}", pick(&STEMS, n)),
        class: class.to_owned(),
        uscc: if class == "micro" {
            None
        } else {
            Some(uscc(n).ok_or_else(impossible)?)
        },
        legal_name: format!("样例{}{}", pick(&STEMS, n / 10), pick(&STEMS, n)),
        legal_id_no: identity(now, n).ok_or_else(impossible)?,
        phone: format!("130000{n:05}"),
        phone_changed_at: now.saturating_sub(phone_age),
        settle_bank: "示例银行".to_owned(),
        settle_tail: format!("{:04}", 1000 + n),
        address: format!("示例市示例区虚构路{n}号"),
        terminals: (1..=1 + n % 2).map(|t| terminal(now, n, t)).collect(),
        version: 0,
    })
}

fn terminal(now: Millis, n: u32, t: u32) -> TerminalRecord {
    TerminalRecord {
        serial: format!("DEMO{n:05}{t:03}"),
        tusn: None,
        terminal_numbers: vec![format!("D{n:05}{t:02}")],
        model: "示例 P-100".to_owned(),
        kind: "smart".to_owned(),
        obtained_by: pick(&OWNERSHIP, n).to_owned(),
        bound_at: now.saturating_sub(YEAR),
        unbound_at: None,
        last_trade_at: Some(now.saturating_sub(20 * 86_400_000)),
    }
}

/// The check character is found by asking the parser, so that it stays in one place.
fn identity(now: Millis, n: u32) -> Option<String> {
    let stem = format!("110105190001{:02}{:03}", 1 + n / 100, 1 + n % 100);
    let fits = |text: &String| ResidentId::parse(text, shanghai_day(now)).is_ok();
    "0123456789X"
        .chars()
        .map(|check| format!("{stem}{check}"))
        .find(fits)
}

fn uscc(n: u32) -> Option<String> {
    let stem = format!("92110105MADEM{n:04}");
    let fits = |text: &String| Uscc::parse(text).is_ok();
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .map(|check| format!("{stem}{check}"))
        .find(fits)
}

fn pick<const N: usize>(all: &[&'static str; N], n: u32) -> &'static str {
    let place = usize::try_from(n)
        .unwrap_or_default()
        .checked_rem(N)
        .unwrap_or_default();
    all.get(place).copied().unwrap_or_default()
}
