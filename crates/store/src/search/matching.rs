//! Whether a case answers a term: the definition of a hit, against which the index is checked.

use super::initials;
use super::keyed::bare_number;
use super::subject::Subject;
use super::words::{Run, fold, runs};

/// One blank-separated piece of what was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// Its runs, folded; each must stand somewhere in one of the texts.
    pub runs: Vec<Run>,
    /// As a number, when it can be the whole or the tail of one.
    pub number: Option<String>,
    /// As initials, when it can be.
    pub initials: Option<String>,
}

/// Most terms of a query; what is typed beyond is not looked at.
const MOST_TERMS: usize = 8;
/// As many digits as a mobile number has.
const LONG_NUMBER: usize = 11;
/// Most characters of a query.
const MOST_CHARS: usize = 120;

/// Cuts a query into terms. Whatever was typed, this is all that reaches the database.
pub(super) fn terms(typed: &str) -> Vec<Term> {
    let typed: String = fold(typed).chars().take(MOST_CHARS).collect();
    if let Some(number) = one_long_number(&typed) {
        return term(&number).into_iter().collect();
    }
    typed
        .split_whitespace()
        .filter_map(term)
        .take(MOST_TERMS)
        .collect()
}

/// Digits in groups, as a phone number is read out: one number when it is as long as one.
fn one_long_number(typed: &str) -> Option<String> {
    let digits: String = typed
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect();
    (digits.len() >= LONG_NUMBER && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

fn term(piece: &str) -> Option<Term> {
    let runs = runs(piece);
    if runs.is_empty() {
        return None;
    }
    let ascii = runs.iter().all(|run| matches!(run, Run::Word(_)));
    let number = bare_number(piece);
    let number = (ascii && number.len() >= 4).then_some(number);
    let letters = piece.len() >= 2 && piece.bytes().all(|b| b.is_ascii_alphanumeric());
    Some(Term {
        runs,
        number,
        initials: letters.then(|| piece.to_owned()),
    })
}

/// True when the case answers the term by its text, by a name's initials, or by a number.
pub(super) fn answers(subject: &Subject, term: &Term) -> bool {
    by_number(subject, term) || by_initials(subject, term) || by_text(subject, term)
}

fn by_number(subject: &Subject, term: &Term) -> bool {
    term.number.as_ref().is_some_and(|typed| {
        subject
            .numbers
            .iter()
            .any(|number| number.ends_with(typed.as_str()))
    })
}

fn by_initials(subject: &Subject, term: &Term) -> bool {
    term.initials.as_ref().is_some_and(|typed| {
        subject
            .names
            .iter()
            .any(|name| initials::matches(name, typed))
    })
}

fn by_text(subject: &Subject, term: &Term) -> bool {
    let texts: Vec<Vec<Run>> = subject.texts.iter().map(|text| runs(&fold(text))).collect();
    term.runs
        .iter()
        .all(|wanted| texts.iter().flatten().any(|run| run_has(run, wanted)))
}

/// Wide text is found anywhere in a run, an ASCII word by its beginning.
fn run_has(run: &Run, wanted: &Run) -> bool {
    match (run, wanted) {
        (Run::Wide(run), Run::Wide(wanted)) => run
            .windows(wanted.len())
            .any(|window| window == wanted.as_slice()),
        (Run::Word(run), Run::Word(wanted)) => run.starts_with(wanted.as_str()),
        _ => false,
    }
}
