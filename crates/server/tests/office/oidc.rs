//! Sign-in by an identity provider: what it takes to be believed, whom it lets in, and how often.

use crate::invitations::{code, desk, invited, set_up};
use crate::support::provider::{CLIENT, Provider, Signing};
use crate::support::{Desk, HERE, PASSWORD, Reply, THERE, TestOffice, office};
use desk_domain::ids::UserId;
use desk_domain::time::Clock;
use desk_server::repo::oidc::{self, Subject};
use desk_server::repo::people;
use serde_json::{Value, json};

const ONE: &str = "f3c1-one";
const OTHER: &str = "f3c1-other";

/// An office that is connected to a provider which knows its time.
fn connected() -> (TestOffice, Provider) {
    let mut office = office();
    let provider = Provider::start(office.clock.now());
    office.config.oidc = provider.settings();
    office.restart();
    (office, provider)
}

fn user(office: &TestOffice, login: &str) -> UserId {
    let found = office
        .house()
        .repo
        .read_blocking(|conn| people::by_login(conn, login));
    found.unwrap().unwrap().card.user
}

fn bind(office: &TestOffice, provider: &Provider, login: &str, subject: &str) {
    let account = user(office, login);
    let subject = Subject {
        issuer: provider.state().issuer.clone(),
        subject: subject.to_owned(),
    };
    let bound = office
        .house()
        .repo
        .write_blocking(move |conn| oidc::bind(conn, &subject, (account, None), 1));
    assert!(bound.unwrap());
}

/// The whole way of one person, by one browser.
fn comes(desk: &mut Desk, provider: &Provider, subject: &str) -> Reply {
    comes_with(desk, provider, subject, &json!({}))
}

fn comes_with(desk: &mut Desk, provider: &Provider, subject: &str, more: &Value) -> Reply {
    let begun = desk.begin_oidc();
    assert_eq!(begun.status, 200, "{}", begun.text());
    let begun = begun.json();
    let code = provider.person(begun["address"].as_str().unwrap(), subject);
    desk.finish_oidc(begun["state"].as_str().unwrap(), &code, more)
}

#[test]
fn a_bound_person_is_in_and_the_session_is_like_any_other() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let mut desk = desk(&office, HERE);
    let reply = comes(&mut desk, &provider, ONE);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["user"]["login"], "agent");
    assert_eq!(desk.pull(HERE, 0, 0).status, 200);
    let stolen = desk.refresh.clone();
    assert_eq!(desk.refresh(&stolen, 1).status, 200);
    assert_eq!(
        desk.clone().refresh(&stolen, 2).code(),
        "auth.token_invalid"
    );
    assert_eq!(
        desk.pull(HERE, 0, 0).code(),
        "auth.token_invalid",
        "reuse ends the family"
    );
    assert_eq!(comes(&mut desk, &provider, ONE).status, 200);
    assert_eq!(
        desk.sign_in("agent", PASSWORD).status,
        200,
        "a password stays what it is"
    );
}

#[test]
fn a_token_that_is_not_for_us_now_and_for_this_question_is_not_believed() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let mut desk = desk(&office, HERE);
    let now = office.clock.now() / 1000;
    let lies = [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"aud": "another-client"}),
        json!({"aud": [CLIENT, "another-client"]}),
        json!({"aud": [CLIENT, "another-client"], "azp": "another-client"}),
        json!({"azp": "another-client"}),
        json!({"aud": []}),
        json!({"iss": "https://another.example/"}),
        json!({"exp": now - 61}),
        json!({"exp": null}),
        json!({"exp": "never"}),
        json!({"iat": now + 120}),
        json!({"iat": now - 3600}),
        json!({"nbf": now + 120}),
        json!({"sub": ""}),
        json!({"sub": null}),
        json!({"sub": "x".repeat(256)}),
    ];
    for lie in lies {
        provider.state().claims = lie.clone();
        let reply = comes(&mut desk, &provider, ONE);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "oidc.refused"),
            "{lie}"
        );
    }
    let truths = [
        json!({"aud": [CLIENT]}),
        json!({"aud": [CLIENT, "another-client"], "azp": CLIENT}),
        json!({"exp": now - 30}),
        json!({"iat": now + 30}),
    ];
    for truth in truths {
        provider.state().claims = truth.clone();
        assert_eq!(comes(&mut desk, &provider, ONE).status, 200, "{truth}");
    }
}

#[test]
fn a_signature_is_one_of_the_providers_own_keys_by_an_algorithm_that_was_agreed() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let mut desk = desk(&office, HERE);
    for signing in [Signing::None, Signing::Hs256, Signing::Stranger] {
        provider.state().signing = signing;
        assert_eq!(comes(&mut desk, &provider, ONE).code(), "oidc.refused");
    }
    provider.state().signing = Signing::Es256;
    assert_eq!(comes(&mut desk, &provider, ONE).status, 200);
}

#[test]
fn an_unknown_key_is_asked_for_once_and_not_for_every_token() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let mut desk = desk(&office, HERE);
    assert_eq!(comes(&mut desk, &provider, ONE).status, 200);
    assert_eq!(provider.state().key_fetches, 1);
    provider.change_key(true);
    assert_eq!(comes(&mut desk, &provider, ONE).status, 200);
    assert_eq!(provider.state().key_fetches, 2);
    provider.change_key(false);
    for _ in 0..3 {
        assert_eq!(comes(&mut desk, &provider, ONE).code(), "oidc.refused");
    }
    assert_eq!(provider.state().key_fetches, 2, "just asked");
    office.clock.advance(10_001);
    provider.state().now = office.clock.now();
    assert_eq!(comes(&mut desk, &provider, ONE).code(), "oidc.refused");
    assert_eq!(provider.state().key_fetches, 3);
}

#[test]
fn a_code_and_a_state_work_once_at_the_desk_that_began_with_the_verifier_it_kept() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let (mut desk, mut other) = (desk(&office, HERE), desk(&office, HERE));
    let begin = |desk: &mut Desk| {
        let begun = desk.begin_oidc().json();
        let state = begun["state"].as_str().unwrap().to_owned();
        (
            provider.person(begun["address"].as_str().unwrap(), ONE),
            state,
        )
    };
    let (used, state) = begin(&mut desk);
    assert_eq!(desk.finish_oidc(&state, &used, &json!({})).status, 200);
    let again = desk.finish_oidc(&state, &used, &json!({}));
    assert_eq!(
        (again.status, again.code().as_str()),
        (401, "oidc.attempt_over")
    );
    let (_, fresh) = begin(&mut desk);
    assert_eq!(
        desk.finish_oidc(&fresh, &used, &json!({})).code(),
        "oidc.refused",
        "a used code"
    );
    let (code, state) = begin(&mut desk);
    assert_eq!(
        other.finish_oidc(&state, &code, &json!({})).code(),
        "oidc.attempt_over"
    );
    assert_eq!(
        desk.finish_oidc(&state, &code, &json!({})).status,
        200,
        "and nothing is spent by that"
    );
    let (code, state) = begin(&mut desk);
    let guessed = json!({"verifier": "x".repeat(43)});
    assert_eq!(
        desk.finish_oidc(&state, &code, &guessed).code(),
        "oidc.attempt_over"
    );
    assert_eq!(
        desk.finish_oidc(&state, &code, &json!({})).code(),
        "oidc.attempt_over",
        "spent by a guess"
    );
    let (old, first) = begin(&mut desk);
    let (code, second) = begin(&mut desk);
    assert_eq!(
        desk.finish_oidc(&first, &old, &json!({})).code(),
        "oidc.attempt_over",
        "replaced"
    );
    office.clock.advance(600_001);
    assert_eq!(
        desk.finish_oidc(&second, &code, &json!({})).code(),
        "oidc.attempt_over",
        "too late"
    );
}

#[test]
fn whoever_is_bound_to_nothing_is_told_how_to_be_and_mail_binds_nobody() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let mut desk = desk(&office, HERE);
    // The provider says the same address of mail of both.
    let reply = comes(&mut desk, &provider, OTHER);
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (403, "oidc.not_bound")
    );
    assert!(
        reply.json()["message"]
            .as_str()
            .unwrap()
            .contains("invitation")
    );
    assert_eq!(
        comes(&mut desk, &provider, "agent").code(),
        "oidc.not_bound"
    );
    let house = office.house();
    house
        .repo
        .write_blocking(|conn| {
            let mut account = people::by_login(conn, "agent")?.unwrap();
            account.card.active = false;
            people::put(conn, &account, 1)
        })
        .unwrap();
    assert_eq!(
        comes(&mut desk, &provider, ONE).code(),
        "oidc.not_bound",
        "disabled"
    );
}

#[test]
fn an_invitation_binds_whoever_redeems_it_in_the_browser() {
    let (office, provider) = connected();
    bind(&office, &provider, "clerk", OTHER);
    let (_, first) = invited(&office, "li");
    let mut desk = desk(&office, HERE);
    let with = |code: &str| json!({ "invitation": code });
    assert_eq!(
        comes_with(&mut desk, &provider, ONE, &with("WRONG")).code(),
        "invitation.code_wrong"
    );
    let elsewhere = comes_with(
        &mut self::desk(&office, THERE),
        &provider,
        ONE,
        &with(&first),
    );
    assert_eq!(
        elsewhere.code(),
        "invitation.code_wrong",
        "another office's desk"
    );
    let others = comes_with(&mut desk, &provider, OTHER, &with(&first));
    assert_eq!(
        (others.status, others.code().as_str()),
        (409, "oidc.bound_elsewhere")
    );
    let reply = comes_with(&mut desk, &provider, ONE, &with(&first));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["user"]["login"], "li");
    assert_eq!(
        comes_with(&mut desk, &provider, ONE, &with(&first)).status,
        200,
        "a lost reply"
    );
    assert_eq!(comes(&mut desk, &provider, ONE).status, 200);
    assert_eq!(
        desk.sign_in("li", "").code(),
        "auth.wrong_credentials",
        "there is no password"
    );
    // A new one for the same person, who is somebody else at the provider now.
    let again = code(&office, user(&office, "li"), HERE);
    assert_eq!(
        comes_with(&mut desk, &provider, "f3c1-new", &with(&again)).status,
        200
    );
    assert_eq!(
        comes(&mut desk, &provider, ONE).code(),
        "oidc.not_bound",
        "the one before"
    );
}

#[test]
fn our_second_factor_is_asked_for_whatever_the_provider_asked() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let app = set_up(&office, user(&office, "agent"));
    let mut desk = desk(&office, HERE);
    provider.state().claims = json!({"amr": ["mfa", "otp"]});
    assert_eq!(
        comes(&mut desk, &provider, ONE).code(),
        "auth.totp_required"
    );
    let wrong = json!({"totp": "000000"});
    assert_eq!(
        comes_with(&mut desk, &provider, ONE, &wrong).code(),
        "auth.totp_wrong"
    );
    let seconds = u64::try_from(office.clock.now() / 1000).unwrap();
    let right = json!({"totp": app.generate(seconds).to_string()});
    assert_eq!(comes_with(&mut desk, &provider, ONE, &right).status, 200);
}

#[test]
fn a_provider_that_is_down_is_named_and_passwords_go_on() {
    let (office, provider) = connected();
    bind(&office, &provider, "agent", ONE);
    let mut desk = desk(&office, HERE);
    provider.state().down = true;
    let reply = desk.begin_oidc();
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (424, "oidc.provider_unavailable")
    );
    assert_eq!(reply.json()["retryable"], true);
    assert_eq!(desk.sign_in("agent", PASSWORD).status, 200);
    provider.state().down = false;
    office.clock.advance(3_001);
    provider.state().now = office.clock.now();
    assert_eq!(comes(&mut desk, &provider, ONE).status, 200);
    let begun = desk.begin_oidc().json();
    let code = provider.person(begun["address"].as_str().unwrap(), ONE);
    provider.state().down = true;
    let cut = desk.finish_oidc(begun["state"].as_str().unwrap(), &code, &json!({}));
    assert_eq!(cut.code(), "oidc.provider_unavailable");
}

#[test]
fn a_provider_that_says_it_is_another_is_not_asked() {
    let (office, provider) = connected();
    let mut desk = desk(&office, HERE);
    provider.state().says_issuer = Some("https://another.example".to_owned());
    assert_eq!(desk.begin_oidc().code(), "oidc.provider_unavailable");
    drop(office);
    let plain = crate::support::office();
    assert_eq!(
        self::desk(&plain, HERE).begin_oidc().code(),
        "oidc.not_connected"
    );
}

#[test]
fn what_is_not_a_question_of_a_desk_begins_nothing() {
    let (office, provider) = connected();
    let mut desk = desk(&office, HERE);
    for (port, challenge) in [
        (80, "A".repeat(43)),
        (40_000, String::new()),
        (40_000, "?".repeat(43)),
    ] {
        let reply = desk.begin_oidc_with(port, &challenge);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "request.bad_json")
        );
    }
    let mut thief = Desk::new(&office);
    thief.id = desk.id;
    assert_eq!(thief.begin_oidc().code(), "sync.bad_signature");
    assert_eq!(provider.state().exchanges, 0);
}
