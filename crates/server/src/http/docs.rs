//! `GET /docs`: the OpenAPI document as one plain page. No script, nothing from anywhere else, every word escaped.

use super::Office;
use super::openapi;
use crate::error::ApiError;
use axum::extract::State;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use desk_protocol::error;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;

/// What it is sent as.
pub const HTML: &str = "text/html; charset=utf-8";

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-inline-size:60rem;margin:2rem auto;padding-inline:1rem}\
    code{font-size:.9em}table{border-collapse:collapse;inline-size:100%}\
    th,td{border-block-end:1px solid #ccc;padding:.3rem .6rem;text-align:start;vertical-align:top}\
    h2{margin-block-start:2.5rem}h3{margin-block:1.8rem .3rem}";

pub async fn page(State(_office): State<Arc<Office>>) -> Result<Response, ApiError> {
    let document = openapi::document().to_json();
    let document = document.map_err(|_| ApiError::new(error::INTERNAL))?;
    let document = serde_json::from_str(&document).map_err(|_| ApiError::new(error::INTERNAL))?;
    let headers = [
        (CONTENT_TYPE, HTML.to_owned()),
        (CONTENT_SECURITY_POLICY, policy()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, html(&document)).into_response())
}

/// The one style sheet, by its hash, and nothing else.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page. Written into a String, which cannot fail: the results of `write!` say nothing.
fn html(document: &Value) -> String {
    let info = &document["info"];
    let (title, version) = (text(&info["title"]), text(&info["version"]));
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\
         <h1>{title} {version}</h1><p>{}</p><p>For programs: <a href=\"openapi.json\">openapi.json</a>.</p>\
         <h2>Routes</h2>",
        text(&info["description"])
    );
    for (path, methods) in entries(&document["paths"]) {
        for (method, operation) in entries(methods) {
            route(&mut page, path, method, operation);
        }
    }
    page.push_str("<h2>Shapes</h2>");
    let components = &document["components"];
    for (name, shape) in entries(&components["schemas"]) {
        fields(&mut page, name, shape);
    }
    page.push_str("</body></html>\n");
    page
}

fn route(page: &mut String, path: &str, method: &str, operation: &Value) {
    let (method, path) = (escaped(&method.to_uppercase()), escaped(path));
    let _ = write!(
        page,
        "<h3><code>{method} {path}</code></h3><p>{}</p><table>",
        text(&operation["summary"])
    );
    let who = if operation["security"].is_array() {
        "a signed-in person on an active desk (bearer)"
    } else {
        "anybody; where a signature is asked for, it stands in the body"
    };
    row(page, "caller", who);
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let need = if parameter["required"] == true {
            "required"
        } else {
            "optional"
        };
        let words = format!(
            "{} in {}, {}, {need}",
            text(&parameter["name"]),
            text(&parameter["in"]),
            kind(&parameter["schema"])
        );
        row(page, "parameter", &words);
    }
    row(page, "takes", &kinds(&operation["requestBody"]));
    for (status, reply) in entries(&operation["responses"]) {
        row(page, &escaped(status), &kinds(reply));
    }
    page.push_str("</table>");
}

/// Media types and shapes of a body, escaped.
fn kinds(body: &Value) -> String {
    let all = entries(&body["content"]).map(|(media, content)| {
        let schema = &content["schema"];
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let names: Vec<String> = parts
            .chain([schema])
            .filter_map(|part| part["$ref"].as_str()?.rsplit('/').next().map(escaped))
            .collect();
        format!("{} {}", escaped(media), names.join(" + "))
    });
    all.collect::<Vec<_>>().join("; ")
}

fn fields(page: &mut String, name: &str, shape: &Value) {
    let _ = write!(page, "<h3>{}</h3><table>", escaped(name));
    let required = shape["required"].as_array();
    for (field, schema) in entries(&shape["properties"]) {
        let is_needed = required.is_some_and(|all| all.iter().any(|one| one == field));
        let need = if is_needed { "" } else { ", may be missing" };
        row(page, &escaped(field), &format!("{}{need}", kind(schema)));
    }
    page.push_str("</table>");
}

/// Type and format of a schema, escaped.
fn kind(schema: &Value) -> String {
    let one = &schema["type"];
    let several = one.as_array().into_iter().flatten();
    let types: Vec<String> = several.chain([one]).map(text).collect();
    let format = text(&schema["format"]);
    format!("{} {format}", types.join(" ")).trim().to_owned()
}

/// Both are escaped already.
fn row(page: &mut String, name: &str, words: &str) {
    if !words.trim().is_empty() {
        let _ = write!(page, "<tr><th>{name}</th><td>{words}</td></tr>");
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let object = value.as_object().into_iter().flatten();
    object.map(|(name, value)| (name.as_str(), value))
}

/// A string of the document, escaped; nothing when it is none.
fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::html;
    use serde_json::json;

    #[test]
    fn a_hostile_word_in_the_document_stays_a_word() {
        let hostile = "</style><script>alert('x')</script>&\"";
        let document = json!({
            "info": { "title": hostile, "version": hostile, "description": hostile },
            "paths": { hostile: { "get": {
                "summary": hostile,
                "parameters": [{ "name": hostile, "in": hostile, "schema": { "type": hostile } }],
                "responses": { hostile: { "content": { hostile: { "schema": { "$ref": hostile } } } } },
            } } },
            "components": { "schemas": { hostile: { "properties": { hostile: { "type": hostile } } } } },
        });
        let page = html(&document);
        assert!(
            !page.contains("<script") && !page.contains("alert('"),
            "{page}"
        );
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.contains("&lt;script&gt;"));
    }
}
