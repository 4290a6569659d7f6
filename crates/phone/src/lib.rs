//! The phone: operating-system layer, portal application and wallet.
