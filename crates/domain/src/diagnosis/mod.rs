//! The guided fault tree: which question comes next, and what a chain of answers concludes.
//!
//! A case stores answers only, as codes `question:option`; the place in the tree is always computed. Ids never
//! change their meaning: a question that asks something else gets a new id, so old answers stay readable.

mod check;
#[cfg(test)]
mod tests;

use crate::knowledge::{ContentError, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The text of the shipped tree: questions, then leaves.
pub const SHIPPED: &str = concat!(
    include_str!("../../../../assets/diagnosis/tree.toml"),
    include_str!("../../../../assets/diagnosis/leaves.toml"),
);

/// One version of the tree. Questions may share a follower, but no path meets a question twice.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    pub version: u32,
    /// Id of the question that is asked first.
    pub start: String,
    pub questions: Vec<Question>,
    pub leaves: Vec<Leaf>,
}

/// Something to ask or to try, in words that can be read aloud.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub id: String,
    pub text: Text,
    pub options: Vec<Choice>,
}

/// One answer to a question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub id: String,
    /// The number key that picks it, 1–9.
    pub key: u8,
    pub text: Text,
    /// Id of the next question or of the leaf that ends the walk.
    pub goto: String,
}

/// Where a walk ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    pub id: String,
    pub advice: Text,
    /// A value of `diagnosis.conclusion`.
    pub conclusion: String,
    /// A value of `diagnosis.route`.
    pub route: String,
    /// A value of `reason.code`, where the fault or the wish has one.
    #[serde(default)]
    pub reason_code: Option<String>,
    pub unbind_allowed: bool,
    #[serde(default)]
    pub repair_first: bool,
    /// What must be said at once, before anything else.
    #[serde(default)]
    pub safety: Option<Text>,
}

/// What a set of answers amounts to. Exactly one of `next` and `leaf` is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position<'tree> {
    /// In the order in which they were asked.
    pub answered: Vec<(&'tree Question, &'tree Choice)>,
    pub next: Option<&'tree Question>,
    pub leaf: Option<&'tree Leaf>,
}

/// Why an answer is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("the diagnosis tree has no such question")]
    UnknownQuestion,
    #[error("the question has no such option")]
    UnknownOption,
    #[error("the question is neither answered nor next")]
    NotAsked,
}

impl AnswerError {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownQuestion => "diagnosis.unknown_question",
            Self::UnknownOption => "diagnosis.unknown_option",
            Self::NotAsked => "diagnosis.not_asked",
        }
    }
}

/// The code under which an answer is stored in `diagnosis.answers`.
pub fn answer_code(question: &str, option: &str) -> String {
    format!("{question}:{option}")
}

impl Question {
    /// The option with this id.
    pub fn option(&self, id: &str) -> Option<&Choice> {
        self.options.iter().find(|option| option.id == id)
    }

    /// The answer to this question, unless there is none or two desks disagree: then it is asked again.
    fn answer_in(&self, answers: &BTreeSet<String>) -> Option<&Choice> {
        let mut given = self
            .options
            .iter()
            .filter(|option| answers.contains(&answer_code(&self.id, &option.id)));
        match (given.next(), given.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    fn owns(&self, code: &str) -> bool {
        code.split_once(':')
            .is_some_and(|(question, _)| question == self.id)
    }
}

impl Tree {
    /// Reads and checks a tree.
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let tree: Self = toml::from_str(text)?;
        tree.validate()?;
        Ok(tree)
    }

    /// The tree this version was built with.
    pub fn shipped() -> &'static Self {
        static PARSED: LazyLock<Tree> = LazyLock::new(|| {
            #[expect(
                clippy::expect_used,
                reason = "the text is compiled in and parsed by a test"
            )]
            Tree::parse(SHIPPED).expect("the shipped diagnosis tree parses")
        });
        &PARSED
    }

    /// The question with this id.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.id == id)
    }

    /// The leaf with this id.
    pub fn leaf(&self, id: &str) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| leaf.id == id)
    }

    /// Follows the answers from the start. Codes that this tree does not know are passed over.
    pub fn walk(&self, answers: &BTreeSet<String>) -> Position<'_> {
        let mut answered = Vec::new();
        let mut at = self.start.as_str();
        // `validate` forbids cycles; the bound keeps a hand-made tree from walking for ever.
        while let Some(question) = self.question(at)
            && answered.len() < self.questions.len()
        {
            let Some(option) = question.answer_in(answers) else {
                return Position {
                    answered,
                    next: Some(question),
                    leaf: None,
                };
            };
            answered.push((question, option));
            at = &option.goto;
        }
        Position {
            answered,
            next: None,
            leaf: self.leaf(at),
        }
    }

    /// The answers once this one is given: it replaces an earlier one, and what no longer lies on the way is dropped.
    ///
    /// # Errors
    /// The question or the option is not in this tree, or the question has not been reached.
    pub fn after_answer(
        &self,
        answers: &BTreeSet<String>,
        question: &str,
        option: &str,
    ) -> Result<BTreeSet<String>, AnswerError> {
        let asked = self
            .question(question)
            .ok_or(AnswerError::UnknownQuestion)?;
        let given = asked.option(option).ok_or(AnswerError::UnknownOption)?;
        let here = self.walk(answers);
        let reached = here.next.is_some_and(|next| next.id == asked.id)
            || here
                .answered
                .iter()
                .any(|(earlier, _)| earlier.id == asked.id);
        if !reached {
            return Err(AnswerError::NotAsked);
        }
        let mut changed = without(answers, asked);
        changed.insert(answer_code(&asked.id, &given.id));
        Ok(self.on_the_way(&changed))
    }

    /// The answers with this question and everything that followed from it taken back.
    ///
    /// # Errors
    /// The question is not in this tree.
    pub fn cleared_from(
        &self,
        answers: &BTreeSet<String>,
        question: &str,
    ) -> Result<BTreeSet<String>, AnswerError> {
        let asked = self
            .question(question)
            .ok_or(AnswerError::UnknownQuestion)?;
        Ok(self.on_the_way(&without(answers, asked)))
    }

    /// Keeps what the walk uses, and codes of questions that only another version of the tree knows.
    fn on_the_way(&self, answers: &BTreeSet<String>) -> BTreeSet<String> {
        let walked = self.walk(answers);
        let used = walked
            .answered
            .iter()
            .map(|(question, option)| answer_code(&question.id, &option.id));
        let foreign = answers
            .iter()
            .filter(|code| !self.questions.iter().any(|question| question.owns(code)));
        used.chain(foreign.cloned()).collect()
    }
}

fn without(answers: &BTreeSet<String>, question: &Question) -> BTreeSet<String> {
    answers
        .iter()
        .filter(|code| !question.owns(code))
        .cloned()
        .collect()
}
