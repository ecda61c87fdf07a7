//! What each person does, click by click, with a picture after each step.

use super::{HEADQUARTERS, Journey};
use crate::Failure;
use crate::case_script::FIELDS;
use crate::desk::PASSPHRASE;
use crate::office::{BRANCH, password};
use crate::papers::PAPERS;
use crate::window::Window;
use std::time::Duration;

/// Fields of the identity step, in the order of the page.
const IDENTITY: &[&str] = &[
    "merchant.no",
    "merchant.name",
    "legal.name",
    "legal.id_no",
    "merchant.phone",
    "settle.tail",
    "merchant.class",
    "merchant.uscc",
];

/// How long a decision can be taken back, and a little.
const UNDO: Duration = Duration::from_millis(5_600);

/// Call, identity, diagnosis, documents, form, submit. Returns the case's id.
pub async fn agent_collects(journey: &Journey) -> Result<String, Failure> {
    let window = signed_in(journey, "agent1", BRANCH, true).await?;
    window.picture("03-workbench").await?;
    window.click("case-new").await?;
    let case = case_on_screen(&window).await?;
    say(&window, |key| {
        key.starts_with("caller.") || key.starts_with("request.")
    })
    .await?;
    window.picture("04-intake").await?;
    window.click("next-action").await?;
    say(&window, |key| IDENTITY.contains(&key)).await?;
    // The terminal is named on the form; the code is bound to it, so it is entered before the code is sent.
    step(&window, &case, "form").await?;
    say(&window, |key| {
        [
            "terminal.",
            "reason.",
            "effects.",
            "handover.",
            "notice.",
            "form.",
        ]
        .iter()
        .any(|block| key.starts_with(block))
    })
    .await?;
    window.picture("08-form").await?;
    identify(journey, &window, &case).await?;
    step(&window, &case, "diagnosis").await?;
    say(&window, |key| key.starts_with("diagnosis.")).await?;
    window.picture("06-diagnosis").await?;
    documents(journey, &window, &case).await?;
    step(&window, &case, "submit").await?;
    window.picture("09-submit").await?;
    window.click("submit").await?;
    window.until_state("submitted").await?;
    window
        .until_attribute("sync-badge", "data-state", "synced")
        .await?;
    window.picture("10-submitted").await?;
    window.close().await?;
    Ok(case)
}

async fn identify(journey: &Journey, window: &Window, case: &str) -> Result<(), Failure> {
    step(window, case, "identity").await?;
    window.click("identity-match").await?;
    window.find("agreed").await?;
    // The server must have the case before it can send a code for it.
    window
        .until_attribute("sync-badge", "data-state", "synced")
        .await?;
    window.click("code-send").await?;
    window.find("code-input").await?;
    let code = journey.office.code_on_the_phone()?;
    window.keep_typing("code-input", &code).await?;
    window.click("code-verify").await?;
    window.choose("evidence-kind", "call_back").await?;
    window
        .keep_typing("evidence-note", "回拨登记号码，机主接听")
        .await?;
    window.click("evidence-add").await?;
    window.find("evidence-row").await?;
    window.picture("05-identity").await
}

async fn documents(journey: &Journey, window: &Window, case: &str) -> Result<(), Failure> {
    step(window, case, "documents").await?;
    for (kind, name) in PAPERS {
        window.choose("document-kind", kind).await?;
        window
            .upload("document-file", &journey.folder.join("papers").join(name))
            .await?;
        window.find(&format!("document-{kind}")).await?;
    }
    window.picture("07-documents").await
}

/// Paper, form and register side by side; every document judged; approved after the five seconds in which it can be undone.
pub async fn reviewer_decides(journey: &Journey, case: &str) -> Result<(), Failure> {
    let window = signed_in(journey, "reviewer1", HEADQUARTERS, false).await?;
    window.go(&format!("#/review/{case}")).await?;
    window.click("review-take").await?;
    for (kind, _) in PAPERS {
        window.click(&format!("paper-{kind}")).await?;
        window.find("viewer-image").await?;
        window.click(&format!("accept-{kind}")).await?;
    }
    window.picture("11-review").await?;
    window.click("review-approve").await?;
    // The decision is held so that it can be undone; then the next case is up.
    tokio::time::sleep(UNDO).await;
    window.go(&format!("#/workbench/{case}")).await?;
    window.until_state("approved").await?;
    window
        .until_attribute("sync-badge", "data-state", "synced")
        .await?;
    window.picture("12-approved").await?;
    window.close().await
}

/// The result of the acquirer's own system, with its reference.
pub async fn operator_executes(journey: &Journey, case: &str) -> Result<(), Failure> {
    let window = signed_in(journey, "operator1", HEADQUARTERS, false).await?;
    window.go(&format!("#/workbench/{case}")).await?;
    window.click("execute-start").await?;
    window
        .keep_typing("execute-reference", "LKL-DEMO-0001")
        .await?;
    window
        .keep_typing("execute-evidence", "核心系统回执已核对（样张）")
        .await?;
    window.picture("13-execute").await?;
    window.click("execute-record").await?;
    window.until_state("unbound").await?;
    window
        .until_attribute("sync-badge", "data-state", "synced")
        .await?;
    window.picture("14-unbound").await?;
    window.close().await
}

/// The answer has come back to the desk that took the call.
pub async fn agent_tells(journey: &Journey, case: &str) -> Result<(), Failure> {
    let window = Window::open(&journey.profile("agent1"), &journey.out, &[]).await?;
    window.keep_typing("unlock-passphrase", PASSPHRASE).await?;
    window.picture("15-unlock").await?;
    window.click("unlock").await?;
    window.find("sync-badge").await?;
    window.go(&format!("#/workbench/{case}")).await?;
    window.until_state("unbound").await?;
    window.picture("16-answer").await?;
    window.click("told-record").await?;
    window.find("notice").await?;
    window.click("follow-up-records_seen").await?;
    window.click("follow-up-record").await?;
    window.find("follow-up-shown").await?;
    window.picture("17-told").await?;
    window.click("next-action").await?;
    window.until_state("closed").await?;
    window
        .until_attribute("sync-badge", "data-state", "synced")
        .await?;
    window.picture("18-closed").await?;
    window.click("lock").await?;
    window.find("unlock-passphrase").await?;
    window.picture("19-locked").await?;
    window.close().await
}

/// A new desk: first start, enrolment, passphrase.
async fn signed_in(
    journey: &Journey,
    login: &str,
    office: &str,
    pictures: bool,
) -> Result<Window, Failure> {
    let code = journey.office.enrol_code(office)?;
    let window = Window::open(
        &journey.profile(login),
        &journey.out,
        &["--server", journey.office.url()],
    )
    .await?;
    window.find("start-server").await?;
    if pictures {
        window.picture("01-first-start").await?;
    }
    window.click("start-server").await?;
    let password = password(login);
    let answers = [
        ("start-server_url", journey.office.url()),
        ("start-enrol_code", &code),
        ("start-login", login),
        ("start-password", &password),
        ("start-passphrase", PASSPHRASE),
        ("start-again", PASSPHRASE),
    ];
    for (field, text) in answers {
        window.fill(field, text).await?;
    }
    if pictures {
        window.picture("02-sign-in").await?;
    }
    window.click("start-finish").await?;
    window.find("sync-badge").await?;
    Ok(window)
}

/// Enters every field of the script whose key the page asks for.
async fn say(window: &Window, asked: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for (key, value) in FIELDS.iter().filter(|(key, _)| asked(key)) {
        window.answer(&format!("field-{key}"), value).await?;
    }
    window.settled().await
}

async fn step(window: &Window, case: &str, step: &str) -> Result<(), Failure> {
    window.go(&format!("#/case/{case}/{step}")).await
}

/// The id in the address, once a case is open.
async fn case_on_screen(window: &Window) -> Result<String, Failure> {
    window.find("case-header").await?;
    let hash = window.run("return location.hash").await?;
    let hash = hash.as_str().unwrap_or_default();
    let id = hash.split('/').nth(2).filter(|id| id.len() == 36);
    id.map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("no case in the address «{hash}»")))
}
