//! What one policy says otherwise than another, for the admin who is about to put it in force.

use super::Policy;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use toml::Value;

/// One value that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// As `assurance.levels.L3.points`; entries of a list by their code or prefix.
    pub name: String,
    /// None where there was none.
    pub from: Option<String>,
    pub to: Option<String>,
    /// It lets an unbind pass with less: worth a second look.
    pub easier: bool,
}

/// Every difference, in the order of the names; the version is none.
pub fn changes(from: &Policy, to: &Policy) -> Vec<Change> {
    let (before, after) = (flat(from), flat(to));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found = Vec::new();
    for name in names.into_iter().filter(|name| *name != "version") {
        let (old, new) = (before.get(name), after.get(name));
        if old != new {
            found.push(Change {
                name: name.clone(),
                from: old.map(Value::to_string),
                to: new.map(Value::to_string),
                easier: is_easier(name, old, new),
            });
        }
    }
    found
}

fn flat(policy: &Policy) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    // A policy came from TOML and goes back into it.
    if let Ok(value) = Value::try_from(policy) {
        spread(String::new(), value, &mut all);
    }
    all
}

fn spread(name: String, value: Value, all: &mut BTreeMap<String, Value>) {
    let below = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}.{key}")
        }
    };
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                spread(below(&key), value, all);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for value in list {
                let named = ["code", "prefix"]
                    .iter()
                    .find_map(|key| value.get(key)?.as_str());
                let key = named.unwrap_or("?").to_owned();
                spread(below(&key), value, all);
            }
        }
        Value::Array(_)
        | Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_) => {
            all.insert(name, value);
        }
    }
}

/// Numbers of which less is asked for, and numbers that count for more.
const LESS_IS_EASIER: &[&str] = &[
    "before_review_points",
    "spoken_facts",
    "lock_hours",
    "classes",
    "people",
    "hold_hours",
];
const MORE_IS_EASIER: &[&str] = &[
    "paper_accepted_points",
    "paper_photos_points",
    "lock_failures",
    "raise_at",
    "stop_at",
];

fn is_easier(name: &str, old: Option<&Value>, new: Option<&Value>) -> bool {
    let number = |value: Option<&Value>| value.and_then(Value::as_integer).unwrap_or(0);
    let (less, more) = (number(new) < number(old), number(new) > number(old));
    let last = name.rsplit('.').next().unwrap_or_default();
    if name.starts_with("assurance.evidence.") {
        return match last {
            "points" => more,
            "enabled" => new == Some(&Value::Boolean(true)),
            // Who may record it, and which class it counts for: every change deserves a look.
            _ => true,
        };
    }
    if name.starts_with("assurance.levels.") {
        return match last {
            "strong" => new != Some(&Value::Boolean(true)),
            _ => less,
        };
    }
    if name.starts_with("assurance.by_") {
        // What is not named is L3.
        let level =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("L3").to_owned();
        return level(new) < level(old);
    }
    if name.starts_with("risk.signals.") {
        return if last == "points" { less } else { true };
    }
    if name.starts_with("assurance.caps.") {
        return more;
    }
    name == "assurance.strong_classes"
        || (LESS_IS_EASIER.contains(&last) && less)
        || (MORE_IS_EASIER.contains(&last) && more)
}

#[cfg(test)]
mod tests {
    use super::super::SHIPPED;
    use super::*;

    fn change(from: &str, to: &str) -> Vec<Change> {
        assert!(SHIPPED.contains(from), "{from}");
        let other = Policy::parse(&SHIPPED.replacen(from, to, 1)).unwrap();
        changes(&Policy::shipped(), &other)
    }

    #[test]
    fn what_makes_an_unbind_easier_is_marked_and_what_makes_it_harder_is_not() {
        let table = [
            (
                "L3 = { points = 70",
                "L3 = { points = 60",
                "assurance.levels.L3.points",
                true,
            ),
            (
                "L3 = { points = 70",
                "L3 = { points = 80",
                "assurance.levels.L3.points",
                false,
            ),
            (
                "people = 2, hold_hours = 24",
                "people = 2, hold_hours = 1",
                "assurance.levels.L4.hold_hours",
                true,
            ),
            (
                "points = 15, enabled",
                "points = 30, enabled",
                "assurance.evidence.call_back.points",
                true,
            ),
            ("PHONE = 40", "PHONE = 30", "assurance.caps.PHONE", false),
            ("PHONE = 40", "PHONE = 70", "assurance.caps.PHONE", true),
            (
                "close_merchant = \"L4\"",
                "close_merchant = \"L5\"",
                "assurance.by_request.close_merchant",
                false,
            ),
            (
                "close_merchant = \"L4\"\n",
                "",
                "assurance.by_request.close_merchant",
                true,
            ),
            ("stop_at = 70", "stop_at = 90", "risk.stop_at", true),
            (
                "under_pressure = { points = 40",
                "under_pressure = { points = 10",
                "risk.signals.under_pressure.points",
                true,
            ),
            (
                "promise_work_days = 3",
                "promise_work_days = 5",
                "clocks.promise_work_days",
                false,
            ),
            (
                "zh = \"盛付通\"",
                "zh = \"盛付通支付\"",
                "acquirers.820.zh",
                false,
            ),
        ];
        for (from, to, name, easier) in table {
            let found = change(from, to);
            assert_eq!(found.len(), 1, "{from}: {found:?}");
            let one = found.first().unwrap();
            assert_eq!((one.name.as_str(), one.easier), (name, easier), "{from}");
        }
        assert!(change("version = 2", "version = 3").is_empty());
    }
}
