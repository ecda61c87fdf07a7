//! What only several rows together show: a merchant that is said to be two things, a terminal that stands twice.
//!
//! Of each merchant and each terminal a few numbers are kept, never a value: a million rows fit into memory.

use super::checking::Remark;
use super::columns::Field;
use super::facts::{MERCHANT_TITLES, Prints, RowFacts, TERMINAL_TITLES, key_of};
use super::header::Header;
use std::collections::BTreeMap;

/// Two lines, and what they differ in.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Clash {
    first: u32,
    second: u32,
    about: &'static str,
}

struct MerchantSeen {
    /// Stands for its key, so that terminals need not repeat it.
    number: usize,
    prints: Prints<11>,
    /// Line that first said each thing.
    lines: [u32; 11],
    clash: Option<Clash>,
    /// Good rows that are still to come in the last pass.
    rows_left: u32,
}

struct TerminalSeen {
    merchant: usize,
    prints: Prints<7>,
    line: u32,
    /// Another line that contradicts this one.
    clash: Option<Clash>,
}

/// Filled by a first pass over the good rows, asked in later passes.
#[derive(Default)]
pub struct Survey {
    merchants: BTreeMap<String, MerchantSeen>,
    terminals: BTreeMap<String, TerminalSeen>,
}

const TWO_MERCHANTS: &str = "";

impl Survey {
    /// Takes note of a good row.
    pub fn see(&mut self, row: &RowFacts) {
        let key = key_of(&row.office, &row.merchant.no);
        let prints = row.merchant.prints();
        let number = self.merchants.len();
        let number = match self.merchants.get_mut(&key) {
            None => {
                let seen = MerchantSeen {
                    number,
                    prints,
                    lines: [row.line; 11],
                    clash: None,
                    rows_left: 0,
                };
                self.merchants.insert(key, seen);
                number
            }
            Some(seen) => {
                let about = compare(&mut seen.prints, &mut seen.lines, &prints, row.line);
                if let (None, Some((first, at))) = (&seen.clash, about) {
                    seen.clash = Some(Clash {
                        first,
                        second: row.line,
                        about: MERCHANT_TITLES.get(at).copied().unwrap_or_default(),
                    });
                }
                seen.number
            }
        };
        self.see_terminal(row, number);
    }

    fn see_terminal(&mut self, row: &RowFacts, merchant: usize) {
        let Some(terminal) = &row.terminal else {
            return;
        };
        let prints = terminal.prints();
        let Some(seen) = self.terminals.get_mut(&terminal.serial) else {
            let seen = TerminalSeen {
                merchant,
                prints,
                line: row.line,
                clash: None,
            };
            self.terminals.insert(terminal.serial.clone(), seen);
            return;
        };
        let mut lines = [seen.line; 7];
        let about = if seen.merchant == merchant {
            compare(&mut seen.prints, &mut lines, &prints, row.line)
                .and_then(|(_, at)| TERMINAL_TITLES.get(at).copied())
        } else {
            Some(TWO_MERCHANTS)
        };
        if let (None, Some(about)) = (&seen.clash, about) {
            seen.clash = Some(Clash {
                first: seen.line,
                second: row.line,
                about,
            });
        }
    }

    /// What is wrong with a good row when all rows are known. A merchant that is said to be two things is refused with
    /// all of its rows: nobody can say which of them is right.
    pub fn judge(&self, row: &RowFacts, header: &Header) -> Vec<Remark> {
        let column = |field| header.fields.iter().position(|one| *one == Some(field));
        let mut remarks = Vec::new();
        let merchant = self.merchants.get(&key_of(&row.office, &row.merchant.no));
        if let Some(clash) = merchant.and_then(|seen| seen.clash.as_ref()) {
            remarks.push(Remark {
                column: column(Field::MerchantNo),
                text: format!(
                    "同一商户前后矛盾：第 {} 行与第 {} 行的{}不一致",
                    clash.first, clash.second, clash.about
                ),
            });
        }
        let serial = row.terminal.as_ref().map(|terminal| &terminal.serial);
        let terminal = serial.and_then(|serial| self.terminals.get(serial));
        if let Some(clash) = terminal.and_then(|seen| seen.clash.as_ref()) {
            let (first, second) = (clash.first, clash.second);
            let text = if clash.about == TWO_MERCHANTS {
                format!("同一序列号在两个商户名下：第 {first} 行与第 {second} 行")
            } else {
                format!(
                    "同一终端前后矛盾：第 {first} 行与第 {second} 行的{}不一致",
                    clash.about
                )
            };
            remarks.push(Remark {
                column: column(Field::Serial),
                text,
            });
        }
        remarks
    }

    /// One more row of this merchant will be imported.
    pub fn expect(&mut self, row: &RowFacts) {
        if let Some(seen) = self
            .merchants
            .get_mut(&key_of(&row.office, &row.merchant.no))
        {
            seen.rows_left = seen.rows_left.saturating_add(1);
        }
    }

    /// One of the expected rows has come; true when it was the last of its merchant. None when it was not expected.
    pub fn arrived(&mut self, row: &RowFacts) -> Option<bool> {
        let seen = self
            .merchants
            .get_mut(&key_of(&row.office, &row.merchant.no))?;
        seen.rows_left = seen.rows_left.checked_sub(1)?;
        Some(seen.rows_left == 0)
    }
}

/// The first thing in which two rows differ, and the line that said it first; what only one says is no difference.
fn compare<const N: usize>(
    seen: &mut Prints<N>,
    lines: &mut [u32; N],
    said: &Prints<N>,
    line: u32,
) -> Option<(u32, usize)> {
    let mut found = None;
    for (at, ((seen, first), said)) in seen.iter_mut().zip(lines.iter_mut()).zip(said).enumerate() {
        if *seen == 0 && *said != 0 {
            *seen = *said;
            *first = line;
        } else if *said != 0 && seen != said && found.is_none() {
            found = Some((*first, at));
        }
    }
    found
}
