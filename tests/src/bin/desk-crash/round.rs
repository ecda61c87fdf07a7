//! One cycle: everybody starts, works, somebody dies, everybody else is swept away, and the files are looked at.

use crate::check;
use crate::house::{DESKS, House};
use crate::plan::{Focus, Moment, Plan, Victim};
use crate::station::{Shift, Station, Word};
use crate::tally::Tally;
use desk_tests::Failure;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Longest that nothing at all may happen; then it is a wedge. A busy machine is slow, but it is not silent.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the harness looks whether somebody died.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Things that a desk does in one cycle.
const ACTIONS: u64 = 6;
/// Starts after which two sides that still differ are called different.
const CALM_TRIES: u32 = 8;

/// Lives through the cycles; the last thing is always a calm one, so that nothing stays unlooked at.
pub fn live(house: &mut House, seeds: Range<u64>, tally: &mut Tally) -> Result<(), Failure> {
    for seed in seeds.clone() {
        match Plan::of(seed) {
            Some(plan) => {
                storm(house, seed, plan, tally)?;
                check::at_rest(house, seed, tally)?;
            }
            None => calm(house, seed, tally)?,
        }
        tally.cycles += 1;
        if !tally.is_clean() {
            return Ok(());
        }
    }
    calm(house, seeds.end, tally)
}

/// The processes of one cycle.
struct Cast {
    stations: Vec<Station>,
    words: Receiver<(usize, Word)>,
    /// Its output has ended.
    over: [bool; DESKS],
    calm: [bool; DESKS],
    /// Looks in a row that must see nothing left before a desk calls itself calm.
    looks: u32,
}

impl Cast {
    fn start(house: &House, seed: u64, focus: Focus, actions: u64) -> Result<Self, Failure> {
        let (tell, words) = channel();
        let mut stations = Vec::new();
        for (place, desk) in house.desks.iter().enumerate() {
            let shift = Shift {
                profile: &desk.profile,
                order: &desk.order,
                place,
                seed,
                focus,
                actions,
            };
            stations.push(Station::start(&shift, tell.clone())?);
        }
        Ok(Self {
            stations,
            words,
            over: [false; DESKS],
            calm: [false; DESKS],
            looks: 1,
        })
    }

    /// Takes one word, if one comes in time. A promise is noted before anything else happens.
    fn hear(&mut self, house: &mut House, tally: &mut Tally, within: Duration) -> Option<Word> {
        let (place, word) = match self.words.recv_timeout(within) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        };
        match &word {
            Word::Did(promise) => {
                tally.confirmed += 1;
                house.desks[place].promises.push(promise.clone());
            }
            Word::Done => self.tell_calm(place),
            Word::Calm => self.calm[place] = true,
            Word::Over => self.over[place] = true,
            Word::Open | Word::Tried | Word::Told(_) | Word::Closed => {}
        }
        Some(word)
    }

    fn tell_calm(&mut self, place: usize) {
        let looks = self.looks;
        self.stations[place].tell(&format!("calm {looks}"));
    }

    fn all_calm(&self) -> bool {
        self.calm
            .iter()
            .zip(self.over)
            .all(|(calm, over)| *calm || over)
    }

    /// Kills whoever lives, and hears every word that was said before.
    fn sweep(mut self, house: &mut House, tally: &mut Tally) {
        for (place, station) in self.stations.iter_mut().enumerate() {
            tally.swept += u64::from(!self.over[place]);
            station.kill();
        }
        while self.over.contains(&false) {
            if self.hear(house, tally, PATIENCE).is_none() {
                return;
            }
        }
    }
}

fn storm(house: &mut House, seed: u64, plan: Plan, tally: &mut Tally) -> Result<(), Failure> {
    disarm(house);
    arm(house, &plan)?;
    start_server(house, &plan, tally)?;
    let mut cast = Cast::start(house, seed, plan.focus, ACTIONS)?;
    let died = until_somebody_dies(house, &mut cast, plan, tally);
    match died {
        Died::AtPoint(point) => tally.died(plan.victim, Some(point)),
        Died::AtRandom => tally.died(plan.victim, None),
        Died::Nobody => {
            let why = reasons(house, &mut cast, tally);
            tally.wedged.push(format!(
                "seed {seed}: the desks never came to rest, {plan:?}: {why}"
            ));
        }
        Died::ByItself(how) => tally.diverged.push(format!(
            "seed {seed}: a process fell by itself, {plan:?}: {how}"
        )),
    }
    if plan.victim == Victim::Server && plan.server_comes_back && tally.is_clean() {
        disarm(house);
        house.office.restart()?;
        for place in 0..DESKS {
            cast.stations[place].tell("sync");
            cast.tell_calm(place);
        }
        cast.calm = [false; DESKS];
        if !until_calm(house, &mut cast, tally) {
            let why = reasons(house, &mut cast, tally);
            tally.wedged.push(format!(
                "seed {seed}: not calm after the server came back, {plan:?}: {why}"
            ));
        }
    }
    cast.sweep(house, tally);
    tally.swept += u64::from(house.office.is_running());
    house.office.stop();
    Ok(())
}

/// Everybody drains, ends properly, and both sides are compared.
fn calm(house: &mut House, seed: u64, tally: &mut Tally) -> Result<(), Failure> {
    disarm(house);
    for attempt in 0..CALM_TRIES {
        house.office.restart()?;
        let mut cast = Cast::start(house, seed, Focus::Fields, 0)?;
        // An empty outbox says nothing of a page that is still on its way: each attempt looks twice as long.
        cast.looks = 8 << attempt;
        if !until_calm(house, &mut cast, tally) {
            let why = reasons(house, &mut cast, tally);
            tally
                .wedged
                .push(format!("seed {seed}: no rest without any fault: {why}"));
            cast.sweep(house, tally);
            return Ok(());
        }
        for station in &mut cast.stations {
            station.tell("end");
        }
        while cast.over.contains(&false) && cast.hear(house, tally, PATIENCE).is_some() {}
        cast.sweep(house, tally);
        house.office.stop();
        check::at_rest(house, seed, tally)?;
        if check::agreement(house, seed, tally)? {
            tally.calms += 1;
            return Ok(());
        }
    }
    tally
        .wedged
        .push(format!("seed {seed}: a feed never came to its end"));
    Ok(())
}

enum Died {
    AtPoint(&'static str),
    AtRandom,
    /// Patience ended.
    Nobody,
    ByItself(String),
}

fn until_somebody_dies(house: &mut House, cast: &mut Cast, plan: Plan, tally: &mut Tally) -> Died {
    let mut heard_at = now();
    let mut said = 0;
    let mut due = None;
    while heard_at.elapsed() < PATIENCE {
        if let Some(word) = cast.hear(house, tally, LOOK_EVERY) {
            heard_at = now();
            said += u64::from(matches!(word, Word::Did(_) | Word::Open));
        }
        if let Some(died) = who_died(house, cast, plan) {
            return died;
        }
        if let Moment::After { words, ms } = plan.moment
            && said >= words
            && due.is_none()
        {
            due = Some(now() + Duration::from_millis(ms));
        }
        // A point that is not passed in this cycle, and words that were never said, end as a kill at random.
        let quiet = cast.all_calm();
        if quiet || due.is_some_and(|due| due <= now()) {
            match plan.victim {
                Victim::Desk(place) => cast.stations[place].kill(),
                Victim::Server => house.office.stop(),
            }
            return Died::AtRandom;
        }
    }
    Died::Nobody
}

fn who_died(house: &mut House, cast: &mut Cast, plan: Plan) -> Option<Died> {
    let server_runs = house.office.is_running();
    let dead_desk = cast.over.iter().position(|over| *over);
    if server_runs && dead_desk.is_none() {
        return None;
    }
    let order = order_of(house, plan.victim);
    let reached = order.with_extension(desk_failpoint::REACHED).exists();
    let expected = match plan.victim {
        Victim::Desk(place) => dead_desk == Some(place) && server_runs,
        Victim::Server => !server_runs && dead_desk.is_none(),
    };
    if let Moment::At { point, .. } = plan.moment
        && expected
        && reached
    {
        return Some(Died::AtPoint(point));
    }
    let how = match dead_desk {
        Some(place) => {
            let ending = cast.stations[place].ending();
            let signal = ending.and_then(|status| status.signal());
            format!("desk {place}: {ending:?} signal {signal:?}")
        }
        None => "the server".to_owned(),
    };
    Some(Died::ByItself(how))
}

fn until_calm(house: &mut House, cast: &mut Cast, tally: &mut Tally) -> bool {
    let mut heard_at = now();
    while heard_at.elapsed() < PATIENCE {
        if cast.over.contains(&true) {
            return false;
        }
        if cast.all_calm() {
            return true;
        }
        if cast.hear(house, tally, LOOK_EVERY).is_some() {
            heard_at = now();
        }
    }
    false
}

/// What the desks say about themselves when they do not come to rest; counts and codes only.
fn reasons(house: &mut House, cast: &mut Cast, tally: &mut Tally) -> String {
    for station in &mut cast.stations {
        station.tell("tell");
    }
    let mut told = Vec::new();
    while told.len() < DESKS {
        match cast.hear(house, tally, Duration::from_secs(5)) {
            Some(Word::Told(text)) => told.push(text),
            Some(_) => {}
            None => break,
        }
    }
    format!(
        "over {:?}, calm {:?}, {}",
        cast.over,
        cast.calm,
        told.join(" | ")
    )
}

/// A server that is to die before it listens does so here, and is started again.
fn start_server(house: &mut House, plan: &Plan, tally: &mut Tally) -> Result<(), Failure> {
    let Err(failure) = house.office.restart() else {
        return Ok(());
    };
    let reached = house.server_order.with_extension(desk_failpoint::REACHED);
    match plan.moment {
        Moment::At { point, .. } if reached.exists() => tally.died(Victim::Server, Some(point)),
        Moment::At { .. } | Moment::After { .. } => return Err(failure),
    }
    disarm(house);
    house.office.restart()
}

fn arm(house: &House, plan: &Plan) -> Result<(), Failure> {
    let Moment::At { point, passes } = plan.moment else {
        return Ok(());
    };
    std::fs::write(order_of(house, plan.victim), format!("{point} {passes}\n"))
        .map_err(Failure::at("arm a fail point"))
}

fn disarm(house: &House) {
    let orders = house.desks.iter().map(|desk| &desk.order);
    for order in orders.chain([&house.server_order]) {
        // None there is as good.
        let _ = std::fs::remove_file(order);
        let _ = std::fs::remove_file(order.with_extension(desk_failpoint::REACHED));
    }
}

fn order_of(house: &House, victim: Victim) -> std::path::PathBuf {
    match victim {
        Victim::Desk(place) => house.desks[place].order.clone(),
        Victim::Server => house.server_order.clone(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness's patience is real time; nothing the product does depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
