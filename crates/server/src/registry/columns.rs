//! The columns of a register file: which headings are understood.

use desk_domain::ident::fold;

/// What a column says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Field {
    Office,
    MerchantNo,
    MerchantInnerNo,
    Name,
    Class,
    Uscc,
    LegalName,
    LegalIdNo,
    Phone,
    PhoneChangedAt,
    SettleBank,
    SettleTail,
    Address,
    Serial,
    Tusn,
    TerminalNumbers,
    Model,
    Kind,
    ObtainedBy,
    BoundAt,
    UnboundAt,
    LastTradeAt,
}

/// Whether a file must have the column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    Required,
    Optional,
}

/// One line of the table.
pub struct Column {
    pub field: Field,
    /// As in the records of the register.
    pub name: &'static str,
    pub need: Need,
    /// How acquirers head it: lower case, without blanks and signs; a blank between two.
    pub synonyms: &'static str,
}

const fn column(field: Field, name: &'static str, need: Need, synonyms: &'static str) -> Column {
    Column {
        field,
        name,
        need,
        synonyms,
    }
}

/// The table. `docs/OPERATE.md` shows it; a test holds the two together.
pub const COLUMNS: &[Column] = &[
    column(
        Field::MerchantNo,
        "merchant_no",
        Need::Required,
        "商户编号 商户号 银联商户编号 银联商户号 merchantno merchantnumber merchantid mid",
    ),
    column(
        Field::Name,
        "name",
        Need::Required,
        "商户名称 商户注册名称 营业执照名称 注册名称 name merchantname",
    ),
    column(
        Field::LegalName,
        "legal_name",
        Need::Required,
        "法人姓名 法人 法定代表人 法人代表 负责人 经营者 经营者姓名 法定代表人姓名 负责人姓名 \
         legalname legalperson",
    ),
    column(
        Field::LegalIdNo,
        "legal_id_no",
        Need::Required,
        "法人证件号 法人证件号码 法人身份证号 法人身份证 身份证号 身份证号码 证件号码 证件号 \
         法定代表人证件号码 legalidno legalid idno",
    ),
    column(
        Field::Phone,
        "phone",
        Need::Required,
        "手机号 手机号码 登记手机号 注册手机号 联系电话 法人手机号 预留手机号 联系人手机号 phone \
         mobile phoneno",
    ),
    column(
        Field::MerchantInnerNo,
        "merchant_inner_no",
        Need::Optional,
        "内部商户号 内部商户编号 拉卡拉商户号 拉卡拉内部商户号 merchantinnerno innerno merinnerno",
    ),
    column(
        Field::Class,
        "class",
        Need::Optional,
        "商户类型 商户类别 商户性质 class merchantclass merchanttype",
    ),
    column(
        Field::Uscc,
        "uscc",
        Need::Optional,
        "统一社会信用代码 社会信用代码 信用代码 营业执照号 营业执照号码 营业执照编号 uscc licenceno \
         licenseno",
    ),
    column(
        Field::PhoneChangedAt,
        "phone_changed_at",
        Need::Optional,
        "手机号变更日期 手机号变更时间 手机号登记日期 手机号更新时间 phonechangedat phonechanged",
    ),
    column(
        Field::SettleBank,
        "settle_bank",
        Need::Optional,
        "结算银行 开户银行 开户行 结算开户行 settlebank bank bankname",
    ),
    column(
        Field::SettleTail,
        "settle_tail",
        Need::Optional,
        "结算卡后四位 结算卡尾号 结算账号后四位 银行卡后四位 卡号后四位 结算卡号 settletail \
         cardlast4 banklast4",
    ),
    column(
        Field::Address,
        "address",
        Need::Optional,
        "地址 商户地址 经营地址 注册地址 装机地址 address",
    ),
    column(
        Field::Office,
        "office",
        Need::Optional,
        "网点编号 网点代码 网点 机构编号 office officecode branch",
    ),
    column(
        Field::Serial,
        "serial",
        Need::Optional,
        "序列号 机身序列号 机身号 终端序列号 机具序列号 设备序列号 机具sn 终端sn 设备sn sn serial \
         serialno serialnumber devserialno",
    ),
    column(
        Field::Tusn,
        "tusn",
        Need::Optional,
        "tusn 终端唯一序列号 银联终端序列号 21号文编号",
    ),
    column(
        Field::TerminalNumbers,
        "terminal_numbers",
        Need::Optional,
        "终端号 终端编号 银联终端号 terminalno terminalnumber terminalnumbers tid termno",
    ),
    column(
        Field::Model,
        "model",
        Need::Optional,
        "机型 终端型号 机具型号 设备型号 型号 model",
    ),
    column(
        Field::Kind,
        "kind",
        Need::Optional,
        "终端类型 机具类型 设备类型 产品类型 kind terminalkind terminaltype",
    ),
    column(
        Field::ObtainedBy,
        "obtained_by",
        Need::Optional,
        "取得方式 机具来源 领用方式 机具归属 obtainedby ownership",
    ),
    column(
        Field::BoundAt,
        "bound_at",
        Need::Optional,
        "绑定日期 绑定时间 装机日期 装机时间 入网时间 入网日期 boundat installedat",
    ),
    column(
        Field::UnboundAt,
        "unbound_at",
        Need::Optional,
        "解绑日期 解绑时间 撤机日期 撤机时间 unboundat",
    ),
    column(
        Field::LastTradeAt,
        "last_trade_at",
        Need::Optional,
        "最近交易时间 最近交易日期 最后交易时间 最后交易日期 lasttradeat lasttrade",
    ),
];

impl Column {
    /// The headings, the usual one first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.synonyms.split_whitespace()
    }
}

impl Field {
    /// As in the records of the register.
    pub fn name(self) -> &'static str {
        line_of(self).map_or("", |column| column.name)
    }
    /// The heading that reasons speak of.
    pub fn title(self) -> &'static str {
        line_of(self)
            .and_then(|column| column.names().next())
            .unwrap_or_default()
    }
    /// The column that a heading names.
    pub fn of(heading: &str) -> Option<Self> {
        let bare = bare(heading);
        let exact = |bare: &str| {
            COLUMNS
                .iter()
                .find(|column| column.names().any(|name| name == bare))
                .map(|column| column.field)
        };
        // Terminal numbers may have a column each: 终端号1, 终端号2.
        exact(&bare).or_else(|| {
            exact(bare.trim_end_matches(|c: char| c.is_ascii_digit()))
                .filter(|field| *field == Self::TerminalNumbers)
        })
    }
}

fn line_of(field: Field) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.field == field)
}

/// Lower case, without blanks, signs and what stands in brackets.
fn bare(heading: &str) -> String {
    let folded = fold(heading);
    let without_brackets = folded
        .split(['(', '（', '[', '【'])
        .next()
        .unwrap_or_default();
    without_brackets
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_synonym_is_bare_and_names_one_column_only() {
        let mut seen = BTreeSet::new();
        for column in COLUMNS {
            for name in column.names() {
                assert_eq!(bare(name), name, "{name}");
                assert!(seen.insert(name), "{name} twice");
            }
        }
        for field in COLUMNS.iter().map(|column| column.field) {
            assert_eq!(Field::of(field.name()), Some(field), "{field:?}");
        }
    }

    #[test]
    fn headings_are_read_with_signs_blanks_and_brackets() {
        for text in [
            "商户编号*",
            " 商户 编号 ",
            "商户编号（15位）",
            "MERCHANT_NO",
            "Merchant No.",
        ] {
            assert_eq!(Field::of(text), Some(Field::MerchantNo), "{text}");
        }
        assert_eq!(Field::of("终端号2"), Some(Field::TerminalNumbers));
        assert_eq!(Field::of("备注"), None);
        assert_eq!(Field::of("手机号2"), None);
    }

    #[test]
    fn the_guide_shows_every_column_that_is_understood() {
        let guide = include_str!("../../../../docs/OPERATE.md");
        for column in COLUMNS {
            assert!(
                guide.contains(&format!("`{}`", column.name)),
                "{}",
                column.name
            );
            for name in column.names() {
                assert!(guide.contains(name), "{name}");
            }
        }
    }
}
