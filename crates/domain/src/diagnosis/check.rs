//! What makes a text a sound tree: it always goes on, it always ends, and it offers the mildest way first.

use super::{Choice, Leaf, Question, Tree};
use crate::field::{FieldKey, Format};
use crate::knowledge::{ContentError, is_plain_id};
use std::collections::{BTreeMap, BTreeSet};

/// Routes from the mildest to the one that cannot be undone.
const MILDEST_FIRST: &[&str] = &["nothing", "self_service", "repair", "swap", "unbind"];

impl Tree {
    /// Checks ids, keys, texts, codes, reachability, ends and the order of the routes.
    ///
    /// # Errors
    /// Names the first question, option or leaf that is wrong, and what is wrong with it.
    pub fn validate(&self) -> Result<(), ContentError> {
        if self.version == 0 {
            return Err(ContentError::senseless("version", "versions count from 1"));
        }
        self.check_ids()?;
        for question in &self.questions {
            self.check_question(question)?;
        }
        for leaf in &self.leaves {
            check_leaf(leaf)?;
        }
        self.check_paths()
    }

    fn check_ids(&self) -> Result<(), ContentError> {
        let mut seen = BTreeSet::new();
        let questions = self.questions.iter().map(|question| &question.id);
        for id in questions.chain(self.leaves.iter().map(|leaf| &leaf.id)) {
            if !is_plain_id(id) {
                return Err(ContentError::senseless(id, "an id is a–z, 0–9 and _"));
            }
            if !seen.insert(id) {
                return Err(ContentError::senseless(id, "the id is used twice"));
            }
        }
        Ok(())
    }

    fn check_question(&self, question: &Question) -> Result<(), ContentError> {
        let wrong = |what| Err(ContentError::senseless(&question.id, what));
        if question.text.is_blank() || question.options.iter().any(|option| option.text.is_blank())
        {
            return wrong("a text is empty in one of the languages");
        }
        if question.options.len() < 2 {
            return wrong("a question needs at least two options");
        }
        let ids: BTreeSet<_> = question.options.iter().map(|option| &option.id).collect();
        let keys: BTreeSet<_> = question.options.iter().map(|option| option.key).collect();
        if ids.len() != question.options.len()
            || !question
                .options
                .iter()
                .all(|option| is_plain_id(&option.id))
        {
            return wrong("option ids are a–z, 0–9 and _, each once");
        }
        if keys.len() != question.options.len() || !keys.iter().all(|key| (1..=9).contains(key)) {
            return wrong("option keys are 1–9, each once");
        }
        if !question.options.iter().all(|option| self.leads_on(option)) {
            return wrong("an option leads nowhere");
        }
        if !self.is_mildest_first(&question.options) {
            return wrong("a harsher route stands before a milder one");
        }
        Ok(())
    }

    fn leads_on(&self, option: &Choice) -> bool {
        self.question(&option.goto).is_some() || self.leaf(&option.goto).is_some()
    }

    /// Among options that end the walk, the one with the mildest route has the lowest key.
    fn is_mildest_first(&self, options: &[Choice]) -> bool {
        let by_key: BTreeMap<_, _> = options.iter().map(|option| (option.key, option)).collect();
        let ranks: Vec<_> = by_key
            .values()
            .filter_map(|option| self.leaf(&option.goto))
            .map(|leaf| MILDEST_FIRST.iter().position(|route| *route == leaf.route))
            .collect();
        ranks.is_sorted()
    }

    fn check_paths(&self) -> Result<(), ContentError> {
        if self.question(&self.start).is_none() {
            return Err(ContentError::senseless(
                "start",
                "the first question does not exist",
            ));
        }
        let mut seen = BTreeSet::new();
        self.visit(&self.start, &mut Vec::new(), &mut seen)?;
        let questions = self.questions.iter().map(|question| question.id.as_str());
        let mut all = questions.chain(self.leaves.iter().map(|leaf| leaf.id.as_str()));
        match all.find(|id| !seen.contains(id)) {
            Some(id) => Err(ContentError::senseless(id, "no answer leads there")),
            None => Ok(()),
        }
    }

    /// Depth first; `path` holds what is still open above, so meeting it again is a circle.
    fn visit<'tree>(
        &'tree self,
        id: &'tree str,
        path: &mut Vec<&'tree str>,
        seen: &mut BTreeSet<&'tree str>,
    ) -> Result<(), ContentError> {
        if path.contains(&id) {
            return Err(ContentError::senseless(
                id,
                "the questions go round in a circle",
            ));
        }
        if !seen.insert(id) {
            return Ok(());
        }
        path.push(id);
        if let Some(question) = self.question(id) {
            for option in &question.options {
                self.visit(&option.goto, path, seen)?;
            }
        }
        path.pop();
        Ok(())
    }
}

fn check_leaf(leaf: &Leaf) -> Result<(), ContentError> {
    let unbinds = leaf.route == "unbind";
    let blank = leaf.advice.is_blank()
        || leaf
            .safety
            .as_ref()
            .is_some_and(crate::knowledge::Text::is_blank);
    let rules = [
        (!blank, "a text is empty in one of the languages"),
        (
            is_choice(FieldKey::DiagnosisConclusion, &leaf.conclusion),
            "the conclusion is not known",
        ),
        (
            is_choice(FieldKey::DiagnosisRoute, &leaf.route),
            "the route is not known",
        ),
        (
            leaf.reason_code
                .as_ref()
                .is_none_or(|code| is_choice(FieldKey::ReasonCode, code)),
            "the reason is not known",
        ),
        (
            !unbinds || leaf.unbind_allowed,
            "the route is unbind but unbinding is not allowed",
        ),
        (
            !unbinds || leaf.reason_code.is_some(),
            "the route is unbind but there is no reason",
        ),
        (
            !unbinds || !leaf.repair_first,
            "the route is unbind although repair comes first",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(ContentError::senseless(&leaf.id, what)),
        None => Ok(()),
    }
}

fn is_choice(field: FieldKey, value: &str) -> bool {
    matches!(field.spec().format, Format::Choice(values) if values.contains(&value))
}
