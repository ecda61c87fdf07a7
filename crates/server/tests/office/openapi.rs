use crate::support::{call, office};
use desk_protocol::people::{DeviceStatus, EnrolReply};
use desk_server::http::openapi::{SHAPES, document};
use desk_server::http::table::routes;
use std::collections::BTreeSet;

#[test]
fn the_document_holds_exactly_the_routes_of_the_router() {
    let json: serde_json::Value = serde_json::from_str(&document().to_json().unwrap()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in json["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let routed: BTreeSet<String> = routes()
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(documented, routed);
    assert!(json["openapi"].as_str().unwrap().starts_with("3."));
}

#[test]
fn every_route_of_the_table_answers_and_names_a_known_shape() {
    let office = office();
    let names: BTreeSet<&str> = SHAPES.iter().map(|(name, _)| *name).collect();
    for route in routes() {
        assert!(!route.summary.is_empty(), "{}", route.path);
        for shape in route.takes.into_iter().chain(route.gives) {
            assert!(names.contains(shape), "{shape}");
        }
        let path = route
            .path
            .replace("{id}", "x")
            .replace("{i}", "0")
            .replace("{user}", "x")
            .replace("{device}", "x")
            .replace("{file}", "guest.css")
            .replace("{provider}", "http");
        let reply = call(
            office.addr(),
            route.method.as_str(),
            &path,
            &[("content-type", "application/json")],
            b"{}",
        );
        assert_ne!(reply.status, 405, "{path}");
        let nowhere = reply.status == 404 && reply.code() == "request.not_found";
        assert!(!nowhere, "{} {path} is not routed", route.method);
    }
}

/// A shape of the document and the type that goes over the wire must not drift apart.
#[test]
fn shapes_have_the_fields_that_the_protocol_serialises() {
    let enrol = serde_json::to_value(EnrolReply {
        status: DeviceStatus::Active,
        office: desk_domain::ids::OfficeCode::parse("HZ001").unwrap(),
        office_name: String::new(),
        device_code: String::new(),
        recovery_key: None,
        server_key: None,
    });
    let problem = serde_json::to_value(desk_protocol::error::Problem {
        code: String::new(),
        message: String::new(),
        field: Some(String::new()),
        retryable: false,
        params: [("a".to_owned(), "b".to_owned())].into(),
    });
    for (name, value) in [
        ("EnrolReply", enrol.unwrap()),
        ("Problem", problem.unwrap()),
    ] {
        let (_, fields) = SHAPES.iter().find(|(shape, _)| *shape == name).unwrap();
        let listed: BTreeSet<&str> = fields.iter().map(|(field, _)| *field).collect();
        let real: BTreeSet<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(listed, real, "{name}");
    }
}
