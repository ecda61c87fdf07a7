//! One event of a call, read from a form or from JSON. Fields that we do not know are passed over; those that we know are
//! taken as agreed or refused by name. Nothing that was said is repeated in a refusal.

use desk_domain::secret_trap::{self, FieldKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Longest id of a call, in characters: as long as a case can note it.
pub const CALL_REF_CHARS: usize = 200;
/// Longest number, name or address.
pub const NAMED_CHARS: usize = 100;
/// Most people that one call may ring at.
const MOST_USERS: usize = 64;
/// Digits of a telephone number.
const DIGITS: std::ops::RangeInclusive<usize> = 3..=20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    NewCall,
    Answer,
    Hangup,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    In,
    Out,
}

impl Direction {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// An event as it is understood.
#[derive(Clone, PartialEq, Eq)]
pub struct CallEvent {
    pub what: What,
    pub direction: Direction,
    pub call_ref: String,
    /// The caller's number; none when it is withheld or is no number.
    pub from: Option<String>,
    /// The number that was called out of the house.
    pub called: Option<String>,
    /// How the telephone system names whom this is about, the surest first.
    pub about: Vec<String>,
}

/// Without the number and the names.
impl fmt::Debug for CallEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallEvent")
            .field("what", &self.what)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}

/// Why an event cannot be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    /// Neither a form nor a JSON object.
    Shape,
    Field(&'static str),
}

/// Names and values as they came; `user[]` and `user` are one.
type Fields = BTreeMap<String, Vec<String>>;

/// Reads a body by its content type.
pub fn read(content_type: &str, body: &[u8]) -> Result<CallEvent, Unread> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let fields = if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        of_form(body)
    } else {
        of_json(body)?
    };
    understand(&fields)
}

fn of_form(body: &[u8]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(body) {
        put(&mut fields, &name, value.into_owned());
    }
    fields
}

fn of_json(body: &[u8]) -> Result<Fields, Unread> {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Err(Unread::Shape);
    };
    let mut fields = Fields::new();
    for (name, value) in object {
        let values = if let Value::Array(values) = value {
            values
        } else {
            vec![value]
        };
        let texts = values.into_iter().filter_map(text);
        texts.for_each(|text| put(&mut fields, &name, text));
    }
    Ok(fields)
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn put(fields: &mut Fields, name: &str, value: String) {
    let name = name.strip_suffix("[]").unwrap_or(name);
    fields.entry(name.to_owned()).or_default().push(value);
}

fn understand(fields: &Fields) -> Result<CallEvent, Unread> {
    let what = match one(fields, "event")? {
        Some("newCall") => What::NewCall,
        Some("answer") => What::Answer,
        Some("hangup") => What::Hangup,
        Some(_) | None => return Err(Unread::Field("event")),
    };
    let direction = match one(fields, "direction")? {
        Some("in") => Direction::In,
        Some("out") => Direction::Out,
        Some(_) | None => return Err(Unread::Field("direction")),
    };
    let call_ref = call_ref(one(fields, "callId")?)?;
    let from = one(fields, "from")?.ok_or(Unread::Field("from"))?;
    let to = one(fields, "to")?.ok_or(Unread::Field("to"))?;
    let answering = one(fields, "answeringNumber")?;
    one(fields, "cause")?;
    let users = many(fields, "user")?;
    let mut about: Vec<String> = answering.into_iter().map(str::to_owned).collect();
    let goes_out = direction == Direction::Out;
    let called = goes_out.then(|| number(to)).flatten();
    about.extend(users.into_iter().chain([to]).map(str::to_owned));
    about.retain(|name| !name.is_empty());
    Ok(CallEvent {
        what,
        direction,
        call_ref,
        from: number(from),
        called,
        about,
    })
}

/// A field that stands once, or not at all.
fn one<'a>(fields: &'a Fields, name: &'static str) -> Result<Option<&'a str>, Unread> {
    let limit = if name == "callId" {
        CALL_REF_CHARS
    } else {
        NAMED_CHARS
    };
    match fields.get(name).map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([value]) => short(value, limit).map(Some).ok_or(Unread::Field(name)),
        Some(_) => Err(Unread::Field(name)),
    }
}

fn many<'a>(fields: &'a Fields, name: &'static str) -> Result<Vec<&'a str>, Unread> {
    let values = fields.get(name).map(Vec::as_slice).unwrap_or_default();
    if values.len() > MOST_USERS {
        return Err(Unread::Field(name));
    }
    let values = values.iter().map(|value| short(value, NAMED_CHARS));
    values.collect::<Option<_>>().ok_or(Unread::Field(name))
}

/// Trimmed, of one line, not longer than that.
fn short(value: &str, limit: usize) -> Option<&str> {
    let value = value.trim();
    let fits = value.chars().count() <= limit && !value.contains(char::is_control);
    fits.then_some(value)
}

/// An id of a call is noted on a case, so it must be harmless there.
fn call_ref(said: Option<&str>) -> Result<String, Unread> {
    let said = said.filter(|said| !said.is_empty());
    let said = said.ok_or(Unread::Field("callId"))?;
    match secret_trap::inspect(said, FieldKind::OrderNumber) {
        Ok(()) => Ok(said.to_owned()),
        Err(_) => Err(Unread::Field("callId")),
    }
}

/// Digits, with a plus if it had one; `anonymous` and its like are none. A mobile number that was dialled through a trunk
/// of another city has a 0 in front of it.
fn number(said: &str) -> Option<String> {
    let kept: String = said
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.' | '/'))
        .collect();
    let digits = kept.strip_prefix('+').unwrap_or(&kept);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || !DIGITS.contains(&digits.len()) {
        return None;
    }
    let is_mobile = |rest: &&str| {
        let mut digits = rest.bytes();
        rest.len() == 11 && digits.next() == Some(b'1') && digits.next() >= Some(b'3')
    };
    let mobile = kept.strip_prefix('0').filter(is_mobile);
    Some(mobile.unwrap_or(&kept).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json; charset=utf-8";

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = "event=newCall&from=%2B86+130-0000-0001&to=95000&direction=in&callId=A-1&user[]=Li&user%5B%5D=8001&queue=x";
        let json = r#"{"event":"newCall","from":"+86 130-0000-0001","to":95000,"direction":"in","callId":"A-1",
            "user":["Li",8001],"queue":{"deep":[1]}}"#;
        let read = |kind, body: &str| read(kind, body.as_bytes()).unwrap();
        let event = read(FORM, form);
        assert_eq!(event, read(JSON, json));
        assert_eq!(event.what, What::NewCall);
        assert_eq!(event.from.as_deref(), Some("+8613000000001"));
        assert_eq!(event.about, ["Li", "8001", "95000"]);
        assert!(!format!("{event:?}").contains("1300"));
        let single = r#"{"event":"answer","from":"","to":"1","direction":"in","callId":7,"user":"Li","answeringNumber":"8001"}"#;
        let event = read(JSON, single);
        assert_eq!(event.about, ["8001", "Li", "1"]);
        assert_eq!((event.from, event.call_ref.as_str()), (None, "7"));
    }

    #[test]
    fn a_number_is_kept_as_a_number_and_anything_else_is_withheld() {
        for (said, kept) in [
            ("13000000001", Some("13000000001")),
            ("013000000001", Some("13000000001")),
            ("010-0000 0001", Some("01000000001")),
            ("+86 (130) 0000.0001", Some("+8613000000001")),
            ("110", Some("110")),
            ("", None),
            ("12", None),
            ("anonymous", None),
            ("<script>", None),
            ("sip:8001@pbx.test", None),
            ("１３０００００００００１", None),
            ("123456789012345678901", None),
        ] {
            assert_eq!(number(said).as_deref(), kept, "{said}");
        }
    }

    #[test]
    fn what_is_not_as_agreed_is_refused_by_its_name() {
        let good = [
            ("event", "newCall"),
            ("from", "13000000001"),
            ("to", "95000"),
            ("direction", "in"),
            ("callId", "A-1"),
        ];
        let long = "x".repeat(CALL_REF_CHARS + 1);
        let bad = [
            ("event", "ring"),
            ("event", "newcall"),
            ("event", ""),
            ("direction", "sideways"),
            ("direction", "IN"),
            ("callId", ""),
            ("callId", "  "),
            ("callId", "a\nb"),
            ("callId", &long),
            ("from", &long),
            ("to", "a\u{0}b"),
            ("to", &long),
        ];
        for (name, value) in bad {
            let fields = good.map(|(key, fine)| (key, if key == name { value } else { fine }));
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish();
            assert_eq!(
                read(FORM, body.as_bytes()),
                Err(Unread::Field(name)),
                "{name}={value}"
            );
        }
        for (name, _) in good {
            let fields = good.into_iter().filter(|(key, _)| *key != name);
            let body = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields.clone())
                .finish();
            assert_eq!(read(FORM, body.as_bytes()), Err(Unread::Field(name)));
            let twice = format!("{body}&{name}=newCall&{name}=hangup");
            assert_eq!(read(FORM, twice.as_bytes()), Err(Unread::Field(name)));
        }
        let users = "&user[]=x".repeat(MOST_USERS + 1);
        let body = format!("event=hangup&from=1&to=2&direction=in&callId=1{users}");
        assert_eq!(read(FORM, body.as_bytes()), Err(Unread::Field("user")));
        for shapeless in ["", "[]", "7", "\"event\"", "{", "event=newCall"] {
            assert_eq!(read(JSON, shapeless.as_bytes()), Err(Unread::Shape));
        }
        assert_eq!(read(FORM, b"\xff\xfe=%zz"), Err(Unread::Field("event")));
    }
}
