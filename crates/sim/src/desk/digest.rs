//! Does the desk hold what the server holds? Sums over its own confirmed cases, and the repair of buckets that differ.

use super::Books;
use crate::cast::Cast;
use crate::mutant::Mutant;
use desk_domain::case::Case;
use desk_domain::digest::{Sum, Sums, bucket_of};
use desk_domain::ids::{CaseId, OfficeCode};
use desk_protocol::digest::DigestPlace;
use desk_protocol::sync::{CaseChange, Change};
use desk_sync::machine::port::{RepairPage, StoreReply};
use std::collections::BTreeSet;
use std::rc::Rc;

impl Books {
    /// The sums of a scope where its feed stands; nothing to compare before the fill is complete.
    pub(super) fn digest(&self, scope: &OfficeCode) -> StoreReply {
        let Some(cursor) = self.cursors.get(scope).copied() else {
            return StoreReply::Done;
        };
        let own = self.confirmed.values().filter(|case| case.office == *scope);
        let mut sums = sums(own.map(AsRef::as_ref));
        // M09: what was taken over stands in the place of what is here.
        for ((_, bucket), adopted) in self.adopted.iter().filter(|((of, _), _)| of == scope) {
            let here = self
                .confirmed
                .values()
                .filter(|case| case.office == *scope && bucket_of(case.id) == *bucket);
            sums.add(*bucket, sum(here.map(AsRef::as_ref)));
            sums.add(*bucket, *adopted);
        }
        StoreReply::Digest {
            cursor,
            sums: Box::new(sums),
        }
    }

    /// Makes the cases of some buckets what the server has.
    pub(super) fn repair(
        &mut self,
        cast: &Cast,
        page: &RepairPage,
        mutant: Option<Mutant>,
    ) -> StoreReply {
        let here = self.cursors.get(&page.scope);
        let outdated = here.is_none_or(|at| *at > page.position);
        let mut cases = 0;
        if outdated {
            return StoreReply::Mended { cases, outdated };
        }
        if mutant == Some(Mutant::AdoptRemoteDigest) {
            self.adopt(page);
            return StoreReply::Mended { cases, outdated };
        }
        let told: Vec<&CaseChange> = page.changes.iter().filter_map(whole).collect();
        for change in &told {
            let id = change.case.id;
            if self.confirmed.get(&id).map(AsRef::as_ref) == Some(&change.case) {
                continue;
            }
            cases += 1;
            // Whatever the server says is the newest, also under the same or a lower revision.
            self.stale.insert(id);
            self.apply_case(cast, change);
        }
        let listed: BTreeSet<CaseId> = told.iter().map(|change| change.case.id).collect();
        let others = self.confirmed.values().filter(|case| {
            case.office == page.scope && covers(page, case.id) && !listed.contains(&case.id)
        });
        let others: Vec<CaseId> = others.map(|case| case.id).collect();
        for case in others {
            cases += 1;
            self.hide(case);
        }
        StoreReply::Mended { cases, outdated }
    }

    /// Something changed a confirmed case on the disk that was not this program.
    pub fn rot(&mut self, cast: &Cast, case: CaseId, gone: bool) {
        if gone {
            self.confirmed.remove(&case);
            self.views.remove(&case);
        } else if let Some(case) = self.confirmed.get_mut(&case) {
            Rc::make_mut(case).reason = Some("坏".to_owned());
        }
        self.rebuild_view(cast, case);
    }

    /// M09: the server's sums are noted as our own.
    fn adopt(&mut self, page: &RepairPage) {
        for bucket in &page.buckets {
            let told = page.changes.iter().filter_map(whole);
            let of_bucket = told.filter(|change| bucket_of(change.case.id) == *bucket);
            let sum = sum(of_bucket.map(|change| &change.case));
            self.adopted.insert((page.scope.clone(), *bucket), sum);
        }
    }
}

/// The sums of cases.
pub fn sums<'a>(cases: impl Iterator<Item = &'a Case>) -> Sums {
    let mut sums = Sums::default();
    for case in cases {
        sums.add(bucket_of(case.id), digest_of(case));
    }
    sums
}

fn sum<'a>(cases: impl Iterator<Item = &'a Case>) -> Sum {
    cases.fold(Sum::default(), |sum, case| sum.with(digest_of(case)))
}

fn digest_of(case: &Case) -> Sum {
    Sum::of(case).unwrap_or_default()
}

fn whole(change: &Change) -> Option<&CaseChange> {
    let Change::Case(change) = change else {
        return None;
    };
    Some(change)
}

/// The page says everything about this place.
fn covers(page: &RepairPage, case: CaseId) -> bool {
    let place = DigestPlace {
        bucket: bucket_of(case),
        case,
    };
    page.buckets.contains(&place.bucket)
        && page.after.is_none_or(|after| place > after)
        && page.until.is_none_or(|until| place <= until)
}
