//! The table of commands itself.

use super::Bench;
use crate::commands::COMMANDS;
use crate::error::{AppError, Thing};
use crate::vault::VaultError;
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn an_unknown_command_and_unknown_fields_are_refused() {
    let bench = Bench::standalone();
    assert_eq!(
        bench.refused("query_sql", json!({})).code,
        "request.unknown_command"
    );
    assert_eq!(
        bench
            .refused("case_open", json!({ "case": "x", "path": "y" }))
            .code,
        "request.bad_arguments"
    );
    for act in [
        json!({ "kind": "close", "reason": "x" }),
        json!({ "kind": "submit" }),
        json!({ "kind": "resume" }),
        json!("close"),
    ] {
        let asked = bench.refused("case_move", json!({ "case": "x", "act": act }));
        assert_eq!(asked.code, "request.bad_arguments", "{act}");
    }
    for name in COMMANDS {
        let surprised = bench.refused(name, json!({ "surprise": 1 }));
        assert_eq!(surprised.code, "request.bad_arguments", "{name}");
    }
}

#[test]
fn every_command_is_dispatched_and_there_are_no_more_than_sixty() {
    let bench = Bench::fresh();
    let unique: BTreeSet<_> = COMMANDS.iter().collect();
    assert_eq!(unique.len(), COMMANDS.len());
    assert!(COMMANDS.len() <= 60, "{}", COMMANDS.len());
    for name in COMMANDS {
        let answer = crate::commands::dispatch(&bench.desk, name, json!([]));
        let code = answer.err().map(|error| error.code);
        assert_ne!(code.as_deref(), Some("request.unknown_command"), "{name}");
    }
}

#[test]
fn a_locked_desk_tells_nothing() {
    let bench = Bench::standalone();
    let case = bench.new_case();
    bench.ask("lock", json!({}));
    assert_eq!(
        bench.refused("case_open", json!({ "case": case })).code,
        "app.locked"
    );
    assert_eq!(
        bench.refused("sync_diagnostics", json!({})).code,
        "app.locked"
    );
    assert_eq!(
        bench.refused("settings_set", bench_settings()).code,
        "app.locked"
    );
    let status = bench.ask("app_status", json!({}));
    assert_eq!(
        (status["phase"].as_str(), status["user"].is_null()),
        (Some("locked"), true)
    );
}

fn bench_settings() -> serde_json::Value {
    json!({ "theme": "dark", "language": "zh-CN", "text_px": 99, "single_letters": true, "idle_lock_s": 1, "last_screen": "" })
}

#[test]
fn settings_are_checked_bounded_and_kept() {
    let bench = Bench::standalone();
    let mut odd = bench_settings();
    odd["theme"] = json!("pink");
    assert_eq!(
        bench.refused("settings_set", odd).code,
        "request.not_a_choice"
    );
    let kept = bench.ask("settings_set", bench_settings());
    assert_eq!(
        (kept["text_px"].as_u64(), kept["idle_lock_s"].as_u64()),
        (Some(20), Some(30))
    );
    assert_eq!(bench.ask("app_status", json!({}))["settings"], kept);
}

#[test]
fn codes_keep_their_spelling_for_ever() {
    let wait_ms = 1;
    let own = [
        AppError::Locked,
        AppError::AlreadySetUp,
        AppError::NotSetUp,
        AppError::NoDemoPack,
        AppError::UnknownCommand,
        AppError::BadArguments,
        AppError::NotFound(Thing::Case),
        AppError::NotFound(Thing::Document),
        AppError::NotFound(Thing::Merchant),
        AppError::NotFound(Thing::Article),
        AppError::NotFound(Thing::Conflict),
        AppError::NotFound(Thing::Call),
        AppError::NotFound(Thing::Parked),
        AppError::TextEmpty("x"),
        AppError::TextTooLong("x", 1),
        AppError::NotAChoice("x"),
        AppError::BadDate("x"),
        AppError::UnknownField,
        AppError::NothingToReveal,
        AppError::TooManyReveals { wait_ms },
        AppError::UnknownProvenance,
        AppError::NoServer,
        AppError::ContactNeeded,
        AppError::PassphraseNeeded,
        AppError::AccountInactive,
        AppError::DocumentTooLarge { bytes: 2, limit: 1 },
        AppError::DocumentOnItsWay,
        AppError::BadBase64,
        AppError::FileNotWritten,
        AppError::Unexpected("x"),
        AppError::Vault(VaultError::PassphraseTooShort),
        AppError::Vault(VaultError::PassphraseTooLong),
        AppError::Vault(VaultError::WrongPassphrase),
        AppError::Vault(VaultError::TooManyTries { wait_ms }),
        AppError::Vault(VaultError::UnknownUser),
        AppError::Vault(VaultError::WhichUser),
        AppError::Vault(VaultError::TooManyUsers),
        AppError::Vault(VaultError::DeviceSecretMissing),
        AppError::Vault(VaultError::KeystoreUnavailable),
        AppError::Vault(VaultError::Exists),
        AppError::Vault(VaultError::Damaged("x")),
        AppError::Vault(VaultError::OutOfMemory),
    ];
    let codes: Vec<&str> = own.iter().map(AppError::code).collect();
    assert_eq!(
        codes.join(" "),
        "app.locked start.already_set_up start.not_set_up start.no_demo_pack request.unknown_command \
         request.bad_arguments case.not_found document.not_found merchant.not_found article.not_found \
         conflict.not_found call.not_found parked.not_found text.empty text.too_long request.not_a_choice request.bad_date \
         field.unknown reveal.nothing reveal.too_many request.unknown_provenance session.no_server \
         session.contact_needed session.passphrase_needed session.account_inactive media.too_large \
         document.on_its_way document.bad_base64 file.not_written \
         app.unexpected vault.passphrase_too_short vault.passphrase_too_long \
         vault.wrong_passphrase vault.too_many_tries vault.unknown_user vault.which_user vault.too_many_users \
         vault.device_secret_missing vault.keystore_unavailable vault.exists vault.damaged vault.out_of_memory"
    );
}

#[test]
fn only_the_unexpected_carries_an_incident() {
    let told = |error: AppError| error.to_ui(|| "i-1".to_owned()).incident;
    assert_eq!(told(AppError::Unexpected("x")).as_deref(), Some("i-1"));
    assert_eq!(told(AppError::Locked), None);
    assert_eq!(told(AppError::Vault(VaultError::WrongPassphrase)), None);
}
