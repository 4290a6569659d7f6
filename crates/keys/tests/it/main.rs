//! Keys in a token, seen from outside: SoftHSM, OpenSSL and OpenSC judge.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod softhsm;
#[cfg(test)]
mod token;
