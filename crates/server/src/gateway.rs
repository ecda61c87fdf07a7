//! How words reach a merchant's phone: which gateway an installation has, and its adapter. Messages come out of
//! [`crate::repo::outbox`]; what a gateway says of one goes back there.

use crate::error::ServerError;
use crate::repo::outbox::{Claimed, Verdict};
use crate::sms::aliyun::Aliyun;
use crate::sms::log::Log;
use crate::sms::settings::SmsSettings;
use crate::sms::template::HttpTemplate;
use crate::sms::tencent::Tencent;
use crate::sms::wording::{self, Composed, Sender};
use clap::ValueEnum;
use desk_domain::time::{Chance, Millis};
use std::path::Path;

/// Where messages go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum GatewayKind {
    /// Nowhere: one-time codes are refused with a reason, and people tell results.
    #[default]
    None,
    /// `outbox.jsonl` in the data directory.
    Log,
    /// Alibaba Cloud, Dysmsapi `SendSms`.
    Aliyun,
    /// Tencent Cloud, SMS `SendSms`.
    Tencent,
    /// Any service that takes a JSON body over HTTP.
    Http,
}

impl GatewayKind {
    /// The word in the address of its receipts and beside its messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Log => "log",
            Self::Aliyun => "aliyun",
            Self::Tencent => "tencent",
            Self::Http => "http",
        }
    }
}

/// An open gateway.
pub struct Gateway {
    kind: GatewayKind,
    sender: Sender,
    adapter: Adapter,
}

enum Adapter {
    Log(Log),
    Aliyun(Aliyun),
    Tencent(Tencent),
    Http(HttpTemplate),
}

/// What an adapter is given.
pub struct Outgoing<'a> {
    /// Our id, by which the provider tells repetitions and receipts.
    pub id: String,
    pub template: &'a str,
    pub phone: &'a str,
    pub brand: &'a str,
    pub words: &'a Composed,
    pub now: Millis,
    pub chance: &'a dyn Chance,
}

impl Gateway {
    /// Opens it; nothing is sent yet. None when there is none.
    ///
    /// # Errors
    /// A setting is missing or not understood; its name is in the words, its value is not.
    pub fn open(
        kind: GatewayKind,
        data_dir: &Path,
        settings: &SmsSettings,
    ) -> Result<Option<Self>, ServerError> {
        let wrong = |why| ServerError::Usage(format!("--gateway {}: {why}", kind.as_str()));
        let adapter = match kind {
            GatewayKind::None => return Ok(None),
            GatewayKind::Log => Adapter::Log(Log::new(data_dir)),
            GatewayKind::Aliyun => Adapter::Aliyun(Aliyun::open(settings).map_err(wrong)?),
            GatewayKind::Tencent => Adapter::Tencent(Tencent::open(settings).map_err(wrong)?),
            GatewayKind::Http => Adapter::Http(HttpTemplate::open(settings).map_err(wrong)?),
        };
        let sender = settings.sender();
        wording::fits(&sender)
            .map_err(|why| wrong(format!("brand or hotline in --sms-config: {why}")))?;
        Ok(Some(Self {
            kind,
            sender,
            adapter,
        }))
    }

    /// Its word beside the messages that it sent.
    pub fn name(&self) -> &'static str {
        self.kind.as_str()
    }

    /// Sends one message.
    pub async fn send(&self, message: &Claimed, now: Millis, chance: &dyn Chance) -> Verdict {
        let Ok(words) = wording::compose(&message.template, &message.params, &self.sender) else {
            return Verdict::Refused {
                code: "words.missing".to_owned(),
            };
        };
        let outgoing = Outgoing {
            id: message.id.to_string(),
            template: &message.template,
            phone: &message.phone,
            brand: &self.sender.brand,
            words: &words,
            now,
            chance,
        };
        match &self.adapter {
            Adapter::Log(log) => log.send(&outgoing).await,
            Adapter::Aliyun(aliyun) => aliyun.send(&outgoing).await,
            Adapter::Tencent(tencent) => tencent.send(&outgoing).await,
            Adapter::Http(http) => http.send(&outgoing).await,
        }
    }
}
