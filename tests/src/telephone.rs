//! A telephone system that calls an office's server, with its bad habits: events come twice, late and in the wrong order.
//! Numbers are visibly fake.

use crate::Failure;
use reqwest::Client;
use serde_json::json;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(10);
/// Where the fake numbers begin.
const FAKE: u64 = 13_000_000_000;

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Play {
    /// The whole address, with its token.
    pub url: String,
    pub calls: u32,
    pub seed: u64,
    /// The office's own number.
    pub to: String,
    /// Calls out of the house.
    pub out: bool,
    /// The other side's number of every call; without it each has its own.
    pub number: Option<String>,
    /// Whose telephones ring, as the telephone system names them; nobody's in particular without any.
    pub users: Vec<String>,
    /// Pause between two events.
    pub pause: Duration,
    /// As JSON in place of a form.
    pub as_json: bool,
}

/// One event on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    pub event: &'static str,
    pub call_id: String,
    /// The other side's number.
    pub from: String,
    pub answering: Option<String>,
    pub cause: Option<&'static str>,
}

/// What came of a play.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Played {
    pub events: u32,
    pub taken: u32,
    pub refused: u32,
}

/// Small, seeded chance: the same seed plays the same calls.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

/// The events of a play in the order in which they arrive. Most calls are answered and hung up, some are missed; one event in
/// eight comes twice, and one call in eight comes in the wrong order.
pub fn script(play: &Play) -> Vec<Event> {
    let mut dice = Dice(play.seed);
    let mut all = Vec::new();
    for n in 0..play.calls {
        let event = |event| Event {
            event,
            call_id: format!("sim-{}-{n}", play.seed),
            from: number(play, n),
            answering: None,
            cause: None,
        };
        let missed = dice.below(4) == 0;
        let mut one = vec![event("newCall")];
        if !missed {
            one.push(Event {
                answering: pick(&play.users, &mut dice),
                ..event("answer")
            });
        }
        one.push(Event {
            cause: Some(if missed { "cancel" } else { "normalClearing" }),
            ..event("hangup")
        });
        if dice.below(8) == 0 {
            one.reverse();
        }
        for event in one {
            let twice = dice.below(8) == 0;
            all.push(event.clone());
            all.extend(twice.then_some(event));
        }
    }
    all
}

/// The other side's number.
fn number(play: &Play, n: u32) -> String {
    let own = || (FAKE + u64::from(n) + 1).to_string();
    play.number.clone().unwrap_or_else(own)
}

fn pick(users: &[String], dice: &mut Dice) -> Option<String> {
    let at = dice.below(u64::try_from(users.len()).unwrap_or(1));
    users.get(usize::try_from(at).unwrap_or_default()).cloned()
}

/// A telephone that is ready to call.
pub struct Telephone {
    client: Client,
    play: Play,
}

impl Telephone {
    /// Nothing is sent yet.
    #[expect(
        clippy::disallowed_methods,
        reason = "a telephone system is no room of the house"
    )]
    pub fn new(play: Play) -> Result<Self, Failure> {
        // Err: this process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .timeout(WITHIN)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        if play.url.starts_with("http:") {
            // No TLS will happen: the machine is not asked for its authorities.
            client = client.tls_certs_only([]);
        }
        let client = client.build();
        Ok(Self {
            client: client.map_err(Failure::at("a client"))?,
            play,
        })
    }

    /// Sends one event; the status of the answer.
    pub async fn send(&self, event: &Event) -> Result<u16, Failure> {
        let post = self.client.post(&self.play.url);
        let (direction, from, to) = self.sides(event);
        let post = if self.play.as_json {
            post.json(&json!({
                "event": event.event, "direction": direction, "callId": event.call_id, "from": from,
                "to": to, "user": self.play.users, "answeringNumber": event.answering, "cause": event.cause,
            }))
        } else {
            let kind = "application/x-www-form-urlencoded";
            post.header("content-type", kind).body(self.form(event))
        };
        let answer = post.send().await.map_err(Failure::at("post an event"))?;
        Ok(answer.status().as_u16())
    }

    /// Plays everything.
    pub async fn play(&self) -> Result<Played, Failure> {
        let mut played = Played::default();
        for event in script(&self.play) {
            let status = self.send(&event).await?;
            played.events += 1;
            if status == 200 {
                played.taken += 1;
            } else {
                played.refused += 1;
            }
            tokio::time::sleep(self.play.pause).await;
        }
        Ok(played)
    }

    /// The direction, who calls, and who is called.
    fn sides<'a>(&'a self, event: &'a Event) -> (&'static str, &'a str, &'a str) {
        if self.play.out {
            ("out", &self.play.to, &event.from)
        } else {
            ("in", &event.from, &self.play.to)
        }
    }

    fn form(&self, event: &Event) -> String {
        let (direction, from, to) = self.sides(event);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("event", event.event)
            .append_pair("direction", direction)
            .append_pair("callId", &event.call_id)
            .append_pair("from", from)
            .append_pair("to", to);
        for user in &self.play.users {
            form.append_pair("user[]", user);
        }
        for (name, value) in [
            ("answeringNumber", event.answering.as_deref()),
            ("cause", event.cause),
        ] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        form.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(seed: u64) -> Play {
        Play {
            url: "http://127.0.0.1:9/hooks/cti/x".to_owned(),
            calls: 200,
            seed,
            to: "95000".to_owned(),
            out: false,
            number: None,
            users: vec!["8001".to_owned(), "8002".to_owned()],
            pause: Duration::ZERO,
            as_json: false,
        }
    }

    #[test]
    fn a_call_out_of_the_house_goes_to_the_number_that_was_asked_for() {
        let telephone = Telephone::new(Play {
            out: true,
            number: Some("13000000009".to_owned()),
            ..play(7)
        })
        .unwrap();
        for event in script(&telephone.play) {
            assert_eq!(telephone.sides(&event), ("out", "95000", "13000000009"));
            let form = telephone.form(&event);
            assert!(form.contains("direction=out"));
            assert!(form.contains("&from=95000&to=13000000009"), "{form}");
        }
    }

    #[test]
    fn a_seed_plays_the_same_calls_with_all_the_bad_habits() {
        let events = script(&play(7));
        assert_eq!(events, script(&play(7)));
        assert_ne!(events, script(&play(8)));
        assert!(events.windows(2).any(|two| two[0] == two[1]), "twice");
        let first = |wanted: &str, id: &str| {
            let found = events.iter();
            let mut found = found.map(|one| one.event == wanted && one.call_id == id);
            found.position(|is| is)
        };
        let late = |n: u32| {
            let id = format!("sim-7-{n}");
            first("hangup", &id) < first("newCall", &id)
        };
        assert!((0..200).any(late), "out of order");
        assert!(events.iter().any(|one| one.cause == Some("cancel")));
    }
}
