//! Documents up and down.

use super::*;
use desk_protocol::documents::{ChunkReply, OfferReply};
use desk_protocol::error as code;

const MIB: usize = CHUNK_BYTES;

fn listed(to_send: Vec<DocumentToSend>, wanted: Vec<WantedDocument>) -> StoreReply {
    StoreReply::Documents { to_send, wanted }
}
fn have(stored: bool, have: &[bool]) -> Reply {
    reply(
        200,
        ReplyBody::Offer(OfferReply {
            stored,
            have: have.to_vec(),
        }),
    )
}
fn kept() -> Reply {
    reply(200, ReplyBody::Chunk(ChunkReply { stored: true }))
}
fn chunks(actions: &[Action]) -> Vec<(Lane, u32)> {
    let puts = actions.iter().filter_map(|action| match action {
        Action::Send {
            lane,
            request: Request::PutChunk { index, .. },
            ..
        } => Some((lane.clone(), *index)),
        _ => None,
    });
    puts.collect()
}
/// The given document has been offered and the server's bitmap noted.
fn offered(document: &DocumentToSend, bitmap: &[bool]) -> (Rig, Vec<Action>) {
    let mut rig = Rig::started();
    let actions = rig.stored(Lane::Documents, listed(vec![document.clone()], Vec::new()));
    assert!(matches!(
        sent(&actions, &Lane::Documents),
        Some(Request::Offer(_))
    ));
    let actions = rig.answer(&Lane::Documents, Ok(have(false, bitmap)));
    assert!(matches!(
        called(&actions, &Lane::Documents),
        Some(StoreCall::SetChunks { .. })
    ));
    let actions = rig.stored(Lane::Documents, StoreReply::Done);
    (rig, actions)
}

#[test]
fn the_smallest_document_goes_first() {
    let mut rig = Rig::started();
    let (large, _) = document(1, 3 * MIB);
    let (small, _) = document(2, 700);
    let actions = rig.stored(
        Lane::Documents,
        listed(vec![large, small.clone()], Vec::new()),
    );
    assert_eq!(
        sent(&actions, &Lane::Documents),
        Some(Request::Offer(small))
    );
}

#[test]
fn only_missing_chunks_travel_one_then_up_to_three_at_a_time_then_complete_then_stored() {
    let (document, _) = document(1, 6 * MIB + 9);
    let (mut rig, actions) = offered(&document, &[true, false, false, false, false, false, true]);
    assert_eq!(chunks(&actions), [(Lane::Upload(0), 1)]);
    let actions = rig.answer(&Lane::Upload(0), Ok(kept()));
    let slots = [0, 1].map(Lane::Upload);
    assert_eq!(
        chunks(&actions),
        [(slots[0].clone(), 2), (slots[1].clone(), 3)]
    );
    let progress = rig.machine.status().documents[0];
    assert_eq!(progress.sent_bytes, 2 * MIB as u64 + 9);
    assert_eq!(progress.total_bytes, 6 * MIB as u64 + 9);
    assert!(progress.under_way);
    let actions = rig.answer(&Lane::Upload(1), Ok(kept()));
    assert_eq!(
        chunks(&actions),
        [(Lane::Upload(1), 4), (Lane::Upload(2), 5)]
    );
    rig.answer(&Lane::Upload(0), Ok(kept()));
    rig.answer(&Lane::Upload(1), Ok(kept()));
    let actions = rig.answer(&Lane::Upload(2), Ok(kept()));
    assert_eq!(
        sent(&actions, &Lane::Documents),
        Some(Request::Complete {
            document: document.id
        })
    );
    let actions = rig.answer(&Lane::Documents, Ok(kept()));
    assert!(matches!(
        called(&actions, &Lane::Documents),
        Some(StoreCall::MarkStored { .. })
    ));
    rig.stored(Lane::Documents, StoreReply::Done);
    assert!(rig.machine.status().documents.is_empty());
}

#[test]
fn a_document_that_the_server_has_costs_no_bytes() {
    let (document, _) = document(1, MIB);
    let mut rig = Rig::started();
    rig.stored(Lane::Documents, listed(vec![document], Vec::new()));
    let actions = rig.answer(&Lane::Documents, Ok(have(true, &[true])));
    assert!(matches!(
        called(&actions, &Lane::Documents),
        Some(StoreCall::MarkStored { .. })
    ));
}

/// Five chunks of which the first has arrived quickly: the next two are on the line.
fn two_in_flight() -> (Rig, DocumentToSend) {
    let (document, _) = document(1, 5 * MIB);
    let (mut rig, _) = offered(&document, &[false; 5]);
    let actions = rig.answer(&Lane::Upload(0), Ok(kept()));
    assert_eq!(chunks(&actions).len(), 2);
    (rig, document)
}

#[test]
fn a_cut_asks_the_server_what_arrived_before_any_chunk_is_sent_again() {
    let (mut rig, document) = two_in_flight();
    let actions = rig.answer(&Lane::Upload(0), Err(LinkError::Cut));
    assert!(armed(&actions, &Lane::Documents).is_some());
    rig.put(Input::Timer(Lane::Documents));
    let actions = rig.stored(Lane::Documents, listed(vec![document.clone()], Vec::new()));
    assert!(
        chunks(&actions).is_empty(),
        "one is still in the air: {actions:?}"
    );
    let actions = rig.answer(&Lane::Upload(1), Ok(kept()));
    assert!(
        matches!(sent(&actions, &Lane::Documents), Some(Request::Offer(_))),
        "{actions:?}"
    );
    rig.answer(
        &Lane::Documents,
        Ok(have(false, &[true, true, true, true, false])),
    );
    let actions = rig.stored(Lane::Documents, StoreReply::Done);
    assert_eq!(chunks(&actions), [(Lane::Upload(0), 4)]);
}

#[test]
fn after_a_break_a_line_gets_one_chunk_at_a_time() {
    let (mut rig, document) = two_in_flight();
    for slot in 0..2 {
        rig.answer(&Lane::Upload(slot), Err(LinkError::Timeout));
    }
    rig.put(Input::Timer(Lane::Documents));
    rig.stored(Lane::Documents, listed(vec![document], Vec::new()));
    rig.answer(&Lane::Documents, Ok(have(false, &[false; 5])));
    let actions = rig.stored(Lane::Documents, StoreReply::Done);
    assert_eq!(chunks(&actions).len(), 1);
}

#[test]
fn a_line_on_which_a_chunk_takes_minutes_gets_one_at_a_time_and_its_end_is_foretold() {
    let (document, _) = document(1, 5 * MIB);
    let (mut rig, _) = offered(&document, &[false; 5]);
    assert_eq!(rig.machine.status().documents[0].done_at, None);
    let begun = rig.now;
    rig.now += 170_000;
    let actions = rig.answer(&Lane::Upload(0), Ok(kept()));
    assert_eq!(chunks(&actions), [(Lane::Upload(0), 1)]);
    assert_eq!(
        rig.machine.status().documents[0].done_at,
        Some(begun + 5 * (rig.now - begun))
    );
    rig.now += 170_000;
    assert_eq!(chunks(&rig.answer(&Lane::Upload(0), Ok(kept()))).len(), 1);
    // It became quick: there is room beside it.
    rig.now += 1_000;
    assert_eq!(chunks(&rig.answer(&Lane::Upload(0), Ok(kept()))).len(), 2);
    // And slow again.
    rig.now += 60_000;
    rig.answer(&Lane::Upload(0), Ok(kept()));
    let actions = rig.answer(&Lane::Upload(1), Err(LinkError::Cut));
    assert!(armed(&actions, &Lane::Documents).is_some());
    assert_eq!(
        rig.machine.status().documents[0].done_at,
        None,
        "the pace of a line that broke says nothing"
    );
}

#[test]
fn a_document_whose_op_has_not_arrived_lets_the_next_one_pass_and_tries_again_after_the_push() {
    let (first, _) = document(1, 10);
    let (second, _) = document(2, 20);
    let mut rig = Rig::started();
    rig.stored(
        Lane::Documents,
        listed(vec![first.clone(), second.clone()], Vec::new()),
    );
    let actions = rig.answer(
        &Lane::Documents,
        Ok(reply(404, problem(code::DOCUMENT_UNKNOWN))),
    );
    assert_eq!(
        sent(&actions, &Lane::Documents),
        Some(Request::Offer(second))
    );
    let actions = rig.answer(
        &Lane::Documents,
        Ok(reply(404, problem(code::DOCUMENT_UNKNOWN))),
    );
    assert!(
        armed(&actions, &Lane::Documents).is_some(),
        "nothing is dropped"
    );
    let batch = pushed(&rig.unsent(&journal(incarnation(2), &[1])));
    rig.answer(&Lane::Push, Ok(reply(200, stored_up_to(&batch))));
    let actions = rig.stored(Lane::Push, StoreReply::Done);
    assert!(
        matches!(
            called(&actions, &Lane::Documents),
            Some(StoreCall::LoadDocuments)
        ),
        "{actions:?}"
    );
    let actions = rig.stored(Lane::Documents, listed(vec![first.clone()], Vec::new()));
    assert_eq!(
        sent(&actions, &Lane::Documents),
        Some(Request::Offer(first))
    );
}

#[test]
fn an_unreadable_file_does_not_hold_up_the_others_or_the_journal() {
    let (first, _) = document(1, 10);
    let (second, _) = document(2, 20);
    let mut rig = Rig::started();
    rig.stored(
        Lane::Documents,
        listed(vec![first, second.clone()], Vec::new()),
    );
    rig.answer(&Lane::Documents, Ok(have(false, &[false])));
    rig.stored(Lane::Documents, StoreReply::Done);
    let actions = rig.answer(&Lane::Upload(0), Err(LinkError::Local));
    assert_eq!(
        sent(&actions, &Lane::Documents),
        Some(Request::Offer(second))
    );
    assert!(
        rig.machine.status().documents.len() == 2,
        "both are still shown as on their way"
    );
}

#[test]
fn a_bitmap_of_another_length_is_not_believed() {
    let (document, _) = document(1, 2 * MIB);
    for bitmap in [&[][..], &[true], &[true, true, true]] {
        let mut rig = Rig::started();
        rig.stored(Lane::Documents, listed(vec![document.clone()], Vec::new()));
        let actions = rig.answer(&Lane::Documents, Ok(have(false, bitmap)));
        assert!(
            called(&actions, &Lane::Documents).is_none() && chunks(&actions).is_empty(),
            "{bitmap:?}"
        );
        assert!(armed(&actions, &Lane::Documents).is_some());
    }
}

#[test]
fn a_download_goes_by_ranges_and_is_stored_only_whole_and_verified() {
    let (document, bytes) = document(1, MIB + 5);
    let wanted = WantedDocument {
        id: document.id,
        manifest: document.manifest,
    };
    let mut rig = Rig::started();
    let actions = rig.stored(Lane::Documents, listed(Vec::new(), vec![wanted]));
    let fetch = |from: usize, to: usize| {
        Some(Request::Fetch {
            document: document_id(1),
            from: from as u64,
            to: to as u64,
        })
    };
    assert_eq!(sent(&actions, &Lane::Download), fetch(0, MIB));
    let part = |from: usize, bytes: &[u8]| {
        let body = ReplyBody::Bytes {
            from: from as u64,
            bytes: bytes.to_vec(),
        };
        Reply {
            stamp: None,
            ..reply(206, body)
        }
    };
    let actions = rig.answer(&Lane::Download, Ok(part(0, &bytes[..MIB])));
    assert_eq!(sent(&actions, &Lane::Download), fetch(MIB, MIB + 5));
    rig.answer(&Lane::Download, Err(LinkError::Cut));
    let actions = rig.put(Input::Timer(Lane::Download));
    assert_eq!(
        sent(&actions, &Lane::Download),
        fetch(MIB, MIB + 5),
        "what is verified is not fetched again"
    );
    let actions = rig.answer(&Lane::Download, Ok(part(MIB, &bytes[MIB..])));
    match called(&actions, &Lane::Download) {
        Some(StoreCall::PutDownloaded { bytes: got, .. }) => assert_eq!(*got, bytes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_that_are_not_the_documents_are_never_stored() {
    let (document, bytes) = document(1, 600);
    let mut flipped = bytes.clone();
    flipped[300] ^= 1;
    let wrong: [(u64, Vec<u8>); 5] = [
        (0, flipped),
        (0, bytes[..599].to_vec()),
        (1, bytes.clone()),
        (0, Vec::new()),
        (0, vec![0; 4_000]),
    ];
    for (from, bytes) in wrong {
        let wanted = WantedDocument {
            id: document.id,
            manifest: document.manifest.clone(),
        };
        let mut rig = Rig::started();
        rig.stored(Lane::Documents, listed(Vec::new(), vec![wanted]));
        let body = ReplyBody::Bytes { from, bytes };
        let actions = rig.answer(
            &Lane::Download,
            Ok(Reply {
                stamp: None,
                ..reply(200, body)
            }),
        );
        assert!(called(&actions, &Lane::Download).is_none());
        assert!(
            armed(&actions, &Lane::Download).is_some(),
            "tried again later"
        );
    }
}

/// The server was put back to a backup while its last "stored" was still on the line.
#[test]
fn stored_said_by_another_life_of_the_server_is_not_believed() {
    let (document, _) = document(1, 700);
    let (mut rig, actions) = offered(&document, &[false]);
    let (slot, _) = chunks(&actions)[0].clone();
    let actions = rig.answer(&slot, Ok(kept()));
    assert!(matches!(
        sent(&actions, &Lane::Documents),
        Some(Request::Complete { .. })
    ));
    let late = Reply {
        stamp: Some(Stamp {
            epoch: epoch(2),
            server_time: 0,
        }),
        ..kept()
    };
    let actions = rig.answer(&Lane::Documents, Ok(late));
    assert!(
        called(&actions, &Lane::Documents).is_none(),
        "nothing is noted as stored"
    );
    assert!(armed(&actions, &Lane::Documents).is_some(), "asked again");
}
