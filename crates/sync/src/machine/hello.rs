//! hello: versions, limits, rights, policy; which life the server is in and what it has of ours.

use super::Machine;
use super::port::{BundleKeys, JournalHead, Lane, NewLife, Notice, Request, StoreCall, StoreReply};
use super::pull::PullLane;
use desk_domain::ids::{Epoch, OfficeCode};
use desk_protocol::sync::HelloReply;
use desk_protocol::{PROTOCOL, sync::Limits};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default)]
pub(super) struct HelloLane {
    pub server_version: Option<String>,
    policy_version: Option<u32>,
    bundle_keys: Option<BundleKeys>,
    /// The answer being worked off, and the life it came from.
    step: Option<(Box<HelloReply>, Epoch)>,
    /// A receipt came since hello was asked: its heads may be older than what we know.
    pub outrun: bool,
    /// Feeds stand still until the epoch is settled.
    pub settled: bool,
    /// The store has ended what rights were lost to while this desk was off.
    tidied: bool,
}

impl HelloLane {
    pub fn store_failed(&mut self) {
        self.step = None;
        self.tidied = false;
    }
}

impl Machine {
    pub(super) fn resume_hello(&mut self) {
        self.hello.step = None;
        self.hello.outrun = false;
        self.send(&Lane::Hello, Request::Hello);
    }

    /// Another life of the server was seen: feeds stop until hello has cleared it up.
    pub(super) fn doubt_epoch(&mut self) {
        self.hello.settled = false;
        self.hello_now();
    }

    /// Asks again at once, unless the lane is backing off.
    pub(super) fn hello_now(&mut self) {
        let line = self.line(&Lane::Hello);
        if line.backoff.failures() == 0 {
            line.armed = false;
        }
        self.resume(&Lane::Hello);
    }

    pub(super) fn greeted(&mut self, reply: HelloReply, epoch: Epoch) {
        self.link.refusal = None;
        self.link.too_old = PROTOCOL < reply.oldest_protocol;
        self.hello.server_version = Some(reply.server_version.clone());
        self.take_limits(reply.limits);
        // The policy is believed by the server's key, so the key comes first.
        self.take_bundle_keys(&reply);
        if self.hello.policy_version != Some(reply.policy_version) {
            self.hello.policy_version = Some(reply.policy_version);
            self.tell(Notice::Policy {
                version: reply.policy_version,
                toml: reply.policy.clone(),
                signature: reply.policy_signature.clone(),
            });
        }
        self.listen_to_calls(reply.hears_calls);
        if let Some(wipe) = reply.wipe.clone() {
            self.tell(Notice::WipeOrdered(wipe));
        }
        let call = load_head(&reply);
        let server = reply.heads.clone();
        self.hello.step = Some((Box::new(reply), epoch));
        if self.epoch == Some(epoch) {
            self.store(&Lane::Hello, call);
        } else {
            self.hello.settled = false;
            let mut scopes: Vec<OfficeCode> = self.pulls.keys().cloned().collect();
            scopes.extend(
                self.hello
                    .step
                    .iter()
                    .flat_map(|(hello, _)| hello.scopes.clone()),
            );
            let call = StoreCall::AdoptEpoch {
                epoch,
                scopes,
                server,
            };
            self.store(&Lane::Hello, call);
        }
    }

    pub(super) fn hello_stored(&mut self, reply: StoreReply) {
        let Some((hello, epoch)) = self.hello.step.take() else {
            return;
        };
        match reply {
            StoreReply::Head(head) => {
                let behind = self.compare_heads(head);
                self.settle(hello.scopes);
                if behind {
                    self.doubt_cases();
                }
            }
            StoreReply::Done => {
                self.adopted(epoch);
                let call = load_head(&hello);
                self.hello.step = Some((hello, epoch));
                self.store(&Lane::Hello, call);
            }
            StoreReply::Unsent { .. }
            | StoreReply::Cursor { .. }
            | StoreReply::DigestWorking
            | StoreReply::Digest { .. }
            | StoreReply::Mended { .. }
            | StoreReply::Documents { .. } => {}
        }
    }

    fn adopted(&mut self, epoch: Epoch) {
        self.epoch = Some(epoch);
        let scopes: Vec<OfficeCode> = self.pulls.keys().cloned().collect();
        for scope in &scopes {
            self.digest.forget(scope);
        }
        for pull in self.pulls.values_mut() {
            pull.start_over();
        }
        // The store has made unsent again what the new life does not have.
        self.push.wake();
        self.documents.wake();
        self.downloads.clear_aside();
    }

    /// `sync.md` section 7: who has been restored, the server or we?
    ///
    /// True when the server is behind: its feed may have gone another way, too.
    fn compare_heads(&mut self, head: JournalHead) -> bool {
        let forked =
            head.server.seq > 0 && head.hash_there.is_some_and(|hash| hash != head.server.hash);
        let ahead = head.server.seq > head.last_seq;
        let behind =
            !forked && !ahead && head.server.seq < head.acknowledged_seq && !self.hello.outrun;
        if forked {
            self.push.rechain(NewLife::Forked);
        } else if ahead {
            self.push.rechain(NewLife::Behind);
        } else if behind {
            self.push.rewind(head.server.seq);
        }
        self.resume(&Lane::Push);
        behind
    }

    /// The life is known: feeds of the scopes we may read run, others end.
    fn settle(&mut self, scopes: Vec<OfficeCode>) {
        self.hello.settled = true;
        let scopes: BTreeSet<OfficeCode> = scopes.into_iter().collect();
        let gone: Vec<OfficeCode> = self
            .pulls
            .keys()
            .filter(|scope| !scopes.contains(*scope))
            .cloned()
            .collect();
        for scope in gone {
            self.drop_scope(&scope);
        }
        if !std::mem::replace(&mut self.hello.tidied, true) {
            let scopes = scopes.iter().cloned().collect();
            self.store(&Lane::Hello, StoreCall::KeepScopes { scopes });
        }
        for scope in scopes {
            self.pulls
                .entry(scope)
                .or_insert_with(|| PullLane::new(self.config.wait_ms));
        }
        let every = if self.breaker.is_open() {
            self.config.pace.base_ms
        } else {
            self.config.hello_every_ms
        };
        self.arm(&Lane::Hello, every);
        self.resume_all();
    }

    fn take_bundle_keys(&mut self, reply: &HelloReply) {
        let Some(signer) = reply.bundle_signer.clone() else {
            return;
        };
        let keys = BundleKeys {
            recipients: reply.bundle_recipients.clone(),
            signer,
        };
        if self.hello.bundle_keys.as_ref() != Some(&keys) {
            self.hello.bundle_keys = Some(keys.clone());
            self.tell(Notice::BundleKeys(keys));
        }
    }

    fn take_limits(&mut self, limits: Limits) {
        self.push.limit(
            self.config.push_ops.min(limits.push_ops),
            self.config.push_bytes.min(limits.push_bytes),
        );
    }
}

fn load_head(hello: &HelloReply) -> StoreCall {
    StoreCall::LoadHead {
        server: hello.heads.clone(),
        backup_safe: hello.backup_safe_seq.clone(),
    }
}
