//! Register files, and their import into a test office.

use super::{HERE, TestOffice};
use desk_domain::calendar::shanghai_day;
use desk_domain::ident::ResidentId;
use desk_domain::ids::OfficeCode;
use desk_domain::registry::MerchantRecord;
use desk_server::registry::counts::Counts;
use desk_server::registry::{ImportOptions, Mode, Registry, RegistryError};
use desk_server::repo::{feed, register};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub const HEAD: &str =
    "商户编号,商户名称,法人姓名,身份证号,手机号,机身序列号,终端号,机型,终端类型,绑定日期";

/// What an import came to, and the lines it told.
pub struct Done {
    pub result: Result<(Option<u64>, Counts), RegistryError>,
    pub lines: Vec<String>,
}

impl Done {
    pub fn counts(&self) -> Counts {
        self.result.as_ref().unwrap().1
    }
    pub fn run(&self) -> u64 {
        self.result.as_ref().unwrap().0.unwrap()
    }
    pub fn error(&self) -> String {
        self.result.as_ref().unwrap_err().to_string()
    }
    pub fn told(&self) -> String {
        self.lines.join("\n")
    }
}

/// A number of somebody born on the first days of 1900.
pub fn identity() -> String {
    "0123456789X"
        .chars()
        .map(|check| format!("11010519000101001{check}"))
        .find(|text| ResidentId::parse(text, shanghai_day(super::NOON)).is_ok())
        .unwrap()
}

pub fn number(merchant: u32) -> String {
    format!("8222900{merchant:08}")
}

pub fn serial(terminal: u32) -> String {
    format!("DEMO{terminal:08}")
}

/// A row of a made-up merchant and one of its terminals.
pub fn row(merchant: u32, terminal: u32) -> String {
    format!(
        "{},示例商户{merchant},样例甲,{},1300000{:04},{},D{terminal:07},示例 P-100,智能POS,2025-01-02",
        number(merchant),
        identity(),
        merchant % 10_000,
        serial(terminal),
    )
}

pub fn csv(rows: &[String]) -> String {
    let mut text = format!("{HEAD}\r\n");
    for row in rows {
        write!(text, "{row}\r\n").unwrap();
    }
    text
}

impl TestOffice {
    pub fn put_file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn import(&self, file: &Path, mode: Mode) -> Done {
        self.import_with(file, mode, |_| {})
    }

    pub fn import_with(
        &self,
        file: &Path,
        mode: Mode,
        change: impl FnOnce(&mut ImportOptions),
    ) -> Done {
        let mut options = ImportOptions {
            file: file.to_owned(),
            office: OfficeCode::parse(HERE),
            sheet: None,
            mode,
            errors: None,
            run_by: "tester".into(),
        };
        change(&mut options);
        let (house, mut lines) = (self.house(), Vec::new());
        let registry = Registry::open(&house, self.dir.path()).unwrap();
        let result = registry.import(&options, &mut |line| {
            lines.push(line.to_owned());
            Ok(())
        });
        Done { result, lines }
    }

    /// All rows or none.
    pub fn import_rows(&self, name: &str, rows: &[String]) -> Done {
        let file = self.put_file(name, csv(rows));
        self.import(&file, Mode::AllOrNothing)
    }

    pub fn roll_back(&self, run: u64) -> Done {
        let (house, mut lines) = (self.house(), Vec::new());
        let registry = Registry::open(&house, self.dir.path()).unwrap();
        let result = registry
            .rollback(run, "tester", &mut |line| {
                lines.push(line.to_owned());
                Ok(())
            })
            .map(|(run, counts)| (Some(run), counts));
        Done { result, lines }
    }

    pub fn merchant(&self, merchant: u32) -> Option<MerchantRecord> {
        let office = OfficeCode::parse(HERE).unwrap();
        self.house()
            .repo
            .read_blocking(|conn| register::by_number(conn, &office, &number(merchant)))
            .unwrap()
    }

    pub fn position(&self) -> u64 {
        let office = OfficeCode::parse(HERE).unwrap();
        let found = self
            .house()
            .repo
            .read_blocking(|conn| feed::position(conn, &office));
        found.unwrap().unwrap()
    }

    /// Serials of a merchant's terminals.
    pub fn serials(&self, merchant: u32) -> Vec<String> {
        let record = self.merchant(merchant).unwrap();
        record.terminals.into_iter().map(|one| one.serial).collect()
    }
}
