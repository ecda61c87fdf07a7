//! Documents: offered, taken in chunk by chunk, completed, given out.

use super::{Asked, Handled, Paper, Server, raw};
use crate::objects::Completed;
use crate::paper::{CHUNK, hash};
use desk_domain::ids::{DeviceId, DocumentId};
use desk_domain::op::OpBody;
use desk_protocol::documents::{ChunkReply, OfferReply, OfferRequest};
use desk_protocol::error as code;
use desk_sync::wire::{Body, Raw};
use std::rc::Rc;

impl Server {
    /// One request below `/v1/documents`.
    pub(super) fn document(&mut self, asked: &Asked<'_>, device: DeviceId) -> Handled {
        let path = asked.call.path.strip_prefix("/v1/documents").unwrap_or("");
        let mut parts = path.split('/').skip(1);
        let Some(id) = parts.next() else {
            return self.with_body(asked, |server, asked, offer| {
                server.offer(asked, device, &offer)
            });
        };
        let found = DocumentId::parse(id).and_then(|id| Some((id, self.find(device, id)?)));
        let Some((id, paper)) = found else {
            return Handled::Now(self.problem(asked.now, 404, code::DOCUMENT_UNKNOWN, &[]));
        };
        match (parts.next(), parts.next()) {
            (Some("complete"), None) => self.complete(asked, id, &paper),
            (Some("chunks"), Some(index)) => match index.parse() {
                Ok(index) => self.chunk(asked, id, &paper, index),
                Err(_) => Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[])),
            },
            (None, _) => Handled::Now(self.bytes(asked, &paper)),
            _ => Handled::Now(self.problem(asked.now, 404, code::NOT_FOUND, &[])),
        }
    }

    /// A document of another office is not there.
    fn find(&self, device: DeviceId, id: DocumentId) -> Option<Paper> {
        let paper = self.disk.synced.papers.get(&id)?;
        let mut offices = paper.offices.iter();
        offices
            .any(|office| self.serves(device, office))
            .then(|| paper.clone())
    }

    fn offer(&self, asked: &Asked<'_>, device: DeviceId, offer: &OfferRequest) -> Handled {
        let fits = |paper: &Paper| {
            paper.case == offer.case && paper.kind == offer.kind && paper.manifest == offer.manifest
        };
        let Some(paper) = self.find(device, offer.document).filter(fits) else {
            return Handled::Now(self.problem(asked.now, 404, code::DOCUMENT_UNKNOWN, &[]));
        };
        let have = self
            .objects
            .chunks_of(&paper.shelf, offer.document, &paper.manifest);
        let stored = paper.stored;
        Handled::Now(self.reply(asked.now, OfferReply { stored, have }))
    }

    fn chunk(&mut self, asked: &Asked<'_>, id: DocumentId, paper: &Paper, index: usize) -> Handled {
        let Body::Octets(bytes) = &asked.call.body else {
            return Handled::Now(self.problem(asked.now, 400, code::BAD_JSON, &[]));
        };
        if paper.manifest.chunks.get(index) != Some(&hash(bytes)) {
            return Handled::Now(self.problem(asked.now, 422, code::CHUNK_MISMATCH, &[]));
        }
        if !paper.stored {
            let chunk = (paper.shelf.clone(), id, index);
            let bytes = Rc::new(bytes.clone());
            if !self
                .objects
                .put_chunk(chunk, bytes, asked.now, &mut self.traps)
            {
                return Handled::Dies;
            }
        }
        Handled::Now(self.reply(asked.now, ChunkReply { stored: true }))
    }

    fn complete(&mut self, asked: &Asked<'_>, id: DocumentId, paper: &Paper) -> Handled {
        let now = asked.now;
        let done = self
            .objects
            .complete(&paper.shelf, id, &paper.manifest, now, &mut self.traps);
        match done {
            Completed::Died => return Handled::Dies,
            Completed::Incomplete => {
                return Handled::Now(self.problem(now, 409, code::DOCUMENT_INCOMPLETE, &[]));
            }
            Completed::Mismatch => {
                return Handled::Now(self.problem(now, 422, code::DOCUMENT_MISMATCH, &[]));
            }
            Completed::Stored => {}
        }
        let fresh = self.disk.live.papers.get_mut(&id);
        if let Some(fresh) = fresh.filter(|paper| !paper.stored) {
            fresh.stored = true;
            self.say(now, paper.case, &OpBody::DocumentStored { document: id });
        }
        Handled::AfterSync(self.reply(now, ChunkReply { stored: true }))
    }

    /// Bytes of a whole document; they carry no envelope.
    fn bytes(&self, asked: &Asked<'_>, paper: &Paper) -> Raw {
        let key = (paper.shelf.clone(), paper.manifest.sha256.clone());
        let file = self.objects.whole.get(&key).filter(|_| paper.stored);
        let Some(file) = file else {
            return self.problem(asked.now, 409, code::DOCUMENT_INCOMPLETE, &[]);
        };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let (from, to) = asked.call.range.unwrap_or((0, u64::MAX));
        let wanted = place(to.saturating_sub(from));
        let part: Vec<u8> = file
            .bytes
            .iter()
            .skip(place(from))
            .take(wanted.min(file.bytes.len().max(CHUNK)))
            .copied()
            .collect();
        let last = from + u64::try_from(part.len()).unwrap_or(0).saturating_sub(1);
        Raw {
            status: 206,
            content_type: "application/octet-stream".to_owned(),
            content_range: Some(format!("bytes {from}-{last}/{}", file.bytes.len())),
            ..raw(part)
        }
    }
}
