//! People who sign in. Role, employer, offices and status stand in one row, so they are always read together.

use super::feed::{self, Changes, Thing};
use super::sql::{Connection, OptionalExtension, params};
use super::{RepoError, offices};
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::people::UserCard;
use desk_domain::time::Millis;

/// What the sign-in compares with.
#[derive(Clone, Debug)]
pub struct Account {
    pub card: UserCard,
    /// Empty until a password was chosen.
    pub password_phc: String,
}

/// Writes a user and tells the offices that know or knew him.
pub fn put(conn: &Connection, account: &Account, now: Millis) -> Result<(), RepoError> {
    let card = &account.card;
    let before = self::card(conn, card.user)?;
    conn.execute(
        "INSERT INTO user_account (id, person, login, card, password_phc, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (id) DO UPDATE SET person = excluded.person, login = excluded.login, card = excluded.card, \
         password_phc = excluded.password_phc, changed_at = excluded.changed_at",
        params![
            card.user.to_string(),
            card.person.to_string(),
            card.login,
            serde_json::to_string(card)?,
            account.password_phc,
            now
        ],
    )?;
    let mut changes = Changes::new();
    for office in before
        .iter()
        .flat_map(|old| &old.offices)
        .chain(&card.offices)
    {
        if offices::name(conn, office)?.is_none() {
            return Err(RepoError::Damaged("no such office"));
        }
        changes
            .entry(office.clone())
            .or_default()
            .insert(Thing::User(card.user));
    }
    feed::raise(conn, &changes)?;
    Ok(())
}

/// The rights of a user as they are now.
pub fn card(conn: &Connection, id: UserId) -> Result<Option<UserCard>, RepoError> {
    let text: Option<String> = conn
        .prepare_cached("SELECT card FROM user_account WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

const CARD_ON: &str = "SELECT u.card FROM device_user d JOIN user_account u ON u.id = d.\"user\" \
                       WHERE d.device = ?1 AND d.\"user\" = ?2";

/// Asks ahead for what [`card_on`] reads.
pub fn ask_card_on(conn: &Connection, device: DeviceId, user: UserId) -> Result<(), RepoError> {
    Ok(conn.ahead(CARD_ON, params![device.to_string(), user.to_string()])?)
}

/// The same, of somebody who has ever signed in on that device.
pub fn card_on(
    conn: &Connection,
    device: DeviceId,
    user: UserId,
) -> Result<Option<UserCard>, RepoError> {
    let text: Option<String> = conn
        .prepare_cached(CARD_ON)?
        .query_row(params![device.to_string(), user.to_string()], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Looks a user up for the sign-in.
pub fn by_login(conn: &Connection, login: &str) -> Result<Option<Account>, RepoError> {
    let row: Option<(String, String)> = conn
        .prepare_cached("SELECT card, password_phc FROM user_account WHERE login = ?1")?
        .query_row([login], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((card, password_phc)) = row else {
        return Ok(None);
    };
    Ok(Some(Account {
        card: serde_json::from_str(&card)?,
        password_phc,
    }))
}

/// Sets the password alone. An empty hash is no password: nothing that is typed agrees with it.
pub fn set_password(
    conn: &Connection,
    user: UserId,
    phc: &str,
    now: Millis,
) -> Result<(), RepoError> {
    conn.execute(
        "UPDATE user_account SET password_phc = ?2, changed_at = ?3 WHERE id = ?1",
        params![user.to_string(), phc, now],
    )?;
    Ok(())
}

/// Everybody, by login.
pub fn all(conn: &Connection) -> Result<Vec<UserCard>, RepoError> {
    let mut select = conn.prepare_cached("SELECT card FROM user_account ORDER BY login")?;
    let rows = select.query_map((), |row| row.get::<String>(0))?;
    let mut cards = Vec::new();
    for row in rows {
        cards.push(serde_json::from_str(&row?)?);
    }
    Ok(cards)
}
