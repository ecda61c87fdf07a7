//! One row, held against the formats of the domain. Reasons are Chinese: they go into the error workbook, back to
//! those who made the file. No reason repeats a value.

use super::cells::{Cell, Row, Spoiled};
use super::columns::Field;
use super::facts::{MerchantFacts, RowFacts, TerminalFacts};
use super::header::Header;
use super::values;
use desk_domain::ident::{check_bank_card, compact};
use desk_domain::ids::OfficeCode;
use desk_domain::secret_trap::{FieldKind, SecretKind, inspect};
use desk_domain::time::Millis;

/// What a row is judged with.
#[derive(Clone, Debug)]
pub struct Judging {
    pub now: Millis,
    /// For rows that name no office.
    pub office: Option<OfficeCode>,
}

/// Something about a row, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// None when it is about the row as a whole.
    pub column: Option<usize>,
    pub text: String,
}

/// A row after judging.
pub struct Checked {
    /// None when there are problems.
    pub facts: Option<RowFacts>,
    pub problems: Vec<Remark>,
    pub warnings: Vec<Remark>,
}

/// Reads cells by field and gathers what is wrong with them.
struct RowReader<'a> {
    row: &'a Row,
    header: &'a Header,
    now: Millis,
    problems: Vec<Remark>,
    warnings: Vec<Remark>,
}

/// Judges one row.
pub fn check(row: &Row, header: &Header, judging: &Judging) -> Checked {
    let mut reader = RowReader::of(row, header, judging);
    reader.look_for_secrets();
    let facts = if reader.problems.is_empty() {
        reader.read(judging)
    } else {
        None
    };
    let (problems, warnings) = (reader.problems, reader.warnings);
    Checked {
        facts: facts.filter(|_| problems.is_empty()),
        problems,
        warnings,
    }
}

/// What a row says that was judged good before.
pub fn read_again(row: &Row, header: &Header, judging: &Judging) -> Option<RowFacts> {
    let mut reader = RowReader::of(row, header, judging);
    let facts = reader.read(judging);
    facts.filter(|_| reader.problems.is_empty())
}

impl<'a> RowReader<'a> {
    fn of(row: &'a Row, header: &'a Header, judging: &Judging) -> Self {
        Self {
            row,
            header,
            now: judging.now,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn read(&mut self, judging: &Judging) -> Option<RowFacts> {
        let office = self.office(judging);
        let merchant = self.merchant();
        let terminal = self.terminal();
        Some(RowFacts {
            line: self.row.line,
            office: office?,
            merchant: merchant?,
            terminal,
        })
    }

    fn office(&mut self, judging: &Judging) -> Option<OfficeCode> {
        let (column, cell) = self.cell(Field::Office);
        if cell.is_empty() {
            if judging.office.is_none() {
                self.problem(
                    column,
                    "没有网点编号：请填写网点编号列，或导入时用 --office 指定",
                );
            }
            return judging.office.clone();
        }
        let code = OfficeCode::parse(&compact(&cell.text()));
        if code.is_none() {
            self.problem(column, "网点编号应为 5 位数字或大写字母");
        }
        code
    }

    fn merchant(&mut self) -> Option<MerchantFacts> {
        let now = self.now;
        let no = self.needed(Field::MerchantNo, values::merchant_no);
        let name = self.needed(Field::Name, values::name);
        let legal_name = self.needed(Field::LegalName, values::person);
        let legal_id_no = self.needed(Field::LegalIdNo, |text| values::legal_id(text, now));
        let phone = self.needed(Field::Phone, values::phone);
        let inner_no = self.given(Field::MerchantInnerNo, values::inner_no);
        let class = self.given(Field::Class, values::class);
        let uscc = self.given(Field::Uscc, values::uscc);
        let settle_bank = self.given(Field::SettleBank, values::name);
        let settle_tail = self.given(Field::SettleTail, values::settle_tail);
        let address = self.given(Field::Address, values::address);
        let phone_changed_at = self.instant(Field::PhoneChangedAt);
        Some(MerchantFacts {
            no: no?,
            inner_no,
            name: name?,
            class,
            uscc,
            legal_name: legal_name?,
            legal_id_no: legal_id_no?,
            phone: phone?,
            phone_changed_at,
            settle_bank,
            settle_tail,
            address,
        })
    }

    fn terminal(&mut self) -> Option<TerminalFacts> {
        let serial = self.given(Field::Serial, values::serial);
        let tusn = self.given(Field::Tusn, values::tusn);
        let numbers = self.terminal_numbers();
        let (column, cell) = self.cell(Field::Serial);
        if serial.is_none() {
            if cell.is_empty() && (tusn.is_some() || !numbers.is_empty()) {
                self.problem(column, "有终端信息，但没有机身序列号：请补上序列号");
            }
            return None;
        }
        let terminal = TerminalFacts {
            serial: serial?,
            tusn,
            numbers,
            model: self.given(Field::Model, values::name),
            kind: self.given(Field::Kind, values::kind),
            obtained_by: self.given(Field::ObtainedBy, values::obtained_by),
            bound_at: self.instant(Field::BoundAt),
            unbound_at: self.instant(Field::UnboundAt),
            last_trade_at: self.instant(Field::LastTradeAt),
        };
        if let (Some(bound), Some(unbound)) = (terminal.bound_at, terminal.unbound_at)
            && unbound < bound
        {
            let (column, _) = self.cell(Field::UnboundAt);
            self.problem(column, "解绑日期早于绑定日期");
        }
        Some(terminal)
    }

    fn terminal_numbers(&mut self) -> Vec<String> {
        let columns: Vec<usize> = (0..self.header.fields.len())
            .filter(|at| self.header.fields.get(*at) == Some(&Some(Field::TerminalNumbers)))
            .collect();
        let mut numbers = Vec::new();
        for column in columns {
            let cell = self.row.cells.get(column).cloned().unwrap_or(Cell::Empty);
            let Some(text) = self.code(column, &cell) else {
                continue;
            };
            for part in text.split(['、', ',', '，', ';', '；', '/', '|', '\n']) {
                match values::terminal_no(part) {
                    _ if part.trim().is_empty() => {}
                    Ok(value) if numbers.contains(&value.value) => {}
                    Ok(value) => numbers.push(value.value),
                    Err(reason) => self.problem(Some(column), &reason_of(&reason, &cell)),
                }
            }
        }
        numbers
    }

    /// A value that each row must have.
    fn needed(&mut self, field: Field, parse: impl Fn(&str) -> values::Read) -> Option<String> {
        let (column, cell) = self.cell(field);
        if cell.is_empty() {
            self.problem(column, &format!("{}为空", field.title()));
            return None;
        }
        self.given(field, parse)
    }

    /// A value that may be missing.
    fn given(&mut self, field: Field, parse: impl Fn(&str) -> values::Read) -> Option<String> {
        let (column, cell) = self.cell(field);
        let column = column?;
        let text = if values::is_code(field) {
            self.code(column, &cell)?
        } else {
            cell.text()
        };
        if text.trim().is_empty() {
            return None;
        }
        match parse(&text) {
            Ok(read) => {
                for warning in read.warnings {
                    self.warn(column, &warning);
                }
                // Other codes have a length of their own, which tells.
                let is_of_any_length = matches!(field, Field::Serial | Field::Tusn);
                if is_of_any_length && matches!(cell, Cell::Number(_)) {
                    self.warn(
                        column,
                        "单元格是数字而不是文本，开头的 0 可能已丢失，请核对",
                    );
                }
                Some(read.value)
            }
            Err(reason) => {
                self.problem(Some(column), &reason_of(&reason, &cell));
                None
            }
        }
    }

    fn code(&mut self, column: usize, cell: &Cell) -> Option<String> {
        match cell.code() {
            Ok(text) => Some(text),
            Err(spoiled) => {
                self.problem(Some(column), spoiled_reason(spoiled));
                None
            }
        }
    }

    fn instant(&mut self, field: Field) -> Option<Millis> {
        let (column, cell) = self.cell(field);
        if cell.is_empty() {
            return None;
        }
        match cell.instant() {
            None => {
                let text = format!("{}读不出日期：请写成 2026-01-31", field.title());
                self.problem(column, &text);
                None
            }
            Some(at) if at > self.now.saturating_add(values::DAY_MS) => {
                self.problem(column, &format!("{}在将来", field.title()));
                None
            }
            found => found,
        }
    }

    /// Also in columns that are not read otherwise: what must not be kept must not be sent around either.
    fn look_for_secrets(&mut self) {
        for (column, cell) in self.row.cells.iter().enumerate() {
            let field = self.header.fields.get(column).copied().flatten();
            let text = cell.text();
            let found = inspect(&text, field.map_or(FieldKind::FreeText, values::trap));
            let kind = found.err().map(|found| found.kind);
            let is_card = field.is_some_and(|field| is_surely_card(field, &text));
            let reason = match kind {
                Some(SecretKind::CardNumber) => CARD,
                Some(SecretKind::OneTimeCode | SecretKind::Password | SecretKind::Cvv) => {
                    "单元格里有密码、验证码或安全码：请删除"
                }
                None if is_card => CARD,
                None => continue,
            };
            self.problems.push(Remark {
                column: Some(column),
                text: reason.to_owned(),
            });
        }
    }

    fn cell(&self, field: Field) -> (Option<usize>, Cell) {
        let column = self
            .header
            .fields
            .iter()
            .position(|one| *one == Some(field));
        let cell = column.and_then(|at| self.row.cells.get(at));
        (column, cell.cloned().unwrap_or(Cell::Empty))
    }

    fn problem(&mut self, column: Option<usize>, text: &str) {
        self.problems.push(Remark {
            column,
            text: text.to_owned(),
        });
    }

    fn warn(&mut self, column: usize, text: &str) {
        self.warnings.push(Remark {
            column: Some(column),
            text: text.to_owned(),
        });
    }
}

const CARD: &str = "有完整银行卡号：只能保留后四位";

/// Columns with long numbers of their own are exempt from the trap; what begins like a UnionPay card, is as long as one
/// and passes its check is one all the same.
fn is_surely_card(field: Field, text: &str) -> bool {
    let code = compact(text);
    let is_long = matches!(code.len(), 16 | 19) || (field == Field::Uscc && code.len() == 18);
    values::trap(field).holds_long_digits()
        && is_long
        && code.starts_with("62")
        && check_bank_card(&code).is_ok()
}

fn reason_of(reason: &str, cell: &Cell) -> String {
    if matches!(cell, Cell::Number(_)) {
        format!("{reason}（单元格是数字，开头的 0 可能已丢失：请将该列设为文本格式后重新导出）")
    } else {
        reason.to_owned()
    }
}

fn spoiled_reason(spoiled: Spoiled) -> &'static str {
    match spoiled {
        Spoiled::Exponent => "号码被表格软件改成了科学计数法：请将该列设为文本格式后重新导出",
        Spoiled::Fraction => "号码被表格软件改成了小数：请将该列设为文本格式后重新导出",
        Spoiled::LostDigits => {
            "号码超过 15 位，后面的数字已被表格软件变成 0：请将该列设为文本格式后重新导出"
        }
    }
}
