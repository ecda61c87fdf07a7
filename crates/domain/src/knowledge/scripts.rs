//! What is said on the phone, step by step: the agent reads it aloud and ticks it off.

use super::{ContentError, Text, is_plain_id};
use crate::field::Step;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The text of the shipped scripts.
pub const SHIPPED: &str = include_str!("../../../../assets/knowledge/scripts.toml");

/// One version of all sentences.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripts {
    pub version: u32,
    pub scripts: Vec<Script>,
}

/// One thing to say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub id: String,
    pub step: Step,
    /// Read aloud.
    pub text: Text,
    /// For the agent alone.
    #[serde(default)]
    pub note: Option<Text>,
}

impl Scripts {
    /// Reads and checks a pack of scripts.
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let pack: Self = toml::from_str(text)?;
        pack.check()?;
        Ok(pack)
    }

    /// The scripts this version was built with.
    pub fn shipped() -> &'static Self {
        static PARSED: LazyLock<Scripts> = LazyLock::new(|| {
            #[expect(
                clippy::expect_used,
                reason = "the text is compiled in and parsed by a test"
            )]
            Scripts::parse(SHIPPED).expect("the shipped scripts parse")
        });
        &PARSED
    }

    /// What is said in one step, in the order of the pack.
    pub fn of_step(&self, step: Step) -> impl Iterator<Item = &Script> {
        self.scripts
            .iter()
            .filter(move |script| script.step == step)
    }

    fn check(&self) -> Result<(), ContentError> {
        if self.version == 0 {
            return Err(ContentError::senseless("version", "versions count from 1"));
        }
        let mut seen = BTreeSet::new();
        for script in &self.scripts {
            let rules = [
                (is_plain_id(&script.id), "an id is a–z, 0–9 and _"),
                (seen.insert(&script.id), "the id is used twice"),
                (!script.text.is_blank(), "the text is empty in one language"),
                (
                    !script.note.as_ref().is_some_and(Text::is_blank),
                    "the note is empty in one language",
                ),
            ];
            if let Some((_, what)) = rules.into_iter().find(|(holds, _)| !holds) {
                return Err(ContentError::senseless(&script.id, what));
            }
        }
        Ok(())
    }
}
