//! The window's own program opens files in its box, as an installed desk does. It links more than the small box of the other
//! tests, and some of that starts threads before the program's first line.

use desk_media::Docbox;
use desk_tests::papers::id_card_photo;
use desk_tests::programs::program;

/// A thread that was born while the walls went up ended one box in twenty.
const TIMES: u32 = 40;

#[test]
fn every_photo_is_taken_in_by_the_windows_own_program() {
    let docbox = Docbox::new(program("unbind-desk").unwrap());
    let photo = id_card_photo().unwrap();
    for time in 0..TIMES {
        let taken = docbox.intake(&photo);
        assert!(taken.is_ok(), "{time}: {:?}", taken.err());
    }
}
