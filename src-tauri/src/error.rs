//! The only way an error reaches the window.

use desk_app::AppError;
use desk_app::dto::UiError;
use std::collections::BTreeMap;

/// Does the work on a blocking thread; codes and parameters cross, sources and paths do not.
pub async fn told<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, UiError> {
    let done = tauri::async_runtime::spawn_blocking(work).await;
    done.map_err(|_| unexpected())?.map_err(UiError::from)
}

/// The work itself broke: what it had written before stands, the rest was never begun.
fn unexpected() -> UiError {
    UiError {
        code: "app.unexpected".to_owned(),
        message: "the command ended before its answer".to_owned(),
        field: None,
        retryable: true,
        incident: None,
        params: BTreeMap::new(),
    }
}
