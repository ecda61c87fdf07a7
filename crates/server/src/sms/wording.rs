//! The words of a message: a template of the shipped knowledge for what is told of a case, or one of the server's own for
//! codes and links. Values are checked when a message is written, not when it is sent.

use desk_domain::case::NoticeChannel;
use desk_domain::knowledge::{Language, RESULT_TEMPLATE, SERVICE_TEMPLATES, Template, Templates};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A code to the number of record.
pub const ONE_TIME_CODE: &str = "one_time_code";
/// A link by which the merchant sends photos; variables `link`, `case_no` and `code` of the progress page.
pub const UPLOAD_LINK: &str = "upload_link";
/// To the number of record when an approved case waits out its hold; variables `sn4`, `time` and the `link` that stops it.
pub const COOLING_OFF: &str = "cooling_off";
/// The same where no address of this server is known to phones: a number to call stands in for the link.
pub const COOLING_OFF_CALL: &str = "cooling_off_call";
/// What stands when an automatic notice is written.
pub const DONE: &str = RESULT_TEMPLATE;
pub const REJECTED: &str = "rejected";
pub const NEED_MORE: &str = "need_more";

const SHIPPED: &str = include_str!("../../../../assets/messages/service.toml");
/// Longest value of the server's own messages, in characters.
const VALUE_CHARS: usize = 200;
/// The sender's signature: providers put it before the text themselves.
const BRAND: &str = "brand";

/// What every message of an installation is signed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    /// The approved signature.
    pub brand: String,
    /// Where the merchant may call.
    pub hotline: String,
}

impl Default for Sender {
    fn default() -> Self {
        Self {
            brand: "解绑台".to_owned(),
            hotline: "受理网点".to_owned(),
        }
    }
}

/// A message, ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Composed {
    pub text: String,
    /// What the approved template is filled with, in the order of the text; the signature is not among it.
    pub values: Vec<(String, String)>,
}

/// Why a message is not made. Values are never in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordingError {
    #[error("there is no message of this name")]
    Unknown,
    #[error("{0} is missing, left over, too long, or holds what a message does not carry")]
    Value(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pack {
    messages: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    id: String,
    version: u32,
    text: String,
}

enum Words {
    Told(&'static Template),
    Service(&'static Service),
}

/// Every message that the server may send.
pub fn names() -> Vec<&'static str> {
    let mut all = SERVICE_TEMPLATES.to_vec();
    all.extend([DONE, REJECTED, NEED_MORE, COOLING_OFF, COOLING_OFF_CALL]);
    all
}

/// The version of a message's words.
pub fn version(id: &str) -> Option<u32> {
    Some(match find(id)? {
        Words::Told(template) => template.version,
        Words::Service(service) => service.version,
    })
}

/// Its values are worth something to a thief: they are erased as soon as they have done their work.
pub fn is_secret(id: &str) -> bool {
    is_service(id) || id == COOLING_OFF
}

/// What agents ask for on the phone and hear the fate of at once.
pub fn is_service(id: &str) -> bool {
    SERVICE_TEMPLATES.contains(&id)
}

/// Never sent again when it may have arrived: a merchant with two codes on the phone reads out the wrong one, or takes
/// the second for a fraud, and each counts against what the provider lets through to that number. The agent asks for
/// another one when the first did not come.
pub fn is_sent_once(id: &str) -> bool {
    id == ONE_TIME_CODE
}

/// Fills a message.
///
/// # Errors
/// [`WordingError`] names the value that does not fit.
pub fn compose(
    id: &str,
    values: &BTreeMap<String, String>,
    sender: &Sender,
) -> Result<Composed, WordingError> {
    let words = find(id).ok_or(WordingError::Unknown)?;
    let text = match &words {
        Words::Told(template) => template.text.get(Language::Zh),
        Words::Service(service) => service.text.as_str(),
    };
    let used = variables(text);
    let mut all = values.clone();
    for (name, value) in [(BRAND, &sender.brand), ("hotline", &sender.hotline)] {
        if used.contains(&name) {
            all.insert(name.to_owned(), value.clone());
        }
    }
    let text = match words {
        Words::Told(template) => template
            .render(Language::Zh, &all)
            .map_err(|error| WordingError::Value(error.variable().to_owned()))?,
        Words::Service(service) => service.fill(&used, &all)?,
    };
    let values = used
        .into_iter()
        .filter(|name| *name != BRAND)
        .filter_map(|name| Some((name.to_owned(), all.get(name)?.clone())));
    Ok(Composed {
        text,
        values: values.collect(),
    })
}

/// Whether messages can be signed so: the template that uses both words takes them.
///
/// # Errors
/// [`WordingError`] names the one that does not fit.
pub fn fits(sender: &Sender) -> Result<(), WordingError> {
    let sample = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let values = [("no_tail", "0012-K"), ("reason", "样例")].map(sample);
    compose(REJECTED, &BTreeMap::from(values), sender).map(drop)
}

fn find(id: &str) -> Option<Words> {
    static OWN: LazyLock<Vec<Service>> = LazyLock::new(|| {
        // The text is compiled in, and parsed by a test.
        toml::from_str::<Pack>(SHIPPED).map_or_else(|_| Vec::new(), |pack| pack.messages)
    });
    if let Some(service) = OWN.iter().find(|service| service.id == id) {
        return Some(Words::Service(service));
    }
    let told = Templates::shipped().find(id, NoticeChannel::Sms);
    told.map(Words::Told)
}

/// Names in braces, in the order of the text.
fn variables(text: &str) -> Vec<&str> {
    let named = text.split('{').skip(1);
    named
        .filter_map(|part| Some(part.split_once('}')?.0))
        .collect()
}

impl Service {
    fn fill(&self, used: &[&str], all: &BTreeMap<String, String>) -> Result<String, WordingError> {
        if let Some(extra) = all.keys().find(|name| !used.contains(&name.as_str())) {
            return Err(WordingError::Value(extra.clone()));
        }
        let mut text = self.text.clone();
        for name in used {
            let value = all.get(*name).map_or("", String::as_str);
            let sign = |c: char| c.is_control() || "{}【】".contains(c);
            let fits = !value.is_empty() && value.chars().count() <= VALUE_CHARS;
            if !fits || value.contains(sign) {
                return Err(WordingError::Value((*name).to_owned()));
            }
            text = text.replace(&format!("{{{name}}}"), value);
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn wrong(id: &str, pairs: &[(&str, &str)]) -> String {
        match compose(id, &values(pairs), &Sender::default()) {
            Err(WordingError::Value(name)) => name,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_named() {
        let unknown = compose("no_such", &values(&[]), &Sender::default());
        assert_eq!(unknown, Err(WordingError::Unknown));
        assert_eq!(wrong(ONE_TIME_CODE, &[]), "code");
        let long = "9".repeat(201);
        for bad in ["", "{code}", "1【2】", "1\n2", long.as_str()] {
            assert_eq!(wrong(ONE_TIME_CODE, &[("code", bad)]), "code", "{bad}");
        }
        assert_eq!(
            wrong(ONE_TIME_CODE, &[("code", "1"), ("name", "x")]),
            "name"
        );
        assert_eq!(wrong(DONE, &[("sn4", "00A7")]), "time");
        assert_eq!(
            wrong(DONE, &[("sn4", "00A7000"), ("time", "1月8日")]),
            "sn4"
        );
    }

    #[test]
    fn every_message_that_is_sent_has_words_and_its_values_in_their_order() {
        for name in names() {
            assert!(version(name).is_some_and(|version| version > 0), "{name}");
        }
        let code = compose(
            ONE_TIME_CODE,
            &values(&[("code", "012345")]),
            &Sender::default(),
        );
        let code = code.unwrap();
        assert!(
            code.text.starts_with("【解绑台】您的核验码是 012345，"),
            "{}",
            code.text
        );
        assert_eq!(code.values, [("code".to_owned(), "012345".to_owned())]);
        let told = [("no_tail", "0012-K"), ("reason", "资料不全")];
        let told = compose(REJECTED, &values(&told), &Sender::default()).unwrap();
        let order: Vec<&str> = told.values.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(order, ["no_tail", "reason", "hotline"]);
        assert!(is_secret(UPLOAD_LINK) && !is_secret(DONE) && !is_sent_once(UPLOAD_LINK));
    }
}
