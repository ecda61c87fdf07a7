//! Sessions: access tokens expire, a refresh token is good for one use, a second use ends the family.

use super::{Asked, Handled, Server};
use desk_domain::ids::{DeviceId, UserId};
use desk_domain::time::Millis;
use desk_protocol::error as code;
use desk_protocol::people::{RefreshRequest, SessionReply};

const ACCESS_MS: Millis = 600_000;
/// The very same request, repeated after a lost reply, is answered within this time.
const REPEAT_MS: Millis = 120_000;

/// One access token and the refresh token beside it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    family: u64,
    device: DeviceId,
    user: UserId,
    expires_at: Millis,
    refresh: String,
    ended: bool,
    spent: Option<Spent>,
}

#[derive(Clone, Debug)]
struct Spent {
    proof: String,
    at: Millis,
    successor: String,
}

impl Server {
    pub(super) fn bearer(
        &self,
        token: Option<&str>,
        now: Millis,
    ) -> Result<DeviceId, &'static str> {
        let session = token
            .and_then(|token| self.disk.synced.sessions.get(token))
            .filter(|session| !session.ended);
        let session = session.ok_or(code::TOKEN_INVALID)?;
        if now > session.expires_at {
            Err(code::TOKEN_EXPIRED)
        } else {
            Ok(session.device)
        }
    }

    pub(super) fn refresh(&mut self, asked: &Asked<'_>, request: RefreshRequest) -> Handled {
        let now = asked.now;
        match self.try_refresh(now, &request) {
            Some(reply) => Handled::AfterSync(self.reply(now, reply)),
            None => Handled::AfterSync(self.problem(now, 401, code::TOKEN_INVALID, &[])),
        }
    }

    fn try_refresh(&mut self, now: Millis, request: &RefreshRequest) -> Option<SessionReply> {
        let sessions = &self.disk.live.sessions;
        let mut found = sessions
            .iter()
            .filter(|(_, session)| session.refresh == request.refresh_token);
        let (access, old) = found
            .next()
            .map(|(access, session)| (access.clone(), session.clone()))?;
        if old.device != request.device || old.ended {
            return None;
        }
        if let Some(spent) = &old.spent {
            let unused = sessions
                .get(&spent.successor)
                .is_some_and(|next| next.spent.is_none() && !next.ended);
            if spent.proof != request.proof || now.saturating_sub(spent.at) > REPEAT_MS || !unused {
                self.end_family(old.family);
                return None;
            }
            if let Some(successor) = self.disk.live.sessions.get_mut(&spent.successor) {
                successor.ended = true;
            }
        }
        let reply = self.issue(old.device, old.user, old.family, now)?;
        let at = old.spent.as_ref().map_or(now, |spent| spent.at);
        let successor = reply.access_token.clone();
        if let Some(old) = self.disk.live.sessions.get_mut(&access) {
            old.spent = Some(Spent {
                proof: request.proof.clone(),
                at,
                successor,
            });
        }
        Some(reply)
    }

    /// A person typed the password. Durable when it returns.
    pub fn sign_in(&mut self, device: DeviceId, user: UserId, now: Millis) -> Option<SessionReply> {
        let family = self.issued;
        let reply = self.issue(device, user, family, now);
        self.disk.sync();
        reply
    }

    fn issue(
        &mut self,
        device: DeviceId,
        user: UserId,
        family: u64,
        now: Millis,
    ) -> Option<SessionReply> {
        let player = self
            .cast
            .players
            .iter()
            .find(|player| player.device == device && player.card.user == user)?;
        // Counts on through crashes: a token is never given out twice.
        self.issued += 1;
        let (access, refresh) = (format!("a{}", self.issued), format!("r{}", self.issued));
        let expires_at = now.saturating_add(ACCESS_MS);
        let session = Session {
            family,
            device,
            user,
            expires_at,
            refresh: refresh.clone(),
            ended: false,
            spent: None,
        };
        self.disk.live.sessions.insert(access.clone(), session);
        Some(SessionReply {
            access_token: access,
            access_expires_at: expires_at,
            refresh_token: refresh,
            user: player.card.clone(),
        })
    }

    /// Every access token ends now.
    pub fn expire_all(&mut self) {
        for rows in [&mut self.disk.live, &mut self.disk.synced] {
            for session in rows.sessions.values_mut() {
                session.expires_at = Millis::MIN;
            }
        }
    }

    fn end_family(&mut self, family: u64) {
        for session in self
            .disk
            .live
            .sessions
            .values_mut()
            .filter(|session| session.family == family)
        {
            session.ended = true;
        }
    }
}
