//! Tencent Cloud short messages: SMS 2021-01-11 `SendSms`, signed by `TC3-HMAC-SHA256`.
//!
//! Sources: the provider's pages "签名方法 v3", "发送短信" and "API 3.0 错误码", read in November 2026. Our id travels as
//! `SessionContext` and comes back with the receipt as `ext`, beside their own serial number.

use super::door::{Answer, Line, Lost};
use super::settings::{Secret, SmsSettings, needed};
use super::signing::{digest, hmac, utc};
use crate::gateway::Outgoing;
use crate::repo::outbox::Verdict;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

const ENDPOINT: &str = "https://sms.tencentcloudapi.com/";
const REGION: &str = "ap-guangzhou";
const SERVICE: &str = "sms";
const CONTENT_TYPE: &str = "application/json; charset=utf-8";
const METHOD: &str = "TC3-HMAC-SHA256";

/// The adapter.
pub struct Tencent {
    line: Line,
    key_id: String,
    secret: Secret,
    region: String,
    app_id: String,
    templates: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    error: Option<Told>,
    #[serde(default)]
    send_status_set: Vec<Told>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    code: String,
    serial_no: Option<String>,
}

impl Tencent {
    pub(crate) fn open(settings: &SmsSettings) -> Result<Self, String> {
        let (key_id, secret) = settings.key()?;
        let line = Line::open(settings.file.endpoint.as_deref().unwrap_or(ENDPOINT))?;
        let region = settings.file.region.clone();
        Ok(Self {
            line: line.patient(settings.within),
            key_id,
            secret,
            region: region.unwrap_or_else(|| REGION.to_owned()),
            app_id: needed(settings.file.app_id.as_ref(), "app_id")?,
            templates: settings.templates()?,
        })
    }

    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Verdict {
        let values: Vec<&str> = outgoing
            .words
            .values
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        let body = json!({
            "PhoneNumberSet": [international(outgoing.phone)],
            "SmsSdkAppId": self.app_id,
            "SignName": outgoing.brand,
            "TemplateId": self.templates.get(outgoing.template),
            "TemplateParamSet": values,
            "SessionContext": outgoing.id,
        });
        let body = body.to_string().into_bytes();
        let what = Signed {
            service: SERVICE,
            host: &self.line.host(),
            body: &body,
            seconds: outgoing.now.div_euclid(1000),
            day: &utc(outgoing.now, "%Y-%m-%d"),
        };
        let headers = [
            ("content-type", CONTENT_TYPE.to_owned()),
            (
                "authorization",
                what.authorization(&self.key_id, self.secret.bytes()),
            ),
            ("x-tc-action", "SendSms".to_owned()),
            ("x-tc-version", "2021-01-11".to_owned()),
            ("x-tc-timestamp", what.seconds.to_string()),
            ("x-tc-region", self.region.clone()),
        ];
        understand(self.line.post(None, &headers, body).await)
    }
}

/// Mainland numbers are written without their country in the register.
fn international(phone: &str) -> String {
    if phone.starts_with('+') {
        phone.to_owned()
    } else {
        format!("+86{phone}")
    }
}

/// What the signature is taken over.
struct Signed<'a> {
    service: &'a str,
    host: &'a str,
    body: &'a [u8],
    seconds: i64,
    day: &'a str,
}

impl Signed<'_> {
    fn authorization(&self, key_id: &str, secret: &[u8]) -> String {
        let names = "content-type;host";
        let (host, body) = (self.host, digest(self.body));
        let request =
            format!("POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\n\n{names}\n{body}");
        let scope = format!("{}/{}/tc3_request", self.day, self.service);
        let request = digest(request.as_bytes());
        let to_sign = format!("{METHOD}\n{}\n{scope}\n{request}", self.seconds);
        let mut key = [b"TC3".as_slice(), secret].concat();
        for part in scope.split('/') {
            key = hmac(&key, part.as_bytes());
        }
        let signature = hex::encode(hmac(&key, to_sign.as_bytes()));
        format!(
            "{METHOD} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
    }
}

fn understand(answer: Result<Answer, Lost>) -> Verdict {
    let answer = match answer {
        Ok(answer) => answer,
        Err(lost) => return lost.verdict(),
    };
    let Ok(reply) = serde_json::from_slice::<Reply>(&answer.body) else {
        return answer.verdict();
    };
    let first = reply.response.send_status_set.into_iter().next();
    let Some(told) = reply.response.error.or(first) else {
        return answer.verdict();
    };
    let code = told.code;
    if code == "Ok" {
        return Verdict::Sent {
            provider_id: told.serial_no,
        };
    }
    let starts = |one_of: &[&str]| one_of.iter().any(|start| code.starts_with(start));
    if starts(&["RequestLimitExceeded", "LimitExceeded"]) {
        Verdict::Later { code }
    } else if starts(&["InternalError"]) && !starts(&["InternalError.Sig"]) {
        Verdict::Unknown { code }
    } else {
        Verdict::Refused { code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the provider's page.
    #[test]
    fn the_providers_own_example_is_signed_as_it_signs_it() {
        let body = r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
        let signed = Signed {
            service: "cvm",
            host: "cvm.tencentcloudapi.com",
            body: body.as_bytes(),
            seconds: 1_551_113_065,
            day: "2019-02-25",
        };
        assert_eq!(
            signed.authorization("AKIDEXAMPLE", b"Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"),
            "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, \
             Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
        );
    }

    #[test]
    fn an_answer_says_sent_later_never_or_nothing() {
        let told = |body: &str| {
            let body = body.as_bytes().to_vec();
            understand(Ok(Answer { status: 200, body }))
        };
        let one = |code: &str| {
            told(&format!(
                r#"{{"Response":{{"SendStatusSet":[{{"Code":"{code}","SerialNo":"5000:1"}}],"RequestId":"x"}}}}"#
            ))
        };
        let serial = Some("5000:1".to_owned());
        assert_eq!(
            one("Ok"),
            Verdict::Sent {
                provider_id: serial
            }
        );
        let code = "FailedOperation.PhoneNumberInBlacklist".to_owned();
        assert_eq!(one(&code), Verdict::Refused { code });
        let code = "LimitExceeded.PhoneNumberDailyLimit".to_owned();
        assert_eq!(one(&code), Verdict::Later { code });
        let code = "InternalError.Timeout".to_owned();
        assert_eq!(one(&code), Verdict::Unknown { code });
        let refused =
            told(r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"m"}}}"#);
        let code = "AuthFailure.SignatureFailure".to_owned();
        assert_eq!(refused, Verdict::Refused { code });
        let code = "http.200".to_owned();
        assert_eq!(
            told(r#"{"Response":{"RequestId":"x"}}"#),
            Verdict::Unknown { code }
        );
    }

    #[test]
    fn numbers_of_the_mainland_get_their_country() {
        assert_eq!(international("13000000001"), "+8613000000001");
        assert_eq!(international("+85200000000"), "+85200000000");
    }
}
