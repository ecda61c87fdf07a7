//! First start, unlocking, signing in. Each command hands its arguments to the use case of the same name.

use desk_app::dto::AppStatus;

super::bridge! {
    setup_demo(Nothing) -> AppStatus;
    setup_server(SetupServer) -> AppStatus;
    setup_standalone(SetupStandalone) -> AppStatus;
    unlock(Unlock) -> AppStatus;
    lock(Nothing) -> AppStatus;
    sign_in(SignIn) -> AppStatus;
}
