//! Conflicts. Each command hands its arguments to the use case of the same name.

use desk_app::dto::CaseScreen;

super::bridge! {
    conflict_resolve(ConflictArgs) -> CaseScreen;
}
