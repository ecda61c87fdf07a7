use proptest::prelude::*;

use super::*;

fn kind_in(text: &str, field: FieldKind) -> Option<SecretKind> {
    inspect(text, field).err().map(|found| found.kind)
}

#[test]
fn full_card_numbers_are_found_however_they_are_written() {
    for text in [
        "6222020000000000000",
        "卡号6217000000000000004。",
        "6259000000000005",
        "6228480000000000000",
        "6212260000000000000",
        "6230000000000000007",
        "6288880000000005",
        "3568330000000009",
        "４１１１１１１１１１１１１１１１",
        "6222 0200 0000 0000 000",
        "6222-0200-0000-0000-000",
        "6222.0200.0000.0000.000",
        "6222,  0200,  0000,  0000,  000",
        "622202 0000000000000",
        "62 2202 0000 000000 000",
        "6 2 2 2 0 2 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "62220200\u{200B}00000000000",
        "尾号不记得，全号 6259000000000005 已核对",
        "card6259000000000005.jpg",
        "3400 000000 00009",
    ] {
        assert_eq!(
            kind_in(text, FieldKind::FreeText),
            Some(SecretKind::CardNumber),
            "{text}"
        );
    }
}

#[test]
fn one_time_codes_are_found_in_context() {
    for text in [
        "验证码123456",
        "验证码：１２３４５６",
        "客户报的验证码是 8812",
        "验 证 码 是 123456",
        "短信验证码我收到了，是123456",
        "验证码没收到，后来又来了是 123456",
        "动态口令 123 456",
        "123456是您的登录验证码",
        "【拉卡拉】123456（验证码），5分钟内有效",
        "verification code: 123456",
        "the OTP is 4821",
        "SMS code 123-456",
        "123456 is your verification code",
        "Your one-time password was 93817264",
    ] {
        assert_eq!(
            kind_in(text, FieldKind::FreeText),
            Some(SecretKind::OneTimeCode),
            "{text}"
        );
    }
}

#[test]
fn passwords_are_found_in_context() {
    for text in [
        "密码123456",
        "登录密码：abc123",
        "支付密码是 246810",
        "密码改成了Sample_2024",
        "操作员口令 0000",
        "password: hunter",
        "Password is Passw0rd!",
        "pwd=sample",
        "PIN 1234",
        "pin code: 4321",
    ] {
        assert_eq!(
            kind_in(text, FieldKind::FreeText),
            Some(SecretKind::Password),
            "{text}"
        );
    }
}

#[test]
fn cvvs_are_found_in_context() {
    for text in [
        "CVV 123",
        "cvv2:123",
        "CVC是 1234",
        "安全码１２３",
        "卡背面后三位是123",
        "security code 321",
    ] {
        assert_eq!(
            kind_in(text, FieldKind::FreeText),
            Some(SecretKind::Cvv),
            "{text}"
        );
    }
}

#[test]
fn everyday_text_is_left_alone() {
    for text in [
        "",
        "样例省样例市样例路123号院4号楼5678室",
        "客户电话 13800000001，备用 13900000002",
        "010-62000000 转 801",
        "+8613800000001",
        "008613800000001",
        "95016",
        "机身号 0000070200000000001",
        "SN: N9QT00000001",
        "QPOS0000 0000 0002",
        "401-000-001",
        "商户号 822290070110001",
        "内部商户号 4002021033012340711",
        "终端号 00000751、12345678",
        "身份证 110105199003070017",
        "老证 110105900307001",
        "110105 19900307 0017",
        "统一社会信用代码 91110105MA000T0148",
        "注册号 110105000000012",
        "发票代码 099900111111 号码 00000003 校验码 00000000001111111111",
        "数电票 24990000000000000001",
        "发票校验码后六位 123456",
        "金额 1,299.00 元，合计 ¥1,234,567,890.12",
        "2026-01-15 10:30 至 2026-01-20 11:45",
        "IMG_20260115_103000123.jpg",
        "微信图片_20260115103000.jpg",
        "mmexport1700000000000.jpg",
        "订单 20260115103000000123",
        "订单 2026011510300000",
        "0000000000000000",
        "6222020000000000001",
        "尾号 1234 的卡",
        "**** **** **** 1234",
        "验证码没收到，已欠费停机",
        "验证码 2 分钟没收到",
        "验证码没收到，2026年1月换过号",
        "验证码发到尾号1234的手机",
        "验证码收不到，改打 95016",
        "验证码发送了1000次",
        "工单 1234 验证码收不到",
        "故障代码 1234，不是验证码问题",
        "verification code not received 2026-01-15",
        "the code was E1234",
        "密码错误3次",
        "密码忘记了，已引导找回",
        "密码键盘故障 1234",
        "密码2026年改过",
        "密码 2026-01-15 改过",
        "密码：******",
        "password is wrong",
        "password: forgotten",
        "shipping 1234, pinyin 5678",
        "JB-261122-BJ001-0A-0011-Q",
        "CVV 没有问过",
        "cvv 1234567",
    ] {
        for field in [FieldKind::FreeText, FieldKind::FileName, FieldKind::Address] {
            assert_eq!(kind_in(text, field), None, "{text}");
        }
    }
}

#[test]
fn fields_are_exempt_by_type_and_not_by_pattern() {
    let digits = "6222020000000000000";
    for field in [
        FieldKind::IdentityNumber,
        FieldKind::OrganisationNumber,
        FieldKind::MerchantNumber,
        FieldKind::TerminalNumber,
        FieldKind::TerminalSerial,
        FieldKind::InvoiceNumber,
        FieldKind::OrderNumber,
        FieldKind::CaseNumber,
    ] {
        assert_eq!(kind_in(digits, field), None, "{field:?}");
        assert_eq!(
            kind_in("密码123456", field),
            Some(SecretKind::Password),
            "{field:?}"
        );
    }
    for field in [
        FieldKind::FreeText,
        FieldKind::Name,
        FieldKind::Address,
        FieldKind::FileName,
        FieldKind::Phone,
        FieldKind::Amount,
    ] {
        assert_eq!(
            kind_in(digits, field),
            Some(SecretKind::CardNumber),
            "{field:?}"
        );
    }
    let labelled = format!("序列号：{digits}");
    assert_eq!(
        kind_in(&labelled, FieldKind::FreeText),
        Some(SecretKind::CardNumber)
    );
}

#[test]
fn a_refused_card_can_be_masked_before_saving() {
    assert_eq!(
        mask_cards("卡 6222 0200 0000 0000 000 已核对"),
        "卡 **** 0000 已核对"
    );
    assert_eq!(
        mask_cards("６２５９０００００００００００５和6259000000000005"),
        "**** 0005和**** 0005"
    );
    assert_eq!(mask_cards("电话 13800000001"), "电话 13800000001");
}

#[test]
fn a_finding_tells_its_kind_and_nothing_of_the_text() {
    let found = inspect("密码Sample123", FieldKind::FreeText).unwrap_err();
    assert_eq!(found.to_string(), "secret.password");
    assert!(!format!("{found:?}").contains("Sample"));
}

#[test]
fn long_hostile_texts_are_inspected_in_one_pass() {
    for unit in ["1 ", "验证码", "pwd=", "otp ", "6222 ", "中  ", " "] {
        let text = unit.repeat(100_000);
        let field = FieldKind::FreeText;
        let expected = (unit == "pwd=").then_some(SecretKind::Password);
        assert_eq!(kind_in(&text, field), expected, "{unit}");
    }
}

proptest! {
    #[test]
    fn the_numbers_of_this_trade_are_no_cards(
        mobile in "1[3-9][0-9]{9}", other in "1[3-9][0-9]{9}", landline in "0(10|21|755)-[2-9][0-9]{7}",
        merchant in "82[0-9]{13}", inner in "[45]00[0-9]{16}", terminal in "[0-9]{8}",
        tusn in "00000702[0-9]{8,11}", digital in "2[4-6][0-9]{18}", yuan in "[1-9],[0-9]{3},[0-9]{3}\\.[0-9]{2}",
    ) {
        for text in [
            format!("{mobile} {other}"), format!("{landline} {mobile}"), format!("{mobile}/{landline}"),
            format!("商户 {merchant} 终端 {terminal}"), format!("{merchant} {terminal}"),
            format!("{inner} {mobile}"), format!("SN {tusn}"), format!("{digital}，{yuan}"),
        ] {
            prop_assert_eq!(kind_in(&text, FieldKind::FreeText), None, "{}", text);
        }
    }

    #[test]
    fn masked_text_holds_no_card(text in "[6 2-]{0,6}[0-9 .-]{10,40}") {
        prop_assert_ne!(kind_in(&mask_cards(&text), FieldKind::FreeText), Some(SecretKind::CardNumber));
    }

    #[test]
    fn no_text_makes_it_fall_over(text in "\\PC{0,60}|(密码|验证码|cvv|pin|是|:|[0-9]{1,8}| ){0,12}") {
        let _ = inspect(&text, FieldKind::FreeText);
        let _ = mask_cards(&text);
    }
}
