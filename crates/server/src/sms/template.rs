//! Any service that takes a JSON body over HTTP: the body is written once with `{placeholders}`, which are replaced inside
//! its texts, so that no value can break out of it.

use super::door::Line;
use super::settings::{Secret, SmsSettings, needed};
use super::signing::hmac;
use crate::gateway::Outgoing;
use crate::repo::outbox::Verdict;
use serde_json::Value;
use std::collections::BTreeMap;

/// The adapter.
pub struct HttpTemplate {
    line: Line,
    body: Value,
    templates: BTreeMap<String, String>,
    /// Header and key of the HMAC over the body.
    signature: Option<(String, Secret)>,
    /// Pointer to the provider's id in its answer.
    id_at: Option<String>,
}

impl HttpTemplate {
    pub(crate) fn open(settings: &SmsSettings) -> Result<Self, String> {
        let file = &settings.file;
        let body = needed(file.body.as_ref(), "body")?;
        let body: Value = serde_json::from_str(&body)
            .map_err(|error| format!("body in --sms-config is not JSON: {error}"))?;
        let whole = body.to_string();
        for name in ["{phone}", "{id}"] {
            if !whole.contains(name) {
                return Err(format!("body in --sms-config lacks {name}"));
            }
        }
        if !whole.contains("{text}") && !whole.contains("{template}") {
            return Err("body in --sms-config lacks {text} or {template}".to_owned());
        }
        let signature = match (&file.signature_header, settings.maybe_secret()) {
            (Some(header), Some(secret)) => Some((header.clone(), secret)),
            (Some(_), None) => return Err("signature_header needs a secret".to_owned()),
            (None, _) => None,
        };
        let line = Line::open(&needed(file.url.as_ref(), "url")?)?;
        Ok(Self {
            line: line.patient(settings.within),
            body,
            templates: file.templates.clone(),
            signature,
            id_at: file.id_at.clone(),
        })
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Verdict {
        let mut body = self.body.clone();
        fill(&mut body, &self.values(outgoing));
        let body = body.to_string().into_bytes();
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some((name, secret)) = &self.signature {
            headers.push((name.as_str(), hex::encode(hmac(secret.bytes(), &body))));
        }
        let answer = match self.line.post(None, &headers, body).await {
            Ok(answer) => answer,
            Err(lost) => return lost.verdict(),
        };
        if !(200..=299).contains(&answer.status) {
            return answer.verdict();
        }
        let told: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let id = self.id_at.as_deref().and_then(|at| {
            let found = told.as_ref()?.pointer(at)?;
            Some(
                found
                    .as_str()
                    .map_or_else(|| found.to_string(), str::to_owned),
            )
        });
        Verdict::Sent { provider_id: id }
    }

    fn values(&self, outgoing: &Outgoing<'_>) -> BTreeMap<String, String> {
        let code = self.templates.get(outgoing.template);
        let mut values: BTreeMap<String, String> = [
            ("id", outgoing.id.as_str()),
            ("phone", outgoing.phone),
            ("text", outgoing.words.text.as_str()),
            ("brand", outgoing.brand),
            ("template", code.map_or(outgoing.template, String::as_str)),
        ]
        .map(|(name, value)| (format!("{{{name}}}"), value.to_owned()))
        .into();
        for (name, value) in &outgoing.words.values {
            values.insert(format!("{{value.{name}}}"), value.clone());
        }
        values
    }
}

/// Replaces placeholders in every text, once: what a value holds is not looked at again.
fn fill(body: &mut Value, values: &BTreeMap<String, String>) {
    match body {
        Value::String(text) => *text = filled(text, values),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, values)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, values)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let named = after.split_once('}');
        let known = named.and_then(|(name, left)| {
            let value = values.get(&format!("{{{name}}}"))?;
            Some((value, left))
        });
        if let Some((value, left)) = known {
            out.push_str(value);
            rest = left;
        } else {
            out.push('{');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sms::settings::SmsFile;
    use serde_json::json;

    fn open(body: &str, header: Option<&str>) -> Result<HttpTemplate, String> {
        let file = SmsFile {
            url: Some("http://127.0.0.1:9/send".to_owned()),
            body: Some(body.to_owned()),
            signature_header: header.map(str::to_owned),
            ..SmsFile::default()
        };
        HttpTemplate::open(&SmsSettings {
            file,
            ..SmsSettings::default()
        })
    }

    #[test]
    fn a_body_that_cannot_work_is_refused_at_the_start() {
        for (body, header, word) in [
            ("", None, "body is missing"),
            ("{", None, "not JSON"),
            (r#"{"to":"{phone}","text":"{text}"}"#, None, "{id}"),
            (r#"{"to":"{phone}","ref":"{id}"}"#, None, "{text}"),
            (
                r#"{"to":"{phone}","ref":"{id}","text":"{text}"}"#,
                Some("x-sign"),
                "secret",
            ),
        ] {
            let error = open(body, header).map(|_| ()).unwrap_err();
            assert!(error.contains(word), "{body}: {error}");
        }
    }

    #[test]
    fn values_stay_inside_their_texts_and_are_replaced_once() {
        let mut body = json!({"to": ["{phone}"], "n": 1, "m": {"t": "a {text} {no_such} {"}});
        let values = [
            ("{phone}".to_owned(), "1\",\"x\":\"{text}".to_owned()),
            ("{text}".to_owned(), "words".to_owned()),
        ];
        fill(&mut body, &values.into());
        let expected =
            json!({"to": ["1\",\"x\":\"{text}"], "n": 1, "m": {"t": "a words {no_such} {"}});
        assert_eq!(body, expected);
    }
}
