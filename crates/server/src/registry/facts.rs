//! What one row says, parsed. A blank cell says nothing: what stands in the register stays.

use desk_domain::ids::OfficeCode;
use desk_domain::time::Millis;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Of the merchant. No `Debug`: it is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct MerchantFacts {
    pub no: String,
    pub inner_no: Option<String>,
    pub name: String,
    pub class: Option<String>,
    pub uscc: Option<String>,
    pub legal_name: String,
    pub legal_id_no: String,
    pub phone: String,
    pub phone_changed_at: Option<Millis>,
    pub settle_bank: Option<String>,
    pub settle_tail: Option<String>,
    pub address: Option<String>,
}

/// Of the terminal.
#[derive(Clone, PartialEq, Eq)]
pub struct TerminalFacts {
    pub serial: String,
    pub tusn: Option<String>,
    /// One device may carry several; rows that differ in nothing else are one terminal.
    pub numbers: Vec<String>,
    pub model: Option<String>,
    pub kind: Option<String>,
    pub obtained_by: Option<String>,
    pub bound_at: Option<Millis>,
    pub unbound_at: Option<Millis>,
    pub last_trade_at: Option<Millis>,
}

/// One good row.
#[derive(Clone, PartialEq, Eq)]
pub struct RowFacts {
    pub line: u32,
    pub office: OfficeCode,
    pub merchant: MerchantFacts,
    pub terminal: Option<TerminalFacts>,
}

/// Everything that a file says of one merchant.
pub struct Draft {
    pub office: OfficeCode,
    pub merchant: MerchantFacts,
    pub terminals: Vec<TerminalFacts>,
}

/// Names of the merchant's prints, in their order.
pub const MERCHANT_TITLES: [&str; 11] = [
    "内部商户号",
    "商户名称",
    "商户类型",
    "统一社会信用代码",
    "法人姓名",
    "法人证件号",
    "手机号",
    "手机号变更日期",
    "结算银行",
    "结算卡后四位",
    "地址",
];

/// Names of the terminal's prints, in their order.
pub const TERMINAL_TITLES: [&str; 7] = [
    "TUSN",
    "机型",
    "终端类型",
    "取得方式",
    "绑定日期",
    "解绑日期",
    "最近交易时间",
];

/// A print of each fact: small enough to keep for a million rows, and no fact can be read from it. 0 says nothing.
pub type Prints<const N: usize> = [u64; N];

impl MerchantFacts {
    /// In the order of [`MERCHANT_TITLES`].
    pub fn prints(&self) -> Prints<11> {
        [
            print(self.inner_no.as_ref()),
            print(Some(&self.name)),
            print(self.class.as_ref()),
            print(self.uscc.as_ref()),
            print(Some(&self.legal_name)),
            print(Some(&self.legal_id_no)),
            print(Some(&self.phone)),
            print(self.phone_changed_at.as_ref()),
            print(self.settle_bank.as_ref()),
            print(self.settle_tail.as_ref()),
            print(self.address.as_ref()),
        ]
    }

    /// Takes what another row adds.
    pub fn join(&mut self, other: Self) {
        let Self {
            inner_no,
            class,
            uscc,
            phone_changed_at,
            settle_bank,
            settle_tail,
            address,
            ..
        } = other;
        self.inner_no = self.inner_no.take().or(inner_no);
        self.class = self.class.take().or(class);
        self.uscc = self.uscc.take().or(uscc);
        self.phone_changed_at = self.phone_changed_at.or(phone_changed_at);
        self.settle_bank = self.settle_bank.take().or(settle_bank);
        self.settle_tail = self.settle_tail.take().or(settle_tail);
        self.address = self.address.take().or(address);
    }
}

impl TerminalFacts {
    /// In the order of [`TERMINAL_TITLES`].
    pub fn prints(&self) -> Prints<7> {
        [
            print(self.tusn.as_ref()),
            print(self.model.as_ref()),
            print(self.kind.as_ref()),
            print(self.obtained_by.as_ref()),
            print(self.bound_at.as_ref()),
            print(self.unbound_at.as_ref()),
            print(self.last_trade_at.as_ref()),
        ]
    }

    /// Takes what another row adds.
    pub fn join(&mut self, other: Self) {
        self.tusn = self.tusn.take().or(other.tusn);
        self.model = self.model.take().or(other.model);
        self.kind = self.kind.take().or(other.kind);
        self.obtained_by = self.obtained_by.take().or(other.obtained_by);
        self.bound_at = self.bound_at.or(other.bound_at);
        self.unbound_at = self.unbound_at.or(other.unbound_at);
        self.last_trade_at = self.last_trade_at.or(other.last_trade_at);
        for number in other.numbers {
            if !self.numbers.contains(&number) {
                self.numbers.push(number);
            }
        }
    }
}

impl Draft {
    /// Begins with a row.
    pub fn of(row: RowFacts) -> Self {
        Self {
            office: row.office,
            merchant: row.merchant,
            terminals: row.terminal.into_iter().collect(),
        }
    }

    /// Takes another row of the same merchant.
    pub fn join(&mut self, row: RowFacts) {
        self.merchant.join(row.merchant);
        let Some(terminal) = row.terminal else { return };
        let known = self
            .terminals
            .iter_mut()
            .find(|known| known.serial == terminal.serial);
        match known {
            Some(known) => known.join(terminal),
            None => self.terminals.push(terminal),
        }
    }
}

/// Which merchant of which office: the key under which a file is gathered.
pub fn key_of(office: &OfficeCode, merchant_no: &str) -> String {
    format!("{office}/{merchant_no}")
}

fn print<T: Hash>(fact: Option<&T>) -> u64 {
    let Some(fact) = fact else { return 0 };
    let mut hasher = DefaultHasher::new();
    fact.hash(&mut hasher);
    hasher.finish().max(1)
}
