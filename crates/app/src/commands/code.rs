//! One-time codes: the server sends and judges them; the agent types what the caller reads out and never sees one.

use super::read;
use crate::asking;
use crate::desk::Desk;
use crate::dto::{CaseRef, CodeSent, CodeVerified, CodeVerifyArgs};
use crate::error::AppError;
use crate::line::from_server;
use crate::screens::Painter;
use desk_domain::field::FieldKey;
use desk_domain::mask;
use desk_protocol::codes::{CodeSendRequest, CodeVerifyRequest};
use std::collections::BTreeMap;

const CODE_DIGITS: usize = 6;

pub fn code_send(desk: &Desk, args: CaseRef) -> Result<CodeSent, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let serial = serial_of(&session.view(case)?.case)?;
    let request = CodeSendRequest { case, serial };
    let sent = asking::about(&session, case, |courier| courier.send_code(request.clone()))?;
    // Masked there already; masked again here, so that no other server can make this desk show a number.
    let phone = if sent.phone.contains('*') {
        sent.phone
    } else {
        mask::phone(&sent.phone).to_string()
    };
    Ok(CodeSent {
        phone,
        expires_at: sent.expires_at,
        sends_left: sent.sends_left,
    })
}

pub fn code_verify(desk: &Desk, args: CodeVerifyArgs) -> Result<CodeVerified, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let code = args.code.trim();
    if code.len() != CODE_DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AppError::Field {
            field: "code".to_owned(),
            code: "code.six_digits".to_owned(),
            params: BTreeMap::new(),
        });
    }
    let serial = serial_of(&session.view(case)?.case)?;
    let courier = session.courier().ok_or(AppError::NoServer)?;
    let request = CodeVerifyRequest {
        case,
        serial,
        code: code.to_owned(),
    };
    let verified = courier.verify_code(request).map_err(from_server)?;
    Ok(CodeVerified {
        right: verified.right,
        tries_left: verified.tries_left,
        case: Painter::new(&session, desk.now()).case(case)?,
    })
}

/// A code is for one terminal only.
fn serial_of(case: &desk_domain::case::Case) -> Result<String, AppError> {
    let serial = case.text(FieldKey::TerminalSerial);
    if serial.is_empty() {
        return Err(AppError::Refused {
            code: "code.no_serial".to_owned(),
            params: BTreeMap::new(),
        });
    }
    Ok(serial.to_owned())
}
