use super::*;
use crate::testing::Dice;

const GOOD: &str = "correct horse battery";

fn person(seed: u64, name: &str) -> Person {
    Person {
        user: UserId::new(1, &Dice::new(seed)),
        login: format!("{name}@demo"),
        name: name.to_owned(),
    }
}

fn made(dir: &Path) -> (Vault, DatabaseKey) {
    let dice = Dice::new(9);
    let device = DeviceId::new(1, &dice);
    let vault = Vault::create(
        dir,
        device,
        KeystoreChoice::File,
        KdfCost::for_tests(),
        &dice,
    )
    .unwrap();
    let key = DatabaseKey::random(&dice);
    vault
        .add_person(&key, &person(1, "样张甲"), GOOD, &dice)
        .unwrap();
    (vault, key)
}

fn reopened(dir: &Path) -> Vault {
    Vault::find(dir, KdfCost::for_tests()).unwrap().unwrap()
}

fn only_wrap(dir: &Path) -> PathBuf {
    std::fs::read_dir(dir.join("wraps"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
}

#[test]
fn short_and_endless_passphrases_are_refused() {
    assert!(matches!(
        check_passphrase("elevenchars"),
        Err(VaultError::PassphraseTooShort)
    ));
    assert!(matches!(
        check_passphrase(&"长".repeat(1_025)),
        Err(VaultError::PassphraseTooLong)
    ));
    assert!(check_passphrase("十二个汉字的口令也算够长").is_ok());
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_slows_down() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let vault = reopened(dir.path());
    for _ in 0..3 {
        assert!(matches!(
            vault.unlock(None, "wrong wrong wrong", 10),
            Err(VaultError::WrongPassphrase)
        ));
    }
    assert!(matches!(
        vault.unlock(None, GOOD, 11),
        Err(VaultError::TooManyTries { .. })
    ));
    assert!(vault.unlock(None, GOOD, 20_000).is_ok());
}

#[test]
fn the_right_passphrase_gives_back_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let (_, key) = made(dir.path());
    let (who, opened) = reopened(dir.path()).unlock(None, GOOD, 10).unwrap();
    assert_eq!(who, person(1, "样张甲"));
    assert_eq!(opened.bytes(), key.bytes());
}

#[test]
fn every_changed_character_of_a_wrap_keeps_it_shut() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let path = only_wrap(dir.path());
    let sound = std::fs::read_to_string(&path).unwrap();
    let mut now = 0;
    for (at, old) in sound
        .char_indices()
        .filter(|(_, c)| c.is_ascii_alphanumeric())
    {
        let new = if old == '7' { "8" } else { "7" };
        let mut spoilt = sound.clone();
        spoilt.replace_range(at..at + old.len_utf8(), new);
        std::fs::write(&path, spoilt).unwrap();
        // Far apart in time: what is tried here is the seal, not the throttle.
        now += 3_600_000;
        assert!(
            reopened(dir.path()).unlock(None, GOOD, now).is_err(),
            "changed at {at}"
        );
    }
    std::fs::write(&path, sound).unwrap();
    assert!(
        reopened(dir.path())
            .unlock(None, GOOD, now + 3_600_000)
            .is_ok()
    );
}

#[test]
fn a_wrap_of_another_device_secret_stays_shut() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    std::fs::write(dir.path().join("device.secret"), "11".repeat(32)).unwrap();
    assert!(matches!(
        reopened(dir.path()).unlock(None, GOOD, 10),
        Err(VaultError::WrongPassphrase)
    ));
    std::fs::remove_file(dir.path().join("device.secret")).unwrap();
    assert!(matches!(
        reopened(dir.path()).unlock(None, GOOD, 20_000),
        Err(VaultError::DeviceSecretMissing)
    ));
}

#[test]
fn a_wrap_with_cheaper_guesses_than_the_floor_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let strict = Vault::find(dir.path(), KdfCost::default())
        .unwrap()
        .unwrap();
    assert!(matches!(
        strict.unlock(None, GOOD, 10),
        Err(VaultError::Damaged(_))
    ));
}

#[test]
fn two_people_have_their_own_passphrases_and_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, key) = made(dir.path());
    let second = person(2, "样张乙");
    vault
        .add_person(&key, &second, "another long phrase", &Dice::new(5))
        .unwrap();
    assert!(matches!(
        vault.unlock(Some("样张甲"), "another long phrase", 10),
        Err(VaultError::WrongPassphrase)
    ));
    let (who, opened) = vault
        .unlock(Some("样张乙@demo"), "another long phrase", 10)
        .unwrap();
    assert_eq!((who, opened.bytes()), (second.clone(), key.bytes()));
    assert_eq!(
        vault.unlock(None, "another long phrase", 20).unwrap().0,
        second
    );
    assert!(matches!(
        vault.unlock(Some("nobody"), GOOD, 10),
        Err(VaultError::UnknownUser)
    ));
    vault.remove_person(second.user).unwrap();
    assert_eq!(vault.people().unwrap().len(), 1);
    assert!(vault.unlock(None, GOOD, 30).is_ok());
}

#[test]
fn a_vault_is_never_made_over_another() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let dice = Dice::new(3);
    let device = DeviceId::new(2, &dice);
    let again = Vault::create(
        dir.path(),
        device,
        KeystoreChoice::File,
        KdfCost::for_tests(),
        &dice,
    );
    assert!(matches!(again, Err(VaultError::Exists)));
    assert!(reopened(dir.path()).unlock(None, GOOD, 10).is_ok());
}

#[test]
fn what_is_kept_before_the_database_is_sealed_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, _) = made(dir.path());
    vault
        .keep("pending.json", &"canary-secret".to_owned(), &Dice::new(4))
        .unwrap();
    assert!(
        !std::fs::read_to_string(dir.path().join("pending.json"))
            .unwrap()
            .contains("canary")
    );
    assert_eq!(
        vault.kept::<String>("pending.json").unwrap().as_deref(),
        Some("canary-secret")
    );
    assert_eq!(vault.kept::<String>("absent.json").unwrap(), None);
}

#[test]
fn no_key_file_tells_the_key_or_the_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let (_, key) = made(dir.path());
    for entry in std::fs::read_dir(dir.path().join("wraps")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains(&hex::encode(key.bytes())) && !text.contains(GOOD));
    }
    assert_eq!(format!("{key:?}"), "DatabaseKey(***)");
}
