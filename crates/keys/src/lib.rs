//! Randomness of the host and sealed software keys behind `Signer`.
