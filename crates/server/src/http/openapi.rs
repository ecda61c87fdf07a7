//! The OpenAPI document, built from the table of routes and from the shapes below.

use super::Office;
use super::table::{self, Route};
use super::wire::Context;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, Object, Schema, SchemaFormat, SchemaType,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Type,
};

use super::gate::Policy;
pub use super::shapes::{SHAPES, Shape};

const BEARER: &str = "bearer";

/// `GET /openapi.json`.
pub async fn serve(
    State(_office): State<Arc<Office>>,
    _context: Context,
) -> Result<Response, ApiError> {
    let text = document()
        .to_json()
        .map_err(|_| ApiError::new(desk_protocol::error::INTERNAL))?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

/// The document.
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new().build();
    for route in table::routes() {
        if let Some(method) = method_of(&route.method) {
            paths.add_path_operation(route.path, vec![method], operation(&route));
        }
    }
    let info = InfoBuilder::new()
        .title("Unbind Desk server")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Bodies may be zstd. Every JSON reply carries epoch, server_time and request_id.",
        ))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components()))
        .build()
}

fn operation(route: &Route) -> Operation {
    let id: String = format!("{} {}", route.method, route.path)
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(route.summary));
    for name in route.path.split(['{', '}']).skip(1).step_by(2) {
        operation = operation.parameter(parameter(name, ParameterIn::Path, true));
    }
    for (place, name) in route.query.iter().enumerate() {
        let may_miss = ["only", "after", "before"].contains(name);
        let required = (place == 0 && !may_miss) || *name == "cursor";
        operation = operation.parameter(parameter(name, ParameterIn::Query, required));
    }
    operation = operation.request_body(body_of(route));
    let is_open = matches!(route.policy, Policy::Public | Policy::Device);
    if !is_open {
        operation = operation.security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    }
    let mut good = ResponseBuilder::new().description("Done.");
    good = match route.gives {
        Some(gives) => good.content(desk_protocol::CONTENT_TYPE, enveloped(gives)),
        None => good.content(route.sends, ContentBuilder::new().build()),
    };
    let refused = ResponseBuilder::new()
        .description("Refused; the code says why.")
        .content(desk_protocol::CONTENT_TYPE, enveloped("Problem"));
    operation
        .response("200", good.build())
        .response("default", refused.build())
        .build()
}

fn body_of(route: &Route) -> Option<RequestBody> {
    let body = RequestBodyBuilder::new();
    if let Some(takes) = route.takes {
        let content = ContentBuilder::new().schema(Some(reference(takes))).build();
        let body = body.content(desk_protocol::CONTENT_TYPE, content);
        return Some(body.required(Some(Required::True)).build());
    }
    let bytes = ContentBuilder::new().build();
    Some(body.content(route.takes_bytes?, bytes).build())
}

fn parameter(name: &str, place: ParameterIn, required: bool) -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if required {
            Required::True
        } else {
            Required::False
        })
        .schema(Some(kind_of(parameter_kind(name))))
        .example(example_of(name))
        .build()
}

fn parameter_kind(name: &str) -> &'static str {
    match name {
        "cursor" | "wait_ms" | "limit" | "i" | "before" => "integer",
        "id" | "user" | "device" => "uuid",
        _ => "string",
    }
}

/// What a reader can try at once; visibly of the demo.
fn example_of(name: &str) -> Option<Value> {
    match name {
        "cursor" | "wait_ms" | "i" => Some(json!(0)),
        "limit" => Some(json!(20)),
        "scope" => Some(json!("HZ001")),
        "only" => Some(json!("database")),
        _ => None,
    }
}

fn reference(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn enveloped(name: &str) -> utoipa::openapi::Content {
    let both = AllOfBuilder::new()
        .item(reference("Envelope"))
        .item(reference(name))
        .build();
    ContentBuilder::new()
        .schema(Some(RefOr::T(Schema::AllOf(both))))
        .build()
}

fn components() -> Components {
    let envelope: Shape = (
        "Envelope",
        &[
            ("epoch", "uuid"),
            ("server_time", "integer"),
            ("request_id", "string"),
        ],
    );
    let mut components = ComponentsBuilder::new();
    for (name, fields) in SHAPES.iter().chain([&envelope]) {
        let mut object =
            ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
        for (field, kind) in *fields {
            object = object.property(*field, kind_of(kind));
            if !kind.ends_with('?') {
                object = object.required(*field);
            }
        }
        components = components.schema(*name, object.build());
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .build()
}

fn kind_of(kind: &str) -> Object {
    let plain = kind.trim_end_matches('?');
    let of = match plain {
        "integer" => Type::Integer,
        "boolean" => Type::Boolean,
        "array" => Type::Array,
        "object" => Type::Object,
        _ => Type::String,
    };
    let schema = if plain == kind {
        ObjectBuilder::new().schema_type(of)
    } else {
        ObjectBuilder::new().schema_type(SchemaType::from_iter([of, Type::Null]))
    };
    let format = (plain == "uuid").then(|| SchemaFormat::Custom("uuid".to_owned()));
    schema.format(format).build()
}

fn method_of(method: &Method) -> Option<HttpMethod> {
    match method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        _ => None,
    }
}
