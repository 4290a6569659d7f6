//! Icons, drawn on a grid of 24 and written into the page.

/// Name and what is inside the `svg` element.
const ICONS: &[(&str, &str)] = &[
    (
        "mark",
        r##"<rect x="2.5" y="7" width="13" height="14" rx="2" fill="#e8f1fe"/><path d="M9 3.5h9.5a2 2 0 0 1 2 2V17"/><rect x="5.5" y="10.5" width="4" height="3.5" rx=".8" fill="#ffd43d" stroke-width="1.4"/>"##,
    ),
    ("alert", r#"<path d="M12 3.5 22 20.5H2z"/><path d="M12 10v4.5M12 17.4v.2"/>"#),
    ("check", r#"<path d="m4.5 12.5 5 5 10-11"/>"#),
    ("info", r#"<circle cx="12" cy="12" r="9"/><path d="M12 11v5.5M12 7.6v.2"/>"#),
    ("circle", r#"<circle cx="12" cy="12" r="8"/>"#),
    ("half", r#"<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>"#),
    ("cross", r#"<path d="m6 6 12 12M18 6 6 18"/>"#),
    ("pause", r#"<circle cx="12" cy="12" r="9"/><path d="M10 9v6M14 9v6"/>"#),
    (
        "card",
        r#"<rect x="2.5" y="5" width="19" height="14" rx="2.5"/><rect x="5.5" y="9" width="5" height="4" rx="1"/><path d="M13.5 10h5M13.5 14h5"/>"#,
    ),
    ("phone", r#"<rect x="6.5" y="2.5" width="11" height="19" rx="2.5"/><path d="M10.5 5h3"/>"#),
    (
        "finger",
        r#"<path d="M12 11v3c0 3-.8 5-2 7M8.2 19.4c.9-1.8 1.3-3.3 1.3-5.9v-2.2a2.5 2.5 0 0 1 5 0v2.6c0 2.6-.4 4.8-1.2 6.8M5.6 16c.6-1.500.9-2.700.9-4.700a5.500 5.500 0 0 1 11 0c0 3-.1 5-.7 7.200M4 9.500a8.500 8.500 0 0 1 16 0"/>"#,
    ),
    (
        "face",
        r#"<path d="M3.500 8V5.500a2 2 0 0 1 2-2H8M16 3.500h2.500a2 2 0 0 1 2 2V8M20.500 16v2.500a2 2 0 0 1-2 2H16M8 20.500H5.500a2 2 0 0 1-2-2V16M9 9.500v1M15 9.500v1M12 9.500V13h-1M8.500 15.500c2 1.800 5 1.800 7 0"/>"#,
    ),
    ("key", r#"<circle cx="8" cy="15.500" r="4.500"/><path d="m11.500 12 8-8M16 7.500l3 3"/>"#),
    ("pen", r#"<path d="m4 20 1-4.500L16.500 4l3.500 3.500L8.500 19z"/><path d="M14 6.500 17.500 10"/>"#),
    ("person", r#"<circle cx="12" cy="8" r="4"/><path d="M4 20.500c1-5 4-6.500 8-6.500s7 1.500 8 6.500"/>"#),
    ("door", r#"<path d="M5.500 21V3.500h10V21M3 21h15.500M12 12v.2M19 8l2.500 3.500L19 15"/>"#),
    ("bell", r#"<path d="M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 2h-15zM10 21h4"/>"#),
    ("clock", r#"<circle cx="12" cy="12" r="9"/><path d="M12 7v5.500l3.500 2"/>"#),
    (
        "history",
        r#"<path d="M3.500 12a8.500 8.500 0 1 0 2.700-6.200L3.500 8.300"/><path d="M3.500 3.500v4.800h4.800M12 7.500v5l3 2"/>"#,
    ),
    ("stop", r#"<path d="M8 3h8l5 5v8l-5 5H8l-5-5V8z"/><path d="M8 12h8"/>"#),
    ("trash", r#"<path d="M4 6.500h16M9.500 6.500v-3h5v3M6 6.500l1 14h10l1-14M10 10.500v6M14 10.500v6"/>"#),
    (
        "reader",
        r#"<rect x="3" y="10" width="18" height="11" rx="2.500"/><path d="M8 7a5.500 5.500 0 0 1 8 0M5.500 4.500a9 9 0 0 1 13 0M8 15.500h8"/>"#,
    ),
    (
        "building",
        r#"<path d="M3 20.500h18M5 20.500V9.500L12 4l7 5.500v11M9 20.500v-6M12 20.500v-6M15 20.500v-6"/>"#,
    ),
    ("gate", r#"<path d="M4 21V8a8 8 0 0 1 16 0v13M4 21h16M9 21v-9M15 21v-9M12 10.500V3"/>"#),
    (
        "scan",
        r#"<path d="M3.500 8V3.500H8M16 3.500h4.500V8M20.500 16v4.500H16M8 20.500H3.500V16M3.500 12h17"/>"#,
    ),
    (
        "copy",
        r#"<rect x="8.500" y="8.500" width="12" height="12" rx="2"/><path d="M5.500 15.500h-2v-12h12v2"/>"#,
    ),
    ("filter", r#"<path d="M3.500 5h17l-6.500 8v6l-4 1.500V13z"/>"#),
    ("arrow", r#"<path d="M4 12h15M13 6l6 6-6 6"/>"#),
    (
        "globe",
        r#"<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c3 3 3.500 6 3.500 9s-.5 6-3.500 9c-3-3-3.500-6-3.500-9S9 6 12 3"/>"#,
    ),
    (
        "lock",
        r#"<rect x="4.500" y="10.500" width="15" height="10.500" rx="2"/><path d="M8 10.500V7.500a4 4 0 0 1 8 0v3M12 14.500v2.500"/>"#,
    ),
    ("print", r#"<path d="M7 8V3.500h10V8M7 17H3.500V8.500h17V17H17M7 14h10v6.500H7z"/>"#),
    ("search", r#"<circle cx="10.500" cy="10.500" r="6.500"/><path d="m15.500 15.500 5 5"/>"#),
];

/// An icon as SVG, hidden from screen readers: the word stands beside it. An empty text for a name that is not
/// there.
#[must_use]
pub fn icon(name: &str) -> String {
    let found = ICONS.iter().find(|(icon, _)| *icon == name);
    found.map_or_else(String::new, |(_, inside)| {
        format!(
            r#"<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">{inside}</svg>"#
        )
    })
}
