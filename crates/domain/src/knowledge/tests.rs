use super::*;
use crate::case::NoticeChannel;
use crate::field::Step;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

fn values(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn senseless_articles_are_refused() {
    for (from, to) in [
        ("version = 1", "version = 0"),
        ("review_days = 180", "review_days = 0"),
        ("zh = \"以拉卡拉最新规定为准。\"", "zh = \"\""),
        ("id = \"kb002\"", "id = \"kb001\""),
        ("id = \"kb002\"", "id = \"KB 2\""),
        ("checked_on = \"2026-11-22\"", "checked_on = \"2026-02-30\""),
        ("source = \"knowledge base seed\"", "source = \" \""),
        ("owner = \"support\"", "owner = \"\""),
        ("tags = [\"故障\", \"诊断\"]", "tags = []"),
        (
            "en = \"How do I know that it is really broken?\"",
            "en = \"\"",
        ),
        ("official = false\n", ""),
        ("official = false", "official = false\nsurprise = 1"),
    ] {
        assert!(
            Articles::parse(&edited(articles::SHIPPED, from, to)).is_err(),
            "{from} -> {to}"
        );
    }
}

#[test]
fn unofficial_articles_may_not_be_sent() {
    let shipped = Articles::shipped();
    assert!(
        shipped
            .articles
            .iter()
            .all(|article| !article.may_be_sent()),
        "nothing shipped is confirmed by the acquirer"
    );
    let confirmed = Articles::parse(&edited(
        articles::SHIPPED,
        "official = false",
        "official = true",
    ))
    .unwrap();
    assert!(confirmed.find("kb001").unwrap().may_be_sent());
    assert!(!confirmed.find("kb002").unwrap().may_be_sent());
}

#[test]
fn search_finds_two_characters_and_puts_titles_first() {
    let pack = Articles::shipped();
    let ids = |query: &str| -> Vec<&str> {
        pack.search(query)
            .iter()
            .map(|article| article.id.as_str())
            .collect()
    };
    assert_eq!(
        ids("押金").first(),
        Some(&"kb017"),
        "body hits of earlier articles come later"
    );
    assert!(ids("押金").contains(&"kb011"));
    assert_eq!(ids("ＡＰＰ").first(), Some(&"kb013"));
    assert_eq!(ids("lost STOLEN").first(), Some(&"kb015"));
    assert_eq!(ids("防骗"), ["kb021", "kb023"]);
    assert!(ids("押金 量子").is_empty());
    assert_eq!(ids("  ").len(), pack.articles.len());
}

#[test]
fn article_is_due_on_the_last_day_of_its_term() {
    let pack = Articles::shipped();
    let article = pack.find("kb001").unwrap();
    let due = NaiveDate::from_ymd_opt(2027, 5, 21).unwrap();
    assert!(pack.is_due(article, due));
    assert!(!pack.is_due(article, due.pred_opt().unwrap()));
}

#[test]
fn senseless_scripts_are_refused() {
    for (from, to) in [
        ("version = 1", "version = 0"),
        ("id = \"consent\"", "id = \"opening\""),
        ("step = \"intake\"", "step = \"chat\""),
        ("id = \"opening\"", "id = \"\""),
    ] {
        assert!(
            Scripts::parse(&edited(scripts::SHIPPED, from, to)).is_err(),
            "{from} -> {to}"
        );
    }
}

#[test]
fn every_step_has_something_to_say() {
    let pack = Scripts::shipped();
    for step in [
        Step::Intake,
        Step::Identity,
        Step::Diagnosis,
        Step::Documents,
        Step::Form,
        Step::Submit,
    ] {
        assert!(pack.of_step(step).count() > 0, "{step:?}");
        assert!(pack.of_step(step).all(|script| script.step == step));
    }
    assert_eq!(
        pack.of_step(Step::Intake)
            .next()
            .map(|script| script.id.as_str()),
        Some("opening")
    );
}

#[test]
fn senseless_templates_are_refused() {
    for (from, to, why) in [
        ("version = 1", "version = 0", "versions"),
        (
            "id = \"in_review\"\nversion = 1",
            "id = \"in_review\"\nversion = 0",
            "versions",
        ),
        ("id = \"in_review\"", "id = \"received\"", "used twice"),
        ("name = \"sn4\"", "name = \"brand\"", "used twice"),
        ("name = \"sn4\"", "name = \"serial\"", "forbidden"),
        ("name = \"sn4\"", "name = \"message\"", "frames"),
        ("name = \"sn4\"", "name = \"sn5\"", "not described"),
        ("sms.zh = \"【{brand}】您的", "sms.zh = \"您的", "signature"),
        ("机具尾号{sn4}。我们", "机具尾号{sn4。我们", "braces"),
        (
            "terminal ending {sn4}. We",
            "terminal. We",
            "same variables",
        ),
        (
            "机具绑定关系未改变。",
            "详见 https://example.invalid",
            "links",
        ),
        ("max_chars = 60", "max_chars = 600", "too many parts"),
        ("max_chars = 4\n", "max_chars = 3\n", "sample"),
        ("{message}需要我", "需要我", "frames hold"),
        ("max_chars = 4\n", "max_chars = 4\nsurprise = 1\n", "TOML"),
    ] {
        let said = Templates::parse(&edited(templates::SHIPPED, from, to))
            .unwrap_err()
            .to_string();
        assert!(said.contains(why), "{from} -> {to}: {said}");
    }
}

#[test]
fn wrong_values_make_no_message() {
    let template = Templates::shipped()
        .find("rejected", NoticeChannel::Sms)
        .unwrap();
    let good = values(&[
        ("brand", "终端服务台"),
        ("no_tail", "0012-K"),
        ("reason", "照片不清晰"),
        ("hotline", "95000"),
    ]);
    assert!(template.render(Language::Zh, &good).is_ok());
    let with = |name: &str, value: &str| {
        let mut values = good.clone();
        values.insert(name.to_owned(), value.to_owned());
        template.render(Language::Zh, &values).unwrap_err().code()
    };
    for name in FORBIDDEN_VARIABLES {
        assert_eq!(with(name, "1"), "template.forbidden_variable");
    }
    assert_eq!(with("colour", "red"), "template.unknown_variable");
    assert_eq!(with("reason", "  "), "template.missing_variable");
    assert_eq!(with("no_tail", "JB-260101"), "template.value_too_long");
    for unsafe_value in [
        "见 www.example.invalid",
        "见 http://x",
        "手机 13800000000",
        "手机 138 0000 0000",
        "手机 138-0000-0000",
        "手机 １３８００００００００",
        "【银行】",
        "{brand}",
        "第一行\n第二行",
        "密码是 Abc12345",
        "6222 0200 0000 0000 003",
    ] {
        assert_eq!(
            with("reason", unsafe_value),
            "template.value_unsafe",
            "{unsafe_value}"
        );
    }
    let mut short = good.clone();
    short.remove("hotline");
    assert_eq!(
        template.render(Language::Zh, &short),
        Err(RenderError::Missing("hotline".to_owned()))
    );
}

#[test]
fn each_stage_reads_well_on_each_channel() {
    let pack = Templates::shipped();
    let sent = |channel, language| {
        pack.find("cancelled", channel)
            .unwrap()
            .preview(language)
            .unwrap()
    };
    assert_eq!(
        sent(NoticeChannel::Sms, Language::Zh),
        "【终端服务台】工单0012-K已按您的要求撤回，机具绑定关系未改变。"
    );
    assert_eq!(
        sent(NoticeChannel::Call, Language::Zh),
        "您好，这里是终端服务台。工单0012-K已按您的要求撤回，机具绑定关系未改变。需要我重复一遍吗？"
    );
    assert_eq!(
        sent(NoticeChannel::Call, Language::En),
        "Hello, this is Unbind Desk. Case 0012-K was withdrawn as you asked. The terminal is still bound. Shall I repeat that?"
    );
    let wechat = sent(NoticeChannel::Wechat, Language::Zh);
    assert!(
        wechat.starts_with("申请已撤回\n") && wechat.contains("机具尾号：00A7"),
        "{wechat}"
    );
    assert!(pack.find("cancelled", NoticeChannel::InPerson).is_none());
}

#[test]
fn every_template_renders_and_chinese_sms_fit_one_part() {
    let pack = Templates::shipped();
    let stages: BTreeSet<_> = pack
        .templates
        .iter()
        .map(|template| template.id.as_str())
        .collect();
    assert_eq!((stages.len(), pack.templates.len()), (13, 39));
    for template in &pack.templates {
        let zh = template.preview(Language::Zh).unwrap();
        let en = template.preview(Language::En).unwrap();
        assert!(
            !zh.contains(['{', '}']) && !en.contains(['{', '}']),
            "{zh} {en}"
        );
        if template.channel == NoticeChannel::Sms {
            assert_eq!(segments(&zh), 1, "{zh}");
        }
    }
}

#[test]
fn reminder_of_the_shipped_policy_is_a_template() {
    let reminder = crate::policy::Policy::shipped().waiting.reminder_template;
    assert!(
        Templates::shipped()
            .find(&reminder, NoticeChannel::Sms)
            .is_some()
    );
}

#[test]
fn sms_parts_are_counted_in_utf16_units_and_never_cut_a_character() {
    for (text, parts) in [
        (String::new(), 0),
        ("字".to_owned(), 1),
        ("字".repeat(70), 1),
        ("字".repeat(71), 2),
        ("字".repeat(134), 2),
        ("字".repeat(135), 3),
        ("𠮷".repeat(35), 1),
        // 33 characters of two units fill a joined part; the odd unit stays empty.
        ("𠮷".repeat(66), 2),
        ("𠮷".repeat(67), 3),
    ] {
        assert_eq!(
            segments(&text),
            parts,
            "{} characters",
            text.chars().count()
        );
    }
}
