//! Synthetic cases as text. Every name says 示例 or 样例; every number belongs to nobody.

use crate::chance::mix;

/// Two-character places with their initials.
const PLACES: [(&str, &str); 10] = [
    ("杭州", "hz"),
    ("苏州", "sz"),
    ("宁波", "nb"),
    ("温州", "wz"),
    ("南京", "nj"),
    ("合肥", "hf"),
    ("福州", "fz"),
    ("武汉", "wh"),
    ("济南", "jn"),
    ("青岛", "qd"),
];
/// Characters of brands with their initials.
const BRAND: [(&str, &str); 40] = [
    ("云", "y"),
    ("溪", "x"),
    ("青", "q"),
    ("禾", "h"),
    ("木", "m"),
    ("林", "l"),
    ("星", "x"),
    ("海", "h"),
    ("江", "j"),
    ("山", "s"),
    ("梅", "m"),
    ("兰", "l"),
    ("竹", "z"),
    ("菊", "j"),
    ("春", "c"),
    ("秋", "q"),
    ("金", "j"),
    ("银", "y"),
    ("玉", "y"),
    ("珠", "z"),
    ("安", "a"),
    ("康", "k"),
    ("福", "f"),
    ("禄", "l"),
    ("双", "s"),
    ("喜", "x"),
    ("天", "t"),
    ("地", "d"),
    ("日", "r"),
    ("月", "y"),
    ("风", "f"),
    ("雨", "y"),
    ("雪", "x"),
    ("花", "h"),
    ("鸟", "n"),
    ("鱼", "y"),
    ("龙", "l"),
    ("凤", "f"),
    ("虎", "h"),
    ("马", "m"),
];
const TRADES: [&str; 6] = ["便利店", "小吃店", "水果店", "药房", "茶庄", "面馆"];
const SURNAMES: [&str; 10] = ["赵", "钱", "孙", "李", "周", "吴", "郑", "王", "冯", "陈"];
const FAULTS: [&str; 8] = [
    "黑屏",
    "不开机",
    "卡纸",
    "无信号",
    "按键失灵",
    "读卡失败",
    "提示锁机",
    "电量异常",
];
const WISHES: [&str; 4] = ["想解绑", "要求换机", "申请退机", "询问流程"];

/// What one case says.
#[derive(Clone, Debug)]
pub struct Words {
    pub merchant: String,
    /// Initials of the brand and of 示例 after it.
    pub initials: String,
    /// The first two characters of the brand.
    pub brand: String,
    pub caller: String,
    pub request: String,
    pub phone: String,
    pub serial: String,
    pub merchant_no: String,
}

/// The same case for the same number, always.
pub fn words_of(number: u64) -> Words {
    let dice = |salt: u64| mix(number.wrapping_mul(31).wrapping_add(salt << 48));
    let (place, _) = pick(&PLACES, dice(1));
    let brand = [2, 3, 4].map(|salt| pick(&BRAND, dice(salt)));
    let name: String = brand.iter().map(|(sign, _)| *sign).collect();
    let letters: String = brand.iter().map(|(_, letter)| *letter).collect();
    Words {
        merchant: format!("{place}{name}示例{}", pick(&TRADES, dice(5))),
        initials: format!("{letters}sl"),
        brand: name.chars().take(2).collect(),
        caller: format!(
            "{}样例{}",
            pick(&SURNAMES, dice(6)),
            pick(&BRAND, dice(7)).0
        ),
        request: format!(
            "机器{}，商户{}，示例记录",
            pick(&FAULTS, dice(8)),
            pick(&WISHES, dice(9))
        ),
        phone: format!("1390000{:04}", dice(10) % 10_000),
        serial: format!("SN00{:08}", dice(11) % 100_000_000),
        merchant_no: format!("8221000{:08}", dice(12) % 100_000_000),
    }
}

/// One character that brands are made of.
pub fn brand_character(number: u64) -> &'static str {
    pick(&BRAND, mix(number)).0
}

fn pick<T: Copy + Default>(list: &[T], number: u64) -> T {
    let length = u64::try_from(list.len()).unwrap_or(1).max(1);
    let at = usize::try_from(number % length).unwrap_or(0);
    list.get(at).copied().unwrap_or_default()
}
