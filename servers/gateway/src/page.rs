//! The few plain pages of the gateway: HTML without script, and what every answer to a browser carries.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tefuda_types::{Blame, Reason};
use tefuda_web::Problem;

/// No script, no frame, nothing from elsewhere; forms go to this host only.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Text as it stands in HTML, also inside quotes.
pub fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

/// A page. `body` is HTML already.
pub fn page(status: StatusCode, step: &str, reason: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Log in — Tefuda</title>\n</head>\n\
         <body>\n<main data-step=\"{step}\" data-reason=\"{}\">\n{body}\n</main>\n</body>\n</html>\n",
        escape(reason)
    );
    guarded((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
}

/// Sends a browser on with `303 See Other`.
pub fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    guarded((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

/// Headers of every answer to a browser.
fn guarded(mut response: Response) -> Response {
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // The address names a request, and the next one a code.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A refusal that a person sees. Nobody is sent anywhere with it.
#[derive(Debug)]
pub struct PageProblem {
    reason: String,
    message: String,
    problem: Problem,
}

impl<E: Reason + core::fmt::Display> From<E> for PageProblem {
    fn from(error: E) -> Self {
        let message = match error.blame() {
            Blame::Backend => "something behind this page failed; try again".to_owned(),
            _ => error.to_string(),
        };
        let reason = error.code().as_str().to_owned();
        Self { reason, message, problem: error.into() }
    }
}

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let status = self.problem.into_response().status();
        let body = format!(
            "<h1>You are not logged in</h1>\n<p>{}.</p>\n\
             <p>Nothing was sent to the service. Go back to it and begin again.</p>\n<p><small>{}</small></p>",
            escape(&self.message),
            escape(&self.reason)
        );
        page(status, "refused", &self.reason, &body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_text_or_quotes() {
        assert_eq!(
            escape("<a href=\"x\" onclick='y'>&"),
            "&lt;a href=&quot;x&quot; onclick=&#39;y&#39;&gt;&amp;"
        );
    }
}
