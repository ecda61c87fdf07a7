//! Who takes part: offices, people, devices, and the rules they live under.

use crate::dice::Dice;
use desk_domain::calendar::Calendar;
use desk_domain::ids::{DeviceId, OfficeCode, UserId};
use desk_domain::people::{Actor, Employer, Role, UserCard};
use desk_domain::policy::Policy;
use desk_domain::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// When every history begins: 2025-06-02T01:00:00Z, a Monday morning in Shanghai.
pub const DAWN: Millis = 1_748_826_000_000;

/// One person at one desk.
#[derive(Clone, Debug)]
pub struct Player {
    pub card: UserCard,
    pub device: DeviceId,
    /// Two characters of the case numbers made here.
    pub device_code: &'static str,
}

/// Everybody, and the rules.
#[derive(Clone, Debug)]
pub struct Cast {
    pub players: Vec<Player>,
    pub policy: Arc<Policy>,
    pub calendar: Arc<Calendar>,
    /// Rights by device and person: somebody who never signed in on a device has none there.
    pub actors: BTreeMap<(DeviceId, UserId), Actor>,
    /// The server's own device and the person that its ops name.
    pub system: (DeviceId, UserId),
}

static RULES: LazyLock<(Arc<Policy>, Arc<Calendar>)> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "both are compiled into the domain and tested there"
    )]
    let calendar = Calendar::shipped().expect("the shipped calendar reads");
    (Arc::new(Policy::shipped()), Arc::new(calendar))
});

/// Offices, roles and device code of each desk, in the order in which desks join.
const PLAN: [(&[&str], &[Role], &str); 4] = [
    (&["AB001"], &[Role::Agent], "D1"),
    (&["AB001"], &[Role::Agent], "D2"),
    (
        &["AB001", "AB002"],
        &[Role::Reviewer, Role::Supervisor],
        "D3",
    ),
    (&["AB002", "AB001"], &[Role::Clerk], "D4"),
];

impl Cast {
    /// Two to four desks.
    pub fn new(dice: &Dice) -> Self {
        let count = usize::try_from(2 + dice.below(3)).unwrap_or(2);
        let players: Vec<Player> = PLAN
            .iter()
            .take(count)
            .map(|row| player(row, dice))
            .collect();
        let mut actors: BTreeMap<_, _> = players
            .iter()
            .map(|one| ((one.device, one.card.user), one.card.actor()))
            .collect();
        let system = (DeviceId::new(DAWN, dice), UserId::new(DAWN, dice));
        actors.insert(system, system_actor(system.1));
        let (policy, calendar) = (Arc::clone(&RULES.0), Arc::clone(&RULES.1));
        Self {
            players,
            policy,
            calendar,
            actors,
            system,
        }
    }

    /// Every office that somebody here serves.
    pub fn offices(&self) -> BTreeSet<OfficeCode> {
        self.players
            .iter()
            .flat_map(|player| player.card.offices.iter().cloned())
            .collect()
    }
}

fn system_actor(user: UserId) -> Actor {
    Actor {
        user,
        person: user,
        roles: BTreeSet::from([Role::System]),
        employer: Employer::Acquirer,
        offices: BTreeSet::new(),
        active: true,
    }
}

fn player((offices, roles, code): &(&[&str], &[Role], &'static str), dice: &Dice) -> Player {
    let user = UserId::new(DAWN, dice);
    let card = UserCard {
        user,
        person: user,
        login: format!("user-{code}"),
        name: format!("示例{code}"),
        roles: roles.iter().copied().collect(),
        employer: Employer::Acquirer,
        offices: offices
            .iter()
            .filter_map(|code| OfficeCode::parse(code))
            .collect(),
        active: true,
    };
    Player {
        card,
        device: DeviceId::new(DAWN, dice),
        device_code: code,
    }
}
