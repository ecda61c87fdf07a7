use crate::support::{call, office};
use desk_server::http::openapi::SHAPES;
use desk_server::http::table::routes;

#[test]
fn the_page_lists_every_route_and_shape_and_loads_nothing() {
    let office = office();
    let reply = call(office.addr(), "GET", "/docs", &[], b"");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
    let policy = &reply.headers["content-security-policy"];
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe") && !policy.contains("http"));
    let page = reply.text();
    for route in routes() {
        let line = format!("<code>{} {}</code>", route.method, route.path);
        assert!(page.contains(&line), "{line}");
    }
    for (shape, _) in SHAPES {
        assert!(page.contains(&format!("<h3>{shape}</h3>")), "{shape}");
    }
    for word in ["<script", "src=", "http://", "https://", "<img", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
}
