//! Facts: kept, whatever the state; after a decision they are flagged and change nothing that was decided.

use super::guards::{ensure, harmless, hours, mark_maker, said};
use super::{Done, Judge, Judged, Stop};
use crate::case::{
    CHUNK_BYTES, Case, CaseDocument, CaseState, DocumentKind, DocumentManifest, Evidence,
    EvidenceKind, Notice, ReturnTarget,
};
use crate::field::FieldKey;
use crate::ids::{DocumentId, MerchantId};
use crate::knowledge::{RESULT_TEMPLATE, SERVICE_TEMPLATES};
use crate::op::OpBody;
use crate::outcome::HeldWhy;
use crate::people::Role;
use crate::refusal::Code;
use crate::risk;
use std::collections::BTreeSet;

/// Largest original of a document.
pub const MAX_DOCUMENT_BYTES: u64 = 20 * 1024 * 1024;
/// Most pages of a PDF.
pub const MAX_PAGES: u32 = 30;
const MIMES: &[&str] = &["image/jpeg", "image/png", "image/webp", "application/pdf"];

pub(super) fn judge(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    if let Some(done) = documents(judge, body, case) {
        return done;
    }
    if let Some(done) = identity(judge, body, case) {
        return done;
    }
    contacts(judge, body, case)
}

fn documents(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Option<Judged> {
    if let OpBody::DocumentAttach {
        document,
        kind,
        manifest,
        replaces,
    } = body
    {
        return Some(attach(judge, case, *document, *kind, manifest, *replaces));
    }
    if let OpBody::DocumentStored { document } = body {
        return Some(stored(case, *document, judge));
    }
    if let OpBody::DocumentDetach { document, reason } = body {
        return Some(detach(judge, case, *document, reason));
    }
    if let OpBody::DocumentOpen { document } = body {
        let known = case.documents.contains_key(document);
        let opened = Done::default().with("document", document.to_string());
        return Some(if known {
            Ok(opened)
        } else {
            Err(Stop::Held(HeldWhy::MissingDependency))
        });
    }
    None
}

fn identity(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Option<Judged> {
    if let OpBody::IdentityMatch {
        merchant,
        agreed,
        differed,
    } = body
    {
        return Some(Ok(match_identity(judge, case, *merchant, agreed, differed)));
    }
    if let OpBody::EvidenceRecord {
        evidence,
        call_ref,
        note,
    } = body
    {
        return Some(record_evidence(
            judge,
            case,
            *evidence,
            call_ref.as_deref(),
            note,
        ));
    }
    if let OpBody::RiskAssess { points, signals } = body {
        return Some(assess_risk(judge, case, *points, signals));
    }
    None
}

fn contacts(judge: &Judge<'_>, body: &OpBody, case: &mut Case) -> Judged {
    if let OpBody::CallLog {
        direction,
        call_ref,
        ..
    } = body
    {
        harmless(direction)?;
        let call_ref = call_ref.as_deref().unwrap_or_default();
        super::guards::harmless_as(call_ref, crate::secret_trap::FieldKind::OrderNumber)?;
        return Ok(Done::default().with("direction", direction.as_str()));
    }
    if let OpBody::NoteAdd { text } = body {
        return note(judge, case, text);
    }
    if let OpBody::ReturnAnswer { item, text } = body {
        return answer(judge, case, *item, text);
    }
    if let OpBody::NoticeRecord {
        channel,
        template,
        delivered,
        note,
    } = body
    {
        harmless(note)?;
        harmless(template)?;
        let notice = Notice {
            channel: *channel,
            template: template.clone(),
            delivered: *delivered,
            by: judge.op.actor,
            at: judge.at(),
        };
        let tells = *delivered && tells_the_unbind(judge, template);
        case.notices.push(notice);
        if tells && case.moments.unbound_at.is_some() && case.moments.told_at.is_none() {
            case.moments.told_at = Some(judge.at());
        }
        let done = Done::default()
            .with("template", template.as_str())
            .with("delivered", delivered.to_string());
        // What the server says of a message has its reason with it; a person's note stays a note.
        return Ok(if judge.is_system() && !note.is_empty() {
            done.with("note", note.as_str())
        } else {
            done
        });
    }
    if let OpBody::FollowUpRecord { result, note } = body {
        harmless(note)?;
        case.follow_up = Some(*result);
        case.follow_up_at = Some(judge.at());
        return Ok(Done::default());
    }
    if let OpBody::RevealRecord { field, reason } = body {
        harmless(reason)?;
        return Ok(Done::default()
            .with("field", field.as_str())
            .with("reason", reason.as_str()));
    }
    Err(Stop::Held(HeldWhy::Internal))
}

/// Whether who got this message knows that the terminal is unbound. A person knows what he said; of the server's own
/// messages only the one about the result tells it, however late the receipt of another comes.
fn tells_the_unbind(judge: &Judge<'_>, template: &str) -> bool {
    if judge.is_system() {
        template == RESULT_TEMPLATE
    } else {
        !SERVICE_TEMPLATES.contains(&template)
    }
}

/// Stored and flagged, without effect.
pub(super) fn late(case: &mut Case) -> Done {
    case.flagged_late_facts = case.flagged_late_facts.saturating_add(1);
    Done::default().with("late", "true")
}

/// Marks a change that comes after the submission, so that the reviewer sees it.
pub(super) fn amends(case: &Case, done: Done) -> Done {
    if matches!(
        case.effective_state(),
        CaseState::Submitted | CaseState::InReview
    ) {
        done.with("amendment", "true")
    } else {
        done
    }
}

fn attach(
    judge: &Judge<'_>,
    case: &mut Case,
    document: DocumentId,
    kind: DocumentKind,
    manifest: &DocumentManifest,
    replaces: Option<DocumentId>,
) -> Judged {
    check_manifest(manifest)?;
    if let Some(there) = case.documents.get(&document) {
        let same = there.kind == kind && there.manifest == *manifest;
        return Err(if same {
            Stop::Noop(judge.op.op_id)
        } else {
            Code::DocumentExists.into()
        });
    }
    if replaces.is_some_and(|old| !case.documents.contains_key(&old)) {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    }
    if !case.effective_state().takes_facts() {
        return Ok(late(case).with("document", document.to_string()));
    }
    let attached = CaseDocument {
        kind,
        manifest: manifest.clone(),
        by: judge.op.actor,
        at: judge.at(),
        stored: false,
        verdict: None,
        replaced_by: None,
        detached: None,
    };
    case.documents.insert(document, attached);
    if let Some(old) = replaces.and_then(|old| case.documents.get_mut(&old)) {
        old.replaced_by = Some(document);
    }
    answer_with_document(judge, case, kind, replaces);
    mark_maker(judge, case);
    let done = amends(case, Done::default())
        .with("document", document.to_string())
        .with("document_kind", kind.as_str());
    // The server itself attaches nothing but what came up from the merchant's phone.
    Ok(if judge.ctx.actor.may(Role::System) {
        done.with("from", "merchant")
    } else {
        done
    })
}

/// A better picture answers the mark on the old one; a missing kind is answered by its arrival.
fn answer_with_document(
    judge: &Judge<'_>,
    case: &mut Case,
    kind: DocumentKind,
    replaces: Option<DocumentId>,
) {
    for item in case
        .returns
        .iter_mut()
        .filter(|item| item.answered.is_none())
    {
        let answers = match &item.item.target {
            ReturnTarget::Document { id } => replaces == Some(*id),
            ReturnTarget::Missing { kind: wanted } => *wanted == kind,
            ReturnTarget::Field { .. } => false,
        };
        if answers {
            item.answered = Some(judge.op.op_id);
        }
    }
}

fn check_manifest(manifest: &DocumentManifest) -> Result<(), Stop> {
    let hash = |text: &str| {
        text.len() == 64
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let chunk = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
    let chunks = u64::try_from(manifest.chunks.len()).unwrap_or(u64::MAX);
    let fits = (1..=MAX_DOCUMENT_BYTES).contains(&manifest.size_bytes)
        && chunks == manifest.size_bytes.div_ceil(chunk)
        && hash(&manifest.sha256)
        && manifest.chunks.iter().all(|text| hash(text))
        && MIMES.contains(&manifest.mime.as_str())
        && (1..=MAX_PAGES).contains(&manifest.pages);
    ensure(fits, Code::DocumentManifest)
}

fn stored(case: &mut Case, document: DocumentId, judge: &Judge<'_>) -> Judged {
    let Some(there) = case.documents.get_mut(&document) else {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    };
    if there.stored {
        return Err(Stop::Noop(judge.op.op_id));
    }
    there.stored = true;
    Ok(Done::default().with("document", document.to_string()))
}

fn detach(judge: &Judge<'_>, case: &mut Case, document: DocumentId, reason: &str) -> Judged {
    said(reason, Code::DocumentReasonMissing)?;
    let late_now = !case.effective_state().takes_facts();
    let Some(there) = case.documents.get_mut(&document) else {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    };
    if there.detached.is_some() {
        return Err(Stop::Noop(judge.op.op_id));
    }
    if late_now {
        return Ok(late(case).with("document", document.to_string()));
    }
    there.detached = Some(reason.to_owned());
    mark_maker(judge, case);
    Ok(amends(case, Done::default()).with("document", document.to_string()))
}

fn match_identity(
    judge: &Judge<'_>,
    case: &mut Case,
    merchant: Option<MerchantId>,
    agreed: &BTreeSet<FieldKey>,
    differed: &BTreeSet<FieldKey>,
) -> Done {
    if !case.effective_state().takes_facts() {
        return late(case);
    }
    let rules = &judge.ctx.policy.assurance;
    let now = judge.ctx.now;
    mark_maker(judge, case);
    let check = &mut case.identity;
    match check.locked_until {
        // What is tried while the check is locked is on record and proves nothing.
        Some(until) if now < until => return Done::default().with("locked", "true"),
        Some(_) => {
            check.locked_until = None;
            check.failures = 0;
        }
        None => {}
    }
    check.merchant = merchant.or(check.merchant);
    check.agreed.extend(agreed.iter().copied());
    check.agreed.retain(|key| !differed.contains(key));
    if !differed.is_empty() {
        check.failures = check.failures.saturating_add(1);
    }
    if check.failures >= rules.lock_failures {
        check.locked_until = Some(now.saturating_add(hours(rules.lock_hours)));
    }
    let done = Done::default()
        .with("agreed", agreed.len().to_string())
        .with("differed", differed.len().to_string());
    amends(case, done)
}

fn record_evidence(
    judge: &Judge<'_>,
    case: &mut Case,
    kind: EvidenceKind,
    call_ref: Option<&str>,
    note: &str,
) -> Judged {
    harmless(note)?;
    // Without the phone system's call id, or against its word, it is a call-back on somebody's word.
    let has_call = call_ref.is_some_and(|text| !text.trim().is_empty());
    let names_call = kind == EvidenceKind::CallBackWithCallId;
    let doubt = judge.ctx.call_doubt.filter(|_| names_call && has_call);
    let kind = if names_call && (!has_call || doubt.is_some()) {
        EvidenceKind::CallBack
    } else {
        kind
    };
    let may = judge
        .ctx
        .policy
        .assurance
        .evidence
        .get(&kind)
        .is_some_and(|rule| {
            rule.recorded_by
                .iter()
                .any(|role| judge.ctx.actor.may(*role))
        });
    ensure(may, Code::ActorRole)?;
    if case
        .evidence
        .iter()
        .any(|evidence| evidence.op == judge.op.op_id)
    {
        return Err(Stop::Noop(judge.op.op_id));
    }
    if !case.effective_state().takes_facts() {
        return Ok(late(case));
    }
    let evidence = Evidence {
        op: judge.op.op_id,
        kind,
        by: judge.op.actor,
        at: judge.at(),
        note: note.to_owned(),
    };
    case.evidence.push(evidence);
    mark_maker(judge, case);
    let done = amends(case, Done::default());
    Ok(match doubt {
        Some(doubt) => done.with("call_doubt", doubt.as_str()),
        None => done,
    })
}

/// The server weighs everything anew; people can only add what they noticed.
fn assess_risk(
    judge: &Judge<'_>,
    case: &mut Case,
    points: u32,
    signals: &BTreeSet<String>,
) -> Judged {
    for signal in signals {
        harmless(signal)?;
    }
    let risk = &mut case.risk;
    let all: BTreeSet<String> = risk.signals.union(signals).cloned().collect();
    let worse = points > risk.points || all.len() > risk.signals.len();
    if judge.is_system() {
        if risk.points == points && risk.signals == *signals {
            return Err(Stop::Noop(judge.op.op_id));
        }
        risk.points = points;
        risk.signals.clone_from(signals);
    } else {
        if !worse {
            return Err(Stop::Noop(judge.op.op_id));
        }
        // What a desk says of points never makes less of what the policy says of the reasons.
        let by_policy = risk::points_of(&all, judge.ctx.policy);
        risk.points = risk.points.max(points).max(by_policy);
        risk.signals = all;
    }
    if worse {
        // What was cleared was less than this.
        risk.cleared_by = None;
    }
    Ok(Done::default().with("points", case.risk.points.to_string()))
}

fn note(judge: &Judge<'_>, case: &mut Case, text: &str) -> Judged {
    harmless(text)?;
    if case.notes.iter().any(|note| note.op == judge.op.op_id) {
        return Err(Stop::Noop(judge.op.op_id));
    }
    let note = crate::case::Note {
        op: judge.op.op_id,
        by: judge.op.actor,
        at: judge.at(),
        text: text.to_owned(),
    };
    case.notes.push(note);
    Ok(Done::default())
}

fn answer(judge: &Judge<'_>, case: &mut Case, item: u32, text: &str) -> Judged {
    harmless(text)?;
    let late_now = !case.effective_state().takes_facts();
    let index = usize::try_from(item).unwrap_or(usize::MAX);
    let Some(open) = case.returns.get_mut(index) else {
        return Err(Stop::Held(HeldWhy::MissingDependency));
    };
    if open.answered == Some(judge.op.op_id) {
        return Err(Stop::Noop(judge.op.op_id));
    }
    if late_now {
        return Ok(late(case));
    }
    open.answered = Some(judge.op.op_id);
    text.clone_into(&mut open.answer);
    mark_maker(judge, case);
    Ok(amends(case, Done::default()).with("item", item.to_string()))
}
