//! What else the holder, or somebody with the phone in hand, does.

use tefuda_element::host;
use tefuda_phone::{
    card::{self, Demand},
    memory::Memory,
    os::App,
    wallet::WalletError,
};
use tefuda_protocol::{
    Signed,
    device::{DeviceAction, Notice, SessionPurpose},
    enrolment::{PinReset, PinResetRequest},
    phone::{CardShown, PhoneStatus},
};
use tefuda_store::files;
use tefuda_types::{PinKind, Secret};
use tefuda_web::Problem;

use crate::{
    error::PhoneError,
    phone::{Phone, Watch, fresh_id},
};

impl Phone {
    async fn after(&self) -> Result<PhoneStatus, Problem> {
        self.mend().await;
        self.shown(&self.look().await?)
    }

    async fn in_use(&self) -> Result<Memory, Problem> {
        let memory = self.memory().await?;
        if memory.wallet.is_some() { Ok(memory) } else { Err(WalletError::NotRegistered.into()) }
    }

    /// `POST /api/retire`: the holder gives the phone up. What the authority then orders is carried out at once.
    pub(crate) async fn retire(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        let mut memory = self.in_use().await?;
        if !memory.retired {
            self.say(DeviceAction::Retire).await?;
            memory.retired = true;
            memory.happened(self.now(), "retire", None, None);
            self.keep(&memory).await?;
        }
        self.after().await
    }

    /// `POST /api/lift`: the phone was found.
    pub(crate) async fn lift(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        self.in_use().await?;
        self.say(DeviceAction::Lift).await?;
        self.happened("lift", None, None).await?;
        self.after().await
    }

    /// `POST /api/biometrics/change`: another finger is enrolled at the sensor.
    pub(crate) async fn change_biometrics(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        self.change_os(|os| os.sensor = os.sensor.changed())?;
        self.shown(&self.look().await?)
    }

    /// `POST /api/biometrics/remove`: the authentication PIN alone from now on.
    pub(crate) async fn remove_biometrics(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        self.in_use().await?;
        self.wallet(App::Portal, host::remove_biometrics).await?;
        self.happened("remove-biometrics", None, None).await?;
        self.shown(&self.look().await?)
    }

    /// `POST /api/pin-reset`: the card is shown, and the authority lets the password be set anew.
    pub(crate) async fn reset_with_card(
        &self,
        shown: CardShown,
        mut watch: Watch,
    ) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        let mut memory = self.in_use().await?;
        let kind = shown.reset.ok_or(PhoneError::PasswordUnnamed)?;
        if let Some(enrolment) = &memory.enrolment {
            card::same_person(&enrolment.resident, &shown.resident)?;
        }
        let at = self.now();
        let reset = PinReset { id: fresh_id(), element: self.element()?, pin: kind, created_at: at };
        let (payload, message) = Signed::prepare(&reset)?;
        let (password, risk_last_try) = (shown.card_sign_pin.map(Secret::new), shown.risk_last_try);
        let signed = self.with_card(&shown.resident, move |card| match kind {
            PinKind::Sign => card::sign(
                card,
                &Demand { password: password.as_ref(), risk_last_try, message: &message, at },
                &mut watch,
            ),
            PinKind::Auth => card::prove_presence(card, &message, at, &mut watch),
        });
        let signed = signed.await?;
        let request = PinResetRequest {
            certificate: signed.certificate.into(),
            reset: Signed::assemble(payload, signed.signature.into()),
        };
        let grant = self.authority().reset_pin(&request).await?.grant;
        self.session_into_element(SessionPurpose::ResetPin { grant }).await?;
        memory.resetting = Some(kind);
        self.keep(&memory).await?;
        self.shown(&self.look().await?)
    }

    /// `POST /api/factory-reset`: the memory of the applications goes, the fingers go; the element stays as
    /// it is, which is why retiring exists.
    pub(crate) async fn factory_reset(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        let memory = self.memory().await?;
        if let Some(enrolment) = &memory.enrolment {
            let code = format!("recovery-{}.key", enrolment.application);
            files::remove(&self.folder.join("keys").join(code)).map_err(PhoneError::Folder)?;
        }
        self.keep(&Memory::default()).await?;
        self.change_os(|os| {
            os.sensor = os.sensor.changed();
            os.authenticator = None;
        })?;
        self.shown(&self.look().await?)
    }

    /// `POST /api/tamper`: a sensor of the element fires.
    pub(crate) async fn tamper(&self) -> Result<PhoneStatus, Problem> {
        let _act = self.acts.lock().await;
        let chips = self.chips.clone().ok_or(PhoneError::NoElement)?;
        let fired = tokio::task::spawn_blocking(move || {
            let done = chips.element().sensor_event();
            chips.lost_line();
            done
        });
        fired.await.map_err(|ended| PhoneError::Element(ended.to_string()))??;
        self.after().await
    }

    /// `GET /api/notices`.
    pub(crate) async fn notices(&self) -> Result<Vec<Notice>, Problem> {
        let _act = self.acts.lock().await;
        Ok(self.device_view().await.map(|view| view.notices).unwrap_or_default())
    }
}
