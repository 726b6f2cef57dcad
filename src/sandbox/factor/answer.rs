//! An answer before it is put on the wire, whole or spoilt.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

/// An answer before it is put on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body; a mere string goes as plain text.
    pub body: Value,
    pub(super) retry_after_seconds: Option<u64>,
    pub(super) cut: Cut,
}

/// Whether the whole text is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Whole,
    InTheMiddle,
}

impl Answer {
    /// An answer without faults.
    #[must_use]
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body, retry_after_seconds: None, cut: Cut::Whole }
    }

    /// With the rows of its page (`data`) spoilt; other answers stay as they are.
    pub(super) fn with_rows(mut self, spoil: impl FnOnce(&mut Vec<Value>)) -> Self {
        if let Some(rows) = self.body.get_mut("data").and_then(Value::as_array_mut) {
            spoil(rows);
        }
        self
    }

    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn respond(self) -> Response {
        let plain = self.body.as_str().map(|text| ("text/plain", text.to_owned()));
        let (kind, whole) = plain.unwrap_or_else(|| ("application/json", self.body.to_string()));
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let text = match self.cut {
            Cut::Whole => whole,
            Cut::InTheMiddle => whole.chars().take(whole.chars().count() / 2).collect(),
        };
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, headers, text).into_response()
    }
}
