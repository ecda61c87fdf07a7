//! `unbind-desk://call?from=…&id=…`, as a telephone program opens it. Anybody may make such a link, a web page too: whatever
//! is not exactly one is refused, and one that is only rings.

use crate::error::AppError;

/// In front of every link to this program.
pub(crate) const SCHEME: &str = "unbind-desk:";
const CALL: &str = "unbind-desk://call?";
/// Longest link.
const LINK_BYTES: usize = 512;
/// Longest id of a call.
const CALL_REF_CHARS: usize = 200;
/// Digits of a number.
const DIGITS: std::ops::RangeInclusive<usize> = 3..=20;

/// What a link says.
#[derive(Clone, PartialEq, Eq)]
pub struct CallLink {
    /// None when the caller's number is withheld.
    pub(crate) from: Option<String>,
    pub(crate) call_ref: String,
}

/// Without the number.
impl std::fmt::Debug for CallLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallLink").finish_non_exhaustive()
    }
}

impl CallLink {
    /// Reads a link.
    ///
    /// # Errors
    /// [`AppError::BadCallLink`], which does not repeat it.
    pub fn parse(text: &str) -> Result<Self, AppError> {
        Self::read(text).ok_or(AppError::BadCallLink)
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > LINK_BYTES || !text.is_ascii() {
            return None;
        }
        // Some systems put a slash after the host.
        let query = text
            .strip_prefix(CALL)
            .or_else(|| text.strip_prefix("unbind-desk://call/?"))?;
        let (mut from, mut id) = (None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=')?;
            let slot = match name {
                "from" => &mut from,
                "id" => &mut id,
                _ => return None,
            };
            if slot.replace(decoded(value)?).is_some() {
                return None;
            }
        }
        let call_ref = id.filter(|id| is_call_ref(id))?;
        let from = match from.as_deref() {
            None | Some("" | "anonymous") => None,
            Some(number) => Some(digits(number)?),
        };
        Some(Self { from, call_ref })
    }
}

/// `%2B` and its like; none when it is cut or says something that is no text of one line.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = value.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (bytes.next()?, bytes.next()?);
            let hex = [
                char::from(high).to_digit(16)?,
                char::from(low).to_digit(16)?,
            ];
            let [high, low] = hex.map(|digit| u8::try_from(digit).unwrap_or_default());
            plain.push(high << 4 | low);
        } else {
            plain.push(byte);
        }
    }
    let plain = String::from_utf8(plain).ok()?;
    (!plain.contains(char::is_control)).then_some(plain)
}

/// What telephone systems make ids of.
fn is_call_ref(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:@-{}".contains(c);
    (1..=CALL_REF_CHARS).contains(&id.len()) && id.chars().all(plain)
}

fn digits(number: &str) -> Option<String> {
    let kept: String = number.chars().filter(|c| !" -".contains(*c)).collect();
    let digits = kept.strip_prefix('+').unwrap_or(&kept);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && DIGITS.contains(&digits.len())).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_who_calls_and_under_which_id() {
        for (link, from, id) in [
            (
                "unbind-desk://call?from=13000000001&id=A-1",
                Some("13000000001"),
                "A-1",
            ),
            (
                "unbind-desk://call?id=1795305600.42&from=%2B86%20130-0000-0001",
                Some("+8613000000001"),
                "1795305600.42",
            ),
            ("unbind-desk://call/?from=&id=x", None, "x"),
            ("unbind-desk://call?from=anonymous&id=x", None, "x"),
            ("unbind-desk://call?id=%7B0198-a%7D", None, "{0198-a}"),
        ] {
            let read = CallLink::parse(link).unwrap();
            assert_eq!(
                (read.from.as_deref(), read.call_ref.as_str()),
                (from, id),
                "{link}"
            );
            assert!(!format!("{read:?}").contains("1300"));
        }
    }

    #[test]
    fn what_is_not_exactly_a_link_to_a_call_is_refused() {
        let long = format!("unbind-desk://call?from=13000000001&id={}", "x".repeat(500));
        let id = format!("unbind-desk://call?id={}", "x".repeat(CALL_REF_CHARS + 1));
        for hostile in [
            "",
            "unbind-desk:",
            "unbind-desk://call",
            "unbind-desk://call?",
            "unbind-desk://call?from=13000000001",
            "unbind-desk://call?id=",
            "unbind-desk://case?from=13000000001&id=x",
            "unbind-desk://call.evil.test?from=13000000001&id=x",
            "unbind-desk://me@call?from=13000000001&id=x",
            "unbind-desk://call:80?from=13000000001&id=x",
            "unbind-desk://call/../case?from=13000000001&id=x",
            "UNBIND-DESK://call?from=13000000001&id=x",
            "https://call?from=13000000001&id=x",
            "javascript:alert(1)",
            "unbind-desk://call?from=javascript:alert(1)&id=x",
            "unbind-desk://call?from=<script>&id=x",
            "unbind-desk://call?from=13000000001&id=<script>",
            "unbind-desk://call?from=13000000001&id=%3Cscript%3E",
            "unbind-desk://call?from=13000000001&id=a%0Ab",
            "unbind-desk://call?from=13000000001&id=a%00",
            "unbind-desk://call?from=13000000001&id=a%2",
            "unbind-desk://call?from=13000000001&id=%zz",
            "unbind-desk://call?from=13000000001&id=%ff",
            "unbind-desk://call?from=13000000001&id=a b",
            "unbind-desk://call?from=13000000001&id=号",
            "unbind-desk://call?from=12&id=x",
            "unbind-desk://call?from=123456789012345678901&id=x",
            "unbind-desk://call?from=sip:8001@pbx.test&id=x",
            "unbind-desk://call?from=13000000001&from=13000000002&id=x",
            "unbind-desk://call?from=13000000001&id=x&profile=/tmp",
            "unbind-desk://call?from=13000000001&id=x#y",
            &long,
            &id,
        ] {
            let refused = CallLink::parse(hostile).map(drop);
            assert!(matches!(refused, Err(AppError::BadCallLink)), "{hostile}");
        }
    }
}
