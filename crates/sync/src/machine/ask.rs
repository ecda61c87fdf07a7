//! Questions of a person who waits for the answer now (one-time codes, upload links, the admin's place): sent at once, never retried, never queued.

use super::Machine;
use super::admin::{AdminAnswer, AdminAsk};
use super::port::{Lane, LinkError, Notice, ReplyBody, Request};
use super::status::{Link, OfflineWhy};
use crate::error::SyncError;
use desk_protocol::codes::{CodeSendReply, CodeSendRequest, CodeVerifyReply, CodeVerifyRequest};
use desk_protocol::links::{LinkCaseRequest, LinkMakeRequest, LinksReply};

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    SendCode(CodeSendRequest),
    VerifyCode(CodeVerifyRequest),
    Links(LinksAsk),
    Admin(AdminAsk),
}

/// About the upload links of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LinksAsk {
    Make(LinkMakeRequest),
    Look(LinkCaseRequest),
    End(LinkCaseRequest),
}

/// What may be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    CodeSent(CodeSendReply),
    CodeVerified(CodeVerifyReply),
    Links(Box<LinksReply>),
    Admin(Box<AdminAnswer>),
}

impl Machine {
    pub(super) fn ask(&mut self, ticket: u64, ask: Ask) {
        if let Some(early) = &mut self.early {
            return early.push((ticket, ask));
        }
        if self.session.is_lost() {
            return self.answer(ticket, Err(SyncError::SignInNeeded));
        }
        self.send(&Lane::Ask(ticket), Request::Ask(ask));
    }

    pub(super) fn answer(&mut self, ticket: u64, result: Result<Answer, SyncError>) {
        self.lines.remove(&Lane::Ask(ticket));
        self.tell(Notice::Answered { ticket, result });
    }

    pub(super) fn ask_answered(&mut self, ticket: u64, body: ReplyBody) {
        let result = if let ReplyBody::Answer(answer) = body {
            Ok(answer)
        } else {
            Err(SyncError::Unreadable)
        };
        self.answer(ticket, result);
    }

    /// No answer came; the person is told why, and asks again if he likes.
    pub(super) fn ask_set_back(&mut self, ticket: u64) {
        let why = match self.link_state() {
            Link::Portal { .. } => SyncError::Portal,
            Link::SignInNeeded => SyncError::SignInNeeded,
            Link::Offline { why, .. } => SyncError::Offline(link_error(why)),
            Link::Connecting { .. }
            | Link::Online { .. }
            | Link::Refused { .. }
            | Link::UpgradeNeeded => SyncError::Offline(LinkError::Timeout),
        };
        self.answer(ticket, Err(why));
    }

    /// The session ended while questions waited for it.
    pub(super) fn turn_askers_away(&mut self) {
        let waiting = self.lines.iter().filter(|(_, line)| line.held.is_some());
        let tickets: Vec<u64> = waiting
            .filter_map(|(lane, _)| {
                if let Lane::Ask(ticket) = lane {
                    Some(*ticket)
                } else {
                    None
                }
            })
            .collect();
        for ticket in tickets {
            self.answer(ticket, Err(SyncError::SignInNeeded));
        }
    }
}

fn link_error(why: OfflineWhy) -> LinkError {
    match why {
        OfflineWhy::Dns => LinkError::Dns,
        OfflineWhy::Refused => LinkError::Refused,
        OfflineWhy::Timeout => LinkError::Timeout,
        OfflineWhy::Tls => LinkError::Tls,
        OfflineWhy::Cut | OfflineWhy::Server => LinkError::Cut,
    }
}
