//! What one person does at a desk: a seeded choice of ordinary work, by the same commands as the window's.

use crate::dice::Dice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_app::Desk;
use desk_tests::case_script::FIELDS;
use desk_tests::papers::scan;
use serde_json::{Map, Value, json};

/// Merchants of the register that one desk works with.
pub const MERCHANTS: u64 = 40;
/// Open drafts from which on no further case is begun.
const DRAFTS: usize = 5;
/// Fields whose text may say anything.
const FREE: [&str; 3] = ["reason.text", "request.words", "terminal.address"];

/// One person at one desk.
pub struct Script<'a> {
    desk: &'a Desk,
    dice: Dice,
    stamp: String,
    focus: &'a str,
    place: u64,
    done: u64,
}

/// Pieces that all stand in the exact bytes of one op.
type Promise = Vec<String>;

impl<'a> Script<'a> {
    pub fn new(desk: &'a Desk, dice: Dice, stamp: String, focus: &'a str, place: u64) -> Self {
        Self {
            desk,
            dice,
            stamp,
            focus,
            place,
            done: 0,
        }
    }

    /// Does one thing. None when there was nothing to do or the rules did not allow it.
    pub fn act(&mut self) -> Option<Promise> {
        self.done += 1;
        let drafts = self.cases("mine", "draft");
        if drafts.is_empty() || (drafts.len() < DRAFTS && self.dice.once_in(8)) {
            return self.new_case();
        }
        let case = self.one_of(&drafts)?;
        let oldest = drafts.last()?.clone();
        match (self.focus, self.dice.below(10)) {
            ("documents", 0..=5) => self.document(&case, "other"),
            ("submits", 0..=5) => self.step(&oldest),
            (_, 0..=3) => self.field(&case),
            (_, 4..=5) => self.note(&case),
            (_, 6..=7) => self.field_of_others(),
            (_, 8) => self.resolve(),
            _ => self.step(&oldest),
        }
    }

    fn ask(&self, name: &str, arguments: Value) -> Option<Value> {
        desk_app::commands::dispatch(self.desk, name, arguments).ok()
    }

    fn words(&self) -> String {
        format!("示例 {} 第 {} 件", self.stamp, self.done)
    }

    fn cases(&self, filter: &str, state: &str) -> Vec<String> {
        let page = self.ask(
            "queue",
            json!({ "filter": filter, "after": null, "limit": 50 }),
        );
        let rows = page.as_ref().and_then(|page| page["rows"].as_array());
        rows.into_iter()
            .flatten()
            .filter(|row| row["state"] == state && (filter == "mine" || row["mine"] == false))
            .filter_map(|row| row["id"].as_str().map(str::to_owned))
            .collect()
    }

    fn one_of(&mut self, list: &[String]) -> Option<String> {
        let many = u64::try_from(list.len()).ok()?;
        let at = usize::try_from(self.dice.below(many)).ok()?;
        list.get(at).cloned()
    }

    fn new_case(&self) -> Option<Promise> {
        let case = self.ask("case_new", json!({ "call_ref": null, "channel": "phone" }))?;
        Some(promise(&[case["id"].as_str()?, "case.create"]))
    }

    fn note(&self, case: &str) -> Option<Promise> {
        let text = self.words();
        self.ask("note_add", json!({ "case": case, "text": text }))?;
        Some(promise(&[case, "note.add", &text]))
    }

    fn field(&mut self, case: &str) -> Option<Promise> {
        let many = u64::try_from(FREE.len()).ok()?;
        let at = usize::try_from(self.dice.below(many)).ok()?;
        self.set(case, FREE.get(at)?)
    }

    /// Both desks write here, so that conflicts come by themselves.
    fn field_of_others(&mut self) -> Option<Promise> {
        let others = self.cases("all", "draft");
        let case = self.one_of(&others)?;
        self.set(&case, "terminal.address")
    }

    fn set(&self, case: &str, field: &str) -> Option<Promise> {
        let text = self.words();
        let screen = self.ask("case_open", json!({ "case": case }))?;
        let base = screen["fields"][field]["rev"].clone();
        let arguments = json!({ "case": case, "field": field, "raw": text, "source": "spoken", "base": base, "accept": {} });
        self.ask("field_set", arguments)?;
        Some(promise(&[case, "field.set", field, &text]))
    }

    fn document(&mut self, case: &str, kind: &str) -> Option<Promise> {
        // One in five has several chunks.
        let side = if self.dice.once_in(5) { 700 } else { 60 };
        let bytes = scan(side, self.dice.draw()).ok()?;
        let arguments = json!({
            "case": case, "kind": kind, "name": format!("{}.png", self.words()),
            "bytes": STANDARD.encode(bytes), "replaces": null,
        });
        let card = self.ask("document_add", arguments)?;
        Some(promise(&[case, "document.attach", card["id"].as_str()?]))
    }

    fn resolve(&self) -> Option<Promise> {
        let status = self.ask("sync_status", json!({}))?;
        let conflict = status["conflicts"].as_array()?.first()?.clone();
        let (case, id) = (conflict["case"].as_str()?, conflict["id"].as_str()?);
        let arguments = json!({ "case": case, "conflict": id, "take": "theirs", "raw": null });
        self.ask("conflict_resolve", arguments)?;
        Some(promise(&[case, "conflict.resolve", id]))
    }

    /// One step nearer to a submitted case.
    fn step(&mut self, case: &str) -> Option<Promise> {
        let screen = self.ask("case_open", json!({ "case": case }))?;
        if screen["fields"]["reason.code"]["rev"].is_null() {
            let arguments = json!({ "case": case, "values": self.values(), "source": "spoken" });
            self.ask("fields_fill", arguments)?;
            return Some(promise(&[case, "field.set", "reason.code"]));
        }
        if screen["identity"]["holds"] != true {
            return self.evidence(case, &screen);
        }
        let missing = screen["missing"].as_array()?;
        if missing.is_empty() {
            if self.ask("submit", json!({ "case": case })).is_some() {
                return Some(promise(&[case, "case.submit"]));
            }
            let reason = self.words();
            let arguments = json!({ "case": case, "reason": reason, "identity_checked": true });
            self.ask("case_withdraw", arguments)?;
            return Some(promise(&[case, "case.withdraw", &reason]));
        }
        let paper = missing.iter().find_map(|item| item["document"].as_str());
        match paper.map(str::to_owned) {
            Some(kind) => self.document(case, &kind),
            None => self.field(case),
        }
    }

    fn evidence(&mut self, case: &str, screen: &Value) -> Option<Promise> {
        let offers = screen["identity"]["offers"].as_array()?;
        let kinds: Vec<String> = offers
            .iter()
            .filter(|offer| offer["available"] == true)
            .filter_map(|offer| offer["kind"].as_str().map(str::to_owned))
            .collect();
        let kind = self.one_of(&kinds)?;
        let note = self.words();
        let arguments = json!({ "case": case, "kind": kind, "note": note, "call_ref": null });
        self.ask("evidence_add", arguments)?;
        Some(promise(&[case, "evidence.record", &note]))
    }

    /// The script's case with a terminal of its own, so that several can be submitted.
    fn values(&mut self) -> Map<String, Value> {
        let number = self.place * MERCHANTS + self.dice.below(MERCHANTS);
        FIELDS
            .iter()
            .map(|(field, raw)| {
                let value = match *field {
                    "merchant.no" => merchant_no(number),
                    "terminal.serial" | "terminal.serial_again" => serial(number),
                    _ => (*raw).to_owned(),
                };
                ((*field).to_owned(), Value::from(value))
            })
            .collect()
    }
}

/// The merchant number of one of the register's rows.
pub fn merchant_no(number: u64) -> String {
    format!("82229007011{number:04}")
}

/// Its terminal's serial.
pub fn serial(number: u64) -> String {
    format!("N9QT1000{number:04}")
}

fn promise(pieces: &[&str]) -> Promise {
    pieces.iter().map(|piece| (*piece).to_owned()).collect()
}
