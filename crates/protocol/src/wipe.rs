//! The order to destroy what a desk holds. Signed by the server, bound to one desk and one nonce; it comes with hello or,
//! to a desk that is let in no more, with the refusal. The desk confirms it by its own key.

use crate::error::Problem;
use desk_domain::ids::DeviceId;
use desk_domain::time::Millis;
use serde::{Deserialize, Serialize};

/// Name of the parameter by which a refusal carries an order.
const PARAM: &str = "wipe";

/// When a desk obeys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WipePace {
    /// Once everything that was done on the desk is stored here: ops and documents.
    AfterSync,
    /// Now, whatever is lost by it.
    AtOnce,
}

impl WipePace {
    /// As it stands on the wire and in the signed message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AfterSync => "after_sync",
            Self::AtOnce => "at_once",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WipeOrder {
    pub device: DeviceId,
    /// 128 random bits, hexadecimal: no two orders are the same.
    pub nonce: String,
    pub pace: WipePace,
    pub ordered_at: Millis,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedWipe {
    pub order: WipeOrder,
    /// Ed25519 by the server over [`wipe_message`], base64.
    pub signature: String,
}

/// `POST /v1/device/wiped`. Proof: Ed25519 by the desk over [`wiped_message`], made before its key was destroyed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WipedRequest {
    pub device: DeviceId,
    pub nonce: String,
    pub proof: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WipedReply {
    pub confirmed_at: Millis,
}

/// The bytes that the server signs.
pub fn wipe_message(order: &WipeOrder) -> Vec<u8> {
    let WipeOrder {
        device,
        nonce,
        pace,
        ordered_at,
    } = order;
    let pace = pace.as_str();
    format!("unbind-desk wipe v1\n{device}\n{nonce}\n{pace}\n{ordered_at}").into_bytes()
}

/// The bytes that the desk signs.
pub fn wiped_message(device: DeviceId, nonce: &str) -> Vec<u8> {
    format!("wiped\n{device}\n{nonce}").into_bytes()
}

/// Puts an order into a refusal.
pub fn enclose(problem: &mut Problem, wipe: &SignedWipe) {
    // An order is plain text and numbers: it always serialises.
    if let Ok(text) = serde_json::to_string(wipe) {
        problem.params.insert(PARAM.to_owned(), text);
    }
}

/// The order that a refusal carries; none when there is none, or when it cannot be read.
pub fn enclosed(problem: &Problem) -> Option<SignedWipe> {
    serde_json::from_str(problem.params.get(PARAM)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn order() -> WipeOrder {
        WipeOrder {
            device: DeviceId::parse("01a1ae2b-cdd2-783d-be35-de1817499667").unwrap(),
            nonce: "00".repeat(16),
            pace: WipePace::AfterSync,
            ordered_at: 7,
        }
    }

    #[test]
    fn every_part_of_an_order_is_in_what_is_signed() {
        let whole = wipe_message(&order());
        let device = DeviceId::parse("01a1ae2b-cdd2-783d-be35-de1817499668").unwrap();
        for other in [
            WipeOrder { device, ..order() },
            WipeOrder {
                nonce: "01".repeat(16),
                ..order()
            },
            WipeOrder {
                pace: WipePace::AtOnce,
                ..order()
            },
            WipeOrder {
                ordered_at: 8,
                ..order()
            },
        ] {
            assert_ne!(wipe_message(&other), whole, "{other:?}");
        }
    }

    #[test]
    fn a_refusal_carries_an_order_and_nonsense_is_no_order() {
        let mut problem = Problem {
            code: "device.revoked".to_owned(),
            message: String::new(),
            field: None,
            retryable: false,
            params: BTreeMap::new(),
        };
        assert_eq!(enclosed(&problem), None);
        problem.params.insert(PARAM.to_owned(), "{}".to_owned());
        assert_eq!(enclosed(&problem), None);
        let wipe = SignedWipe {
            order: order(),
            signature: "s".to_owned(),
        };
        enclose(&mut problem, &wipe);
        assert_eq!(enclosed(&problem), Some(wipe));
    }
}
