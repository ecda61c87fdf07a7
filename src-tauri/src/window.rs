//! The one window: no navigation away, no second window, input methods that work.

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

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
