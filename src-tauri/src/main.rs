//! Room 1, shell: a window around [`desk_app`]. It knows Tauri and nothing else.
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
    let desk = match Launch::from_arguments(&arguments).and_then(Launch::open) {
        Ok(desk) => desk,
        Err(error) => {
            tracing::error!(code = error.code(), "the desk cannot start");
            return ExitCode::from(2);
        }
    };
    match run(desk) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the window cannot open");
            ExitCode::FAILURE
        }
    }
}

fn run(desk: Desk) -> tauri::Result<()> {
    let for_documents = desk.clone();
    let for_exit = desk.clone();
    tauri::Builder::default()
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
