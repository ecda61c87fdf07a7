//! Declares the window's commands to the ACL, so that a command nobody listed cannot be called.

const COMMANDS: &[&str] = include!("src/command_names.rs");

fn main() {
    // tauri-build does not watch a capabilities folder that is not at the package root.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo:warning={error:#}");
        std::process::exit(1);
    }
}
