//! The desk as a whole: phase, person, preferences, the form's table.

use super::review::reason_view;
use super::sync::badge;
use crate::content;
use crate::desk::Desk;
use crate::dto::{
    AppStatus, FieldSpecView, FormSpec, Nothing, RingingCall, Settings, SyncBadge, UserView,
};
use crate::error::AppError;
use crate::opening::real_vault;
use crate::screens::sync_centre;
use crate::session::{Mode, Session, kept};
use crate::wiping;
use crate::words::word;
use desk_domain::case::DocumentKind;
use desk_domain::field::{FieldKey, FieldSpec, Format};
use desk_domain::people::Role;
use desk_domain::policy::Policy;

const IDLE_LOCK_S: u32 = 300;
const IDLE_LOCK_RANGE_S: std::ops::RangeInclusive<u32> = 30..=3_600;
const TEXT_PX: u8 = 14;
const TEXT_RANGE_PX: std::ops::RangeInclusive<u8> = 12..=20;
const SCREEN_CHARS: usize = 200;

pub fn app_status(desk: &Desk, _: Nothing) -> Result<AppStatus, AppError> {
    match desk.session() {
        Ok(session) => ready(desk, &session),
        Err(_) => shut(desk),
    }
}

/// The table that the form is drawn from; the same locked or not.
pub fn form_spec(desk: &Desk, _: Nothing) -> Result<FormSpec, AppError> {
    let policy = desk.session().map_or_else(
        |_| Policy::shipped(),
        |session| (*session.rules().policy).clone(),
    );
    Ok(FormSpec {
        fields: FieldKey::ALL
            .iter()
            .map(|key| spec_view(key.spec()))
            .collect(),
        document_kinds: DocumentKind::ALL.iter().map(word).collect(),
        return_reasons: policy.return_reasons.iter().map(reason_view).collect(),
        reject_reasons: policy.reject_reasons.iter().map(reason_view).collect(),
        scripts: content::scripts(),
    })
}

pub fn settings_set(desk: &Desk, args: Settings) -> Result<Settings, AppError> {
    let session = desk.session()?;
    let settings = checked(args)?;
    session.keep(&kept::settings(&session.user.user.to_string()), &settings)?;
    Ok(settings)
}

fn ready(desk: &Desk, session: &Session) -> Result<AppStatus, AppError> {
    let settings = session.recall(&kept::settings(&session.user.user.to_string()))?;
    let user = &session.user;
    let may_decide = [Role::Reviewer, Role::Operator, Role::Supervisor]
        .into_iter()
        .any(|role| session.may(role));
    Ok(AppStatus {
        phase: "ready".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keystore: session.vault.keystore().as_str().to_owned(),
        user: Some(UserView {
            id: user.user.to_string(),
            login: user.login.clone(),
            name: user.name.clone(),
            roles: user.roles.iter().map(word).collect(),
            may_decide,
        }),
        office: Some(session.identity.office.to_string()),
        office_name: Some(session.identity.office_name.clone()),
        server_url: server_url(&session.mode),
        demo: session.mode == Mode::Demo,
        standalone: session.mode == Mode::Standalone,
        settings: settings.unwrap_or_else(default_settings),
        sync: badge(session)?,
        ringing: ringing(desk, session),
        people: people(&session.vault)?,
        alerts: sync_centre::alerts(session)?,
    })
}

/// Only for those who take calls.
fn ringing(desk: &Desk, session: &Session) -> Option<RingingCall> {
    let collects = session.may(Role::Agent) || session.may(Role::Clerk);
    let call = desk.ringing().shown(desk.now());
    call.filter(|_| collects)
}

fn shut(desk: &Desk) -> Result<AppStatus, AppError> {
    let vault = real_vault(desk.config())?;
    wiping::report_later(desk.config());
    let (phase, keystore) = match &vault {
        Some(vault) => ("locked", vault.keystore()),
        None => ("first_run", desk.config().keystore),
    };
    Ok(AppStatus {
        phase: phase.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keystore: keystore.as_str().to_owned(),
        user: None,
        office: None,
        office_name: None,
        server_url: desk.config().default_server.clone(),
        demo: false,
        standalone: false,
        settings: default_settings(),
        sync: quiet_badge(),
        ringing: None,
        people: vault.as_ref().map(people).transpose()?.unwrap_or_default(),
        alerts: Vec::new(),
    })
}

fn people(vault: &crate::vault::Vault) -> Result<Vec<String>, AppError> {
    Ok(vault
        .people()?
        .into_iter()
        .map(|person| person.name)
        .collect())
}

pub(super) fn server_url(mode: &Mode) -> Option<String> {
    match mode {
        Mode::Server { url } => Some(url.clone()),
        Mode::Standalone | Mode::Demo => None,
    }
}

fn quiet_badge() -> SyncBadge {
    SyncBadge {
        state: "local_only".to_owned(),
        unsent: 0,
        percent: None,
        since: None,
        oldest_unsent_at: None,
        conflicts: 0,
        attention: 0,
    }
}

fn default_settings() -> Settings {
    Settings {
        theme: "system".to_owned(),
        language: "zh-CN".to_owned(),
        text_px: TEXT_PX,
        single_letters: true,
        idle_lock_s: IDLE_LOCK_S,
        last_screen: String::new(),
    }
}

fn checked(settings: Settings) -> Result<Settings, AppError> {
    let known = |value: &str, all: &[&str]| all.contains(&value);
    if !known(&settings.theme, &["system", "light", "dark"]) {
        return Err(AppError::NotAChoice("theme"));
    }
    if !known(&settings.language, &["zh-CN", "en"]) {
        return Err(AppError::NotAChoice("language"));
    }
    if settings.last_screen.chars().count() > SCREEN_CHARS {
        return Err(AppError::TextTooLong("last_screen", SCREEN_CHARS));
    }
    Ok(Settings {
        text_px: settings
            .text_px
            .clamp(*TEXT_RANGE_PX.start(), *TEXT_RANGE_PX.end()),
        idle_lock_s: settings
            .idle_lock_s
            .clamp(*IDLE_LOCK_RANGE_S.start(), *IDLE_LOCK_RANGE_S.end()),
        ..settings
    })
}

fn spec_view(spec: FieldSpec) -> FieldSpecView {
    let (format, choices, max_chars) = match spec.format {
        Format::Text(most) => ("text", &[][..], u32::try_from(most).ok()),
        Format::PersonName => ("person_name", &[][..], None),
        Format::Phone => ("phone", &[][..], None),
        Format::MerchantNo => ("merchant_no", &[][..], None),
        Format::MerchantInnerNo => ("merchant_inner_no", &[][..], None),
        Format::IdentityNo => ("identity_no", &[][..], None),
        Format::Uscc => ("uscc", &[][..], None),
        Format::TerminalSerial => ("terminal_serial", &[][..], None),
        Format::Tusn => ("tusn", &[][..], None),
        Format::TerminalNumbers => ("terminal_numbers", &[][..], None),
        Format::CardTail => ("card_tail", &[][..], None),
        Format::Choice(choices) => ("choice", choices, None),
        Format::Flag => ("flag", &[][..], None),
        Format::Fen => ("fen", &[][..], None),
        Format::Date => ("date", &[][..], None),
        Format::Codes => ("codes", &[][..], None),
    };
    FieldSpecView {
        key: spec.key.as_str().to_owned(),
        step: word(&spec.step),
        format: format.to_owned(),
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
        max_chars,
        privacy: word(&spec.privacy),
    }
}
