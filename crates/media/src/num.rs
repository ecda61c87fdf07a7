//! The few conversions between whole numbers and reals that drawing and measuring need.

/// A whole number as a real; exact for every picture side that this room admits.
#[expect(
    clippy::cast_precision_loss,
    reason = "sides and counts here are far below 2^24"
)]
pub fn real(value: u32) -> f32 {
    value as f32
}

/// A real rounded to the nearest whole number, at least 0; what is not a number becomes 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted here"
)]
pub fn whole(value: f32) -> u32 {
    value.round() as u32
}

/// The same, with a sign.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, which is what is wanted here"
)]
pub fn signed(value: f32) -> i32 {
    value.round() as i32
}

/// `u32` as an index; every target has at least 32 bits.
pub fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A length as `u32`, saturating.
pub fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
