//! The admin's place. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{AdminDone, AdminScreen};

super::bridge! {
    admin_view(AdminPage) -> AdminScreen;
    admin_act(AdminDo) -> AdminDone;
}
