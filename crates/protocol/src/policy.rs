//! The policy on its way to desks: a text, its version, and the server's word for both.

/// The bytes that the server signs.
pub fn policy_message(version: u32, toml: &str) -> Vec<u8> {
    format!("unbind-desk policy v1\n{version}\n{toml}").into_bytes()
}
