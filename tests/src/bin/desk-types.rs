//! Writes the TypeScript types of the bridge into the folder given.

use desk_tests::Failure;
use std::path::PathBuf;

fn main() -> Result<(), Failure> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| Failure::new("usage: desk-types FOLDER"))?;
    desk_app::export_types(&folder).map_err(Failure::at("export the types"))
}
