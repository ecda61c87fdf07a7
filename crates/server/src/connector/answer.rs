//! What the core system says of one request: in the answer to it, in the answer to a question, or in a callback, always
//! in one shape. Whatever is not of that shape says nothing.

use desk_domain::case::{ExecutionResult, TerminalResult};
use desk_domain::ids::ExecutionId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest reference and longest text that is repeated, in Unicode scalars.
const REFERENCE_CHARS: usize = 128;
const TEXT_CHARS: usize = 400;
const UNBOUND: &str = "unbound";

/// A clear word.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Told {
    /// Every terminal number of the request is unbound.
    Done {
        reference: String,
        evidence: String,
        terminals: Vec<TerminalResult>,
    },
    /// Nothing was done, and nothing will be.
    Refused {
        reference: Option<String>,
        reason: String,
    },
    /// It is at work on it.
    Pending { reference: Option<String> },
    /// No request came under this key.
    NeverSeen,
}

/// Why an answer says nothing; the codes stand in lists and logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    Shape,
    /// It is about another request.
    Key,
    /// Done, without a reference.
    Reference,
    /// Other terminal numbers than were asked for, one twice, or one that is not unbound though all is done.
    Terminals,
}

impl Misfit {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shape => "answer.shape",
            Self::Key => "answer.key",
            Self::Reference => "answer.reference",
            Self::Terminals => "answer.terminals",
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    key: String,
    status: String,
    reference: Option<String>,
    evidence: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    terminals: Vec<WireTerminal>,
}

#[derive(Deserialize)]
struct WireTerminal {
    terminal_no: String,
    result: String,
    evidence: Option<String>,
}

/// Reads a body; the key that it names, and what it says.
///
/// # Errors
/// It is not of the agreed shape.
pub fn read(body: &[u8]) -> Result<(ExecutionId, Told), Misfit> {
    let wire: Wire = serde_json::from_slice(body).map_err(|_| Misfit::Shape)?;
    let key = ExecutionId::parse(&wire.key).ok_or(Misfit::Key)?;
    let told = match wire.status.as_str() {
        "done" => done(wire)?,
        // Refused, and a part of it done all the same: a person has to look.
        "refused" if wire.terminals.iter().any(|one| one.result == UNBOUND) => {
            return Err(Misfit::Terminals);
        }
        "refused" => Told::Refused {
            reference: reference(wire.reference.as_deref()),
            reason: text(wire.reason.as_deref().unwrap_or_default()),
        },
        "pending" => Told::Pending {
            reference: reference(wire.reference.as_deref()),
        },
        "never_seen" => Told::NeverSeen,
        _ => return Err(Misfit::Shape),
    };
    Ok((key, told))
}

fn done(wire: Wire) -> Result<Told, Misfit> {
    let mut words: Vec<String> = wire.evidence.iter().map(|words| text(words)).collect();
    let mut terminals = Vec::new();
    for one in wire.terminals {
        if one.result != UNBOUND {
            return Err(Misfit::Terminals);
        }
        if let Some(evidence) = &one.evidence {
            words.push(format!("{} {}", text(&one.terminal_no), text(evidence)));
        }
        terminals.push(TerminalResult {
            terminal_no: one.terminal_no,
            result: ExecutionResult::Unbound,
        });
    }
    Ok(Told::Done {
        reference: reference(wire.reference.as_deref()).ok_or(Misfit::Reference)?,
        evidence: text(&words.join("；")),
        terminals,
    })
}

impl Told {
    /// Whether it is about these terminal numbers, each of them once.
    ///
    /// # Errors
    /// It names others.
    pub fn fits(&self, asked: &BTreeSet<String>) -> Result<(), Misfit> {
        let Self::Done { terminals, .. } = self else {
            return Ok(());
        };
        let named: BTreeSet<&String> = terminals.iter().map(|one| &one.terminal_no).collect();
        let same = named.len() == terminals.len() && named == asked.iter().collect();
        if same { Ok(()) } else { Err(Misfit::Terminals) }
    }
}

fn reference(given: Option<&str>) -> Option<String> {
    let plain = one_line(given?, REFERENCE_CHARS);
    (!plain.is_empty()).then_some(plain)
}

fn text(given: &str) -> String {
    one_line(given, TEXT_CHARS)
}

fn one_line(given: &str, chars: usize) -> String {
    let kept = given.chars().filter(|c| !c.is_control()).take(chars);
    kept.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "01890000-0000-7000-8000-000000000001";

    fn told(rest: &str) -> Result<Told, Misfit> {
        let body = format!(r#"{{"key":"{KEY}",{rest}}}"#);
        let (key, told) = read(body.as_bytes())?;
        assert_eq!(key.to_string(), KEY);
        Ok(told)
    }

    #[test]
    fn what_is_not_of_the_agreed_shape_says_nothing() {
        for (body, why) in [
            ("", Misfit::Shape),
            ("[]", Misfit::Shape),
            (r#"{"status":"done"}"#, Misfit::Shape),
            (r#"{"key":"x","status":"done"}"#, Misfit::Key),
        ] {
            assert_eq!(read(body.as_bytes()), Err(why), "{body}");
        }
        for (rest, why) in [
            (r#""status":"ok""#, Misfit::Shape),
            (r#""status":7"#, Misfit::Shape),
            (r#""status":"done""#, Misfit::Reference),
            (r#""status":"done","reference":"  ""#, Misfit::Reference),
            (
                r#""status":"done","reference":"R","terminals":[{"terminal_no":"1","result":"failed"}]"#,
                Misfit::Terminals,
            ),
            (
                r#""status":"refused","terminals":[{"terminal_no":"1","result":"unbound"}]"#,
                Misfit::Terminals,
            ),
            (
                r#""status":"done","reference":"R","terminals":["1"]"#,
                Misfit::Shape,
            ),
        ] {
            assert_eq!(told(rest), Err(why), "{rest}");
        }
    }

    #[test]
    fn every_word_is_understood_and_cut_to_size() {
        let refused = told(r#""status":"refused","reason":"a\u0007b""#);
        let (reference, reason) = (None, "ab".to_owned());
        assert_eq!(refused, Ok(Told::Refused { reference, reason }));
        let pending = told(r#""status":"pending","reference":"R""#);
        let reference = Some("R".to_owned());
        assert_eq!(pending, Ok(Told::Pending { reference }));
        assert_eq!(told(r#""status":"never_seen""#), Ok(Told::NeverSeen));
        let long = "x".repeat(5_000);
        let done = format!(
            r#""status":"done","reference":"{long}","terminals":[{{"terminal_no":"1","result":"unbound","evidence":"{long}"}}]"#
        );
        match told(&done) {
            Ok(Told::Done {
                reference,
                evidence,
                ..
            }) => {
                assert_eq!((reference.len(), evidence.len()), (128, 400));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn done_is_done_for_the_terminals_that_were_asked_for() {
        let of = |numbers: &[&str]| Told::Done {
            reference: String::new(),
            evidence: String::new(),
            terminals: numbers
                .iter()
                .map(|number| TerminalResult {
                    terminal_no: (*number).to_owned(),
                    result: ExecutionResult::Unbound,
                })
                .collect(),
        };
        let asked: BTreeSet<String> = ["1".to_owned(), "2".to_owned()].into();
        assert_eq!(of(&["2", "1"]).fits(&asked), Ok(()));
        for wrong in [
            &["1"][..],
            &["1", "3"],
            &["1", "2", "3"],
            &["1", "2", "2"],
            &[],
        ] {
            assert_eq!(of(wrong).fits(&asked), Err(Misfit::Terminals), "{wrong:?}");
        }
    }
}
