//! A bare desk whose courier runs on the product's own pace, and whose person may sign in again: for tests that must
//! meet a server whose sessions are gone.

use crate::Failure;
use crate::bare_desk::BareDesk;
use crate::office::Office;
use desk_domain::case::Case;
use desk_domain::ids::{CaseId, OfficeCode};
use desk_domain::op::OpBody;
use desk_sync::machine::Config;
use desk_sync::{Courier, SessionTokens, SyncStatus};
use std::path::Path;

/// One desk.
pub struct CourierDesk {
    pub bare: BareDesk,
    courier: Option<Courier>,
    url: String,
    login: String,
}

impl CourierDesk {
    /// Enrols at a branch of the office, makes a file in `folder` and starts the courier.
    pub fn enrol(
        office: &Office,
        folder: &Path,
        branch: &str,
        login: &str,
    ) -> Result<Self, Failure> {
        let mut desk = Self {
            bare: BareDesk::enrol(folder, office, branch, login)?,
            courier: None,
            url: office.url().to_owned(),
            login: login.to_owned(),
        };
        desk.start(desk.bare.tokens.clone())?;
        Ok(desk)
    }

    /// The person signs in once more, at the same address.
    pub fn sign_in_again(&self) -> Result<(), Failure> {
        let tokens = self.bare.sign_in(&self.url, &self.login)?;
        if let Some(courier) = &self.courier {
            courier.set_session(Some(tokens));
        }
        Ok(())
    }

    /// Ends the courier; what is done now waits.
    pub fn go_offline(&mut self) {
        self.courier = None;
    }

    /// Starts a courier for somebody who has just signed in.
    pub fn go_online(&mut self) -> Result<(), Failure> {
        self.start(self.bare.sign_in(&self.url, &self.login)?)
    }

    /// "Sync now": every wait ends, and the cases are compared.
    pub fn sync_now(&self) {
        if let Some(courier) = &self.courier {
            courier.sync_now();
        }
    }

    /// How the courier stands.
    pub fn status(&self) -> Option<SyncStatus> {
        self.courier.as_ref().map(Courier::status)
    }

    /// Opens a case with a note: one action.
    pub fn open_case(&self, note: &str) -> Result<CaseId, Failure> {
        let (case, create) = self.bare.create()?;
        let text = note.to_owned();
        let bodies = vec![(create, None), (OpBody::NoteAdd { text }, None)];
        self.bare.act(case, bodies)?;
        Ok(case)
    }

    /// One more note on a case.
    pub fn note(&self, case: CaseId, text: &str) -> Result<(), Failure> {
        let text = text.to_owned();
        let bodies = vec![(OpBody::NoteAdd { text }, None)];
        self.bare.act(case, bodies).map(|_| ())
    }

    /// One case as it is seen here.
    pub fn case(&self, id: CaseId) -> Option<Case> {
        Some(self.bare.store.case_view(id).ok()??.case)
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Failure> {
        let waited = self.bare.until(what, |_| holds(self));
        waited.map_err(|failure| Failure::new(format!("{failure}; {:?}", self.status())))
    }

    /// Everything that was done here is with the server, and nothing of it is pending.
    pub fn until_settled(&self) -> Result<(), Failure> {
        self.until("everything sent and judged", |desk| {
            let outbox = desk.bare.store.outbox();
            outbox.is_ok_and(|outbox| outbox.unsent == 0)
        })
    }

    fn start(&mut self, session: SessionTokens) -> Result<(), Failure> {
        let tuning = Config {
            digest_retry_ms: 200,
            ..Config::default()
        };
        self.courier = Some(self.bare.courier_of(session, &self.url, tuning)?);
        Ok(())
    }
}

/// The office that a branch code names.
pub fn branch(code: &str) -> Result<OfficeCode, Failure> {
    OfficeCode::parse(code).ok_or_else(|| Failure::new("no office code"))
}
