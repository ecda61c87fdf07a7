//! Alibaba Cloud short messages: Dysmsapi 2017-05-25 `SendSms`, signed by the V3 method `ACS3-HMAC-SHA256`.
//!
//! Sources: the provider's pages "V3版本请求体&签名机制" and "SendSms", read in November 2026. `SendSms` knows no
//! idempotence; our id travels as `OutId` and comes back with the receipt.

use super::door::{Answer, Line, Lost};
use super::settings::{Secret, SmsSettings};
use super::signing::{digest, encoded, hmac, nonce, utc};
use crate::gateway::Outgoing;
use crate::repo::outbox::Verdict;
use serde::Deserialize;
use std::collections::BTreeMap;

const ENDPOINT: &str = "https://dysmsapi.aliyuncs.com/";
const METHOD: &str = "ACS3-HMAC-SHA256";

/// The adapter.
pub struct Aliyun {
    line: Line,
    key_id: String,
    secret: Secret,
    templates: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "BizId")]
    biz_id: Option<String>,
}

impl Aliyun {
    pub(crate) fn open(settings: &SmsSettings) -> Result<Self, String> {
        let (key_id, secret) = settings.key()?;
        let line = Line::open(settings.file.endpoint.as_deref().unwrap_or(ENDPOINT))?;
        Ok(Self {
            line: line.patient(settings.within),
            key_id,
            secret,
            templates: settings.templates()?,
        })
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Verdict {
        let values: BTreeMap<&str, &str> = outgoing
            .words
            .values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let code = self.templates.get(outgoing.template);
        let query = canonical_query(&[
            ("OutId", &outgoing.id),
            ("PhoneNumbers", outgoing.phone),
            ("SignName", outgoing.brand),
            ("TemplateCode", code.map_or("", String::as_str)),
            (
                "TemplateParam",
                &serde_json::to_string(&values).unwrap_or_default(),
            ),
        ]);
        let mut headers = vec![
            ("host", self.line.host()),
            ("x-acs-action", "SendSms".to_owned()),
            ("x-acs-content-sha256", digest(b"")),
            ("x-acs-date", utc(outgoing.now, "%Y-%m-%dT%H:%M:%SZ")),
            ("x-acs-signature-nonce", nonce(outgoing)),
            ("x-acs-version", "2017-05-25".to_owned()),
        ];
        let signed = authorization(&query, &headers, &self.key_id, self.secret.bytes());
        headers.retain(|(name, _)| *name != "host"); // the client sets the same by itself
        headers.push(("authorization", signed));
        let answer = self.line.post(Some(&query), &headers, Vec::new()).await;
        understand(answer)
    }
}

fn canonical_query(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let mut pairs: Vec<String> = pairs.collect();
    pairs.sort();
    pairs.join("&")
}

/// The header for a POST to `/` with an empty body; `headers` stand in the order of their names.
fn authorization(query: &str, headers: &[(&str, String)], key_id: &str, secret: &[u8]) -> String {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()));
    let lines: String = lines.collect();
    let request = format!("POST\n/\n{query}\n{lines}\n{names}\n{}", digest(b""));
    let to_sign = format!("{METHOD}\n{}", digest(request.as_bytes()));
    let signature = hex::encode(hmac(secret, to_sign.as_bytes()));
    format!("{METHOD} Credential={key_id},SignedHeaders={names},Signature={signature}")
}

fn understand(answer: Result<Answer, Lost>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(lost) => return lost.verdict(),
    };
    let Ok(reply) = serde_json::from_slice::<Reply>(&answer.body) else {
        return answer.verdict();
    };
    if reply.code == "OK" {
        return Verdict::Sent {
            provider_id: reply.biz_id,
        };
    }
    let code = reply.code;
    // Too much at once, for the account or for this number: it was not sent and may be later.
    let busy = code.starts_with("Throttling")
        || ["isv.BUSINESS_LIMIT_CONTROL", "ServiceUnavailable"].contains(&code.as_str());
    // Their own fault, at which nobody says how far it came.
    let broken = ["isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "InternalError"];
    if busy {
        Verdict::Later { code }
    } else if broken.contains(&code.as_str()) {
        Verdict::Unknown { code }
    } else {
        Verdict::Refused { code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the provider's page, with both of its nonces.
    #[test]
    fn the_providers_own_examples_are_signed_as_it_signs_them() {
        let query = canonical_query(&[
            ("RegionId", "cn-shanghai"),
            (
                "ImageId",
                "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
            ),
        ]);
        for (date, nonce, expected) in [
            (
                "2023-10-26T10:22:32Z",
                "3156853299f313e23d1673dc12e1703d",
                "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
            ),
            (
                "2023-10-26T09:01:01Z",
                "d410180a5abf7fe235dd9b74aca91fc0",
                "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
            ),
        ] {
            let headers = [
                ("host", "ecs.cn-shanghai.aliyuncs.com".to_owned()),
                ("x-acs-action", "RunInstances".to_owned()),
                ("x-acs-content-sha256", digest(b"")),
                ("x-acs-date", date.to_owned()),
                ("x-acs-signature-nonce", nonce.to_owned()),
                ("x-acs-version", "2014-05-26".to_owned()),
            ];
            let signed = authorization(&query, &headers, "YourAccessKeyId", b"YourAccessKeySecret");
            let names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
            let whole = format!(
                "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders={names},Signature={expected}"
            );
            assert_eq!(signed, whole);
        }
    }

    #[test]
    fn an_answer_says_sent_later_never_or_nothing() {
        let told = |status: u16, body: &str| {
            let body = body.as_bytes().to_vec();
            match understand(Ok(Answer { status, body })) {
                Verdict::Sent { provider_id } => {
                    format!("sent {}", provider_id.unwrap_or_default())
                }
                Verdict::Later { code } => format!("later {code}"),
                Verdict::Refused { code } => format!("refused {code}"),
                Verdict::Unknown { code } => format!("unknown {code}"),
            }
        };
        assert_eq!(told(200, r#"{"Code":"OK","BizId":"12^0"}"#), "sent 12^0");
        for (status, body, expected) in [
            (
                200,
                r#"{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}"#,
                "refused isv.MOBILE_NUMBER_ILLEGAL",
            ),
            (
                400,
                r#"{"Code":"SignatureDoesNotMatch"}"#,
                "refused SignatureDoesNotMatch",
            ),
            (
                200,
                r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL"}"#,
                "later isv.BUSINESS_LIMIT_CONTROL",
            ),
            (
                400,
                r#"{"Code":"Throttling.User"}"#,
                "later Throttling.User",
            ),
            (500, r#"{"Code":"InternalError"}"#, "unknown InternalError"),
            (503, "<html>", "later http.503"),
            (502, "<html>", "unknown http.502"),
            (302, "", "refused http.302"),
            (200, "{}", "unknown http.200"),
        ] {
            assert_eq!(told(status, body), expected);
        }
    }
}
