//! The OpenAPI document, built from the table of routes and from the shapes below.

use super::Office;
use super::table::{self, Route};
use super::wire::Context;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AdditionalProperties, AllOfBuilder, Schema};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Type,
};

use super::gate::Policy;

const BEARER: &str = "bearer";

/// One shape: its name and its fields with their kinds; a trailing `?` marks an optional one.
pub type Shape = (&'static str, &'static [(&'static str, &'static str)]);

/// Every body named in the table. A test compares them with what the protocol's types serialise to.
pub const SHAPES: &[Shape] = &[
    (
        "Problem",
        &[
            ("code", "string"),
            ("message", "string"),
            ("field", "string?"),
            ("retryable", "boolean"),
            ("params", "object?"),
        ],
    ),
    (
        "EnrolRequest",
        &[
            ("code", "string"),
            ("device", "string"),
            ("public_key", "string"),
            ("label", "string"),
            ("proof", "string"),
        ],
    ),
    (
        "EnrolReply",
        &[
            ("status", "string"),
            ("office", "string"),
            ("office_name", "string"),
            ("device_code", "string"),
            ("recovery_key", "string?"),
        ],
    ),
    (
        "SignInRequest",
        &[
            ("device", "string"),
            ("login", "string"),
            ("password", "string"),
            ("totp", "string?"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "RefreshRequest",
        &[
            ("device", "string"),
            ("refresh_token", "string"),
            ("at", "integer"),
            ("proof", "string"),
        ],
    ),
    (
        "SessionReply",
        &[
            ("access_token", "string"),
            ("access_expires_at", "integer"),
            ("refresh_token", "string"),
            ("user", "object"),
        ],
    ),
    (
        "HelloRequest",
        &[("device", "string"), ("app_version", "string")],
    ),
    (
        "HelloReply",
        &[
            ("server_version", "string"),
            ("protocol", "integer"),
            ("oldest_protocol", "integer"),
            ("limits", "object"),
            ("heads", "array"),
            ("backup_safe_seq", "object"),
            ("scopes", "array"),
            ("policy", "string"),
            ("policy_version", "integer"),
        ],
    ),
    (
        "PushRequest",
        &[
            ("device", "string"),
            ("incarnation", "string"),
            ("first_seq", "integer"),
            ("ops", "array"),
            ("signature", "string"),
        ],
    ),
    ("PushReply", &[("head", "object"), ("outcomes", "array")]),
    (
        "PullReply",
        &[
            ("scope", "string"),
            ("cursor", "integer"),
            ("more", "boolean"),
            ("changes", "array"),
        ],
    ),
    (
        "SnapshotReply",
        &[
            ("scope", "string"),
            ("position", "integer"),
            ("next", "string?"),
            ("changes", "array"),
        ],
    ),
    (
        "DigestRequest",
        &[
            ("scope", "string"),
            ("cursor", "integer"),
            ("shape", "integer"),
            ("ask", "object"),
        ],
    ),
    (
        "DigestReply",
        &[
            ("scope", "string"),
            ("position", "integer"),
            ("compared", "boolean"),
            ("same", "boolean"),
            ("differing", "array"),
            ("changes", "array"),
            ("next", "object?"),
        ],
    ),
    (
        "OfferRequest",
        &[
            ("document", "string"),
            ("case", "string"),
            ("kind", "string"),
            ("manifest", "object"),
        ],
    ),
    ("OfferReply", &[("stored", "boolean"), ("have", "array")]),
    ("ChunkReply", &[("stored", "boolean")]),
    (
        "CodeSendRequest",
        &[("case", "string"), ("serial", "string")],
    ),
    (
        "CodeSendReply",
        &[
            ("phone", "string"),
            ("expires_at", "integer"),
            ("sends_left", "integer"),
        ],
    ),
    (
        "CodeVerifyRequest",
        &[("case", "string"), ("serial", "string"), ("code", "string")],
    ),
    (
        "CodeVerifyReply",
        &[("right", "boolean"), ("tries_left", "integer")],
    ),
    ("Alive", &[("alive", "boolean")]),
    ("Ready", &[("ready", "boolean")]),
    (
        "Version",
        &[
            ("server_version", "string"),
            ("protocol", "integer"),
            ("oldest_protocol", "integer"),
        ],
    ),
];

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
        let required = place == 0 || *name == "cursor";
        operation = operation.parameter(parameter(name, ParameterIn::Query, required));
    }
    if let Some(takes) = route.takes {
        let content = ContentBuilder::new().schema(Some(reference(takes))).build();
        let body = RequestBodyBuilder::new()
            .content(desk_protocol::CONTENT_TYPE, content)
            .build();
        operation = operation.request_body(Some(body));
    }
    if matches!(route.policy, Policy::User | Policy::Scope) {
        operation = operation.security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    }
    let mut good = ResponseBuilder::new().description("Done.");
    good = match route.gives {
        Some(gives) => good.content(desk_protocol::CONTENT_TYPE, enveloped(gives)),
        None => good.content("application/octet-stream", ContentBuilder::new().build()),
    };
    let refused = ResponseBuilder::new()
        .description("Refused; the code says why.")
        .content(desk_protocol::CONTENT_TYPE, enveloped("Problem"));
    operation
        .response("200", good.build())
        .response("default", refused.build())
        .build()
}

fn parameter(name: &str, place: ParameterIn, required: bool) -> utoipa::openapi::path::Parameter {
    let kind = if matches!(name, "cursor" | "wait_ms" | "limit" | "i") {
        Type::Integer
    } else {
        Type::String
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if required {
            Required::True
        } else {
            Required::False
        })
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .build()
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
            ("epoch", "string"),
            ("server_time", "integer"),
            ("request_id", "string"),
        ],
    );
    let mut components = ComponentsBuilder::new();
    for (name, fields) in SHAPES.iter().chain([&envelope]) {
        let mut object =
            ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
        for (field, kind) in *fields {
            object = object.property(
                *field,
                ObjectBuilder::new().schema_type(type_of(kind)).build(),
            );
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

fn type_of(kind: &str) -> Type {
    match kind.trim_end_matches('?') {
        "integer" => Type::Integer,
        "boolean" => Type::Boolean,
        "array" => Type::Array,
        "object" => Type::Object,
        _ => Type::String,
    }
}

fn method_of(method: &Method) -> Option<HttpMethod> {
    match method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        _ => None,
    }
}
