//! Questions that callers ask, with answers, their source and the day on which somebody last checked them.

use super::{ContentError, Text, is_plain_id, search_form};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The text of the shipped articles.
pub const SHIPPED: &str = include_str!("../../../../assets/knowledge/articles.toml");

/// One version of all answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Articles {
    pub version: u32,
    /// An answer older than this is due to be checked again.
    pub review_days: u32,
    /// Stands under every answer.
    pub footer: Text,
    /// Stands above every unofficial answer.
    pub unofficial_banner: Text,
    pub articles: Vec<Article>,
}

/// One question with its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Article {
    pub id: String,
    pub tags: Vec<String>,
    pub title: Text,
    pub body: Text,
    /// The acquirer has confirmed this wording.
    pub official: bool,
    /// Where the answer comes from.
    pub source: String,
    /// Who keeps it right.
    pub owner: String,
    pub checked_on: NaiveDate,
}

impl Article {
    /// Only what the acquirer has confirmed may be sent to a merchant.
    pub const fn may_be_sent(&self) -> bool {
        self.official
    }

    /// How well the article fits: 0 title, 1 tag, 2 body; none when a term is nowhere.
    fn rank(&self, terms: &[String]) -> Option<u8> {
        let places: Option<Vec<u8>> = terms.iter().map(|term| self.place(term)).collect();
        places.map(|places| places.into_iter().max().unwrap_or(0))
    }

    fn place(&self, term: &str) -> Option<u8> {
        if self.title.holds(term) {
            Some(0)
        } else if self.tags.iter().any(|tag| search_form(tag).contains(term)) {
            Some(1)
        } else if self.body.holds(term) {
            Some(2)
        } else {
            None
        }
    }
}

impl Articles {
    /// Reads and checks a pack of articles.
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let pack: Self = toml::from_str(text)?;
        pack.check()?;
        Ok(pack)
    }

    /// The articles this version was built with.
    pub fn shipped() -> &'static Self {
        static PARSED: LazyLock<Articles> = LazyLock::new(|| {
            #[expect(
                clippy::expect_used,
                reason = "the text is compiled in and parsed by a test"
            )]
            Articles::parse(SHIPPED).expect("the shipped articles parse")
        });
        &PARSED
    }

    /// The article with this id.
    pub fn find(&self, id: &str) -> Option<&Article> {
        self.articles.iter().find(|article| article.id == id)
    }

    /// Articles that hold every word of the query; titles before tags before bodies, else in the order of the pack.
    pub fn search(&self, query: &str) -> Vec<&Article> {
        let terms: Vec<String> = search_form(query)
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let mut found: Vec<(u8, &Article)> = self
            .articles
            .iter()
            .filter_map(|article| article.rank(&terms).map(|rank| (rank, article)))
            .collect();
        found.sort_by_key(|(rank, _)| *rank);
        found.into_iter().map(|(_, article)| article).collect()
    }

    /// Whether an article must be checked again by this day.
    pub fn is_due(&self, article: &Article, today: NaiveDate) -> bool {
        // Past the end of the calendar nothing falls due.
        let due = article
            .checked_on
            .checked_add_days(Days::new(u64::from(self.review_days)));
        due.is_some_and(|due| due <= today)
    }

    fn check(&self) -> Result<(), ContentError> {
        if self.version == 0 || self.review_days == 0 {
            return Err(ContentError::senseless(
                "version",
                "version and review_days count from 1",
            ));
        }
        if self.footer.is_blank() || self.unofficial_banner.is_blank() {
            return Err(ContentError::senseless(
                "footer",
                "footer or banner is empty",
            ));
        }
        let mut seen = BTreeSet::new();
        for article in &self.articles {
            let rules = [
                (is_plain_id(&article.id), "an id is a–z, 0–9 and _"),
                (seen.insert(&article.id), "the id is used twice"),
                (
                    !article.title.is_blank() && !article.body.is_blank(),
                    "title or body is empty in one language",
                ),
                (!article.tags.is_empty(), "there is no tag"),
                (!article.source.trim().is_empty(), "the source is missing"),
                (!article.owner.trim().is_empty(), "the owner is missing"),
            ];
            if let Some((_, what)) = rules.into_iter().find(|(holds, _)| !holds) {
                return Err(ContentError::senseless(&article.id, what));
            }
        }
        Ok(())
    }
}
