//! When applications are decided: told before anything is asked for.

use super::screen::Screen;

/// The office as it is now.
pub(super) struct OfficeView {
    pub open: bool,
    /// When it opens next.
    pub opens: String,
}

impl OfficeView {
    /// As the authority says; `None` if it is out of reach.
    pub(super) async fn of(screen: &Screen) -> Option<Self> {
        let office = screen.phone.office().await?;
        Some(Self { open: office.open, opens: screen.moment(office.decision_at) })
    }
}
