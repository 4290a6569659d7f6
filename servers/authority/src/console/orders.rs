//! What takes two people: ordered by one, confirmed or withdrawn by another.

use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use tefuda_authority::{
    console::{Deed, Operator, Order},
    matrix::Action,
};
use tefuda_pki::crl::RevocationReason;
use tefuda_types::{CertificateStatus, Clock};
use tefuda_web::Problem;

use super::frame::{Desk, Shown};
use crate::{
    Authority,
    ca::CaError,
    routes::{RouteError, Shared},
};

impl Authority {
    /// Orders something that takes two.
    async fn make_order(&self, deed: Deed, why: &str, by: &Operator) -> Result<String, Problem> {
        match &deed {
            Deed::Revoke { kind, serial, reason } => {
                final_reason(reason)?;
                let found = self.ca(*kind).find(serial).await?;
                found.ok_or_else(|| CaError::NotFound(serial.clone()))?;
            }
            Deed::Wipe { element } => drop(self.service_manager.device(*element).await?),
        }
        let order = Order::new(deed, why, by, self.context.clock.civil())?;
        Ok(self.staff.add_order(&order).await?)
    }

    /// A second person confirms: it is done, then the order is closed. Cut off in between it is confirmed again,
    /// and what was done is not done twice.
    async fn confirm_order(&self, id: &str, by: &Operator) -> Result<(), Problem> {
        let mut order = self.staff.order(id).await?;
        order.confirm(by, self.context.clock.civil())?;
        match &order.deed {
            Deed::Revoke { kind, serial, reason } => {
                let found = self.ca(*kind).find(serial).await?;
                let found = found.ok_or_else(|| CaError::NotFound(serial.clone()))?;
                if found.standing.status() != CertificateStatus::Revoked {
                    self.ca(*kind).act(serial, Action::Revoke(final_reason(reason)?)).await?;
                }
            }
            Deed::Wipe { element } => drop(self.wipe(*element).await?),
        }
        Ok(self.staff.keep_order(id, &order, "order.confirmed", &by.id).await?)
    }

    async fn withdraw_order(&self, id: &str, by: &Operator) -> Result<(), Problem> {
        let mut order = self.staff.order(id).await?;
        order.withdraw(by, self.context.clock.civil())?;
        Ok(self.staff.keep_order(id, &order, "order.withdrawn", &by.id).await?)
    }
}

/// A reason that ends a certificate, which a hold does not.
fn final_reason(name: &str) -> Result<RevocationReason, RouteError> {
    RevocationReason::from_name(name)
        .filter(|reason| *reason != RevocationReason::CertificateHold)
        .ok_or(RouteError::ReasonUnknown)
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct NewOrder {
    #[serde(default)]
    deed: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    serial: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    element: String,
    #[serde(default)]
    why: String,
}

impl NewOrder {
    fn deed(&self) -> Result<Deed, Problem> {
        Ok(match self.deed.as_str() {
            "wipe" => Deed::Wipe { element: self.element.parse()? },
            _ => Deed::Revoke {
                kind: self.kind.parse()?,
                serial: self.serial.parse()?,
                reason: self.reason.clone(),
            },
        })
    }
}

pub(super) async fn order(State(authority): Shared, desk: Desk, Form(new): Form<NewOrder>) -> Shown {
    let made = match new.deed() {
        Ok(deed) => authority.make_order(deed, &new.why, &desk.operator).await,
        Err(problem) => Err(problem),
    };
    made.map_err(|problem| desk.refused(problem))?;
    Ok(Redirect::to("/console/orders?done=made").into_response())
}

pub(super) async fn end(
    State(authority): Shared,
    desk: Desk,
    Path((id, end)): Path<(String, String)>,
) -> Shown {
    let ended = match end.as_str() {
        "confirmation" => authority.confirm_order(&id, &desk.operator).await,
        "withdrawal" => authority.withdraw_order(&id, &desk.operator).await,
        _ => return Err(super::frame::missing(desk.visit).await),
    };
    ended.map_err(|problem| desk.refused(problem))?;
    Ok(Redirect::to(&format!("/console/orders?done={end}")).into_response())
}
