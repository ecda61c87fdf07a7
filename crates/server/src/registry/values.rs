//! Values of single cells: the domain's parsers with reasons in Chinese. A format is refused; a check digit that fails
//! is a warning, because papers carry such numbers.

use super::columns::Field;
use desk_domain::calendar::shanghai_day;
use desk_domain::ident::{
    BusinessRegistrationNo, CardTail, HkMacaoTaiwanPermit, Landline, LegacyResidentId,
    MerchantInnerNo, MerchantNo, Mobile, OldPermanentResidentId, Parsed, PermanentResidentId,
    Reject, ResidentId, TerminalNo, TerminalSerial, TravelDocument, Tusn, Uscc, Warning, compact,
};
use desk_domain::names::PersonName;
use desk_domain::secret_trap::FieldKind;
use desk_domain::time::Millis;

pub const DAY_MS: i64 = 86_400_000;
const NAME_CHARS: usize = 100;
const ADDRESS_CHARS: usize = 200;
/// What a spreadsheet shows in place of a value.
const FORMULA_ERRORS: [&str; 7] = [
    "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!",
];
const CHECK_FAILED: &str = "校验位不符，请核对";

/// A value in its stored form, and doubts about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Good {
    pub value: String,
    pub warnings: Vec<String>,
}

/// A value, or the reason why it is none.
pub type Read = Result<Good, String>;

fn good(value: &str, warnings: &[Warning]) -> Good {
    Good {
        value: value.to_owned(),
        warnings: warnings.iter().map(|one| doubt(*one).to_owned()).collect(),
    }
}

fn checked_by_eye(text: &str) -> Good {
    Good {
        value: compact(text),
        warnings: vec![CHECK_FAILED.to_owned()],
    }
}

fn doubt(warning: Warning) -> &'static str {
    match warning {
        Warning::WarnRegion => "地区代码不在表中",
        Warning::WarnSegment => "号段少见",
        Warning::WarnAcquirer => "不是本收单机构的商户编号",
        Warning::WarnOrg => "内含的组织机构代码校验位不符",
        Warning::WarnYear => "年份可疑",
        Warning::WarnType => "旧式或少见的证件号码",
    }
}

fn refusal(what: &str, shape: &str, reject: Reject) -> String {
    let why = match reject {
        Reject::Length => "位数不对",
        Reject::Format => "有不该有的字符",
        Reject::Region => "地区代码不存在",
        Reject::Date => "其中的日期不成立",
        Reject::Seq => "顺序码不成立",
        Reject::Check => "校验位不符",
        Reject::Nation => "国籍代码不成立",
        Reject::Dept => "登记机关代码不存在",
        Reject::Kind => "机构类别代码不存在",
        Reject::Repeat => "是同一个字符的重复",
    };
    format!("{what}{why}：应为{shape}")
}

pub fn merchant_no(text: &str) -> Read {
    match MerchantNo::parse(text) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(reject) => Err(refusal("商户编号", " 15 位，前 11 位为数字", reject)),
    }
}

pub fn inner_no(text: &str) -> Read {
    match MerchantInnerNo::parse(text) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(reject) => Err(refusal(
            "内部商户号",
            "以 400 或 500 开头的 19 位数字",
            reject,
        )),
    }
}

/// Names of merchants, banks and models: any visible text.
pub fn name(text: &str) -> Read {
    visible(text, NAME_CHARS)
}

pub fn address(text: &str) -> Read {
    visible(text, ADDRESS_CHARS)
}

fn visible(text: &str, most: usize) -> Read {
    let words: Vec<&str> = text.split_whitespace().collect();
    let value = words.join(" ");
    if value.chars().count() > most {
        return Err(format!("超过 {most} 个字"));
    }
    if value.chars().any(char::is_control) {
        return Err("有不可见的控制字符".to_owned());
    }
    if FORMULA_ERRORS.contains(&value.as_str()) {
        return Err("公式出错，没有值".to_owned());
    }
    let lost = value.contains('\u{FFFD}');
    Ok(Good {
        value,
        warnings: lost
            .then(|| "有字符在转码中丢失".to_owned())
            .into_iter()
            .collect(),
    })
}

pub fn person(text: &str) -> Read {
    match PersonName::parse(text) {
        Ok((name, doubts)) => Ok(Good {
            value: name.as_str().to_owned(),
            warnings: doubts
                .iter()
                .map(|_| "姓名中有生僻或丢失的字，请核对".to_owned())
                .collect(),
        }),
        Err(_) => Err("姓名过长或有控制字符".to_owned()),
    }
}

/// A resident's number, or that of any other document that a legal person may have.
pub fn legal_id(text: &str, now: Millis) -> Read {
    let today = shanghai_day(now);
    let first = match ResidentId::parse(text, today) {
        Ok(Parsed { value, warnings }) => return Ok(good(value.as_str(), &warnings)),
        Err(reject) => reject,
    };
    if let Ok(Parsed { value, warnings }) = HkMacaoTaiwanPermit::parse(text, today) {
        return Ok(good(value.as_str(), &warnings));
    }
    match PermanentResidentId::parse(text, today) {
        Ok(Parsed { value, warnings }) => return Ok(good(value.as_str(), &warnings)),
        Err(Reject::Check) => return Ok(checked_by_eye(text)),
        Err(_) => {}
    }
    if let Ok(Parsed { value, warnings }) = LegacyResidentId::parse(text, today) {
        return Ok(good(value.as_str(), &warnings));
    }
    if let Ok(Parsed { value, warnings }) = OldPermanentResidentId::parse(text) {
        return Ok(good(value.as_str(), &warnings));
    }
    if let Ok(Parsed { value, warnings }) = TravelDocument::parse(text) {
        return Ok(good(value.as_str(), &warnings));
    }
    if first == Reject::Check {
        return Ok(checked_by_eye(text));
    }
    Err(refusal(
        "证件号",
        " 18 位居民身份证号或其他有效证件号",
        first,
    ))
}

pub fn phone(text: &str) -> Read {
    let first = match Mobile::parse(text) {
        Ok(Parsed { value, warnings }) => return Ok(good(value.as_str(), &warnings)),
        Err(reject) => reject,
    };
    match Landline::parse(text) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(_) => Err(refusal("手机号", " 11 位手机号或带区号的座机号", first)),
    }
}

pub fn uscc(text: &str) -> Read {
    let first = match Uscc::parse(text) {
        Ok(Parsed { value, warnings }) => return Ok(good(value.as_str(), &warnings)),
        Err(Reject::Check) => return Ok(checked_by_eye(text)),
        Err(reject) => reject,
    };
    match BusinessRegistrationNo::parse(text) {
        Ok(parsed) => Ok(good(parsed.value.as_str(), &[Warning::WarnType])),
        Err(Reject::Check) => Ok(checked_by_eye(text)),
        Err(_) => Err(refusal("统一社会信用代码", " 18 位", first)),
    }
}

/// `1234`, or a number whose other digits are hidden already.
pub fn settle_tail(text: &str) -> Read {
    let code = compact(text);
    let is_masked = code.contains(['*', 'X']);
    let tail = match code.char_indices().rev().nth(3) {
        Some((at, _)) if is_masked => code.get(at..).unwrap_or_default(),
        _ => code.as_str(),
    };
    match CardTail::parse(tail) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(reject) => Err(refusal("结算卡后四位", " 4 位数字", reject)),
    }
}

pub fn serial(text: &str) -> Read {
    match TerminalSerial::parse(text) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(reject) => Err(refusal("序列号", " 6 至 50 位字母数字", reject)),
    }
}

pub fn tusn(text: &str) -> Read {
    match Tusn::parse(text) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(reject) => Err(refusal("TUSN ", " 6 至 50 位字母数字", reject)),
    }
}

pub fn terminal_no(text: &str) -> Read {
    match TerminalNo::parse(text) {
        Ok(Parsed { value, warnings }) => Ok(good(value.as_str(), &warnings)),
        Err(reject) => Err(refusal("终端号", " 8 位字母数字", reject)),
    }
}

const CLASSES: &[(&str, &[&str])] = &[
    ("enterprise", &["企业", "企业商户", "公司"]),
    ("sole_trader", &["个体工商户", "个体", "个体户", "个体商户"]),
    ("micro", &["小微商户", "小微", "个人", "小微商户（无照）"]),
];
const KINDS: &[(&str, &[&str])] = &[
    (
        "traditional",
        &["传统POS", "传统", "POS", "固定POS", "移动POS"],
    ),
    ("smart", &["智能POS", "智能", "智能终端"]),
    ("esign", &["电签POS", "电签"]),
    ("mpos", &["手机POS", "MPOS", "手机POS（MPOS）"]),
    ("qr_box", &["扫码盒", "扫码盒子", "小白盒"]),
    ("qr_plate", &["收款码牌", "码牌", "台牌"]),
    ("soundbox", &["云音箱", "云喇叭", "音箱"]),
];
const OWNERSHIP: &[(&str, &[&str])] = &[
    ("purchased", &["自购", "购买", "销售"]),
    ("leased", &["租用", "租赁", "租机"]),
    ("free_with_deposit", &["押金领用", "押金", "免费领用"]),
    ("unknown", &["不详", "未知", "其他"]),
];

pub fn class(text: &str) -> Read {
    one_of(text, CLASSES)
}

pub fn kind(text: &str) -> Read {
    one_of(text, KINDS)
}

pub fn obtained_by(text: &str) -> Read {
    one_of(text, OWNERSHIP)
}

fn one_of(text: &str, table: &[(&str, &[&str])]) -> Read {
    let plain = |text: &str| compact(text).replace(['（', '）', '(', ')'], "");
    let said = plain(text);
    let found = table
        .iter()
        .find(|(code, names)| plain(code) == said || names.iter().any(|name| plain(name) == said));
    let all = || {
        let first = table.iter().filter_map(|(_, names)| names.first().copied());
        first.collect::<Vec<_>>().join("、")
    };
    found.map_or_else(
        || Err(format!("不认识的值：应为{}之一", all())),
        |(code, _)| Ok(good(code, &[])),
    )
}

/// Whether a spreadsheet may have spoiled it: codes are no numbers.
pub const fn is_code(field: Field) -> bool {
    match field {
        Field::MerchantNo
        | Field::MerchantInnerNo
        | Field::Uscc
        | Field::LegalIdNo
        | Field::Phone
        | Field::SettleTail
        | Field::Serial
        | Field::Tusn
        | Field::TerminalNumbers => true,
        Field::Office
        | Field::Name
        | Field::Class
        | Field::LegalName
        | Field::PhoneChangedAt
        | Field::SettleBank
        | Field::Address
        | Field::Model
        | Field::Kind
        | Field::ObtainedBy
        | Field::BoundAt
        | Field::UnboundAt
        | Field::LastTradeAt => false,
    }
}

/// As what the secret trap looks at a column.
pub const fn trap(field: Field) -> FieldKind {
    match field {
        Field::MerchantNo | Field::MerchantInnerNo => FieldKind::MerchantNumber,
        Field::Serial | Field::Tusn => FieldKind::TerminalSerial,
        Field::TerminalNumbers => FieldKind::TerminalNumber,
        Field::Name | Field::LegalName => FieldKind::Name,
        Field::Address => FieldKind::Address,
        Field::Phone => FieldKind::Phone,
        Field::LegalIdNo => FieldKind::IdentityNumber,
        Field::Uscc => FieldKind::OrganisationNumber,
        Field::Office
        | Field::Class
        | Field::PhoneChangedAt
        | Field::SettleBank
        | Field::SettleTail
        | Field::Model
        | Field::Kind
        | Field::ObtainedBy
        | Field::BoundAt
        | Field::UnboundAt
        | Field::LastTradeAt => FieldKind::FreeText,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_305_600_000;

    #[test]
    fn formats_are_refused_and_check_digits_are_doubts() {
        assert_eq!(
            uscc("91110105MA000T0148").unwrap().warnings,
            Vec::<String>::new()
        );
        assert_eq!(uscc("91110105MA000T0149").unwrap().warnings, [CHECK_FAILED]);
        assert!(uscc("91110105MI000T0148").is_err());
        assert_eq!(
            legal_id("110105199003070018", NOW).unwrap().warnings,
            [CHECK_FAILED]
        );
        assert!(legal_id("110105199013010018", NOW).is_err());
        assert!(
            legal_id("810000198501010010", NOW)
                .unwrap()
                .warnings
                .is_empty()
        );
        assert!(phone("95016").is_err() && phone("010-62000000").is_ok());
        assert!(
            merchant_no("82229007011000")
                .unwrap_err()
                .contains("位数不对")
        );
    }

    #[test]
    fn a_card_is_kept_by_its_last_four_digits_only() {
        for text in [
            "1234",
            "****1234",
            "6222********1234",
            "6222 XXXX XXXX 1234",
        ] {
            assert_eq!(settle_tail(text).unwrap().value, "1234", "{text}");
        }
        for text in ["6222020000000000000", "123", "12a4"] {
            assert!(settle_tail(text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_are_read_by_their_chinese_names_and_their_codes() {
        assert_eq!(kind("智能pos").unwrap().value, "smart");
        assert_eq!(kind("qr_box").unwrap().value, "qr_box");
        assert_eq!(kind("手机POS(MPOS)").unwrap().value, "mpos");
        assert_eq!(class("小微商户（无照）").unwrap().value, "micro");
        assert!(obtained_by("捡来的").unwrap_err().contains("自购"));
    }
}
