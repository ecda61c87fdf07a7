//! `webhook`: systems outside that hear of an office's cases. A secret is shown once, when it is made.

use super::admin::{office_code, open, unknown};
use super::devices::named;
use super::who::Who;
use super::{Site, say};
use crate::error::ServerError;
use crate::repo::deliveries;
use crate::repo::delivery_log::{self, Delivery, Which};
use crate::repo::webhooks::{self, Added, Endpoint, MOST_ENDPOINTS, NewEndpoint, Rotated, Why};
use crate::run::House;
use crate::webhooks::address::{self, Reach};
use crate::webhooks::signing::HookSecret;
use crate::webhooks::{WebhookSettings, events};
use chrono::DateTime;
use clap::{Args, Subcommand};
use desk_domain::ids::{OfficeCode, WebhookId};
use desk_domain::time::Millis;
use serde_json::{Value, json};

/// The variable of the flag that lets webhooks into private networks.
pub const ALLOW_PRIVATE: &str = "UNBIND_DESK_WEBHOOKS_ALLOW_PRIVATE";
const HOUR: Millis = 3_600_000;
/// Most deliveries in one list.
const MOST_DELIVERIES: usize = 1000;

#[derive(Subcommand)]
pub enum WebhookCommand {
    /// Add an endpoint of an office; prints its id and, this once, its secret.
    Add(AddArgs),
    /// List endpoints. Of an address what stands behind `?` is not shown.
    List {
        #[command(flatten)]
        data: Site,
        /// Those of one office.
        #[arg(long)]
        office: Option<String>,
        /// One line of JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send nothing to it any more; what waits is given up and can be replayed.
    Disable(One),
    /// Send to it again.
    Enable(One),
    /// Take it away, with the log of its deliveries.
    Remove(One),
    /// Give it a new secret, shown this once; the old one signs as well for a while.
    Rotate {
        #[command(flatten)]
        one: One,
        /// How many hours the old secret still signs; 0 when it has leaked.
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(..=720))]
        overlap_hours: u32,
    },
    /// Show its newest deliveries with every attempt.
    Log {
        #[command(flatten)]
        data: Site,
        endpoint: String,
        /// How many.
        #[arg(long, default_value_t = 20)]
        most: usize,
        /// One line of JSON a delivery.
        #[arg(long)]
        json: bool,
    },
    /// Send a delivery once more, under its id, or every one that was given up.
    Replay {
        #[command(flatten)]
        one: One,
        #[arg(value_name = "WEBHOOK-ID", required_unless_present = "failed")]
        delivery: Option<String>,
        /// All that were given up.
        #[arg(long, conflicts_with = "delivery")]
        failed: bool,
    },
    /// Have the server send it a `webhook.test`; prints the webhook-id to look for in the log.
    Test(One),
}

#[derive(Args)]
pub struct AddArgs {
    #[command(flatten)]
    data: Site,
    office: String,
    /// https://…, on port 443 or above 1023.
    url: String,
    /// An event that it wants to hear of, as case.unbound; all of them without any.
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// As of `serve --webhooks-allow-private`.
    #[arg(long, env = ALLOW_PRIVATE)]
    allow_private: bool,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    who: Who,
}

/// An endpoint, and who acts.
#[derive(Args)]
pub struct One {
    #[command(flatten)]
    data: Site,
    endpoint: String,
    #[command(flatten)]
    who: Who,
}

impl One {
    fn open(self) -> Result<(House, Endpoint), ServerError> {
        let house = open(self.data)?;
        named(&house, &self.who)?;
        let endpoint = find(&house, &self.endpoint)?;
        Ok((house, endpoint))
    }
}

pub fn run(command: WebhookCommand) -> Result<(), ServerError> {
    match command {
        WebhookCommand::Add(args) => add(args),
        WebhookCommand::List { data, office, json } => list(&open(data)?, office.as_deref(), json),
        WebhookCommand::Disable(one) => {
            let (house, of) = one.open()?;
            let now = house.rules.clock.now();
            let work =
                move |conn: &_| webhooks::disable(conn, (&of.office, of.id), Why::Admin, now);
            Ok(house.repo.write_blocking(work)?)
        }
        WebhookCommand::Enable(one) => {
            let (house, of) = one.open()?;
            let work = move |conn: &_| webhooks::enable(conn, &of.office, of.id);
            Ok(house.repo.write_blocking(work)?)
        }
        WebhookCommand::Remove(one) => {
            let (house, of) = one.open()?;
            let work = move |conn: &_| webhooks::remove(conn, &of.office, of.id);
            Ok(house.repo.write_blocking(work)?)
        }
        WebhookCommand::Rotate { one, overlap_hours } => {
            let (house, of) = one.open()?;
            rotate(&house, of, Millis::from(overlap_hours).saturating_mul(HOUR))
        }
        WebhookCommand::Log {
            data,
            endpoint,
            most,
            json,
        } => log(&open(data)?, &endpoint, most, json),
        WebhookCommand::Replay { one, delivery, .. } => {
            let (house, of) = one.open()?;
            replay(&house, of, delivery)
        }
        WebhookCommand::Test(one) => {
            let (house, of) = one.open()?;
            test(&house, of)
        }
    }
}

/// How far `serve` lets webhooks go.
pub fn settings(allow_private: bool) -> WebhookSettings {
    WebhookSettings {
        reach: reach(allow_private),
        within: None,
    }
}

fn reach(allow_private: bool) -> Reach {
    if allow_private {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn find(house: &House, text: &str) -> Result<Endpoint, ServerError> {
    let id = WebhookId::parse(text).ok_or_else(|| unknown("endpoint", text))?;
    let found = house.repo.read_blocking(|conn| webhooks::find(conn, id))?;
    found.ok_or_else(|| unknown("endpoint", text))
}

fn add(args: AddArgs) -> Result<(), ServerError> {
    let office = office_code(&args.office)?;
    let url = address::parse(&args.url, reach(args.allow_private))
        .map_err(|why| ServerError::Usage(format!("the address is refused: {why}")))?;
    let events = wanted(args.events)?;
    let house = open(args.data)?;
    let made_by = named(&house, &args.who)?;
    let chance = house.rules.chance.as_ref();
    let now = house.rules.clock.now();
    let (id, secret) = (WebhookId::new(now, chance), HookSecret::random(chance));
    let new = NewEndpoint {
        office: office.clone(),
        id,
        url: url.to_string(),
        events,
        secret: sealed(&house, id, &secret)?,
        made_by,
    };
    let added = house
        .repo
        .write_blocking(move |conn| webhooks::add(conn, &new, now))?;
    match added {
        Added::Yes => tell(id, &secret, args.json),
        Added::NoOffice => Err(unknown("office", office.as_str())),
        Added::TooMany => Err(ServerError::Usage(format!(
            "{office} has {MOST_ENDPOINTS} endpoints, as many as an office may have"
        ))),
    }
}

/// The events by their names, each once.
fn wanted(named: Vec<String>) -> Result<Vec<String>, ServerError> {
    if named.is_empty() {
        return Ok(events::names().map(str::to_owned).collect());
    }
    for name in &named {
        if !events::names().any(|known| known == name) {
            let known: Vec<_> = events::names().collect();
            let known = known.join(", ");
            return Err(ServerError::Usage(format!("no event {name}: {known}")));
        }
    }
    let wanted = events::names().filter(|known| named.iter().any(|name| name == known));
    Ok(wanted.map(str::to_owned).collect())
}

fn sealed(house: &House, id: WebhookId, secret: &HookSecret) -> Result<Vec<u8>, ServerError> {
    let key = house.bundles.keys.webhooks();
    let sealed = key.seal(id, secret, house.rules.chance.as_ref());
    sealed.ok_or_else(|| ServerError::Usage("the secret cannot be sealed".to_owned()))
}

fn tell(id: WebhookId, secret: &HookSecret, as_json: bool) -> Result<(), ServerError> {
    let text = secret.text();
    if as_json {
        return say(&json!({ "id": id, "secret": text.as_str() }).to_string());
    }
    say(&id.to_string())?;
    say(&text)
}

fn rotate(house: &House, of: Endpoint, overlap: Millis) -> Result<(), ServerError> {
    let secret = HookSecret::random(house.rules.chance.as_ref());
    let sealed = sealed(house, of.id, &secret)?;
    let now = house.rules.clock.now();
    let times = (now, now.saturating_add(overlap));
    let rotated = house
        .repo
        .write_blocking(move |conn| webhooks::rotate(conn, (&of.office, of.id), &sealed, times))?;
    match rotated {
        Rotated::Yes => say(&secret.text()),
        Rotated::TooMany => Err(ServerError::Usage(
            "too many secrets sign already: wait, or end the old ones with --overlap-hours 0"
                .to_owned(),
        )),
    }
}

fn list(house: &House, office: Option<&str>, as_json: bool) -> Result<(), ServerError> {
    let office: Option<OfficeCode> = office.map(office_code).transpose()?;
    let mut all = house.repo.read_blocking(webhooks::all)?;
    all.retain(|one| office.as_ref().is_none_or(|office| one.office == *office));
    if as_json {
        let all: Vec<Value> = all.iter().map(shown).collect();
        return say(&json!(all).to_string());
    }
    for one in all {
        let status = one.disabled.map_or("active", Why::as_str);
        let wanted = one.events.join(",");
        say(&format!(
            "{} {} {status} {} {wanted}",
            one.id,
            one.office,
            without_query(&one.url)
        ))?;
    }
    Ok(())
}

fn shown(one: &Endpoint) -> Value {
    json!({
        "id": one.id,
        "office": one.office,
        "url": without_query(&one.url),
        "events": one.events,
        "status": if one.disabled.is_none() { "active" } else { "disabled" },
        "why": one.disabled,
        "failing_since": one.failing_since,
        "made_by": one.made_by,
        "created_at": one.created_at,
    })
}

/// Robots of chat programs have their token there.
fn without_query(url: &str) -> String {
    match url.split_once('?') {
        Some((before, _)) => format!("{before}?…"),
        None => url.to_owned(),
    }
}

fn log(house: &House, endpoint: &str, most: usize, as_json: bool) -> Result<(), ServerError> {
    let of = find(house, endpoint)?;
    let most = most.min(MOST_DELIVERIES);
    let newest = house
        .repo
        .read_blocking(|conn| delivery_log::newest(conn, (&of.office, of.id), most))?;
    for one in newest {
        if as_json {
            say(&serde_json::to_string(&one)?)?;
        } else {
            for line in lines(&one) {
                say(&line)?;
            }
        }
    }
    Ok(())
}

/// A delivery for a person: itself, then each attempt.
fn lines(one: &Delivery) -> Vec<String> {
    let error = one.error.as_deref().unwrap_or_default();
    let first = format!(
        "{} {} {} {} {error}",
        moment(one.created_at),
        one.id,
        one.event,
        one.status
    );
    let attempts = one.attempts.iter().map(|tried| {
        let came = tried.status.map(|status| status.to_string());
        let came = came.or_else(|| tried.error.clone()).unwrap_or_default();
        let (n, at, took) = (tried.n, moment(tried.at), tried.took_ms);
        format!("  {n}. {at} {came} {took} ms")
    });
    let mut all = vec![first.trim_end().to_owned()];
    all.extend(attempts);
    all
}

pub fn moment(at: Millis) -> String {
    let at = DateTime::from_timestamp_millis(at).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn replay(house: &House, of: Endpoint, delivery: Option<String>) -> Result<(), ServerError> {
    let (id, asked) = (of.id, delivery.clone());
    let now = house.rules.clock.now();
    let which = delivery.map_or(Which::Failed, Which::One);
    let count = house.repo.write_blocking(move |conn| {
        if webhooks::is_active(conn, &of.office, of.id)? {
            return delivery_log::replay(conn, (&of.office, of.id), &which, now).map(Some);
        }
        Ok(None)
    })?;
    match (count, asked) {
        (None, _) => Err(disabled(id)),
        (Some(0), Some(id)) => Err(unknown("delivery that is not on its way", &id)),
        (Some(count), _) => say(&count.to_string()),
    }
}

fn test(house: &House, of: Endpoint) -> Result<(), ServerError> {
    let (id, rules) = (of.id, house.rules.clone());
    let delivery = house.repo.write_blocking(move |conn| {
        if webhooks::is_active(conn, &of.office, of.id)? {
            return deliveries::put_test(conn, &rules, &of.office, of.id).map(Some);
        }
        Ok(None)
    })?;
    say(&delivery.ok_or_else(|| disabled(id))?)
}

fn disabled(id: WebhookId) -> ServerError {
    ServerError::Usage(format!("{id} is disabled: webhook enable it first"))
}
