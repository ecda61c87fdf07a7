//! A checker that cannot fail proves nothing: each planted fault of the models is caught, and honest models are not.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test may end at once and says its seed"
)]

use desk_sim::live;
use desk_sim::mutant::Mutant;

/// Seeds within which a mutant must be caught.
const SEEDS: u64 = 500;

/// Finds the first seed that shows the mutant; the same seed is silent without it.
fn caught(mutant: Mutant) {
    let seed = (0..SEEDS).find(|seed| !live(*seed, Some(mutant)).found.is_empty());
    let seed = seed.unwrap_or_else(|| panic!("{} lives through {SEEDS} seeds", mutant.as_str()));
    let shown = live(seed, Some(mutant)).found;
    println!("{} caught by seed {seed}: {}", mutant.as_str(), shown[0]);
    assert_eq!(
        live(seed, None).found,
        Vec::<String>::new(),
        "seed {seed} without the mutant"
    );
}

#[test]
fn positions_from_a_sequence_are_caught() {
    caught(Mutant::SequenceCursor);
}

#[test]
fn cursor_saved_before_its_data_is_caught() {
    caught(Mutant::CursorBeforeData);
}

#[test]
fn reply_before_commit_is_caught() {
    caught(Mutant::ReplyBeforeCommit);
}

#[test]
fn known_seq_taken_for_a_repetition_without_comparing_hashes_is_caught() {
    caught(Mutant::NoHashCompare);
}

#[test]
fn a_clone_that_keeps_its_numbers_is_caught() {
    caught(Mutant::CloneKeepsNumbers);
}

#[test]
fn a_commit_that_does_not_wait_for_the_disk_is_caught() {
    caught(Mutant::NormalNotFull);
}

#[test]
fn a_rename_without_fsync_is_caught() {
    caught(Mutant::RenameWithoutFsync);
}

#[test]
fn a_checkpoint_on_one_side_only_is_caught() {
    caught(Mutant::OneSidedCheckpoint);
}

#[test]
fn adopting_the_remote_digest_is_caught() {
    caught(Mutant::AdoptRemoteDigest);
}

#[test]
fn last_write_wins_is_caught() {
    caught(Mutant::LastWriteWins);
}

#[test]
fn drop_on_4xx_is_caught() {
    caught(Mutant::DropOn4xx);
}

#[test]
fn a_batch_that_fails_whole_for_one_op_is_caught() {
    caught(Mutant::BatchFailsWhole);
}

#[test]
fn deleting_a_document_on_the_last_chunk_is_caught() {
    caught(Mutant::DeleteOnLastChunk);
}

#[test]
fn a_flag_cleared_by_an_edit_during_upload_is_caught() {
    caught(Mutant::FlagClearedDuringUpload);
}

#[test]
fn off_by_one_at_an_exact_page_is_caught() {
    caught(Mutant::OffByOnePage);
}

#[test]
fn wiping_the_outbox_on_a_resync_is_caught() {
    caught(Mutant::WipeOnResync);
}

#[test]
fn a_loop_that_stops_after_one_swallowed_error_is_caught() {
    caught(Mutant::SwallowedError);
}

#[test]
fn refusing_on_skew_is_caught() {
    caught(Mutant::RefuseOnSkew);
}

#[test]
fn a_scope_move_without_a_marker_is_caught() {
    caught(Mutant::MoveWithoutMarker);
}

#[test]
fn judging_a_repeated_op_anew_is_caught() {
    caught(Mutant::JudgeAgain);
}

#[test]
fn every_mutant_has_a_name_and_a_test() {
    let tests = include_str!("mutants.rs");
    for mutant in Mutant::ALL {
        assert_eq!(Mutant::parse(mutant.as_str()), Some(*mutant));
        assert!(
            tests.contains(&format!("caught(Mutant::{mutant:?});")),
            "{mutant:?} has no test"
        );
    }
    assert_eq!(Mutant::parse("M00"), None);
}
