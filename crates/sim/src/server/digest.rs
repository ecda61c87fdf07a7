//! Answers a desk that asks whether it holds the same cases.

use super::feed::change;
use super::{Asked, Handled, Server};
use crate::desk::sums;
use desk_domain::digest::{SHAPE, bucket_of};
use desk_domain::ids::{CaseId, DeviceId};
use desk_protocol::digest::{DigestAsk, DigestPlace, DigestReply, DigestRequest};
use desk_protocol::error as code;

impl Server {
    pub(super) fn digest(
        &self,
        asked: &Asked<'_>,
        device: DeviceId,
        request: &DigestRequest,
    ) -> Handled {
        let rows = &self.disk.synced;
        let scope = &request.scope;
        let position = rows.counters.get(scope).copied();
        let Some(position) = position.filter(|_| self.serves(device, scope)) else {
            return Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[]));
        };
        let mut reply = DigestReply {
            scope: scope.clone(),
            position,
            compared: position == request.cursor && request.shape == SHAPE,
            same: false,
            differing: Vec::new(),
            changes: Vec::new(),
            next: None,
        };
        let own = rows.cases.values().filter(|case| case.office == *scope);
        let sums = sums(own.clone().map(AsRef::as_ref));
        match &request.ask {
            DigestAsk::Whole { hash } => reply.same = reply.compared && sums.whole() == *hash,
            DigestAsk::Buckets { hashes } if reply.compared => {
                reply.differing = sums.differing(hashes);
                reply.same = reply.differing.is_empty();
            }
            DigestAsk::Buckets { .. } => {}
            DigestAsk::Cases { buckets, after } => {
                reply.compared = true;
                let wanted = own.map(|case| place_of(case.id)).filter(|place| {
                    buckets.contains(&place.bucket) && after.is_none_or(|after| *place > after)
                });
                let mut wanted: Vec<DigestPlace> = wanted.collect();
                wanted.sort_unstable();
                let full = wanted.len() > self.page;
                wanted.truncate(self.page);
                reply.next = wanted.last().copied().filter(|_| full);
                reply.changes = wanted
                    .iter()
                    .filter_map(|place| change(rows, scope, place.case, (device, 0)))
                    .collect();
            }
        }
        Handled::Now(self.reply(asked.now, reply))
    }
}

fn place_of(case: CaseId) -> DigestPlace {
    DigestPlace {
        bucket: bucket_of(case),
        case,
    }
}
