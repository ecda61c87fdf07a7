//! The database of a test's office: a file of its own, or, where a PostgreSQL is named, a schema of its own in it.

use desk_server::door::SystemChance;
use desk_server::secrets;
use postgres::{Client, NoTls};

/// `desk-postgres` names it.
const VARIABLE: &str = "UNBIND_DESK_TEST_POSTGRES";

/// The address of a fresh, empty database; none for a file.
pub fn database() -> Option<String> {
    let cluster = std::env::var(VARIABLE).ok()?;
    let name = format!(
        "t{}",
        hex::encode(&secrets::hash(&secrets::enrol_code(&SystemChance))[..12])
    );
    let mut client = Client::connect(&cluster, NoTls).unwrap();
    client
        .batch_execute(&format!("CREATE SCHEMA {name}"))
        .unwrap();
    Some(format!("{cluster}?options=-c%20search_path%3D{name}"))
}

/// What only a file has is not asked of a shared database.
pub fn is_shared() -> bool {
    std::env::var_os(VARIABLE).is_some()
}
