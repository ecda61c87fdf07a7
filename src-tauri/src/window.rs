//! The one window: no navigation away, no second window, input methods that work.

use desk_app::dto::Changed;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Emitter, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

/// Opens the window on the embedded page.
pub fn open(app: &AppHandle) -> tauri::Result<WebviewWindow> {
    let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
        .title("解绑台 · Unbind Desk")
        .inner_size(1280.0, 840.0)
        .min_inner_size(960.0, 640.0)
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .disable_drag_drop_handler()
        .build()?;
    show_preedit(&window)?;
    Ok(window)
}

/// Passes a change on. A locked desk starts its page anew: nothing that stood in the page's memory outlives the lock.
pub fn tell(app: &AppHandle, changed: &Changed) {
    if changed.locked
        && let Some(window) = app.get_webview_window("main")
    {
        // A window that is closing has forgotten everything anyway.
        let _ = window.reload();
        return;
    }
    // A closed window is no error: the next one asks for its state.
    let _ = app.emit_to("main", "changed", changed);
}

/// Somebody started the program once more: here is the window they look for.
pub fn come_forward(app: &AppHandle) {
    let Some(window) = app.get_webview_window("main") else {
        return;
    };
    // A window manager that will not raise it still shows it in its list.
    let _ = window.unminimize();
    let _ = window.show();
    let _ = window.set_focus();
}

/// Only the embedded page; a link in data can never leave it.
fn is_own_page(url: &Url) -> bool {
    let own_host = matches!(url.host_str(), Some("localhost" | "tauri.localhost"));
    matches!(url.scheme(), "tauri" | "http" | "https") && own_host && url.port().is_none()
}

/// The webview layer switches the pre-edit text off on Linux: Chinese would be typed blind.
#[cfg(target_os = "linux")]
fn show_preedit(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{InputMethodContextExt, WebViewExt};
    window.with_webview(|webview| {
        if let Some(context) = webview.inner().input_method_context() {
            context.set_enable_preedit(true);
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn show_preedit(_window: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}
