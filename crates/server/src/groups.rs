//! Where the groups of a push begin and end. Pure. A group that is not whole in its push has a named answer: half of an
//! action must never be judged as if it were the action.

use crate::frames::{Frame, FrameError, Said};
use desk_domain::op::Group;
use desk_protocol::{MAX_PUSH_OPS, error};
use std::ops::Range;

/// The groups of a push, by places in it. A parked op says nothing of its group: it counts for the place it stands in.
///
/// # Errors
/// `sync.bad_group` with the seq of the op that does not fit.
pub fn groups(frames: &[Frame]) -> Result<Vec<Range<usize>>, FrameError> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < frames.len() {
        let range = next_group(frames, at)?;
        // Stubs that belong to no group that goes on here stand for themselves.
        found.extend((at..range.start).map(|alone| alone..alone.saturating_add(1)));
        at = range.end;
        if !range.is_empty() {
            found.push(range);
        }
    }
    Ok(found)
}

/// The group that begins at or, after stubs, behind `from`; empty at the end when only stubs are left.
fn next_group(frames: &[Frame], from: usize) -> Result<Range<usize>, FrameError> {
    let mut rest = frames.iter().enumerate().skip(from);
    let Some((at, group)) = rest.find_map(|(at, frame)| Some((at, group_of(frame)?))) else {
        return Ok(frames.len()..frames.len());
    };
    let fail = |why| Err(wrong(frames, at, why));
    let (len, before) = (usize::from(group.len), usize::from(group.i));
    if len == 0 || len > MAX_PUSH_OPS || before >= len {
        return fail("a group has between 1 and 500 ops, numbered from 0");
    }
    let Some(start) = at.checked_sub(before).filter(|start| *start >= from) else {
        return fail("the push begins inside a group");
    };
    let range = start..start.saturating_add(len);
    let Some(members) = frames.get(range.clone()) else {
        return fail("the group is not whole in this push");
    };
    for ((place, frame), i) in (start..).zip(members).zip(0_u16..) {
        let fits =
            group_of(frame).is_none_or(|own| (own.id, own.len, own.i) == (group.id, group.len, i));
        if !fits {
            return Err(wrong(
                frames,
                place,
                "the ops of a group do not agree on it",
            ));
        }
    }
    Ok(range)
}

fn group_of(frame: &Frame) -> Option<Group> {
    match &frame.said {
        Said::Op { op, .. } => Some(op.group),
        Said::Parked { .. } => None,
    }
}

fn wrong(frames: &[Frame], at: usize, why: &'static str) -> FrameError {
    FrameError {
        code: error::BAD_GROUP,
        seq: frames.get(at).map_or(0, |frame| frame.seq),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use desk_domain::ids::{CaseId, DeviceId, GroupId, Incarnation, OpId, UserId};
    use desk_domain::op::{ChainHash, Hlc, Op};
    use serde_json::value::RawValue;
    use uuid::Uuid;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn frame(seq: u64, said: Option<(u128, u16, u16)>) -> Frame {
        let op_id = OpId::from_uuid(id(u128::from(seq)));
        let said = match said {
            None => Said::Parked { op_id },
            Some((group, i, len)) => Said::Op {
                content: ChainHash::GENESIS,
                body: None,
                op: Box::new(Op {
                    op_id,
                    device: DeviceId::from_uuid(id(1)),
                    incarnation: Incarnation::from_uuid(id(2)),
                    seq,
                    prev_hash: ChainHash::GENESIS,
                    actor: UserId::from_uuid(id(3)),
                    case: CaseId::from_uuid(id(4)),
                    group: Group {
                        id: GroupId::from_uuid(id(group)),
                        i,
                        len,
                    },
                    kind: "note.add".into(),
                    version: 1,
                    body: RawValue::from_string("{}".into()).unwrap(),
                    base_rev: None,
                    hlc: Hlc::default(),
                    captured_at: 0,
                }),
                bytes: String::new(),
            },
        };
        Frame {
            seq,
            hash: ChainHash::GENESIS,
            said,
        }
    }

    fn of(said: &[Option<(u128, u16, u16)>]) -> Result<Vec<(usize, usize)>, (u64, &'static str)> {
        let frames: Vec<Frame> = (1..)
            .zip(said)
            .map(|(seq, said)| frame(seq, *said))
            .collect();
        groups(&frames)
            .map(|found| {
                found
                    .into_iter()
                    .map(|range| (range.start, range.end))
                    .collect()
            })
            .map_err(|wrong| {
                assert_eq!(wrong.code, "sync.bad_group");
                (wrong.seq, wrong.why)
            })
    }

    #[test]
    fn groups_stand_one_behind_the_other_and_cover_the_push() {
        let found = of(&[
            Some((7, 0, 1)),
            Some((8, 0, 3)),
            Some((8, 1, 3)),
            Some((8, 2, 3)),
            Some((9, 0, 1)),
        ]);
        assert_eq!(found, Ok(vec![(0, 1), (1, 4), (4, 5)]));
    }

    #[test]
    fn a_group_that_is_not_whole_is_named_by_its_seq() {
        type Place = Option<(u128, u16, u16)>;
        type Row = (&'static [Place], u64, &'static str);
        let table: &[Row] = &[
            (&[Some((7, 0, 2))], 1, "the group is not whole in this push"),
            (&[Some((7, 1, 2))], 1, "the push begins inside a group"),
            (
                &[Some((7, 0, 1)), Some((8, 1, 2))],
                2,
                "the push begins inside a group",
            ),
            (
                &[Some((7, 0, 2)), Some((8, 1, 2))],
                2,
                "the ops of a group do not agree on it",
            ),
            (
                &[Some((7, 0, 2)), Some((7, 0, 2))],
                2,
                "the ops of a group do not agree on it",
            ),
            (
                &[Some((7, 0, 2)), Some((7, 1, 3))],
                2,
                "the ops of a group do not agree on it",
            ),
            (
                &[Some((7, 0, 0))],
                1,
                "a group has between 1 and 500 ops, numbered from 0",
            ),
            (
                &[Some((7, 2, 2))],
                1,
                "a group has between 1 and 500 ops, numbered from 0",
            ),
            (
                &[Some((7, 0, 501))],
                1,
                "a group has between 1 and 500 ops, numbered from 0",
            ),
        ];
        for (said, seq, why) in table {
            assert_eq!(of(said), Err((*seq, *why)), "{said:?}");
        }
    }

    #[test]
    fn a_parked_op_holds_the_place_of_its_group() {
        assert_eq!(
            of(&[None, Some((7, 1, 3)), None, None, Some((8, 0, 1)), None]),
            Ok(vec![(0, 3), (3, 4), (4, 5), (5, 6)])
        );
        assert_eq!(of(&[None, None]), Ok(vec![(0, 1), (1, 2)]));
        assert_eq!(
            of(&[None, Some((7, 2, 3))]),
            Err((2, "the push begins inside a group"))
        );
    }
}
