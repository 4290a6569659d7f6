//! The authority, as a phone speaks to it.

use serde::{Serialize, de::DeserializeOwned};
use tefuda_protocol::{
    device::{
        DeviceNonce, DeviceReply, DeviceRequest, DeviceView, SessionAnswers, SessionOpen, SessionPurpose,
        SessionTurn, StopRequest,
    },
    enrolment::{ApplicationRequest, ApplicationView, Office, PinResetGrant, PinResetRequest},
};
use tefuda_types::{Bytes, ElementId};
use tefuda_web::{Client, ClientError};

/// The authority's interface for phones. It asks no token: applications, messages and sessions prove
/// themselves.
#[derive(Debug)]
pub(crate) struct Authority {
    client: Client,
    url: String,
}

impl Authority {
    pub(crate) fn new(url: String) -> Self {
        Self { client: Client::new(None), url }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.client.get(&format!("{}{path}", self.url)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.client.post(&format!("{}{path}", self.url), body).await
    }

    /// Sends an application; sent again it gives the same answer.
    pub(crate) async fn apply(&self, request: &ApplicationRequest) -> Result<ApplicationView, ClientError> {
        self.post("/api/applications", request).await
    }

    pub(crate) async fn application(&self, id: &str) -> Result<ApplicationView, ClientError> {
        self.get(&format!("/api/applications/{id}")).await
    }

    /// Whether applications are decided now.
    pub(crate) async fn office(&self) -> Result<Office, ClientError> {
        self.get("/api/office").await
    }

    pub(crate) async fn reset_pin(&self, request: &PinResetRequest) -> Result<PinResetGrant, ClientError> {
        self.post("/api/pin-resets", request).await
    }

    pub(crate) async fn device(&self, element: ElementId) -> Result<DeviceView, ClientError> {
        self.get(&format!("/api/devices/{element}")).await
    }

    pub(crate) async fn nonce(&self, element: ElementId) -> Result<Bytes, ClientError> {
        let nonce: DeviceNonce = self.get(&format!("/api/devices/{element}/nonce")).await?;
        Ok(nonce.nonce)
    }

    pub(crate) async fn tell(
        &self,
        element: ElementId,
        request: &DeviceRequest,
    ) -> Result<DeviceReply, ClientError> {
        self.post(&format!("/api/devices/{element}/messages"), request).await
    }

    /// Stops the phone whose recovery code this is.
    pub(crate) async fn stop(&self, request: &StopRequest) -> Result<serde_json::Value, ClientError> {
        self.post("/api/stops", request).await
    }

    pub(crate) async fn open(
        &self,
        element: ElementId,
        purpose: SessionPurpose,
    ) -> Result<SessionTurn, ClientError> {
        self.post("/api/element-sessions", &SessionOpen { element, purpose }).await
    }

    pub(crate) async fn answer(
        &self,
        session: &str,
        responses: Vec<Bytes>,
    ) -> Result<SessionTurn, ClientError> {
        self.post(&format!("/api/element-sessions/{session}"), &SessionAnswers { responses }).await
    }
}
