//! Names of files on the stick: readable, in order, and free of anything personal.

use desk_domain::ids::OfficeCode;

/// Ending of a whole bundle.
pub const ENDING: &str = "jbx";
/// Ending of one that is being written.
pub const PARTIAL: &str = "jbx.part";

/// `<office>-<desk>-<date>-<n>.jbx`; `desk` are the two characters of its case numbers, `date` is `yyyymmdd`.
pub fn file_name(office: &OfficeCode, desk: &str, date: &str, n: u32) -> String {
    format!("{office}-{desk}-{date}-{n}.{ENDING}")
}
