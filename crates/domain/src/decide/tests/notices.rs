//! What counts as having told the merchant, and when somebody has to call.

use crate::case::NoticeChannel;
use crate::op::OpBody;
use crate::people::Actor;
use crate::testkit::{self, Story};

fn notice(template: &str, delivered: bool) -> OpBody {
    OpBody::NoticeRecord {
        channel: NoticeChannel::Sms,
        template: template.to_owned(),
        delivered,
        note: String::new(),
    }
}

fn is_told(by: &Actor, template: &str) -> bool {
    let story = Story::unbound().then(by, &notice(template, true));
    story.the_case().moments.told_at.is_some()
}

#[test]
fn a_code_or_a_link_that_arrived_tells_nobody_that_the_terminal_is_unbound() {
    let (person, server) = (testkit::agent(), testkit::system());
    for template in ["one_time_code", "upload_link"] {
        assert!(!is_told(&person, template), "{template}");
        assert!(!is_told(&server, template), "{template}");
    }
    assert!(is_told(&person, "done") && is_told(&server, "done"));
    // The receipt of an older message may come after the unbind; what a person says, he has said.
    assert!(!is_told(&server, "need_more") && is_told(&person, "need_more"));
}

#[test]
fn an_sms_that_did_not_arrive_asks_for_a_call_until_somebody_was_told() {
    let server = testkit::system();
    let asks = |story: &Story| story.the_case().asks_for_a_call();
    let code_lost = Story::unbound().then(&server, &notice("one_time_code", false));
    assert!(!asks(&code_lost), "the agent hears that at once");
    let lost = code_lost.then(&server, &notice("done", false));
    assert!(asks(&lost));
    let lost = lost.then(&server, &notice("one_time_code", true));
    assert!(asks(&lost), "a code is no answer");
    let called = OpBody::NoticeRecord {
        channel: NoticeChannel::Call,
        template: "done".to_owned(),
        delivered: true,
        note: String::new(),
    };
    assert!(!asks(&lost.clone().then(&testkit::agent(), &called)));
    // The provider may have given up too early.
    assert!(!asks(&lost.then(&server, &notice("done", true))));
}

#[test]
fn the_reason_stands_on_the_timeline_only_when_the_server_gives_it() {
    let said = OpBody::NoticeRecord {
        channel: NoticeChannel::Sms,
        template: "done".to_owned(),
        delivered: false,
        note: "not delivered".to_owned(),
    };
    let story = Story::unbound();
    for (who, shown) in [(testkit::system(), true), (testkit::agent(), false)] {
        let op = story.clone().next_op(&who, &said);
        let decided = crate::decide::decide(Some(story.the_case()), &op, &story.context(&who));
        assert_eq!(decided.timeline[0].params.contains_key("note"), shown);
    }
}
