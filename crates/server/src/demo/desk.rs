//! A demo desk: it signs and chains like a real one. Its time and chance are given, so a demo can be made again.

use crate::error::ServerError;
use crate::frames;
use crate::repo::apply::{self, Pushed};
use crate::repo::bench::Bench;
use crate::repo::system;
use crate::run::House;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_domain::case::{Case, EvidenceKind};
use desk_domain::field::FieldKey;
use desk_domain::ids::{CaseId, DeviceId, GroupId, Incarnation, OpId, UserId};
use desk_domain::op::{ChainHash, Group, Hlc, Op, OpBody};
use desk_domain::outcome::Outcome;
use desk_domain::time::{Chance, Clock, Millis};
use desk_protocol::sync::PushRequest;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::value::RawValue;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A clock that the story moves.
pub struct DemoClock(AtomicI64);

impl DemoClock {
    pub fn new(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }
    pub fn set(&self, now: Millis) {
        self.0.store(now, Ordering::SeqCst);
    }
    pub fn advance(&self, ms: Millis) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

/// SplitMix64 from a seed: for fake data only, never for a secret of a real office.
pub struct DemoChance(AtomicU64);

impl DemoChance {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Chance for DemoChance {
    fn fill(&self, out: &mut [u8]) {
        for block in out.chunks_mut(8) {
            let step = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            let mut z = step.wrapping_add(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            for (byte, random) in block.iter_mut().zip((z ^ (z >> 31)).to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

pub struct DemoDesk {
    pub id: DeviceId,
    pub key: SigningKey,
    pub user: UserId,
    pub device_code: String,
    incarnation: Incarnation,
    seq: u64,
    prev: ChainHash,
}

impl DemoDesk {
    pub fn new(user: UserId, now: Millis, chance: &dyn Chance) -> Self {
        let mut seed = [0; 32];
        chance.fill(&mut seed);
        Self {
            id: DeviceId::new(now, chance),
            key: SigningKey::from_bytes(&seed),
            user,
            device_code: String::new(),
            incarnation: Incarnation::new(now, chance),
            seq: 0,
            prev: ChainHash::GENESIS,
        }
    }

    /// Writes bodies on a case as one push; each must be applied.
    pub fn write(
        &mut self,
        house: &House,
        clock: &DemoClock,
        case: CaseId,
        bodies: Vec<OpBody>,
    ) -> Result<(), ServerError> {
        let kinds: Vec<&str> = bodies.iter().map(OpBody::kind).collect();
        let first_seq = self.seq.saturating_add(1);
        let mut ops = Vec::with_capacity(bodies.len());
        for body in &bodies {
            clock.advance(15_000);
            ops.push(self.next(house, case, body)?);
        }
        let signature = STANDARD.encode(self.key.sign(self.prev.as_bytes()).to_bytes());
        let request = PushRequest {
            device: self.id,
            incarnation: self.incarnation,
            first_seq,
            ops,
            signature,
        };
        let frames = frames::verify(&request, &self.key.verifying_key())
            .map_err(|wrong| ServerError::Usage(format!("demo push: {}", wrong.why)))?;
        let rules = house.rules.clone();
        let pushed = house
            .repo
            .write_blocking(move |conn| apply::push(conn, &rules, &frames))?;
        let Pushed::Stored(reply) = pushed else {
            return Err(ServerError::Usage("demo push: the chain is broken".into()));
        };
        for (kind, outcome) in kinds.iter().zip(&reply.outcomes) {
            if !matches!(outcome.outcome, Outcome::Applied { .. }) {
                return Err(ServerError::Usage(format!(
                    "demo {kind}: {:?}",
                    outcome.outcome
                )));
            }
        }
        Ok(())
    }

    fn next(
        &mut self,
        house: &House,
        case: CaseId,
        body: &OpBody,
    ) -> Result<Box<RawValue>, ServerError> {
        let (now, chance) = (house.rules.clock.now(), house.rules.chance.as_ref());
        self.seq = self.seq.saturating_add(1);
        let op = Op {
            op_id: OpId::new(now, chance),
            device: self.id,
            incarnation: self.incarnation,
            seq: self.seq,
            prev_hash: self.prev,
            actor: self.user,
            case,
            group: Group {
                id: GroupId::new(now, chance),
                i: 0,
                len: 1,
            },
            kind: body.kind().to_owned(),
            version: 1,
            body: body.to_raw().map_err(crate::repo::RepoError::from)?,
            base_rev: None,
            hlc: Hlc { ms: now, n: 0 },
            captured_at: now,
        };
        let bytes = op.to_bytes().map_err(crate::repo::RepoError::from)?;
        self.prev = ChainHash::after(self.prev, bytes.as_bytes());
        Ok(RawValue::from_string(bytes)?)
    }
}

/// The merchant has said the code that came to the number of record: the server's own word, for this terminal.
pub fn code_said(house: &House, case: &Case) -> Result<(), ServerError> {
    let (id, rules) = (case.id, house.rules.clone());
    let note = case.text(FieldKey::TerminalSerial).to_owned();
    let body = OpBody::EvidenceRecord {
        evidence: EvidenceKind::OneTimeCode,
        call_ref: None,
        note,
    };
    house.repo.write_blocking(move |conn| {
        let mut bench = Bench::new(conn, &rules)?;
        system::say(&mut bench, vec![(id, body.clone())])?;
        bench.finish()
    })?;
    Ok(())
}
