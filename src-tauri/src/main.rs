//! Room 1, shell: a window around [`desk_app`]. It knows Tauri, and how this
//! system opens its browser.
//!
//! Invariants: no rule, no SQL, no network here; every command hands over to the use case of the same name.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod documents;
mod error;
mod window;

use desk_app::{Desk, Launch};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "docbox") {
        return desk_app::docbox();
    }
    let launched = Launch::from_arguments(&arguments).and_then(|launch| {
        let alone = launch.has_usual_profile();
        launch.open().map(|desk| (desk, alone))
    });
    let (desk, alone) = match launched {
        Ok(launched) => launched,
        Err(error) => {
            tracing::error!(code = error.code(), "the desk cannot start");
            eprintln!("unbind-desk: {error}");
            return ExitCode::from(2);
        }
    };
    match run(desk, alone) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the window cannot open");
            ExitCode::FAILURE
        }
    }
}

/// `alone`: a second start of this program shows the window of the first and ends.
fn run(desk: Desk, alone: bool) -> tauri::Result<()> {
    let for_documents = desk.clone();
    let for_exit = desk.clone();
    desk.set_browser(Box::new(|address| open::that_detached(address).is_ok()));
    builder(alone, desk.clone())
        .manage(desk.clone())
        .register_uri_scheme_protocol("deskdoc", move |_, request| {
            documents::serve(&for_documents, &request)
        })
        .invoke_handler(commands::all!())
        .setup(move |app| {
            window::open(app.handle())?;
            let handle = app.handle().clone();
            desk.subscribe(move |changed| window::tell(&handle, &changed));
            Ok(())
        })
        .build(tauri::generate_context!())?
        .run(move |app, event| {
            if matches!(event, tauri::RunEvent::Exit) {
                for_exit.close();
                app.cleanup_before_exit();
            }
        });
    Ok(())
}

/// A profile given by name (tests, a second desk for practice) may run beside the usual one: its file has a lock of its
/// own. Without a message bus the hand-over does not happen and that same lock says so.
fn builder(alone: bool, desk: Desk) -> tauri::Builder<tauri::Wry> {
    let builder = tauri::Builder::default();
    if alone {
        builder.plugin(tauri_plugin_single_instance::init(
            move |app, arguments, _| match Launch::call_link(&arguments) {
                None => window::come_forward(app),
                Some(Ok(link)) => {
                    desk.open_call_link(link);
                    window::come_forward(app);
                }
                // A second start refuses it by itself; whoever speaks to the bus directly gets no window either.
                Some(Err(error)) => tracing::warn!(code = error.code(), "refused"),
            },
        ))
    } else {
        builder
    }
}
