//! Files that a merchant's phone brings up: begun, chunk by chunk, then on the case or refused. Their bytes lie in
//! quarantine until the box has opened them ([`crate::quarantine`]).

use super::bench::Bench;
use super::links::Guest;
use super::sql::{Connection, OptionalExtension, Row, SqlError, params};
use super::{Repo, RepoError, Rules, Scope, cases, documents, system};
use desk_domain::case::{Case, DocumentKind, DocumentManifest, Verdict};
use desk_domain::guest::may_send;
use desk_domain::ids::DocumentId;
use desk_domain::op::OpBody;
use desk_domain::time::Millis;
use desk_protocol::links::{Arriving, UploadBegin};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of one chunk; small, because a phone's line breaks often and each break costs what was under way.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Files and bytes that one link may bring.
const FILES: u32 = 40;
const BYTES: u64 = 200 * 1024 * 1024;
/// Files shown to the agent.
const SHOWN: u32 = 12;

/// One file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upload {
    pub id: DocumentId,
    pub kind: DocumentKind,
    pub size_bytes: u64,
    pub have: Vec<bool>,
    pub kept: bool,
    /// `media.…`
    pub refused: Option<String>,
    pub hints: Vec<String>,
}

/// What came of beginning one.
pub enum Begun {
    Yes(Box<Upload>),
    /// The case takes no more papers.
    Over,
    NotAsked,
    Full,
}

impl Repo {
    pub async fn begin_upload(
        &self,
        rules: Rules,
        guest: Guest,
        wish: UploadBegin,
    ) -> Result<Begun, RepoError> {
        self.write(Scope::of(&guest.office), move |conn| {
            begin(conn, &rules, &guest, &wish)
        })
        .await
    }

    pub async fn upload(
        self: &Arc<Self>,
        guest: Guest,
        id: DocumentId,
    ) -> Result<Option<Upload>, RepoError> {
        self.read(Scope::of(&guest.office), move |conn| find(conn, &guest, id))
            .await
    }

    /// Notes that a chunk is here; answers how the upload stands.
    pub async fn upload_chunk(
        &self,
        guest: Guest,
        id: DocumentId,
        index: usize,
    ) -> Result<Option<Upload>, RepoError> {
        self.write(Scope::of(&guest.office), move |conn| {
            chunk(conn, &guest, id, index)
        })
        .await
    }

    /// The box has opened it and the office has its bytes: it becomes a paper of the case.
    pub async fn keep_upload(
        &self,
        rules: Rules,
        guest: Guest,
        id: DocumentId,
        manifest: DocumentManifest,
        hints: Vec<String>,
    ) -> Result<Option<Upload>, RepoError> {
        self.write(Scope::Judging(guest.office.clone()), move |conn| {
            keep(conn, &rules, &guest, id, &manifest, &hints)
        })
        .await
    }

    /// Its bytes are gone, because the box has refused them (the code says why) or the store has lost them: the same file
    /// may come again, from its first chunk on.
    pub async fn renew_upload(
        &self,
        guest: Guest,
        id: DocumentId,
        refused: Option<&'static str>,
    ) -> Result<(), RepoError> {
        self.write(Scope::of(&guest.office), move |conn| {
            renew(conn, &guest, id, refused)
        })
        .await
    }

    /// The case behind a link, and the files that it may still bring.
    pub async fn guest_case(
        self: &Arc<Self>,
        guest: Guest,
    ) -> Result<Option<(Case, u32)>, RepoError> {
        self.read(Scope::of(&guest.office), move |conn| {
            let Some(case) = cases::load_in(conn, &guest.office, guest.case)? else {
                return Ok(None);
            };
            let (files, _) = brought(conn, &guest)?;
            Ok(Some((case, FILES.saturating_sub(files))))
        })
        .await
    }
}

fn begin(
    conn: &Connection,
    rules: &Rules,
    guest: &Guest,
    wish: &UploadBegin,
) -> Result<Begun, RepoError> {
    // The same file once more, after a cut: it goes on where it was. One that was refused begins anew.
    if let Some(known) = of_file(conn, guest, &wish.file)? {
        let same = known.kind == wish.kind && known.size_bytes == wish.size_bytes;
        return Ok(if same {
            Begun::Yes(Box::new(known))
        } else {
            Begun::NotAsked
        });
    }
    let Some(case) = cases::load_in(conn, &guest.office, guest.case)? else {
        return Ok(Begun::Over);
    };
    if !case.effective_state().takes_facts() {
        return Ok(Begun::Over);
    }
    if !may_send(&case, wish.kind) {
        return Ok(Begun::NotAsked);
    }
    let (files, bytes) = brought(conn, guest)?;
    if files >= FILES || bytes.saturating_add(wish.size_bytes) > BYTES {
        return Ok(Begun::Full);
    }
    let now = rules.clock.now();
    let chunks = usize::try_from(wish.size_bytes)
        .unwrap_or(usize::MAX)
        .div_ceil(CHUNK_BYTES);
    let upload = Upload {
        id: DocumentId::new(now, rules.chance.as_ref()),
        kind: wish.kind,
        size_bytes: wish.size_bytes,
        have: vec![false; chunks],
        kept: false,
        refused: None,
        hints: Vec::new(),
    };
    conn.prepare_cached(
        "INSERT INTO upload (office, link, id, case_id, file, kind, size_bytes, have, begun_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        guest.office.as_str(),
        guest.link.to_string(),
        upload.id.to_string(),
        guest.case.to_string(),
        wish.file,
        serde_json::to_string(&wish.kind)?,
        wish.size_bytes,
        flags(&upload.have),
        now,
    ])?;
    Ok(Begun::Yes(Box::new(upload)))
}

/// Files and bytes that came by this link; what was refused counts, so that a script cannot go on for ever.
fn brought(conn: &Connection, guest: &Guest) -> Result<(u32, u64), RepoError> {
    let row = conn
        .prepare_cached(
            "SELECT count(*), COALESCE(CAST(sum(size_bytes) AS BIGINT), 0) FROM upload WHERE office = ?1 AND link = ?2",
        )?
        .query_row(params![guest.office.as_str(), guest.link.to_string()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(row)
}

/// Id, kind, size, flags, whether it is kept, why it was refused, hints.
type Raw = (String, String, u64, String, bool, Option<String>, String);

fn read(row: &Row<'_>) -> Result<Raw, SqlError> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
    ))
}

fn upload_of(raw: Raw) -> Result<Upload, RepoError> {
    let (id, kind, size_bytes, have, kept, refused, hints) = raw;
    Ok(Upload {
        id: DocumentId::parse(&id).ok_or(RepoError::Damaged("document id"))?,
        kind: serde_json::from_str(&kind)?,
        size_bytes,
        have: have.chars().map(|flag| flag == '1').collect(),
        kept,
        refused,
        hints: serde_json::from_str(&hints)?,
    })
}

fn find(conn: &Connection, guest: &Guest, id: DocumentId) -> Result<Option<Upload>, RepoError> {
    conn.prepare_cached(
        "SELECT id, kind, size_bytes, have, kept_at IS NOT NULL, refused, hints FROM upload \
         WHERE office = ?1 AND link = ?2 AND id = ?3",
    )?
    .query_row(
        params![
            guest.office.as_str(),
            guest.link.to_string(),
            id.to_string()
        ],
        read,
    )
    .optional()?
    .map(upload_of)
    .transpose()
}

fn of_file(conn: &Connection, guest: &Guest, file: &str) -> Result<Option<Upload>, RepoError> {
    conn.prepare_cached(
        "SELECT id, kind, size_bytes, have, kept_at IS NOT NULL, refused, hints FROM upload \
         WHERE office = ?1 AND link = ?2 AND file = ?3",
    )?
    .query_row(
        params![guest.office.as_str(), guest.link.to_string(), file],
        read,
    )
    .optional()?
    .map(upload_of)
    .transpose()
}

fn chunk(
    conn: &Connection,
    guest: &Guest,
    id: DocumentId,
    index: usize,
) -> Result<Option<Upload>, RepoError> {
    let Some(mut upload) = find(conn, guest, id)? else {
        return Ok(None);
    };
    if let Some(flag) = upload.have.get_mut(index) {
        *flag = true;
    }
    conn.prepare_cached("UPDATE upload SET have = ?4 WHERE office = ?1 AND link = ?2 AND id = ?3")?
        .execute(params![
            guest.office.as_str(),
            guest.link.to_string(),
            id.to_string(),
            flags(&upload.have)
        ])?;
    Ok(Some(upload))
}

fn flags(have: &[bool]) -> String {
    have.iter()
        .map(|have| if *have { '1' } else { '0' })
        .collect()
}

fn keep(
    conn: &Connection,
    rules: &Rules,
    guest: &Guest,
    id: DocumentId,
    manifest: &DocumentManifest,
    hints: &[String],
) -> Result<Option<Upload>, RepoError> {
    let Some(mut upload) = find(conn, guest, id)? else {
        return Ok(None);
    };
    if upload.kept {
        return Ok(Some(upload));
    }
    let replaces = match cases::load_in(conn, &guest.office, guest.case)? {
        Some(case) => refused_of(&case, upload.kind),
        None => None,
    };
    let mut bench = Bench::new(conn, rules)?;
    let attach = OpBody::DocumentAttach {
        document: id,
        kind: upload.kind,
        manifest: manifest.clone(),
        replaces,
    };
    system::say(&mut bench, vec![(guest.case, attach)])?;
    bench.finish()?;
    // Its bytes came before its op, so both are said at once.
    let offices = BTreeSet::from([guest.office.clone()]);
    if let Some(expected) = documents::find(conn, &offices, id)? {
        documents::stored(conn, rules, &expected)?;
    }
    let now = rules.clock.now();
    conn.prepare_cached(
        "UPDATE upload SET kept_at = ?4, refused = NULL, hints = ?5 WHERE office = ?1 AND link = ?2 AND id = ?3",
    )?
    .execute(params![
        guest.office.as_str(),
        guest.link.to_string(),
        id.to_string(),
        now,
        serde_json::to_string(hints)?,
    ])?;
    upload.kept = true;
    upload.refused = None;
    upload.hints = hints.to_vec();
    Ok(Some(upload))
}

/// The paper that a reviewer sent back and this one answers.
fn refused_of(case: &Case, kind: DocumentKind) -> Option<DocumentId> {
    case.active_documents()
        .find(|(_, document)| {
            let sent_back = document
                .verdict
                .as_ref()
                .is_some_and(|word| word.verdict != Verdict::Accepted);
            document.kind == kind && sent_back
        })
        .map(|(id, _)| *id)
}

fn renew(
    conn: &Connection,
    guest: &Guest,
    id: DocumentId,
    refused: Option<&'static str>,
) -> Result<(), RepoError> {
    let Some(upload) = find(conn, guest, id)? else {
        return Ok(());
    };
    conn.prepare_cached(
        "UPDATE upload SET refused = ?4, have = ?5 WHERE office = ?1 AND link = ?2 AND id = ?3 AND kept_at IS NULL",
    )?
    .execute(params![
        guest.office.as_str(),
        guest.link.to_string(),
        id.to_string(),
        refused,
        flags(&vec![false; upload.have.len()]),
    ])?;
    Ok(())
}

/// What the agent sees of files that are not on the case yet.
pub fn arriving(conn: &Connection, case: &Case, since: Millis) -> Result<Vec<Arriving>, RepoError> {
    let mut select = conn.prepare_cached(
        "SELECT kind, size_bytes, have, begun_at, refused FROM upload WHERE office = ?1 AND case_id = ?2 \
         AND begun_at > ?3 AND kept_at IS NULL ORDER BY begun_at DESC, id DESC LIMIT ?4",
    )?;
    let rows = select.query_map(
        params![case.office.as_str(), case.id.to_string(), since, SHOWN],
        |row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<u64>(1)?,
                row.get::<String>(2)?,
                row.get::<Millis>(3)?,
                row.get::<Option<String>>(4)?,
            ))
        },
    )?;
    rows.map(|row| {
        let (kind, size_bytes, have, begun_at, refused) = row?;
        let chunks = have.chars().filter(|flag| *flag == '1').count();
        let received = u64::try_from(chunks.saturating_mul(CHUNK_BYTES)).unwrap_or(u64::MAX);
        Ok(Arriving {
            kind: serde_json::from_str(&kind)?,
            size_bytes,
            received_bytes: received.min(size_bytes),
            begun_at,
            refused,
        })
    })
    .collect()
}
