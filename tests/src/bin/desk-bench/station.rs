//! A bare desk as the product runs it: its store, and the courier on the product's own pace.

use desk_app::door::OsChance;
use desk_domain::case::Provenance;
use desk_domain::field::{FieldKey, FieldValue};
use desk_domain::ids::{CaseId, DocumentId, OpId};
use desk_domain::op::OpBody;
use desk_domain::time::Chance;
use desk_store::{Store, Touched};
use desk_sync::Courier;
use desk_sync::machine::Config;
use desk_tests::Failure;
use desk_tests::bare_desk::BareDesk;
use desk_tests::office::{BRANCH, Office};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Longest that one wait lasts; a bench that reaches it is void.
const PATIENCE: Duration = Duration::from_mins(5);

/// One enrolled desk.
pub struct Station {
    pub bare: BareDesk,
    courier: Option<Courier>,
}

impl Station {
    /// Enrols a fresh desk of the demo branch.
    pub fn enrol(folder: &Path, office: &Office) -> Result<Self, Failure> {
        Ok(Self {
            bare: BareDesk::enrol(folder, office, BRANCH, "agent1")?,
            courier: None,
        })
    }

    /// Starts the courier towards an address (the office's own, or a proxy before it).
    pub fn start(&mut self, url: &str) -> Result<(), Failure> {
        let session = self.bare.tokens.clone();
        self.courier = Some(self.bare.courier_of(session, url, Config::default())?);
        Ok(())
    }

    /// Ends the courier.
    pub fn stop(&mut self) {
        self.courier = None;
    }

    /// Waits until `enough` holds, looking again after each write of the store.
    ///
    /// # Errors
    /// What it waited for, when it does not come within five minutes.
    pub fn until(
        &self,
        what: &str,
        mut enough: impl FnMut(&Store, &Touched) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        self.bare
            .wait(what, PATIENCE, |touched| enough(&self.bare.store, touched))
    }

    /// Waits until the server has every op and every document.
    pub fn until_moved(&self) -> Result<(), Failure> {
        self.until("every document is stored", |store, _| moved(store))
    }

    /// One action: a new case with so many facts, fields first and then notes.
    pub fn new_case(&self, facts: usize) -> Result<CaseId, Failure> {
        let (case, create) = self.bare.create()?;
        let fields = FIELDS.iter().map(|(field, text)| set(*field, text));
        let notes = std::iter::repeat_with(|| OpBody::NoteAdd {
            text: "示例备注".to_owned(),
        });
        let facts = fields.chain(notes).take(facts);
        let bodies = std::iter::once(create).chain(facts);
        self.bare
            .act(case, bodies.map(|body| (body, None)).collect())?;
        Ok(case)
    }

    /// One action: one field of a case.
    pub fn set_field(&self, case: CaseId, field: FieldKey, text: &str) -> Result<OpId, Failure> {
        Ok(self.bare.set(case, field, text)?.op_id)
    }

    /// Attaches so many bytes that do not compress; no two documents are alike.
    pub fn attach(&self, case: CaseId, size_bytes: usize) -> Result<DocumentId, Failure> {
        self.bare.attach(case, &noise(size_bytes))
    }
}

/// So many bytes that do not compress.
pub fn noise(size_bytes: usize) -> Vec<u8> {
    let mut bytes = vec![0; size_bytes];
    OsChance.fill(&mut bytes);
    bytes
}

/// True when the server has every op and every document.
pub fn moved(store: &Store) -> Result<bool, Failure> {
    let waiting = store
        .documents_to_send(1)
        .map_err(Failure::at("list uploads"))?;
    Ok(waiting.is_empty() && unsent(store)? == 0)
}

/// Ops that the server lacks.
pub fn unsent(store: &Store) -> Result<u64, Failure> {
    Ok(store.outbox().map_err(Failure::at("count the ops"))?.unsent)
}

fn set(field: FieldKey, text: &str) -> OpBody {
    OpBody::FieldSet {
        field,
        value: Some(FieldValue::Text(text.to_owned())),
        source: Provenance::Typed,
        accepted: BTreeMap::new(),
    }
}

const FIELDS: [(FieldKey, &str); 4] = [
    (FieldKey::CallerName, "王样例"),
    (FieldKey::RequestKind, "unbind_terminal"),
    (FieldKey::RequestWords, "机器黑屏，想解绑，示例记录"),
    (FieldKey::TerminalModel, "样例型号 P-1"),
];
