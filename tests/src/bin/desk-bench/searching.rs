//! G6: search, and its recall against a plain look at every case.

use crate::figure::{Figure, median, quantile, slope};
use crate::fill::{Filled, case_id};
use crate::words::{Words, brand_character, words_of};
use crate::{Plan, watch};
use desk_domain::ids::CaseId;
use desk_tests::Failure;
use std::collections::BTreeSet;
use std::hint::black_box;

/// Queries of one kind in one round.
const QUERIES: u64 = 60;
/// Queries of each kind whose every hit is compared.
const COMPARED: u64 = 4;
const CPU_MS: f64 = 10.0;
const WALL_MS: f64 = 50.0;

/// What somebody types, and what a plain look compares with it.
struct Kind {
    name: &'static str,
    typed: fn(u64) -> String,
    found: fn(&Words, &str) -> bool,
    /// A heteronym may be found under more than the reading that the plain look knows.
    may_find_more: bool,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "1 Chinese character",
        typed: |n| brand_character(n).to_owned(),
        found: |words, typed| text_has(words, typed),
        may_find_more: false,
    },
    Kind {
        name: "2 Chinese characters",
        typed: |n| words_of(n).brand,
        found: |words, typed| text_has(words, typed),
        may_find_more: false,
    },
    Kind {
        name: "pinyin initials",
        typed: |n| words_of(n).initials,
        found: |words, typed| words.initials == typed,
        may_find_more: true,
    },
    Kind {
        name: "last 4 of a phone",
        typed: |n| tail(&words_of(n).phone, 4),
        found: |words, typed| number_ends(words, typed),
        may_find_more: true,
    },
    Kind {
        name: "last 6 of a serial",
        typed: |n| tail(&words_of(n).serial, 6),
        found: |words, typed| number_ends(words, typed),
        may_find_more: true,
    },
];

/// Measures every kind on both files.
pub fn figures(plan: &Plan, small: &Filled, large: &Filled) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    let (mut all_cpu, mut all_wall) = (Vec::new(), Vec::new());
    for kind in &KINDS {
        let (mut cpu, mut wall, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cpu_small, mut rows_small) = (Vec::new(), Vec::new());
        for round in 0..plan.rounds {
            let seed = u64::from(round) * QUERIES;
            for (spent, hits) in ask(large, kind, seed)? {
                cpu.push(spent.cpu_ms);
                wall.push(spent.wall_ms);
                rows.push(hits);
            }
            for (spent, hits) in ask(small, kind, seed)? {
                cpu_small.push(spent.cpu_ms);
                rows_small.push(hits);
            }
        }
        let name = |what: &str| format!("{}: {what} at {}", kind.name, large.cases);
        let (p50, p99) = (quantile(&cpu, 0.5), quantile(&cpu, 0.99));
        figures.push(Figure::of_number("G6", name("CPU p50"), "ms", p50, CPU_MS));
        figures.push(Figure::of_number("G6", name("CPU p99"), "ms", p99, CPU_MS));
        // Pages that are not equally full say nothing about growth.
        if (median(&rows) - median(&rows_small)).abs() < 0.5 {
            let slope = slope((small.cases, median(&cpu_small)), (large.cases, p50));
            let name = name("log-log slope of CPU p50");
            figures.push(Figure::of_number("G6", name, "", slope, 0.3));
        }
        figures.push(missed(large, kind)?);
        all_cpu.extend(cpu);
        all_wall.extend(wall);
    }
    let name = format!("all kinds: CPU p99 at {}", large.cases);
    figures.push(Figure::of_number(
        "G6",
        name,
        "ms",
        quantile(&all_cpu, 0.99),
        CPU_MS,
    ));
    let name = format!("all kinds: wall p99 of {} searches", all_wall.len());
    figures.push(Figure::of_number(
        "G6",
        name,
        "ms",
        quantile(&all_wall, 0.99),
        WALL_MS,
    ));
    Ok(figures)
}

fn ask(filled: &Filled, kind: &Kind, seed: u64) -> Result<Vec<(watch::Spent, f64)>, Failure> {
    let mut spent = Vec::new();
    let many = u64::try_from(filled.cases).unwrap_or(1);
    for n in 0..QUERIES {
        let typed = (kind.typed)(crate::chance::mix(seed + n) % many);
        let (page, cost) = watch::measure(|| filled.store.search(&typed, None, 50));
        let page = black_box(page.map_err(Failure::at("search"))?);
        spent.push((cost, f64::from(count(page.rows.iter()))));
    }
    Ok(spent)
}

/// Cases that a plain look finds and the search does not; anything above none is a miss.
fn missed(filled: &Filled, kind: &Kind) -> Result<Figure, Failure> {
    let many = u64::try_from(filled.cases).unwrap_or(1);
    let (mut missed, mut wanted, mut extra) = (0_u32, 0_u32, 0_u32);
    for n in 0..COMPARED {
        let typed = (kind.typed)(crate::chance::mix(n) % many);
        let plain: BTreeSet<CaseId> = (0..many)
            .filter(|number| (kind.found)(&words_of(*number), &typed))
            .filter_map(|number| usize::try_from(number).ok())
            .map(|number| case_id(number, filled.cases))
            .collect();
        let found = every_hit(filled, &typed)?;
        missed += count(plain.difference(&found));
        extra += count(found.difference(&plain));
        wanted += count(plain.iter());
    }
    if wanted == 0 || (extra > 0 && !kind.may_find_more) {
        return Err(Failure::new(format!(
            "void: {}: {wanted} wanted, {extra} too many",
            kind.name
        )));
    }
    let name = format!("{}: cases missed of {wanted}", kind.name);
    let holds = missed == 0;
    Ok(Figure {
        holds,
        ..Figure::of_number("G6", name, "", f64::from(missed), 1.0)
    })
}

fn every_hit(filled: &Filled, typed: &str) -> Result<BTreeSet<CaseId>, Failure> {
    let mut all = BTreeSet::new();
    let mut before = None;
    let mut newest = i64::MAX;
    loop {
        let page = filled
            .store
            .search(typed, before, 50)
            .map_err(Failure::at("search on"))?;
        for row in &page.rows {
            if row.updated_at > newest {
                return Err(Failure::new("void: hits are not newest first"));
            }
            newest = row.updated_at;
            all.insert(row.id);
        }
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok(all),
        }
    }
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

fn text_has(words: &Words, typed: &str) -> bool {
    [&words.merchant, &words.caller, &words.request]
        .iter()
        .any(|text| text.contains(typed))
}

fn number_ends(words: &Words, typed: &str) -> bool {
    [&words.phone, &words.serial, &words.merchant_no]
        .iter()
        .any(|number| number.ends_with(typed))
}

fn tail(number: &str, digits: usize) -> String {
    let from = number.len().saturating_sub(digits);
    number.get(from..).unwrap_or_default().to_owned()
}
