//! Short messages: their words, their settings, and one adapter a provider. An adapter signs, asks once and says what
//! came of it; when to ask again is the outbox's.

pub mod aliyun;
pub mod door;
pub mod log;
pub mod reports;
pub mod settings;
pub(crate) mod signing;
pub mod template;
pub mod tencent;
pub mod wording;
