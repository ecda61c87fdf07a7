//! Messages to merchants: one wording per stage, as SMS, as a sentence for a call, and for WeChat.
//!
//! A message carries tails, dates and reasons, never a whole number, a secret or a link.

use super::{ContentError, Language, Text, is_plain_id};
use crate::case::NoticeChannel;
use crate::secret_trap::{self, FieldKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The text of the shipped templates.
pub const SHIPPED: &str = include_str!("../../../../assets/knowledge/templates.toml");

/// Names that no template may use and no caller may fill: whole numbers of persons, cards and terminals.
pub const FORBIDDEN_VARIABLES: &[&str] = &[
    "card_no",
    "id_no",
    "pan",
    "phone",
    "serial",
    "serial_no",
    "sn",
    "tusn",
];

/// The message that tells a merchant of the unbind.
pub const RESULT_TEMPLATE: &str = "done";

/// Messages of the server that tell nothing of a case: a one-time code, a link to send photos to. Their words are the
/// server's; here they are known so that nobody takes them for a result.
pub const SERVICE_TEMPLATES: &[&str] = &["one_time_code", "upload_link"];

/// An SMS never runs to more parts than this, however long the values are.
pub const MAX_SMS_SEGMENTS: usize = 4;

/// UTF-16 units in a message of one part, and in each part of a longer one (the rest is the joining header).
const ONE_PART_UNITS: usize = 70;
const JOINED_PART_UNITS: usize = 67;

/// What a template may be filled with, and how long that may be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    pub label: Text,
    pub max_chars: usize,
    /// The longest number, so that a tail stays a tail; spaces and hyphens within a number do not count.
    pub max_digits: usize,
    /// A visibly invented value, for previews.
    pub sample: Text,
}

/// One message on one channel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Template {
    /// The stage it belongs to; the same on each channel.
    pub id: String,
    pub version: u32,
    pub channel: NoticeChannel,
    pub title: Text,
    pub text: Text,
    /// Exactly what must be filled in.
    pub variables: Vec<Variable>,
}

/// One version of all messages.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Templates {
    pub version: u32,
    pub templates: Vec<Template>,
}

/// Why a message is not made. Values are never in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RenderError {
    #[error("{0} may never stand in a message")]
    Forbidden(String),
    #[error("the template does not use {0}")]
    Unknown(String),
    #[error("{0} is missing")]
    Missing(String),
    #[error("{0} is too long")]
    TooLong(String),
    #[error("{0} holds a long number, a secret, a link or a sign that messages do not carry")]
    Unsafe(String),
}

impl RenderError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "template.forbidden_variable",
            Self::Unknown(_) => "template.unknown_variable",
            Self::Missing(_) => "template.missing_variable",
            Self::TooLong(_) => "template.value_too_long",
            Self::Unsafe(_) => "template.value_unsafe",
        }
    }

    /// The variable it is about.
    pub fn variable(&self) -> &str {
        match self {
            Self::Forbidden(name)
            | Self::Unknown(name)
            | Self::Missing(name)
            | Self::TooLong(name)
            | Self::Unsafe(name) => name,
        }
    }
}

/// Parts that an SMS of this text is sent in. A character is never cut in two.
pub fn segments(text: &str) -> usize {
    let units = text.encode_utf16().count();
    if units <= ONE_PART_UNITS {
        return usize::from(units > 0);
    }
    let (mut parts, mut filled) = (1, 0);
    for width in text.chars().map(char::len_utf16) {
        if filled + width > JOINED_PART_UNITS {
            parts += 1;
            filled = 0;
        }
        filled += width;
    }
    parts
}

impl Template {
    /// The message, ready to be sent or read aloud.
    ///
    /// # Errors
    /// A value is missing, left over, too long, or something that messages do not carry.
    pub fn render(
        &self,
        language: Language,
        values: &BTreeMap<String, String>,
    ) -> Result<String, RenderError> {
        for name in values.keys() {
            if FORBIDDEN_VARIABLES.contains(&name.as_str()) {
                return Err(RenderError::Forbidden(name.clone()));
            }
            if !self.variables.iter().any(|variable| variable.name == *name) {
                return Err(RenderError::Unknown(name.clone()));
            }
        }
        for variable in &self.variables {
            variable.check(values.get(&variable.name).map_or("", String::as_str))?;
        }
        let mut message = String::new();
        // `Templates::parse` has split every text once; a text that does not split is sent as it stands.
        for piece in pieces(self.text.get(language)).unwrap_or_default() {
            message.push_str(match piece {
                Piece::Literal(text) => text,
                Piece::Variable(name) => values.get(name).map_or("", |value| value.trim()),
            });
        }
        Ok(message)
    }

    /// The message filled with the samples.
    pub fn preview(&self, language: Language) -> Result<String, RenderError> {
        let samples = self
            .variables
            .iter()
            .map(|variable| {
                (
                    variable.name.clone(),
                    variable.sample.get(language).to_owned(),
                )
            })
            .collect();
        self.render(language, &samples)
    }

    fn longest_units(&self, language: Language) -> usize {
        let text = self.text.get(language);
        let room: usize = self
            .variables
            .iter()
            .map(|variable| variable.max_chars)
            .sum();
        text.encode_utf16().count() + room
    }
}

impl Variable {
    fn check(&self, value: &str) -> Result<(), RenderError> {
        let value = value.trim();
        if value.is_empty() {
            return Err(RenderError::Missing(self.name.clone()));
        }
        if value.chars().count() > self.max_chars {
            return Err(RenderError::TooLong(self.name.clone()));
        }
        if self.is_unsafe(value) {
            return Err(RenderError::Unsafe(self.name.clone()));
        }
        Ok(())
    }

    fn is_unsafe(&self, value: &str) -> bool {
        let folded = crate::ident::fold(value).to_lowercase();
        let link = ["://", "http", "www."]
            .iter()
            .any(|sign| folded.contains(sign));
        // The brackets are the sender's signature, the braces are ours.
        let sign = value
            .chars()
            .any(|c| c.is_control() || "{}【】".contains(c));
        // A number stays one number when it is written in groups.
        let ungrouped = folded.replace(|c: char| c.is_whitespace() || c == '-', "");
        let digits = ungrouped
            .split(|c: char| !c.is_ascii_digit())
            .map(str::len)
            .max();
        let secret = secret_trap::inspect(value, FieldKind::FreeText).is_err();
        link || sign || secret || digits.is_some_and(|run| run > self.max_digits)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    version: u32,
    call: Text,
    wechat: Text,
    variables: Vec<Variable>,
    templates: Vec<Wording>,
}

/// A stage as it is written down: the SMS, from which the other channels are made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    id: String,
    version: u32,
    title: Text,
    sms: Text,
}

impl Templates {
    /// Reads and checks a pack of templates, and makes each stage's call and WeChat wording.
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        let pack: Pack = toml::from_str(text)?;
        pack.check()?;
        let mut templates = Vec::new();
        for wording in &pack.templates {
            let call = wording.framed(&pack.call)?;
            let wechat = wording.framed(&pack.wechat)?;
            for (channel, text) in [
                (NoticeChannel::Sms, wording.sms.clone()),
                (NoticeChannel::Call, call),
                (NoticeChannel::Wechat, wechat),
            ] {
                templates.push(pack.template(wording, channel, text)?);
            }
        }
        Ok(Self {
            version: pack.version,
            templates,
        })
    }

    /// The templates this version was built with.
    pub fn shipped() -> &'static Self {
        static PARSED: LazyLock<Templates> = LazyLock::new(|| {
            #[expect(
                clippy::expect_used,
                reason = "the text is compiled in and parsed by a test"
            )]
            Templates::parse(SHIPPED).expect("the shipped templates parse")
        });
        &PARSED
    }

    /// The message of a stage on a channel. Face to face there is none.
    pub fn find(&self, id: &str, channel: NoticeChannel) -> Option<&Template> {
        self.templates
            .iter()
            .find(|template| template.id == id && template.channel == channel)
    }
}

impl Wording {
    /// The SMS without its signature, set into a frame of another channel.
    fn framed(&self, frame: &Text) -> Result<Text, ContentError> {
        let unsigned = |text: &str, signature: &str| {
            text.strip_prefix(signature)
                .map(str::to_owned)
                .ok_or_else(|| {
                    ContentError::senseless(&self.id, "an SMS begins with its signature")
                })
        };
        let set = |frame: &str, title: &str, message: &str| {
            frame
                .replace("{title}", title)
                .replace("{message}", message)
        };
        Ok(Text {
            zh: set(
                &frame.zh,
                &self.title.zh,
                &unsigned(&self.sms.zh, "【{brand}】")?,
            ),
            en: set(
                &frame.en,
                &self.title.en,
                &unsigned(&self.sms.en, "[{brand}] ")?,
            ),
        })
    }
}

impl Pack {
    fn check(&self) -> Result<(), ContentError> {
        let frames = [&self.call, &self.wechat];
        let framing =
            |frame: &&Text| frame.zh.contains("{message}") && frame.en.contains("{message}");
        if self.version == 0 || !frames.iter().all(framing) {
            return Err(ContentError::senseless(
                "version",
                "versions count from 1, and frames hold {message}",
            ));
        }
        let mut names = BTreeSet::new();
        for variable in &self.variables {
            let name = variable.name.as_str();
            let rules = [
                (is_plain_id(name), "a name is a–z, 0–9 and _"),
                (
                    !matches!(name, "title" | "message"),
                    "the name belongs to the frames",
                ),
                (
                    !FORBIDDEN_VARIABLES.contains(&name),
                    "the variable is forbidden",
                ),
                (names.insert(name), "the name is used twice"),
                (
                    !variable.label.is_blank(),
                    "the label is empty in one language",
                ),
                (
                    variable.check(&variable.sample.zh).is_ok(),
                    "the Chinese sample does not fit",
                ),
                (
                    variable.check(&variable.sample.en).is_ok(),
                    "the English sample does not fit",
                ),
            ];
            first_broken(name, &rules)?;
        }
        let mut ids = BTreeSet::new();
        for wording in &self.templates {
            let rules = [
                (is_plain_id(&wording.id), "an id is a–z, 0–9 and _"),
                (ids.insert(&wording.id), "the id is used twice"),
                (wording.version > 0, "versions count from 1"),
                (
                    !wording.title.is_blank(),
                    "the title is empty in one language",
                ),
            ];
            first_broken(&wording.id, &rules)?;
        }
        Ok(())
    }

    fn template(
        &self,
        wording: &Wording,
        channel: NoticeChannel,
        text: Text,
    ) -> Result<Template, ContentError> {
        let wrong = |what| ContentError::senseless(&wording.id, what);
        let zh = names_in(&text.zh)
            .ok_or_else(|| wrong("the braces of the Chinese text do not match"))?;
        let en = names_in(&text.en)
            .ok_or_else(|| wrong("the braces of the English text do not match"))?;
        if zh != en {
            return Err(wrong("the two languages do not use the same variables"));
        }
        let known: Vec<Variable> = self
            .variables
            .iter()
            .filter(|variable| zh.contains(variable.name.as_str()))
            .cloned()
            .collect();
        if known.len() != zh.len() {
            return Err(wrong("a variable is not described"));
        }
        if [&text.zh, &text.en]
            .iter()
            .any(|text| text.contains("://") || text.contains("www."))
        {
            return Err(wrong("messages carry no links"));
        }
        let template = Template {
            id: wording.id.clone(),
            version: wording.version,
            channel,
            title: wording.title.clone(),
            variables: known,
            text,
        };
        let longest = template
            .longest_units(Language::Zh)
            .max(template.longest_units(Language::En));
        if channel == NoticeChannel::Sms && longest > MAX_SMS_SEGMENTS * JOINED_PART_UNITS {
            return Err(wrong("with its longest values the SMS has too many parts"));
        }
        Ok(template)
    }
}

fn first_broken(at: &str, rules: &[(bool, &'static str)]) -> Result<(), ContentError> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(ContentError::senseless(at, what)),
        None => Ok(()),
    }
}

enum Piece<'text> {
    Literal(&'text str),
    Variable(&'text str),
}

/// The text cut at its `{variables}`; none when the braces do not match.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut parts = text.split('{');
    let mut cut = vec![Piece::Literal(
        parts.next().filter(|text| !text.contains('}'))?,
    )];
    for part in parts {
        let (name, rest) = part.split_once('}')?;
        if rest.contains('}') || !is_plain_id(name) {
            return None;
        }
        cut.push(Piece::Variable(name));
        cut.push(Piece::Literal(rest));
    }
    Some(cut)
}

fn names_in(text: &str) -> Option<BTreeSet<&str>> {
    let names = pieces(text)?.into_iter().filter_map(|piece| match piece {
        Piece::Variable(name) => Some(name),
        Piece::Literal(_) => None,
    });
    Some(names.collect())
}
