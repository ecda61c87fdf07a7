//! What a person may be told when something that needs the server did not work. Codes are stable for ever.

use crate::machine::port::LinkError;
use desk_protocol::error::Problem;

/// Every failure of a call that somebody waits for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SyncError {
    #[error("the server's address is not a web address")]
    BadAddress,
    #[error("the server's address is not encrypted; https is needed outside this machine")]
    PlainHttp,
    #[error("the organisation's certificate cannot be read")]
    BadCertificate,
    #[error("the network layer could not be started")]
    NoNetworkLayer,
    #[error("no line to the server ({0:?})")]
    Offline(LinkError),
    #[error("something between this desk and the server answers in its place")]
    Portal,
    #[error("the server's answer is not readable by this version")]
    Unreadable,
    #[error("the server is not well ({0})")]
    ServerTrouble(u16),
    #[error("a person has to sign in first")]
    SignInNeeded,
    #[error("the server refused: {}", .0.code)]
    Refused(Problem),
    #[error("nobody came back from the browser in time")]
    NotFinished,
    #[error("the identity provider was told no, or said so")]
    Denied,
    #[error("the courier has stopped")]
    Stopped,
}

impl SyncError {
    /// `area.reason`; a refusal carries the server's own code.
    pub fn code(&self) -> &str {
        match self {
            Self::BadAddress => "sync.bad_address",
            Self::PlainHttp => "sync.plain_http",
            Self::BadCertificate => "sync.bad_certificate",
            Self::NoNetworkLayer => "sync.no_network_layer",
            Self::Offline(_) => "sync.offline",
            Self::Portal => "sync.portal",
            Self::Unreadable => "sync.unreadable",
            Self::ServerTrouble(_) => "sync.server_trouble",
            Self::SignInNeeded => "sync.sign_in_needed",
            Self::Refused(problem) => &problem.code,
            Self::NotFinished => "oidc.not_finished",
            Self::Denied => "oidc.denied",
            Self::Stopped => "sync.stopped",
        }
    }
}
