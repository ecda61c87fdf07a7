//! Digests of many cases: does a desk hold what the server holds? Both sides compute them from their own rows.
//!
//! A bucket's sum is the XOR of the digests of its cases, so that one changed case costs one case and not the bucket.
//! It finds faults, not forgers: a server that lies can lie about the cases themselves.

use crate::case::Case;
use crate::ids::CaseId;

/// Version of the shape of a case's JSON. Raised whenever a field of [`Case`] or below it comes or goes: two versions of
/// the program then know that they cannot compare.
pub const SHAPE: u32 = 1;
/// Buckets of a scope, by the last byte of the case id.
pub const BUCKETS: usize = 256;
/// Hexadecimal characters of a bucket's hash on the wire: 128 bits.
pub const HASH_CHARS: usize = 32;

/// The bucket of a case.
pub const fn bucket_of(case: CaseId) -> u8 {
    let [.., last] = case.uuid().into_bytes();
    last
}

/// A sum of digests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum([u8; 32]);

impl Sum {
    /// Of one case: id, revision and canonical JSON.
    ///
    /// # Errors
    /// When the case cannot be written as JSON.
    pub fn of(case: &Case) -> Result<Self, serde_json::Error> {
        let json = serde_json::to_vec(case)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(case.id.uuid().as_bytes());
        hasher.update(&case.rev.to_be_bytes());
        hasher.update(blake3::hash(&json).as_bytes());
        Ok(Self(*hasher.finalize().as_bytes()))
    }
    /// Of a row that is not a case any more: unlike every case.
    pub fn of_damaged(bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"not a case");
        hasher.update(bytes);
        Self(*hasher.finalize().as_bytes())
    }
    /// Adds a digest, or takes it out again: both are the same step.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let mut sum = self.0;
        for (to, from) in sum.iter_mut().zip(other.0) {
            *to ^= from;
        }
        Self(sum)
    }
    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// Wraps 32 bytes read from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The sums of all buckets of one scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sums(Vec<Sum>);

impl Default for Sums {
    fn default() -> Self {
        Self(vec![Sum::default(); BUCKETS])
    }
}

impl Sums {
    /// Adds to a bucket, or takes out of it.
    pub fn add(&mut self, bucket: u8, sum: Sum) {
        if let Some(there) = self.0.get_mut(usize::from(bucket)) {
            *there = there.with(sum);
        }
    }
    /// One hash over everything.
    pub fn whole(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for sum in &self.0 {
            hasher.update(&sum.0);
        }
        short(hasher.finalize())
    }
    /// One hash for each bucket.
    pub fn hashes(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|sum| short(blake3::hash(&sum.0)))
            .collect()
    }
    /// The buckets whose hashes are others; all of them when the list is not one of [`BUCKETS`] hashes.
    pub fn differing(&self, hashes: &[String]) -> Vec<u8> {
        let own = self.hashes();
        (0..=u8::MAX)
            .zip(own)
            .enumerate()
            .filter(|(at, (_, own))| hashes.get(*at) != Some(own))
            .map(|(_, (bucket, _))| bucket)
            .collect()
    }
}

fn short(hash: blake3::Hash) -> String {
    hash.to_hex().chars().take(HASH_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::Story;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_added_twice_is_gone() {
        let sum = Sum::of(Story::ready().the_case()).unwrap();
        assert_ne!(sum, Sum::default());
        assert_eq!(sum.with(sum), Sum::default());
    }

    #[test]
    fn every_part_of_a_case_shows_in_its_digest() {
        let mut story = Story::ready();
        let before = Sum::of(story.the_case()).unwrap();
        story.break_case().rev += 1;
        let later = Sum::of(story.the_case()).unwrap();
        story.break_case().reason = Some("另一句".to_owned());
        let other = Sum::of(story.the_case()).unwrap();
        assert!(before != later && later != other && before != other);
    }

    #[test]
    fn the_bucket_that_differs_is_named_and_no_other() {
        let case = Story::ready();
        let case = case.the_case();
        let (mut one, two) = (Sums::default(), Sums::default());
        assert_eq!(one.whole(), two.whole());
        one.add(bucket_of(case.id), Sum::of(case).unwrap());
        assert_ne!(one.whole(), two.whole());
        assert_eq!(one.differing(&two.hashes()), [bucket_of(case.id)]);
        assert_eq!(one.differing(&[]).len(), BUCKETS);
        assert!(one.hashes().iter().all(|hash| hash.len() == HASH_CHARS));
    }

    /// The names of everything in a case, without ids and values.
    fn names(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (name, inner) in map {
                    if !name.contains('-') && !name.contains('.') {
                        into.insert(name.clone());
                    }
                    names(inner, into);
                }
            }
            Value::Array(list) => list.iter().for_each(|inner| names(inner, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn the_shape_of_a_case_has_the_number_that_it_had() {
        let mut seen = BTreeSet::new();
        for story in [Story::closed(), Story::judged(), Story::executing()] {
            names(&serde_json::to_value(story.the_case()).unwrap(), &mut seen);
        }
        let text = seen.into_iter().collect::<Vec<_>>().join(" ");
        // A change here changes what digests are taken over: raise SHAPE with it.
        assert_eq!((SHAPE, text.as_str()), (1, NAMES));
    }

    const NAMES: &str = "agreed amendments approvals approved_at at by case_no channel chunks cleared_by closed_at code \
        conflicts created_at created_by created_op delivered detached digest documents evidence executions \
        failures fields finished_at flagged_late_facts follow_up follow_up_at fraud_reject_by held_from \
        hold_review_date id idempotency_key identity kind locked_until makers manifest merchant mime moments \
        note notes notices office op pages parent pauses person points promise_date reason received_at \
        reference replaced_by resolved result return_count returns rev reviewer risk sha256 signals \
        size_bytes source started_at started_by state stored submitted_at submitted_digest submitted_op \
        surviving taken_at template terminal_no terminals told_at unbound_at user value verdict \
        waiting_missing waived_by waivers";
}
