//! PIN resets: the card was shown, so a password of its holder's phone may be set anew.

use tefuda_authority::pin_reset::{self, PinResetError};
use tefuda_pki::Certificate;
use tefuda_protocol::enrolment::{PinResetGrant, PinResetRequest};
use tefuda_types::{Bytes, CertificateStatus, Clock, ResidentId};
use tefuda_web::Problem;

use crate::{Authority, dossier::Grant};

impl Authority {
    /// Grants a reset to the resident whose card signed it, for a phone that this resident holds.
    pub(crate) async fn reset_pin(&self, request: &PinResetRequest) -> Result<PinResetGrant, Problem> {
        let now = self.context.clock.civil();
        let claimed = request.reset.peek_unverified().map_err(|_| PinResetError::Signature)?;
        let ca = self.ca(pin_reset::card_kind(claimed.pin));
        let certificate = Certificate::from_der(&request.certificate.0)?;
        let issued = ca.find(certificate.serial()).await?.ok_or(PinResetError::CardNotInForce)?;
        let holder: ResidentId = issued.holder.parse()?;
        let common_key = self.registrar.card_key(&holder).await?;
        let common_key = common_key.as_ref().map(|key| key.0.as_slice());
        let reset = pin_reset::examine(request, &ca.trust(), common_key, now)?;
        if issued.standing.status() != CertificateStatus::Valid {
            return Err(PinResetError::CardNotInForce.into());
        }
        if self.service_manager.device(reset.element).await?.holder() != Some(&holder) {
            return Err(PinResetError::OtherHolder.into());
        }
        let grant = Grant {
            fingerprint: Bytes(request.reset.payload().to_vec()),
            element: reset.element,
            pin: reset.pin,
            until: pin_reset::good_until(now),
            used: false,
        };
        self.registrar.grant(&reset.id, grant, now).await?.ok_or(PinResetError::Reused)?;
        Ok(PinResetGrant { grant: reset.id })
    }
}
