//! The desk itself: status, the form, settings. Each command hands its arguments to the use case of the same name.

use desk_app::dto::{AppStatus, FormSpec, Settings};

super::bridge! {
    app_status(Nothing) -> AppStatus;
    form_spec(Nothing) -> FormSpec;
    settings_set(Settings) -> Settings;
}
