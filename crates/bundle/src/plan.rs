//! Which part carries what, decided before the first byte is written. Sizes are those before packing, so that no part
//! comes out larger than planned.

use desk_domain::ids::DocumentId;

/// What one file carries.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Part {
    /// First and last seq of its ops.
    pub ops: Option<(u64, u64)>,
    pub documents: Vec<DocumentId>,
    pub bytes: u64,
}

/// Fills parts in order: ops first, since documents need them.
#[derive(Clone, Debug)]
pub struct Planner {
    budget: u64,
    parts: Vec<Part>,
    open: Part,
}

impl Planner {
    /// Parts of at most `part_bytes`, sealing included.
    pub fn new(part_bytes: u64) -> Self {
        // Packing and sealing add less than one part in a hundred to what cannot be packed, and a fixed head.
        let budget = part_bytes.saturating_sub(part_bytes / 100);
        Self {
            budget,
            parts: Vec::new(),
            open: Part::default(),
        }
    }

    /// Consecutive ops that stay together; larger than a part alone, they are a part alone.
    pub fn add_ops(&mut self, first: u64, last: u64, bytes: u64) {
        self.make_room(bytes);
        let from = self.open.ops.map_or(first, |(from, _)| from);
        self.open.ops = Some((from, last));
        self.open.bytes = self.open.bytes.saturating_add(bytes);
    }

    /// A document with all of its chunks.
    pub fn add_document(&mut self, id: DocumentId, bytes: u64) {
        self.make_room(bytes);
        self.open.documents.push(id);
        self.open.bytes = self.open.bytes.saturating_add(bytes);
    }

    /// At least one part: a bundle without work still asks for news.
    pub fn finish(mut self) -> Vec<Part> {
        if self.open.bytes > 0 || self.parts.is_empty() {
            self.parts.push(self.open);
        }
        self.parts
    }

    fn make_room(&mut self, bytes: u64) {
        if self.open.bytes > 0 && self.open.bytes.saturating_add(bytes) > self.budget {
            self.parts.push(std::mem::take(&mut self.open));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn document(n: u128) -> DocumentId {
        DocumentId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn nothing_to_send_is_still_one_part_that_asks() {
        assert_eq!(Planner::new(1000).finish(), [Part::default()]);
    }

    #[test]
    fn a_part_ends_before_it_is_too_large_and_ops_stay_in_order() {
        let mut planner = Planner::new(1000);
        planner.add_ops(1, 3, 400);
        planner.add_ops(4, 9, 590);
        planner.add_ops(10, 10, 1);
        planner.add_document(document(1), 5000);
        planner.add_document(document(2), 980);
        planner.add_document(document(3), 11);
        let parts = planner.finish();
        let told: Vec<_> = parts
            .iter()
            .map(|part| (part.ops, part.documents.len(), part.bytes))
            .collect();
        assert_eq!(
            told,
            [
                (Some((1, 9)), 0, 990),
                (Some((10, 10)), 0, 1),
                (None, 1, 5000),
                (None, 1, 980),
                (None, 1, 11),
            ]
        );
    }
}
