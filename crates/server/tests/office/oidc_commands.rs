//! `user oidc bind`, `unbind` and `list`, and what `serve` makes of its file.

use crate::support::{HERE, TestOffice, admin, office, refuses, said};
use desk_server::oidc::settings::OidcSettings;
use serde_json::Value;

const ISSUER: &str = "https://id.example.invalid/realm";

fn does(office: &TestOffice, arguments: &[&str]) -> String {
    let output = admin(office, arguments, "");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    said(&output)
}

#[test]
fn a_subject_is_of_one_account_and_an_account_has_one_subject_a_provider() {
    let office = office();
    let bind = |login: &'static str, subject: &'static str| {
        [
            "user",
            "oidc",
            "bind",
            login,
            "--subject",
            subject,
            "--issuer",
            ISSUER,
        ]
    };
    does(&office, &bind("agent", "one"));
    does(&office, &bind("agent", "one"));
    refuses(
        &office,
        &bind("clerk", "one"),
        "",
        "bound to another account",
    );
    refuses(&office, &bind("clerk", " "), "", "--subject is empty");
    refuses(&office, &bind("nobody", "two"), "", "no user nobody");
    refuses(
        &office,
        &["user", "oidc", "bind", "clerk", "--subject", "two"],
        "",
        "--issuer",
    );
    does(&office, &bind("agent", "two"));
    does(&office, &bind("clerk", "one"));
    let list = || -> Vec<Value> {
        serde_json::from_str(&does(&office, &["user", "oidc", "list", "--json"])).unwrap()
    };
    let bound: Vec<_> = list()
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["login"].as_str().unwrap(),
                one["subject"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(bound, ["agent two", "clerk one"]);
    let desk = office.desk(HERE, "agent");
    does(&office, &["user", "oidc", "unbind", "agent"]);
    assert_eq!(
        desk.pull(HERE, 0, 0).code(),
        "auth.token_invalid",
        "what was open ends"
    );
    refuses(
        &office,
        &["user", "oidc", "unbind", "agent"],
        "",
        "no binding of agent",
    );
    assert_eq!(list().len(), 1);
}

#[test]
fn a_file_that_says_too_little_or_too_much_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let read = |text: &str| {
        let path = dir.path().join("oidc.toml");
        std::fs::write(&path, text).unwrap();
        OidcSettings::read(Some(&path), |_| None).map(|_| ())
    };
    let good = format!("issuer = \"{ISSUER}\"\nclient_id = \"desk\"\n");
    assert_eq!(read(&good), Ok(()));
    for (more, why) in [
        ("algorithms = [\"HS256\"]", "algorithms"),
        ("algorithms = [\"none\"]", "algorithms"),
        ("scopes = [\"two words\"]", "scopes"),
        ("secret = \"not here\"", "agreed TOML"),
        ("secret_file = \"/nowhere/at/all\"", "secret_file"),
    ] {
        let refused = read(&format!("{good}{more}\n")).unwrap_err();
        assert!(refused.contains(why), "{more}: {refused}");
        assert!(!refused.contains("not here"), "values are not repeated");
    }
    for bad in [
        "",
        "issuer = \"x\"",
        "client_id = \"x\"",
        "issuer = \" \"\nclient_id = \"x\"",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(read(&good.replace("/realm", "/realm?x=y")).is_err());
}
