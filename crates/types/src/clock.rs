use jiff::{Timestamp, ZonedDateTime, civil::Date, tz::Offset, tz::TimeZone};

/// Japan standard time: nine hours ahead of UTC all the year round.
pub const JST: Offset = Offset::constant(9);

/// The two times of the system (ARCHITECTURE.md, "Two clocks").
pub trait Clock: Send + Sync {
    /// Civil time: movable; rules certificates, CRL and OCSP, applications, business hours and ages.
    fn civil(&self) -> Timestamp;
    /// Wire time, the host's: rules JWTs, client assertions, codes, sessions and rate limits.
    fn wire(&self) -> Timestamp;
}

/// A clock that stands still, for tests and for verifying at a stated time.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn civil(&self) -> Timestamp {
        self.0
    }
    fn wire(&self) -> Timestamp {
        self.0
    }
}

/// The time as clocks in Japan show it.
#[must_use]
pub fn jst(time: Timestamp) -> ZonedDateTime {
    time.to_zoned_datetime(TimeZone::fixed(JST))
}

/// The civil day in Japan that contains a time.
#[must_use]
pub fn civil_day(time: Timestamp) -> Date {
    jst(time).date()
}
