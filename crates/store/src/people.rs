//! The users whom this desk knows: names offline, and rights for the preview.

use crate::error::StoreError;
use crate::sql::Blob;
use crate::store::Store;
use desk_domain::ids::UserId;
use desk_domain::people::{Actor, UserCard};
use rusqlite::{Connection, OptionalExtension, params};

impl Store {
    /// Adds or replaces a user card, as sign-in does.
    pub fn put_user(&self, card: &UserCard) -> Result<(), StoreError> {
        self.write(|tx, touched| {
            touched.registry = true;
            put_user(tx, card)
        })
    }

    /// One user.
    pub fn user(&self, user: UserId) -> Result<Option<UserCard>, StoreError> {
        self.read(|conn| card(conn, user))
    }

    /// All users of this desk's scopes, by name. Bounded by 5,000.
    pub fn users(&self) -> Result<Vec<UserCard>, StoreError> {
        self.read(|conn| {
            let mut find = conn.prepare_cached("SELECT card FROM user LIMIT 5000")?;
            let rows = find.query_map([], |row| row.get::<_, String>(0))?;
            let mut cards: Vec<UserCard> = Vec::new();
            for row in rows {
                cards.push(serde_json::from_str(&row?)?);
            }
            cards.sort_by(|a, b| (&a.name, a.user).cmp(&(&b.name, b.user)));
            Ok(cards)
        })
    }
}

pub(crate) fn put_user(conn: &Connection, card: &UserCard) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO user (id, card) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET card = ?2",
    )?
    .execute(params![card.user.blob(), serde_json::to_string(card)?])?;
    Ok(())
}

fn card(conn: &Connection, user: UserId) -> Result<Option<UserCard>, StoreError> {
    let json: Option<String> = conn
        .prepare_cached("SELECT card FROM user WHERE id = ?1")?
        .query_row(params![user.blob()], |row| row.get(0))
        .optional()?;
    Ok(json.map(|json| serde_json::from_str(&json)).transpose()?)
}

/// The rights of a user as far as this desk knows.
pub(crate) fn actor(conn: &Connection, user: UserId) -> Result<Option<Actor>, StoreError> {
    Ok(card(conn, user)?.map(|card| card.actor()))
}
