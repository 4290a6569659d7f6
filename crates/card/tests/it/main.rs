//! The card, driven by APDUs as readers drive it.

mod fixture;
mod power;
mod reading;
mod scripts;
mod vectors;
