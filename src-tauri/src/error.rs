//! The only way an error reaches the window.

use desk_app::AppError;
use desk_app::dto::UiError;

/// Codes and parameters cross, sources and paths do not.
pub fn to_ui(error: AppError) -> UiError {
    UiError::from(error)
}
