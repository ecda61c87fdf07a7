//! Demo data: a feed page of synthetic cases in one file.

mod dates;

use desk_domain::case::{Case, TimelineEntry};
use desk_domain::ids::{OfficeCode, UserId};
use desk_domain::people::UserCard;
use desk_domain::registry::MerchantRecord;
use desk_domain::time::Millis;
use desk_store::{Page, PageChange};
use serde::{Deserialize, Serialize};

/// Everything that a demo desk starts with; visibly fake.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    pub office: OfficeCode,
    pub office_name: String,
    /// Two characters of case numbers made on the demo desk.
    pub device_code: String,
    /// Who sits at the demo desk; none means the first agent of `users`.
    #[serde(default)]
    pub me: Option<UserId>,
    pub users: Vec<UserCard>,
    pub merchants: Vec<MerchantRecord>,
    pub cases: Vec<(Case, Vec<TimelineEntry>)>,
    /// The number that rings after the start.
    #[serde(default)]
    pub ringing_number: Option<String>,
}

/// The pack that is built into this program.
pub(crate) const fn shipped() -> &'static [u8] {
    include_bytes!("../../../assets/demo/pack.json")
}

impl Pack {
    /// The same stories, the newest of them told yesterday.
    #[must_use]
    pub fn told_by(mut self, now: Millis) -> Self {
        dates::bring_to(&mut self, now);
        self
    }

    /// The page that fills an empty store.
    pub fn page(&self) -> Page {
        let users = self
            .users
            .iter()
            .map(|card| PageChange::User(Box::new(card.clone())));
        let merchants = self
            .merchants
            .iter()
            .map(|record| PageChange::Merchant(Box::new(record.clone())));
        let cases = self.cases.iter().map(|(case, timeline)| PageChange::Case {
            case: Box::new(case.clone()),
            timeline: timeline.clone(),
            outcomes: Vec::new(),
        });
        Page {
            scope: self.office.clone(),
            cursor: Some(1),
            fill: true,
            changes: users.chain(merchants).chain(cases).collect(),
        }
    }

    /// The person who uses the demo desk.
    pub fn user(&self) -> Option<&UserCard> {
        let named = self
            .me
            .and_then(|me| self.users.iter().find(|card| card.user == me));
        named.or_else(|| {
            self.users
                .iter()
                .find(|card| card.actor().may(desk_domain::people::Role::Agent))
        })
    }
}
