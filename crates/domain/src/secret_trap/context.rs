//! Secrets that only their context gives away: one-time codes, passwords, CVV; in Chinese and English.

/// Names of a code that a caller received. 校验码 alone is missing: invoices carry one.
const CODE_WORDS: &[&str] = &[
    "验证码",
    "短信码",
    "短信校验码",
    "动态码",
    "动态密码",
    "动态口令",
    "一次性密码",
    "授权码",
    "登录码",
    "verification code",
    "verify code",
    "sms code",
    "one-time code",
    "one time code",
    "one-time password",
    "one time password",
    "auth code",
    "authentication code",
    "login code",
    "passcode",
    "security code",
    "otp",
];
const PASSWORD_WORDS: &[&str] = &[
    "密码",
    "口令",
    "password",
    "passwd",
    "passphrase",
    "pass word",
    "pwd",
    "pin code",
    "pin",
];
const CVV_WORDS: &[&str] = &[
    "cvv2",
    "cvv",
    "cvc2",
    "cvc",
    "cvn2",
    "cvn",
    "安全码",
    "背面后三位",
    "背面三位",
    "背后三位",
    "签名栏后三位",
    "security code",
];
/// Words that may stand between a name and its value.
const LINKS: &[&str] = &[
    "改成了",
    "改成",
    "改为",
    "设置为",
    "设成",
    "设为",
    "就是",
    "应该是",
    "好像是",
    "是",
    "为",
    "叫",
    "码",
    "号",
    "的",
    "was set to",
    "set to",
    "changed to",
    "is",
    "was",
    ":",
    "=",
    "->",
    "(",
    "「",
    "“",
    "\"",
    "'",
    "[",
    "【",
];
/// The links behind which even a word of letters alone is a value.
const STRONG_LINKS: &[&str] = &[":", "=", "->"];
/// Words after which digits are something else than a code.
const OTHER_NUMBERS: &[&str] = &[
    "尾号",
    "后四位",
    "后4位",
    "工单",
    "编号",
    "终端",
    "商户",
    "电话",
    "手机",
    "号码",
    "金额",
    "订单",
    "错误",
    "故障",
    "代码",
    "报错",
    "机身",
    "序列",
    "客服",
    "热线",
    "拨打",
    "ending",
    "phone",
    "number",
    "case",
    "ticket",
    "terminal",
    "error",
    "serial",
    "order",
    "amount",
    "call",
];
const DENIALS: &[&str] = &["没", "未", "不", "无", "not ", "n't", "never", "no "];
const AFFIRMATIONS: &[&str] = &["是", "为", ":", "=", "is", "was"];
/// What follows a count, a date or a price.
const UNITS: &[char] = &[
    '年', '月', '日', '号', '时', '点', '分', '秒', '元', '块', '次', '天', '条', '个', '位', '台',
    '%',
];
const UNIT_WORDS: &[&str] = &["minute", "second", "time", "day", "hour", "yuan", "year"];
/// What is said of a password instead of the password itself.
const NOT_A_PASSWORD: &[&str] = &[
    "forgot",
    "forgotten",
    "unknown",
    "wrong",
    "none",
    "reset",
    "incorrect",
    "expired",
    "locked",
    "changed",
    "null",
    "invalid",
    "error",
    "correct",
    "required",
    "lost",
    "failed",
    "empty",
];
const OWNERS: &[&str] = &[
    "您的",
    "你的",
    "我的",
    "短信",
    "登录",
    "拉卡拉",
    "your",
    "the",
    "my",
    "lakala",
];
const SENTENCE_ENDS: &[char] = &['。', '；', ';', '\n', '！', '!', '？', '?'];

/// How far behind its name a code is looked for, in characters.
const REACH_CHARS: usize = 16;
/// How much of the text behind a name is looked at, so that long texts stay cheap.
const BEHIND_CHARS_MAX: usize = 96;
const LINKS_MAX: usize = 6;
const SECRET_CHARS_MIN: usize = 4;

/// Folded lower-case text, without the spaces that typing leaves between Han characters.
pub(super) fn plain(text: &str) -> String {
    let chars = super::folded_chars(text);
    let mut plain = String::with_capacity(text.len());
    // Spaces wait until it is known what they stand between.
    let mut waiting = String::new();
    for c in chars {
        if matches!(c, ' ' | '\t') {
            waiting.push(c);
            continue;
        }
        let between = plain.chars().next_back().is_some_and(is_han) && is_han(c);
        if !between {
            plain.push_str(&waiting);
        }
        waiting.clear();
        plain.push(c.to_ascii_lowercase());
    }
    plain
}

/// A CVV: exactly three or four digits right behind its name.
pub(super) fn holds_cvv(plain: &str) -> bool {
    behind(plain, CVV_WORDS).any(|found| {
        let value = skip_links(found.rest).rest;
        let (digits, after) = leading_digits(value);
        matches!(digits.len(), 3 | 4) && !is_counted(after)
    })
}

/// A password or PIN: a word with a digit behind its name, or any word behind a colon.
pub(super) fn holds_password(plain: &str) -> bool {
    behind(plain, PASSWORD_WORDS).any(|found| {
        // The one-time kinds are codes; the refusal is the same, but the coaching line is not.
        if CODE_WORDS.iter().any(|word| found.named.ends_with(word)) {
            return false;
        }
        let linked = skip_links(found.rest);
        let end = linked
            .rest
            .find(|c: char| !c.is_ascii_graphic() || ",;()\"'".contains(c));
        let (word, after) = linked
            .rest
            .split_at_checked(end.unwrap_or(linked.rest.len()))
            .unwrap_or_default();
        is_password(
            word.trim_end_matches(['.', '!', '?', ']']),
            after,
            linked.strong,
        )
    })
}

/// A one-time code: four to eight digits near its name, on either side.
pub(super) fn holds_one_time_code(plain: &str) -> bool {
    let after = behind(plain, CODE_WORDS).any(|found| holds_code_behind(found.rest));
    after || before(plain, CODE_WORDS).any(ends_with_code)
}

fn is_password(word: &str, after: &str, strong: bool) -> bool {
    if word.len() < SECRET_CHARS_MIN || word.bytes().all(|b| matches!(b, b'*' | b'x' | b'#' | b'.'))
    {
        return false;
    }
    let dated = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b"-/:.".contains(&b))
        && word.bytes().any(|b| !b.is_ascii_digit());
    if word.bytes().any(|b| b.is_ascii_digit()) {
        return !dated && !is_counted(after);
    }
    strong && !NOT_A_PASSWORD.contains(&word)
}

fn holds_code_behind(rest: &str) -> bool {
    let window = rest.split(SENTENCE_ENDS).next().unwrap_or_default();
    let mut from = 0;
    while let Some(found) = window
        .get(from..)
        .and_then(|text| text.find(|c: char| c.is_ascii_digit()))
    {
        let start = from + found;
        let (gap, value) = window.split_at_checked(start).unwrap_or_default();
        if gap.chars().count() > REACH_CHARS {
            return false;
        }
        let (digits, after) = code_digits(value);
        if is_code_length(digits) && gap_allows(gap) && !is_counted(after) {
            return true;
        }
        from = window.len() - after.len();
    }
    false
}

/// Whether the words between name and digits leave the digits a code.
fn gap_allows(gap: &str) -> bool {
    let near = gap.chars().next_back();
    let continued = near.is_some_and(|c| c.is_ascii_alphabetic() || "-/:.¥#".contains(c))
        && gap
            .chars()
            .rev()
            .nth(1)
            .is_some_and(|c| c.is_ascii_alphanumeric());
    let linked = AFFIRMATIONS
        .iter()
        .any(|word| gap.trim_end().ends_with(word));
    let other = OTHER_NUMBERS.iter().any(|word| gap.contains(word));
    let denied = DENIALS.iter().any(|word| gap.contains(word));
    let glued = continued && !gap.ends_with(':') && !gap.ends_with("is");
    !glued && !other && (linked || !denied)
}

/// Text that ends like `123456是您的` or `123456 (` in front of the name of a code.
fn ends_with_code(text: &str) -> bool {
    let mut rest = text.trim_end();
    for _ in 0..LINKS_MAX {
        let shorter = OWNERS.iter().find_map(|owner| rest.strip_suffix(owner));
        let Some(shorter) = shorter else { break };
        rest = shorter.trim_end();
    }
    let linked = ["是", "为", " is", "("]
        .iter()
        .find_map(|link| rest.strip_suffix(link));
    let Some(value) = linked.map(str::trim_end) else {
        return false;
    };
    let head = value.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = value.get(head.len()..).unwrap_or_default();
    let glued = head
        .chars()
        .next_back()
        .is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
    let other = head.chars().rev().take(REACH_CHARS).collect::<Vec<_>>();
    let near: String = other.into_iter().rev().collect();
    is_code_length(digits) && !glued && !OTHER_NUMBERS.iter().any(|word| near.contains(word))
}

fn is_code_length(digits: &str) -> bool {
    (4..=8).contains(&digits.bytes().filter(u8::is_ascii_digit).count())
}

/// Whether what follows makes the digits a count, a price or part of a date.
fn is_counted(after: &str) -> bool {
    let mut chars = after.chars();
    let next = chars.next();
    let then_digit = chars.next().is_some_and(|c| c.is_ascii_digit());
    let bare = after.trim_start();
    next.is_some_and(|c| c.is_ascii_digit() || ("-/:.".contains(c) && then_digit))
        || bare.starts_with(UNITS)
        || UNIT_WORDS.iter().any(|word| bare.starts_with(word))
}

struct Behind<'a> {
    /// The text up to the end of the name.
    named: &'a str,
    /// What follows it, cut to a bounded length.
    rest: &'a str,
}

struct Linked<'a> {
    rest: &'a str,
    strong: bool,
}

fn skip_links(text: &str) -> Linked<'_> {
    let mut linked = Linked {
        rest: text.trim_start(),
        strong: false,
    };
    for _ in 0..LINKS_MAX {
        let link = LINKS
            .iter()
            .find_map(|link| Some((*link, linked.rest.strip_prefix(link)?)));
        let Some((link, rest)) = link else { break };
        linked.strong |= STRONG_LINKS.contains(&link);
        linked.rest = rest.trim_start();
    }
    linked
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

/// Digits, also when they are written as two groups of three.
fn code_digits(text: &str) -> (&str, &str) {
    let (first, after) = leading_digits(text);
    let second = after.strip_prefix([' ', '-']).map(leading_digits);
    match second {
        Some((more, behind)) if first.len() == 3 && more.len() == 3 => {
            (text.get(..7).unwrap_or_default(), behind)
        }
        _ => (first, after),
    }
}

/// What stands behind each whole-word occurrence of one of the words, as far as it matters.
fn behind<'a>(text: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = Behind<'a>> {
    occurrences(text, words).filter_map(|(at, word)| {
        let start = at + word.len();
        let rest = text.get(start..)?;
        let end = rest
            .char_indices()
            .nth(BEHIND_CHARS_MAX)
            .map_or(rest.len(), |(end, _)| end);
        Some(Behind {
            named: text.get(..start)?,
            rest: rest.get(..end)?,
        })
    })
}

/// What stands in front of each whole-word occurrence of one of the words.
fn before<'a>(text: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    occurrences(text, words).filter_map(|(at, _)| text.get(..at))
}

fn occurrences<'a>(text: &'a str, words: &'a [&'a str]) -> impl Iterator<Item = (usize, &'a str)> {
    // One look at the bytes of the text spares a search for nearly every word.
    let mut there = [false; 256];
    for byte in text.bytes() {
        if let Some(place) = there.get_mut(usize::from(byte)) {
            *place = true;
        }
    }
    let may_hold = move |word: &str| {
        word.bytes()
            .all(|byte| there.get(usize::from(byte)).is_none_or(|there| *there))
    };
    words
        .iter()
        .filter(move |word| may_hold(word))
        .flat_map(move |word| text.match_indices(*word))
        .filter(move |(at, word)| {
            let ascii = word.is_ascii();
            let left = text.get(..*at).and_then(|head| head.chars().next_back());
            let right = text
                .get(at + word.len()..)
                .and_then(|tail| tail.chars().next());
            let inside = left.is_some_and(|c| c.is_ascii_alphanumeric())
                || right.is_some_and(|c| c.is_ascii_alphabetic());
            !(ascii && inside)
        })
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}')
}
