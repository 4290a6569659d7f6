//! QR codes as SVG.

use qrcode::{EcLevel, QrCode, render::svg};

/// A QR code of a text, with its quiet zone, black on white; an empty text if it is too long for one.
#[must_use]
pub fn svg(text: &str) -> String {
    let code = QrCode::with_error_correction_level(text, EcLevel::M);
    code.map(|code| code.render::<svg::Color<'_>>().min_dimensions(232, 232).build()).unwrap_or_default()
}
