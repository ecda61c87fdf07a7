//! Delivery reports as providers post them: Alibaba Cloud's `SmsReport`, Tencent Cloud's status callback, and our own plain
//! shape for everything else.

use crate::gateway::GatewayKind;
use crate::repo::receipts::Report;
use desk_domain::ids::MessageId;
use serde::Deserialize;
use serde_json::{Value, json};

/// Most reports of one body.
pub const MOST: usize = 500;

#[derive(Deserialize)]
struct OfAliyun {
    success: bool,
    err_code: Option<String>,
    biz_id: Option<String>,
    out_id: Option<String>,
}

#[derive(Deserialize)]
struct OfTencent {
    report_status: String,
    errmsg: Option<String>,
    sid: Option<String>,
    ext: Option<String>,
}

#[derive(Deserialize)]
struct Plain {
    id: Option<String>,
    provider_id: Option<String>,
    delivered: bool,
    code: Option<String>,
}

/// Reads a body; none when it is not in that provider's shape.
pub fn parse(provider: GatewayKind, body: &[u8]) -> Option<Vec<Report>> {
    let reports = match provider {
        GatewayKind::Aliyun => all(body, |told: OfAliyun| Report {
            message: ours(told.out_id),
            provider_id: told.biz_id,
            delivered: told.success,
            code: told.err_code,
        }),
        GatewayKind::Tencent => all(body, |told: OfTencent| Report {
            message: ours(told.ext),
            provider_id: told.sid,
            delivered: told.report_status == "SUCCESS",
            code: told.errmsg,
        }),
        GatewayKind::Http => all(body, |told: Plain| Report {
            message: ours(told.id),
            provider_id: told.provider_id,
            delivered: told.delivered,
            code: told.code,
        }),
        GatewayKind::None | GatewayKind::Log => None,
    };
    reports.filter(|reports| reports.len() <= MOST)
}

/// What the provider wants to hear: without it the same reports come again.
pub fn thanks(provider: GatewayKind) -> Value {
    match provider {
        GatewayKind::Aliyun => json!({ "code": 0, "msg": "OK" }),
        GatewayKind::Tencent => json!({ "result": 0, "errmsg": "OK" }),
        GatewayKind::Http | GatewayKind::None | GatewayKind::Log => json!({ "ok": true }),
    }
}

fn all<T: for<'de> Deserialize<'de>>(
    body: &[u8],
    read: impl Fn(T) -> Report,
) -> Option<Vec<Report>> {
    let told: Vec<T> = serde_json::from_slice(body).ok()?;
    Some(told.into_iter().map(read).collect())
}

fn ours(id: Option<String>) -> Option<MessageId> {
    MessageId::parse(&id?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01993c5e-0000-7000-8000-000000000001";

    #[test]
    fn a_body_of_another_shape_is_none() {
        for kind in [GatewayKind::Aliyun, GatewayKind::Tencent, GatewayKind::Http] {
            for body in ["", "{}", "[1]", "[{}]", "null", "[{\"success\":\"x\"}]"] {
                assert_eq!(parse(kind, body.as_bytes()), None, "{kind:?} {body}");
            }
            let many = format!("[{}]", vec!["{}"; MOST + 1].join(","));
            assert_eq!(parse(kind, many.as_bytes()), None);
            assert_eq!(parse(kind, b"[]"), Some(Vec::new()));
        }
        assert_eq!(parse(GatewayKind::Log, b"[]"), None);
    }

    /// In the shapes of the providers' pages.
    #[test]
    fn each_provider_is_understood() {
        let aliyun = format!(
            r#"[{{"phone_number":"1381111****","send_time":"2017-01-01 00:00:00","report_time":"2017-01-01 00:00:00",
            "success":true,"err_code":"DELIVERED","err_msg":"m","sms_size":"1","biz_id":"12345","out_id":"{ID}"}}]"#
        );
        let tencent = format!(
            r#"[{{"user_receive_time":"2015-10-17 08:03:04","nationcode":"86","mobile":"13xxxxxxxxx",
            "report_status":"FAIL","errmsg":"MK:0000","description":"m","sid":"77","ext":"{ID}"}}]"#
        );
        let plain = r#"[{"id":"not ours","provider_id":"9","delivered":false,"code":"gone"}]"#;
        let told = |kind, body: &str| parse(kind, body.as_bytes()).unwrap().remove(0);
        let one = told(GatewayKind::Aliyun, &aliyun);
        assert_eq!((one.message, one.delivered), (MessageId::parse(ID), true));
        let one = told(GatewayKind::Tencent, &tencent);
        assert_eq!(
            (one.provider_id.as_deref(), one.delivered),
            (Some("77"), false)
        );
        assert_eq!(one.message, MessageId::parse(ID));
        let one = told(GatewayKind::Http, plain);
        assert_eq!((one.message, one.code.as_deref()), (None, Some("gone")));
    }
}
