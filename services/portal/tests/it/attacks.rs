//! What somebody else's page, link or cookie does to a visitor: nothing.

use axum::http::{Request, StatusCode, header};

use crate::visitor::{Browser, Scene};

const SCRIPT: &str = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";

#[tokio::test]
async fn abuse_i04_the_answer_of_another_browsers_login_is_not_taken() {
    let scene = Scene::new().await;
    let (phone, maker) = scene.world.phone();
    let mut attacker = Browser::default();
    let begun = scene.begin(&mut attacker, "/login").await;
    scene.world.approve(&begun, &phone, &maker).await;
    let back = scene.way_back(&begun).await;
    // The victim is given the attacker's link: without a login of their own, and amid one.
    let mut victim = Browser::default();
    scene.get(&mut victim, &back).await.refuses("portal.login_of_another_browser");
    scene.begin(&mut victim, "/login").await;
    scene.get(&mut victim, &back).await.refuses("portal.login_of_another_browser");
    assert!(!victim.cookies.contains_key("tefuda_portal_session"));
    // The attacker's own answer with changed parameters.
    let other_issuer = back.replace("iss=http", "iss=https");
    scene.get(&mut attacker, &other_issuer).await.refuses("id_token.issuer_wrong");
    let no_issuer = back.split("&iss=").next().unwrap().to_owned();
    scene.get(&mut attacker, &no_issuer).await.refuses("id_token.issuer_wrong");
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    scene.get(&mut attacker, &back.replace(code, "guess")).await.refuses("portal.token_refused");
}

#[tokio::test]
async fn abuse_i08_forms_of_other_sites_do_nothing() {
    let scene = Scene::new().await;
    let phone = scene.world.phone();
    let mut browser = Browser::default();
    scene.log_in(&mut browser, &phone).await;
    let element = "0".repeat(20);
    let paths = [
        "/logout".to_owned(),
        "/card/stop".to_owned(),
        format!("/phones/{element}/stop"),
        format!("/phones/{element}/end"),
        "/sessions/x/end".to_owned(),
    ];
    for path in &paths {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "http://evil.localhost:8483"),
            ("origin", "null"),
        ] {
            let request = Request::post(path).header(name, value).header(header::HOST, "localhost:8483");
            let page = scene.send(&mut browser, request).await;
            page.refuses("page.other_site");
        }
    }
    // What a link can do is ask, and never act.
    assert_eq!(scene.get(&mut browser, "/logout").await.status, StatusCode::METHOD_NOT_ALLOWED);
    scene.get(&mut browser, "/history").await.shows("history");
}

#[tokio::test]
async fn abuse_i11_nobody_is_sent_where_a_parameter_says() {
    let scene = Scene::new().await;
    let phone = scene.world.phone();
    let evil = "https%3A%2F%2Fevil.example%2F";
    let mut browser = Browser::default();
    for name in ["next", "redirect_uri", "return_to", "url", "continue"] {
        let away = scene.get(&mut browser, &format!("/login?{name}={evil}")).await;
        assert!(away.location().starts_with(&scene.world.issuer()) && !away.location().contains("evil"));
    }
    let mut browser = Browser::default();
    scene.log_in(&mut browser, &phone).await;
    let out = scene.post(&mut browser, &format!("/logout?post_logout_redirect_uri={evil}")).await;
    assert_eq!(out.location(), "/logged-out");
    for path in ["//evil.example/", "/%2F%2Fevil.example", "/\\evil.example"] {
        let page = scene.get(&mut browser, path).await;
        assert!(page.location().is_empty() && page.status == StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn abuse_i10_what_is_typed_into_addresses_is_never_markup() {
    let scene = Scene::new().await;
    let phone = scene.world.phone();
    let mut browser = Browser::default();
    scene.log_in(&mut browser, &phone).await;
    for path in [
        format!("/callback?code={SCRIPT}&state={SCRIPT}"),
        format!("/callback?error={SCRIPT}&error_description={SCRIPT}"),
        format!("/?lang={SCRIPT}"),
        format!("/history?x={SCRIPT}"),
        format!("/phones/{SCRIPT}/stop"),
        format!("/sessions/{SCRIPT}/end"),
        format!("/reasons/{SCRIPT}"),
        format!("/{SCRIPT}"),
    ] {
        let page = scene.get(&mut browser, &path).await;
        assert!(!page.body.contains("<script>alert"), "{path}: {}", page.body);
        if let Some(policy) = page.headers.get(header::CONTENT_SECURITY_POLICY) {
            assert!(policy.to_str().unwrap().contains("script-src 'self'"));
        }
    }
}

#[tokio::test]
async fn abuse_i07_cookies_that_another_host_tossed_are_no_login() {
    let scene = Scene::new().await;
    let (own, others) = (scene.world.phone(), scene.world.phone());
    let (mut victim, mut attacker) = (Browser::default(), Browser::default());
    scene.log_in(&mut victim, &own).await;
    scene.log_in(&mut attacker, &others).await;
    let name = "tefuda_portal_session";
    let (mine, tossed) = (victim.cookies[name].clone(), attacker.cookies[name].clone());
    // `evil.localhost` can set a cookie for `localhost` in some browsers; which comes first is its choice.
    for both in [format!("{name}={mine}; {name}={tossed}"), format!("{name}={tossed}; {name}={mine}")] {
        victim.tossed = Some(both);
        for path in ["/", "/history", "/done"] {
            scene.get(&mut victim, path).await.refuses("portal.sessions_ambiguous");
        }
    }
    victim.tossed = Some(format!("{name}=garbage; {name}={mine}; {name}="));
    scene.get(&mut victim, "/history").await.shows("history");
    // A value that was there before a login is not the session afterwards.
    let mut fixed = Browser::default();
    fixed.cookies.insert(name.to_owned(), "fixed".to_owned());
    scene.log_in(&mut fixed, &own).await;
    assert_ne!(fixed.cookies[name], "fixed");
    let mut knows = Browser { tossed: Some(format!("{name}=fixed")), ..Browser::default() };
    scene.get(&mut knows, "/").await.shows("front");
}

#[tokio::test]
async fn abuse_i09_every_page_keeps_to_itself() {
    let scene = Scene::new().await;
    let phone = scene.world.phone();
    let mut browser = Browser::default();
    scene.log_in(&mut browser, &phone).await;
    for path in ["/history", "/nowhere", "/callback?state=x"] {
        let page = scene.get(&mut browser, path).await;
        if page.status == StatusCode::SEE_OTHER {
            assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
            continue;
        }
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for word in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(word), "{path}: {policy}");
        }
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!page.body.contains(" style=") && !page.body.contains("<script>"), "{path}");
    }
}
