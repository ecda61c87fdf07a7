//! Upload links for the merchant's phone: made by the server, shown here as a QR, or texted by it.

use super::read;
use crate::asking;
use crate::desk::Desk;
use crate::dto::{
    LinkActiveView, LinkArrivingView, LinkMadeView, MerchantLinkArgs, MerchantLinkView, QrView,
};
use crate::error::AppError;
use crate::session::Mode;
use crate::words::word;
use desk_domain::mask;
use desk_media::{QUIET_MODULES, QrMatrix};
use desk_protocol::links::{
    Arriving, LinkCaseRequest, LinkMade, LinkMakeRequest, LinkWay, LinksReply,
};
use desk_sync::LinksAsk;

/// `act`: look, show, text_registered, text_caller, end.
pub fn merchant_link(desk: &Desk, args: MerchantLinkArgs) -> Result<MerchantLinkView, AppError> {
    let session = desk.session()?;
    let case = read::case(&args.case)?;
    let make = |way| LinksAsk::Make(LinkMakeRequest { case, way });
    let ask = match args.act.as_str() {
        "look" => LinksAsk::Look(LinkCaseRequest { case }),
        "end" => LinksAsk::End(LinkCaseRequest { case }),
        "show" => make(LinkWay::Show),
        "text_registered" => make(LinkWay::Registered),
        "text_caller" => make(LinkWay::Caller),
        _ => return Err(AppError::NotAChoice("act")),
    };
    session.view(case)?;
    let Mode::Server { url } = &session.mode else {
        return Err(AppError::NoServer);
    };
    let reply = asking::about(&session, case, |courier| courier.links(ask.clone()))?;
    Ok(view(reply, url))
}

fn view(reply: LinksReply, url: &str) -> MerchantLinkView {
    let active = reply.active.iter();
    MerchantLinkView {
        made: reply.made.map(|made| made_view(made, url)),
        active: active
            .map(|link| LinkActiveView {
                made_at: link.made_at,
                expires_at: link.expires_at,
                texted: link.texted,
                opened_at: link.opened_at,
            })
            .collect(),
        arriving: reply.arriving.into_iter().map(arriving_view).collect(),
        query_code: reply.query_code,
        links_left: reply.links_left,
        texts_left: reply.texts_left,
    }
}

fn made_view(made: LinkMade, url: &str) -> LinkMadeView {
    // A server that was not told its public address is found where this desk finds it.
    let address = made.address.map(|address| {
        if address.starts_with('/') {
            format!("{}{address}", url.trim().trim_end_matches('/'))
        } else {
            address
        }
    });
    let qr = address
        .as_deref()
        .and_then(QrMatrix::of)
        .map(|code| QrView {
            side: code.side + 2 * QUIET_MODULES,
            path: code.svg_path(),
        });
    // Masked there already; masked again here, so that no other server can make this desk show a number.
    let phone = made.phone.map(|phone| {
        if phone.contains('*') {
            phone
        } else {
            mask::phone(&phone).to_string()
        }
    });
    LinkMadeView {
        address,
        qr,
        phone,
        expires_at: made.expires_at,
    }
}

fn arriving_view(arriving: Arriving) -> LinkArrivingView {
    let total = arriving.size_bytes.max(1);
    let percent = arriving.received_bytes.min(total).saturating_mul(100) / total;
    LinkArrivingView {
        kind: word(&arriving.kind),
        percent: u8::try_from(percent).unwrap_or(100),
        size_bytes: arriving.size_bytes,
        begun_at: arriving.begun_at,
        refused: arriving.refused,
    }
}
