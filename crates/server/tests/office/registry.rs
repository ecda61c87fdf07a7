//! Files that are read, however a spreadsheet wrote them.

use crate::support::register::{HEAD, csv, identity, number, row, serial};
use crate::support::{HERE, THERE, TestOffice, office};
use desk_domain::ids::OfficeCode;
use desk_server::registry::Mode;
use encoding_rs::{GB18030, UTF_16LE};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[test]
fn gbk_a_byte_order_mark_and_other_separators_say_the_same() {
    let office = office();
    let text = csv(&[row(1, 1), row(1, 2), row(2, 3)]);
    let (gbk, _, _) = GB18030.encode(&text);
    let mut utf_16 = vec![0xFF, 0xFE];
    utf_16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(UTF_16LE.name(), "UTF-16LE");
    let first = office.import(&office.put_file("a.csv", &text), Mode::AllOrNothing);
    assert_eq!(
        (first.counts().merchants_new, first.counts().terminals_added),
        (2, 3)
    );
    let before = office.merchant(1).unwrap();
    assert_eq!(before.name, "示例商户1");
    assert_eq!(before.terminals[0].kind, "smart");
    assert_eq!(before.terminals[0].bound_at, 1_735_747_200_000);
    for (name, bytes) in [
        ("gbk.csv", gbk.into_owned()),
        ("bom.csv", format!("\u{FEFF}{text}").into_bytes()),
        ("semicolon.csv", text.replace(',', ";").into_bytes()),
        ("tab.csv", text.replace(',', "\t").into_bytes()),
        ("utf16.csv", utf_16),
        ("lf.csv", text.replace("\r\n", "\n").into_bytes()),
    ] {
        let done = office.import(&office.put_file(name, bytes), Mode::AllOrNothing);
        let counts = done.counts();
        assert_eq!((counts.rows, counts.merchants_unchanged), (3, 2), "{name}");
        assert!(counts.changed_nothing(), "{name}");
        assert_eq!(office.merchant(1).unwrap(), before, "{name}");
    }
}

#[test]
fn quoted_fields_hold_separators_quotes_and_ends_of_line() {
    let office = office();
    let quoted = row(1, 1).replace("示例商户1", "\"示例,\"\"商户\"\"\r\n一\"");
    let done = office.import_rows("quoted.csv", &[quoted, row(2, 2)]);
    assert_eq!(done.counts().merchants_new, 2);
    assert_eq!(office.merchant(1).unwrap().name, "示例,\"商户\" 一");
}

#[test]
fn bytes_that_are_no_text_are_refused_as_a_whole() {
    let office = office();
    for bytes in [&b"\x81\x20\xFF\xFF\xFF,,"[..], b"a,b\0c\nd,e,f"] {
        let done = office.import(&office.put_file("noise.csv", bytes), Mode::AllOrNothing);
        assert!(done.result.is_err());
    }
    let done = office.import(&office.put_file("empty.csv", ""), Mode::AllOrNothing);
    assert!(done.error().contains("no rows"), "{}", done.error());
    let old = office.put_file("old.xls", b"\xD0\xCF\x11\xE0\xA1\xB1");
    assert!(
        office
            .import(&old, Mode::AllOrNothing)
            .error()
            .contains("XLSX")
    );
}

fn workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    book.add_worksheet().set_name("说明").unwrap();
    let sheet = book.add_worksheet().set_name("台账").unwrap();
    let plain = Format::new();
    let day = Format::new().set_num_format("yyyy-mm-dd");
    sheet
        .merge_range(0, 0, 0, 9, "示例机具台账", &plain)
        .unwrap();
    sheet.write_string(1, 1, "制表人：样例").unwrap();
    // Row 3 and column A stay empty.
    sheet.merge_range(3, 1, 3, 2, "基本信息", &plain).unwrap();
    sheet.merge_range(3, 3, 3, 4, "法人", &plain).unwrap();
    sheet.merge_range(3, 5, 4, 5, "联系电话", &plain).unwrap();
    sheet.merge_range(3, 6, 3, 9, "机具信息", &plain).unwrap();
    for (column, name) in [
        (1, "商户编号"),
        (2, "商户名称"),
        (3, "姓名"),
        (4, "证件号码"),
        (6, "序列号"),
        (7, "终端号"),
        (8, "装机日期"),
        (9, "最后交易时间"),
    ] {
        sheet.write_string(4, column, name).unwrap();
    }
    for (at, n) in [(5, 1), (7, 2)] {
        // Fifteen digits survive in a number; the resident's eighteen must be text.
        let merchant: f64 = number(n).parse().unwrap();
        sheet.write_number(at, 1, merchant).unwrap();
        sheet.write_string(at, 2, "示例商户").unwrap();
        sheet.write_string(at, 3, "样例甲").unwrap();
        sheet.write_string(at, 4, identity()).unwrap();
        sheet.write_number(at, 5, 13_000_000_001_f64).unwrap();
        sheet.write_string(at, 6, serial(n)).unwrap();
        sheet.write_string(at, 7, "A0000001、A0000002").unwrap();
        let at_noon = ExcelDateTime::parse_from_str("2025-01-02").unwrap();
        sheet
            .write_datetime_with_format(at, 8, &at_noon, &day)
            .unwrap();
        sheet.write_number(at, 9, 45_659.5).unwrap();
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn a_workbook_with_titles_blank_rows_and_a_merged_header_of_two_rows_is_read() {
    let office = office();
    let file = office.put_file("台账.xlsx", workbook());
    let sheet = |name: &'static str| {
        move |options: &mut desk_server::registry::ImportOptions| options.sheet = Some(name.into())
    };
    let done = office.import_with(&file, Mode::AllOrNothing, sheet("台账"));
    assert_eq!(done.counts().merchants_new, 2, "{}", done.told());
    let record = office.merchant(2).unwrap();
    assert_eq!(record.phone, "13000000001");
    assert_eq!(record.legal_id_no, identity());
    let terminal = &record.terminals[0];
    assert_eq!(terminal.terminal_numbers, ["A0000001", "A0000002"]);
    assert_eq!(terminal.bound_at, 1_735_747_200_000);
    assert_eq!(
        terminal.last_trade_at,
        Some(1_735_747_200_000 + 12 * 3_600_000)
    );
    let none = office.import_with(&file, Mode::AllOrNothing, sheet("无"));
    assert!(none.error().contains("说明, 台账"), "{}", none.error());
    let first = office.import(&file, Mode::AllOrNothing);
    assert!(first.result.is_err());
}

#[test]
fn a_workbook_that_claims_to_unpack_to_more_than_it_may_is_not_read() {
    let office = office();
    let mut bytes = workbook();
    // The uncompressed sizes in the directory at the end.
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
    {
        at += found + 4;
        bytes[at + 20..at + 24].copy_from_slice(&3_000_000_000_u32.to_le_bytes());
    }
    let done = office.import(&office.put_file("bomb.xlsx", bytes), Mode::AllOrNothing);
    assert!(done.error().contains("unpacks"), "{}", done.error());
}

#[test]
fn rows_of_one_terminal_join_their_terminal_numbers() {
    let office = office();
    let second = row(1, 1).replace("D0000001", "E0000001");
    let done = office.import_rows("tids.csv", &[row(1, 1), second]);
    assert_eq!(done.counts().terminals_added, 1);
    let record = office.merchant(1).unwrap();
    assert_eq!(record.terminals.len(), 1);
    assert_eq!(
        record.terminals[0].terminal_numbers,
        ["D0000001", "E0000001"]
    );
}

#[test]
fn a_merchant_without_a_terminal_is_imported_and_keeps_what_the_file_leaves_out() {
    let office = office();
    office.import_rows("one.csv", &[row(1, 1)]).run();
    let head = "mid,name,legal_name,id_no,mobile,uscc,备注";
    let text = format!(
        "{head}\n{},示例商户1,样例甲,{},13000000002,,老客户\n{},示例商户2,样例乙,{},13000000003,91110105MA000T0148,\n",
        number(1),
        identity(),
        number(2),
        identity()
    );
    let done = office.import(&office.put_file("two.csv", text), Mode::AllOrNothing);
    assert_eq!(done.counts().merchants_changed, 1);
    assert!(
        done.told().contains("columns ignored: 备注"),
        "{}",
        done.told()
    );
    let record = office.merchant(1).unwrap();
    assert_eq!(record.terminals.len(), 1);
    // Nobody said how old the number is, so it is new.
    assert_eq!(
        (record.phone.as_str(), record.phone_changed_at),
        ("13000000002", crate::support::NOON)
    );
    let other = office.merchant(2).unwrap();
    assert_eq!(
        (other.class.as_str(), other.terminals.len()),
        ("enterprise", 0)
    );
}

#[test]
fn the_rows_of_several_offices_may_stand_in_one_file() {
    let office = office();
    let text = format!(
        "网点编号,{HEAD}\n{HERE},{}\n{THERE},{}\n",
        row(1, 1),
        row(2, 2)
    );
    let file = office.put_file("offices.csv", text);
    let done = office.import_with(&file, Mode::AllOrNothing, |options| {
        options.office = None;
    });
    assert_eq!(done.counts().merchants_new, 2);
    assert!(office.merchant(1).is_some() && office.merchant(2).is_none());
    // What one office holds, another does not take.
    let taken = office.import_rows("taken.csv", &[row(3, 2)]);
    assert!(taken.told().contains(THERE), "{}", taken.told());
    let unknown = office.import_with(&file, Mode::AllOrNothing, |options| {
        options.office = OfficeCode::parse("XX999");
    });
    assert!(unknown.error().contains("XX999"));
    let nameless = office.put_file("nameless.csv", csv(&[row(4, 4)]));
    let done = office.import_with(&nameless, Mode::AllOrNothing, |options| {
        options.office = None;
    });
    assert!(done.told().contains("--office"), "{}", done.told());
}

#[test]
fn desks_of_the_office_receive_imported_merchants_with_their_next_pull() {
    let office = office();
    let (here, there) = (office.desk(HERE, "agent"), office.desk(THERE, "stranger"));
    let at = here.pull(HERE, 0, 0).json()["cursor"].as_u64().unwrap();
    let over_there = there.pull(THERE, 0, 0).json()["cursor"].as_u64().unwrap();
    office
        .import_rows("pull.csv", &[row(1, 1), row(2, 2)])
        .run();
    let page = here.pull(HERE, at, 0).json();
    let names: Vec<&str> = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{page}");
    assert!(names.contains(&"示例商户1"));
    let page = there.pull(THERE, over_there, 0).json();
    assert_eq!(page["changes"].as_array().unwrap().len(), 0);
}

/// Runs the binary; returns whether it succeeded, and the most memory it held, in MB.
fn run_and_watch(office: &TestOffice, arguments: &[&str]) -> (bool, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_unbind-desk-server"))
        .args(arguments)
        .arg("--data")
        .arg(office.dir.path())
        .envs(office.environment())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    // The last line is told when all is done; by then the process has held the most.
    for _line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kb.unwrap_or(0) / 1024);
    }
    (child.wait().unwrap().success(), most)
}

#[test]
#[cfg(target_os = "linux")]
fn many_rows_need_no_more_memory_than_their_keys() {
    let office = office();
    let path = office.dir.path().join("large.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    writeln!(file, "{HEAD},备注").unwrap();
    // A column that is ignored makes the file larger than what is kept of it.
    let remark = "说明文字".repeat(25);
    for n in 0..30_000 {
        writeln!(file, "{},{remark}", row(n / 10, n)).unwrap();
    }
    file.into_inner().unwrap().sync_all().unwrap();
    let size_mb = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    assert!(size_mb > 10, "{size_mb} MB");
    let path = path.display().to_string();
    let (worked, most) = run_and_watch(&office, &["registry", "import", &path, "--office", HERE]);
    assert!(worked);
    assert_eq!(office.serials(2_999).len(), 10);
    // As texts in memory the cells alone would take more.
    assert!(
        most > 0 && most < 70,
        "{most} MB for a file of {size_mb} MB"
    );
}
