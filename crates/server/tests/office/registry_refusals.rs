//! Rows that are refused, and what those who made the file are told.

use crate::support::office;
use crate::support::register::{HEAD, csv, number, row, serial};
use calamine::{DataType, Reader, Xlsx, open_workbook};
use desk_server::registry::Mode;
use rust_xlsxwriter::{Color, Workbook};
use std::io::BufReader;
use std::path::Path;

/// Luhn-valid, of no bank; another spelling of the vectors' made-up cards.
const CARD: &str = "6217000000000000004";

#[test]
fn spoiled_numbers_are_refused_with_the_way_to_mend_them() {
    let office = office();
    for (spoiled, reason) in [
        (row(1, 1).replace(&serial(1), "1.23457E+15"), "科学计数法"),
        (row(1, 1).replace(&serial(1), "1E+15"), "科学计数法"),
        (
            row(1, 1).replace(&serial(1), "4002021033012340000"),
            "变成 0",
        ),
        (row(1, 1).replace(&number(1), "8.2229E+14"), "科学计数法"),
        (
            row(1, 1).replace(&number(1), &format!("{}.0", number(1))),
            "小数",
        ),
    ] {
        let done = office.import_rows("spoiled.csv", &[spoiled]);
        assert!(done.error().contains("1 of 1"), "{}", done.error());
        assert!(done.told().contains(reason), "{}", done.told());
        assert!(done.told().contains("文本格式"), "{}", done.told());
    }
    assert!(office.merchant(1).is_none());
}

#[test]
fn numbers_of_a_workbook_that_lost_digits_or_zeros_are_refused() {
    let office = office();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip(HEAD.split(',')) {
        sheet.write_string(0, column, name).unwrap();
    }
    for (line, n) in [(1, 1), (2, 2), (3, 3)] {
        for (column, text) in (0..).zip(row(n, n).split(',')) {
            sheet.write_string(line, column, text).unwrap();
        }
    }
    sheet
        .write_number(1, 5, 1_234_567_890_123_456_789_f64)
        .unwrap();
    sheet.write_number(2, 6, 751.0).unwrap();
    sheet.write_number(3, 5, 123_456_789.0).unwrap();
    let file = office.put_file("numbers.xlsx", book.save_to_buffer().unwrap());
    let done = office.import(&file, Mode::AcceptValid);
    assert_eq!((done.counts().refused, done.counts().warnings), (2, 1));
    assert!(
        done.told().contains("变成 0") && done.told().contains("开头的 0"),
        "{}",
        done.told()
    );
    assert_eq!(office.serials(3), ["123456789"]);
}

#[test]
fn two_rows_that_contradict_each_other_about_a_merchant_are_refused_with_both_lines() {
    let office = office();
    let other = row(1, 3).replace("样例甲", "样例乙");
    let file = office.put_file(
        "contrary.csv",
        csv(&[row(1, 1), row(1, 2), other, row(2, 4)]),
    );
    let done = office.import(&file, Mode::AllOrNothing);
    assert!(done.error().contains("3 of 4"), "{}", done.error());
    assert!(
        done.told().contains("第 2 行与第 4 行的法人姓名"),
        "{}",
        done.told()
    );
    assert!(!done.told().contains("样例乙"));
    let done = office.import(&file, Mode::AcceptValid);
    assert_eq!((done.counts().refused, done.counts().merchants_new), (3, 1));
    assert!(office.merchant(1).is_none() && office.merchant(2).is_some());
}

#[test]
fn a_serial_under_two_merchants_is_refused() {
    let office = office();
    let file = office.put_file("twice.csv", csv(&[row(1, 1), row(2, 1), row(2, 2)]));
    let done = office.import(&file, Mode::AcceptValid);
    assert_eq!((done.counts().refused, done.counts().merchants_new), (2, 1));
    assert!(done.told().contains("第 2 行与第 3 行"), "{}", done.told());
    assert_eq!(office.serials(2), [serial(2)]);
}

#[test]
fn a_missing_column_is_named_with_the_headings_that_would_do() {
    let office = office();
    let text = csv(&[row(1, 1)]).replace("手机号,", "电话簿,");
    let done = office.import(&office.put_file("short.csv", text), Mode::AllOrNothing);
    let error = done.error();
    assert!(
        error.contains("phone") && error.contains("登记手机号"),
        "{error}"
    );
}

fn sheet_of(path: &Path) -> (Vec<Vec<String>>, usize) {
    let mut book: Xlsx<BufReader<std::fs::File>> = open_workbook(path).unwrap();
    let name = book.sheet_names()[0].clone();
    let range = book.worksheet_range(&name).unwrap();
    let rows = range
        .rows()
        .map(|row| {
            row.iter()
                .map(|cell| {
                    assert!(cell.is_empty() || cell.is_string(), "{cell:?}");
                    cell.get_string().unwrap_or_default().to_owned()
                })
                .collect()
        })
        .collect();
    let formulas = book.worksheet_formula(&name).unwrap();
    (rows, formulas.used_cells().count())
}

#[test]
fn a_full_card_number_is_refused_in_every_column_and_goes_no_further() {
    let office = office();
    let text = format!(
        "{HEAD},结算卡号,备注\n{},{CARD},\n{},,卡号 {CARD}\n{},,\n{},尾号1234,\n{},1234,\n",
        row(1, 1),
        row(2, 2),
        row(3, 3).replace(&serial(3), CARD),
        row(4, 4),
        row(5, 5),
    );
    let file = office.put_file("cards.csv", text);
    let errors = office.dir.path().join("errors.xlsx");
    let done = office.import_with(&file, Mode::AcceptValid, |options| {
        options.errors = Some(errors.clone());
    });
    assert_eq!((done.counts().refused, done.counts().merchants_new), (4, 1));
    assert!(!done.told().contains(CARD));
    let (rows, _) = sheet_of(&errors);
    let all = format!("{rows:?}");
    assert!(!all.contains(CARD) && all.contains("**** 0004"), "{all}");
    assert_eq!(office.merchant(5).unwrap().settle_tail, "1234");
}

#[test]
fn the_error_workbook_has_the_rows_as_they_were_with_reasons_and_no_formulas() {
    let office = office();
    let text = format!(
        "{HEAD},备注\n{},好\n{},=1+1\n{},@SUM(A1)\n{},-2+3\n{},+4\n",
        row(1, 1),
        row(2, 2).replace("DEMO", "=HYPERLINK(\"\"x\"\")DEMO"),
        row(3, 3).replace("13000000003", "+1300"),
        row(4, 4).replace("智能POS", "=cmd|' /C calc'!A0"),
        row(5, 5).replace("2025-01-02", "昨天"),
    );
    let file = office.put_file("formulas.csv", text);
    let errors = office.dir.path().join("errors.xlsx");
    let done = office.import_with(&file, Mode::AllOrNothing, |options| {
        options.errors = Some(errors.clone());
    });
    assert!(
        done.error().contains("4 of 5"),
        "{} {}",
        done.error(),
        done.told()
    );
    let (rows, formulas) = sheet_of(&errors);
    assert_eq!((rows.len(), formulas), (5, 0));
    assert_eq!(rows[0][1], "商户编号");
    assert_eq!(rows[0].last().unwrap(), "未导入原因");
    assert_eq!(rows[1][0], "3");
    assert_eq!(rows[1][11], "=1+1");
    assert!(rows[3].last().unwrap().contains("智能POS"), "{:?}", rows[3]);
    assert!(rows[4].last().unwrap().contains("2026-01-31"));
    let bytes = std::fs::read(&errors).unwrap();
    let mut parts = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut styles = String::new();
    std::io::Read::read_to_string(&mut parts.by_name("xl/styles.xml").unwrap(), &mut styles)
        .unwrap();
    let red = Color::RGB(0x00FF_C7CE);
    assert!(
        styles.contains("FFC7CE") && styles.contains("quotePrefix"),
        "{red:?}"
    );
    let same = office.import_with(&errors, Mode::DryRun, |options| {
        options.errors = Some(errors.clone());
    });
    assert!(same.error().contains("overwrite"));
}

#[cfg(unix)]
#[test]
fn the_error_workbook_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let office = office();
    let errors = office.dir.path().join("errors.xlsx");
    let file = office.put_file("bad.csv", csv(&[row(1, 1).replace("样例甲", "")]));
    office.import_with(&file, Mode::AllOrNothing, |options| {
        options.errors = Some(errors.clone());
    });
    let mode = std::fs::metadata(&errors).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn check_digits_are_warnings_and_formats_are_not() {
    let office = office();
    let id = crate::support::register::identity();
    let (head, last) = id.split_at(17);
    let wrong = format!("{head}{}", if last == "0" { "1" } else { "0" });
    let done = office.import_rows("check.csv", &[row(1, 1).replace(&id, &wrong)]);
    assert_eq!(
        (done.counts().warnings, done.counts().merchants_new),
        (1, 1)
    );
    assert!(
        done.told().contains("warning row 2: 身份证号: 校验位不符"),
        "{}",
        done.told()
    );
    assert_eq!(office.merchant(1).unwrap().legal_id_no, wrong);
    let done = office.import_rows("format.csv", &[row(2, 2).replace(&id, "110105")]);
    assert!(done.told().contains("位数不对"), "{}", done.told());
}

#[test]
fn an_open_quotation_mark_does_not_swallow_the_file() {
    let office = office();
    let mut text = csv(&[row(1, 1)]);
    text.push('"');
    text.push_str(&csv(&(0..1000).map(|n| row(n, n)).collect::<Vec<_>>()));
    let done = office.import(&office.put_file("open.csv", text), Mode::AllOrNothing);
    assert!(done.error().contains("quotation mark"), "{}", done.error());
}
