//! Answers of kind `Status`, in the API server's own words.
//! Rules: apimachinery/pkg/api/errors/errors.go.

use crate::kubernetes::kinds::Kind;
use crate::kubernetes::store::StoreError;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal: its HTTP code and its `Status` body.
#[derive(Clone, Debug)]
pub(crate) struct Failure(pub(crate) StatusCode, pub(crate) Value);

impl Failure {
    fn new(code: StatusCode, reason: &str, message: String, details: Value) -> Failure {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code.as_u16(),
        });
        if !details.is_null() {
            body["details"] = details;
        }
        Failure(code, body)
    }

    pub(crate) fn unauthorized() -> Failure {
        Failure::new(
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            "Unauthorized".to_owned(),
            Value::Null,
        )
    }

    pub(crate) fn forbidden(kind: &Kind, name: Option<&str>, why: &str) -> Failure {
        let subject = match name {
            Some(name) => format!("{} \"{name}\"", kind.resource()),
            None => kind.resource(),
        };
        Failure::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!("{subject} is forbidden: {why}"),
            details(kind, name),
        )
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, "BadRequest", message.into(), Value::Null)
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Failure {
        Failure::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            format!("{} \"{name}\" not found", kind.resource()),
            details(kind, Some(name)),
        )
    }

    pub(crate) fn method_not_allowed() -> Failure {
        Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource".to_owned(),
            json!({}),
        )
    }

    pub(crate) fn unsupported_media_type(accepted: &str) -> Failure {
        Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {accepted}"
            ),
            Value::Null,
        )
    }

    /// A patch that does not fit the object (a failed `test`, a path that is not there):
    /// `NewGenericServerResponse(422, …)` in apiserver/pkg/endpoints/handlers/patch.go.
    pub(crate) fn patch_does_not_fit() -> Failure {
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            "the server rejected our request due to an error in our request".to_owned(),
            json!({}),
        )
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, field: &str, why: &str) -> Failure {
        let mut details = details(kind, Some(name));
        details["kind"] = json!(kind.kind);
        details["causes"] =
            json!([{"reason": "FieldValueInvalid", "message": why, "field": field}]);
        let what = if kind.group.is_empty() {
            kind.kind.to_owned()
        } else {
            format!("{}.{}", kind.kind, kind.group)
        };
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!("{what} \"{name}\" is invalid: {field}: {why}"),
            details,
        )
    }

    /// The history no longer reaches back to the version asked for.
    pub(crate) fn expired(asked: u64, oldest: u64) -> Failure {
        Failure::new(
            StatusCode::GONE,
            "Expired",
            format!("too old resource version: {asked} ({oldest})"),
            Value::Null,
        )
    }

    pub(crate) fn expired_continue() -> Failure {
        Failure::new(
            StatusCode::GONE,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You \
             must start a new list without the continue parameter."
                .to_owned(),
            Value::Null,
        )
    }

    pub(crate) fn from_store(error: StoreError, kind: &Kind, name: &str) -> Failure {
        let message = error.to_string();
        match error {
            StoreError::NotFound { kind, name } => Failure::not_found(kind, &name),
            StoreError::AlreadyExists { kind, name } => Failure::new(
                StatusCode::CONFLICT,
                "AlreadyExists",
                message,
                details(kind, Some(&name)),
            ),
            StoreError::Conflict { kind, name, .. } => {
                Failure::new(StatusCode::CONFLICT, "Conflict", message, details(kind, Some(&name)))
            }
            StoreError::UnknownKind { .. } => Failure::bad_request(message),
            StoreError::Invalid(why) => match why.split_once(": ") {
                Some((field, why)) => Failure::invalid(kind, name, field, why),
                None => Failure::invalid(kind, name, "metadata", &why),
            },
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

/// What the mux says about a path that nobody serves; plain text, not a `Status`.
pub(crate) fn no_such_path() -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (StatusCode::NOT_FOUND, plain, "404 page not found\n").into_response()
}

/// The answer to a deletion that is done.
pub(crate) fn deleted(kind: &Kind, object: &Value) -> Value {
    let mut details = details(kind, object["metadata"]["name"].as_str());
    details["uid"] = object["metadata"]["uid"].clone();
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": details,
    })
}

fn details(kind: &Kind, name: Option<&str>) -> Value {
    let mut details = json!({"kind": kind.plural});
    if !kind.group.is_empty() {
        details["group"] = json!(kind.group);
    }
    if let Some(name) = name {
        details["name"] = json!(name);
    }
    details
}
