//! A wedge is a failure: whatever happened before, once all is well everything drains.

use super::world::World;
use proptest::collection::vec;
use proptest::prelude::*;

/// Steps within which a healthy world is through; a wait counts as one.
const ENOUGH: usize = 5_000;

#[test]
fn a_world_without_faults_drains() {
    let mut world = World::new(&[1, 5, 2], 3, Vec::new());
    assert!(world.run(400).is_some());
}

#[test]
fn each_single_fault_at_each_of_the_first_places_is_survived() {
    for fault in (0..20).chain([250]) {
        for place in 0..16 {
            let mut faults = vec![19; place];
            faults.push(fault);
            let mut world = World::new(&[1, 3, 2], 1, faults);
            assert!(
                world.run(ENOUGH).is_some(),
                "fault {fault} at {place}: {:?}",
                world.machine.status()
            );
            assert_eq!((world.split_groups, world.out_of_order), (0, 0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_run_of_faults_is_followed_by_a_full_drain(
        groups in vec(1_u16..6, 0..12),
        uploads in 0_usize..4,
        faults in vec(any::<u8>(), 0..120),
    ) {
        let mut world = World::new(&groups, uploads, faults);
        let drained = world.run(ENOUGH);
        prop_assert!(
            drained.is_some() || (groups.is_empty() && uploads > 0),
            "wedged: {:?} {}/{} {:?}",
            world.machine.status(), world.acknowledged, world.rows.len(), world.cursor
        );
        prop_assert_eq!(world.split_groups, 0);
        prop_assert_eq!(world.out_of_order, 0);
    }
}
