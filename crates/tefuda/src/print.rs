//! Results to standard output, prose to standard error.

use serde_json::{Map, Value, json};
use std::io::{self, Write};

use crate::{arguments::Common, catalogue::sentence, failure::Failure};

/// A result.
pub fn value(value: &Value, json: bool) {
    if json {
        line(&mut io::stdout(), &value.to_string());
    } else if !value.is_null() {
        let mut text = String::new();
        outline(value, 0, &mut text);
        line(&mut io::stdout(), text.trim_end());
    }
}

/// A refusal: on standard output for programs, on standard error for people.
pub fn failure(failure: &Failure, common: &Common) {
    let message = sentence(&failure.reason, common.lang).unwrap_or(&failure.detail);
    if common.json {
        let mut refusal = json!({ "reason": failure.reason, "message": message, "detail": failure.detail });
        if let Value::Object(members) = &mut refusal {
            members.extend(Map::clone(&failure.more));
        }
        line(&mut io::stdout(), &refusal.to_string());
    } else {
        prose(&format!("{message}\n({}: {})", failure.reason, failure.detail));
        if !failure.more.is_empty() {
            value(&Value::Object(Map::clone(&failure.more)), false);
        }
    }
}

/// Something for a person to read, now.
pub fn prose(text: &str) {
    line(&mut io::stderr(), text);
}

/// A terminal that is gone is no reason to fail.
fn line(out: &mut impl Write, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// `name: value` lines, indented; a dash begins each member of a list.
fn outline(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                text.push_str(&format!("{indent}{name}:"));
                below(member, depth, text);
            }
        }
        Value::Array(members) => {
            for member in members {
                text.push_str(&format!("{indent}-"));
                below(member, depth, text);
            }
        }
        simple => text.push_str(&format!("{indent}{}\n", plain(simple))),
    }
}

fn below(member: &Value, depth: usize, text: &mut String) {
    if member.is_object() || member.is_array() {
        text.push('\n');
        outline(member, depth + 1, text);
    } else {
        text.push_str(&format!(" {}\n", plain(member)));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_an_outline() {
        let mut text = String::new();
        outline(&json!({ "list": [{ "id": "a", "on": true }], "none": null }), 0, &mut text);
        assert_eq!(text, "list:\n  -\n    id: a\n    on: true\nnone: –\n");
    }
}
