//! The OCSP responder over HTTP, on one core, against the signatures in its answers.

use serde_json::Value;
use std::time::Duration;
use tefuda_keys::SystemRandom;
use tefuda_pki::{Certificate, ocsp};
use tefuda_store::Databases;
use tefuda_types::Serial;

use super::{
    Row, Rows,
    issuing::Raw,
    load, login,
    meter::{Meter, SQLITE},
    stage::{self, Stage},
};
use crate::failure::Failure;

pub async fn rows(time: Duration, raw: &Raw) -> Rows {
    let stage = Stage::open("ocsp", Databases::InHome).await?;
    let (issuer, serial) = somebodys(&stage).await?;
    let port = stage.port_base.saturating_add(1);
    let measure = async |nonce: Option<&[u8]>| -> Result<f64, Failure> {
        let body = ocsp::request(&issuer, &serial, nonce).map_err(stage::failed)?;
        let request = load::post("/ocsp", "application/ocsp-request", &body);
        load::ask(port, &request, Duration::from_millis(200)).await?;
        let meter = Meter::of(&[stage::AUTHORITY, SQLITE]);
        let answers = load::ask(port, &request, time).await?;
        Ok(meter.read().per_core_second(answers))
    };
    let fresh = measure(Some(&SystemRandom::octets::<16>())).await?;
    let cached = measure(None).await?;
    let signatures = (raw.signatures, "RSA-2048 signatures of the same library in a second of a core");
    Ok(vec![
        Row::new("OCSP answers signed fresh, over HTTP", "1/core s", fresh, signatures),
        Row::new("OCSP answers from the cache, over HTTP", "1/core s", cached, signatures),
    ])
}

/// A phone's authentication certificate, and who issued it.
pub async fn somebodys(stage: &Stage) -> Result<(Certificate, Serial), Failure> {
    let adult = stage.adults().await?.into_iter().next().unwrap_or_default();
    stage.typed(&["phone", "create", "bench-0"]).await?;
    login::enrol(stage, "bench-0", &adult).await?;
    let shown = stage.typed(&["phone", "status", "bench-0"]).await?;
    let certificates = shown.get("certificates").and_then(Value::as_array);
    let auth = certificates.into_iter().flatten().find(|line| line["kind"] == "phone-auth");
    let serial = auth.and_then(|line| serde_json::from_value(line["serial"].clone()).ok());
    let trust: Value = stage.running.get("authority", "/trust/index.json").await?;
    let roots = trust.get("roots").and_then(Value::as_array);
    let root = roots.into_iter().flatten().find(|root| root["role"] == "phone-auth-ca");
    let root = root.and_then(|root| Certificate::from_pem(root["pem"].as_str()?).ok());
    root.zip(serial).ok_or_else(|| stage::failed("the phone has no certificate"))
}
