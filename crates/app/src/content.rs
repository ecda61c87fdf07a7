//! Questions, articles and scripts as screens show them.

use crate::dto::{
    AnswerView, ArticleRow, ArticleScreen, Bilingual, DiagnosisView, LeafView, OptionView,
    QuestionView, ScriptCard,
};
use crate::error::{AppError, Thing};
use crate::words::word;
use desk_domain::case::Case;
use desk_domain::diagnosis::{Choice, Leaf, Question, Tree};
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::knowledge::{Article, Articles, Scripts, Text};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn diagnosis_view(case: &Case) -> DiagnosisView {
    let at = Tree::shipped().walk(&case.members(FieldKey::DiagnosisAnswers));
    DiagnosisView {
        question: at.next.map(question_view),
        answered: at
            .answered
            .iter()
            .map(|(question, option)| answer_view(question, option))
            .collect(),
        leaf: at.leaf.map(leaf_view),
    }
}

/// The values that change with one answer; an empty option takes the answer and those after it back.
pub(crate) fn answered(
    case: &Case,
    question: &str,
    option: &str,
) -> Result<Vec<(FieldKey, Option<FieldValue>)>, AppError> {
    let tree = Tree::shipped();
    let before = case.members(FieldKey::DiagnosisAnswers);
    let after = match option {
        "" => tree.cleared_from(&before, question),
        option => tree.after_answer(&before, question, option),
    };
    let after = after.map_err(|error| AppError::Refused {
        code: error.code().to_owned(),
        params: BTreeMap::new(),
    })?;
    let leaf = tree.walk(&after).leaf;
    let mut changes = vec![(FieldKey::DiagnosisAnswers, set(after))];
    changes.push((
        FieldKey::DiagnosisConclusion,
        leaf.map(|leaf| FieldValue::Text(leaf.conclusion.clone())),
    ));
    changes.push((
        FieldKey::DiagnosisRoute,
        leaf.map(|leaf| FieldValue::Text(leaf.route.clone())),
    ));
    let reason = leaf.and_then(|leaf| leaf.reason_code.clone());
    // The agent's own reason goes before the tree's.
    if let Some(reason) = reason.filter(|_| case.value(FieldKey::ReasonCode).is_none()) {
        changes.push((FieldKey::ReasonCode, Some(FieldValue::Text(reason))));
    }
    Ok(changes)
}

pub(crate) fn scripts() -> Vec<ScriptCard> {
    let all = Scripts::shipped().scripts.iter();
    all.map(|script| ScriptCard {
        id: script.id.clone(),
        step: word(&script.step),
        text: both(&script.text),
    })
    .collect()
}

pub(crate) fn articles() -> Vec<ArticleRow> {
    Articles::shipped()
        .articles
        .iter()
        .map(article_row)
        .collect()
}

pub(crate) fn find_articles(query: &str, most: usize) -> Vec<ArticleRow> {
    Articles::shipped()
        .search(query)
        .into_iter()
        .take(most)
        .map(article_row)
        .collect()
}

pub(crate) fn article(id: &str) -> Result<ArticleScreen, AppError> {
    let article = Articles::shipped()
        .find(id)
        .ok_or(AppError::NotFound(Thing::Article))?;
    Ok(ArticleScreen {
        id: article.id.clone(),
        title: both(&article.title),
        body: both(&article.body),
        source: article.source.clone(),
        owner: article.owner.clone(),
        checked_on: article.checked_on.format("%Y-%m-%d").to_string(),
        official: article.official,
    })
}

fn set(answers: BTreeSet<String>) -> Option<FieldValue> {
    (!answers.is_empty()).then_some(FieldValue::Set(answers))
}

fn article_row(article: &Article) -> ArticleRow {
    ArticleRow {
        id: article.id.clone(),
        title: both(&article.title),
        tags: article.tags.clone(),
        official: article.official,
    }
}

fn question_view(question: &Question) -> QuestionView {
    let option = |choice: &Choice| OptionView {
        id: choice.id.clone(),
        text: both(&choice.text),
        key: choice.key.to_string(),
    };
    QuestionView {
        id: question.id.clone(),
        text: both(&question.text),
        options: question.options.iter().map(option).collect(),
    }
}

fn answer_view(question: &Question, option: &Choice) -> AnswerView {
    AnswerView {
        question: question.id.clone(),
        option: option.id.clone(),
        question_text: both(&question.text),
        option_text: both(&option.text),
    }
}

fn leaf_view(leaf: &Leaf) -> LeafView {
    LeafView {
        advice: both(&leaf.advice),
        conclusion: leaf.conclusion.clone(),
        route: leaf.route.clone(),
        reason_code: leaf.reason_code.clone(),
        unbind_allowed: leaf.unbind_allowed,
        repair_first: leaf.repair_first,
        safety: leaf.safety.as_ref().map(both),
    }
}

fn both(text: &Text) -> Bilingual {
    Bilingual {
        zh: text.zh.clone(),
        en: text.en.clone(),
    }
}
